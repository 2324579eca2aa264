/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in for the kernel's header of this name. */
#ifndef HOST_LINUX_BITOPS_H
#define HOST_LINUX_BITOPS_H

#include <linux/types.h>

/* Index of the highest bit of a word that is not 0. */
static inline unsigned long __fls(unsigned long word)
{
	return 63 - (unsigned long)__builtin_clzl(word);
}

/* The same plus one, and 0 for 0. */
static inline int fls64(u64 x)
{
	return x ? (int)__fls(x) + 1 : 0;
}

#endif
