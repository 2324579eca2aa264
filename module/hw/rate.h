/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rate of a clock, and intervals of time in its ticks and back. Nothing else: no lock, no hardware.
 *
 * A rate is the fraction mult / 2^shift, in ticks a nanosecond, as a clock event device has it. Conversions
 * by it are exact over all of 64 bits, but for the rounding, and saturate:
 *
 *	to ticks: rounded up, so that a deadline in ticks is not before the one in nanoseconds
 *	to ns:    rounded down, so that a time in nanoseconds has come when it is read
 *
 * Hence co_to_ns(co_from_ns(ns)) is ns or at most one tick more, as long as nothing saturates.
 */
#ifndef CALLOUT_RATE_H
#define CALLOUT_RATE_H

#include <linux/types.h>

/* Ticks a nanosecond: mult / 2^shift. mult is not 0, shift at most 32. */
struct co_rate {
	u32 mult;
	u32 shift;
};

#define CO_RATE_NS	((struct co_rate){ .mult = 1, .shift = 0 })

/**
 * co_from_ns() - an interval in ticks of a clock
 * @r:	the clock's rate
 * @ns:	nanoseconds
 *
 * Context: Any.
 * Return: Ticks, rounded up; U64_MAX if they are more.
 */
static inline u64 co_from_ns(struct co_rate r, u64 ns)
{
	unsigned __int128 t = (unsigned __int128)ns * r.mult;

	t = (t + (((u64)1 << r.shift) - 1)) >> r.shift;
	return t > U64_MAX ? U64_MAX : (u64)t;
}

/**
 * co_to_ns() - an interval of a clock's ticks in nanoseconds
 * @r:		the clock's rate
 * @ticks:	ticks
 *
 * Long division in base 2^32, as the kernel has no division of 128 bits.
 *
 * Context: Any.
 * Return: Nanoseconds, rounded down; U64_MAX if they are more.
 */
static inline u64 co_to_ns(struct co_rate r, u64 ticks)
{
	unsigned __int128 t = (unsigned __int128)ticks << r.shift;
	u64 high = (u64)(t >> 64), mid, low;

	if (high >= r.mult)
		return U64_MAX;
	mid = high << 32 | (u32)((u64)t >> 32);
	low = (mid % r.mult) << 32 | (u32)t;
	return (mid / r.mult) << 32 | low / r.mult;
}

#endif /* CALLOUT_RATE_H */
