/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The window of a deadline in 32 bits: 27 of mantissa, 5 of exponent. Exact below 134 ms, rounded down
 * beyond: a window may be used in part, so less is right too.
 */
#ifndef CALLOUT_WINDOW_H
#define CALLOUT_WINDOW_H

#include <linux/bitops.h>
#include <linux/types.h>

static inline u32 co_window_pack(u64 ns)
{
	unsigned int shift = ns >> 27 ? fls64(ns) - 27 : 0;

	return shift > 31 ? U32_MAX : shift << 27 | (u32)(ns >> shift);
}

static inline u64 co_window_unpack(u32 w)
{
	return (u64)(w & ((1U << 27) - 1)) << (w >> 27);
}

#endif /* CALLOUT_WINDOW_H */
