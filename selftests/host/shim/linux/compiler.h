/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in for the kernel's header of this name, and for the small helpers that it comes with. */
#ifndef HOST_LINUX_COMPILER_H
#define HOST_LINUX_COMPILER_H

#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/types.h>

#define CONFIG_64BIT	1

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define noinline	__attribute__((__noinline__))
#undef __always_inline
#define __always_inline	inline __attribute__((__always_inline__))

#define READ_ONCE(x)	(*(const volatile __typeof__(x) *)&(x))
#define data_race(x)	(x)
#define WRITE_ONCE(x, val)					\
	do {							\
		*(volatile __typeof__(x) *)&(x) = (val);	\
	} while (0)

#define container_of(ptr, type, member)	((type *)((char *)(ptr) - offsetof(type, member)))

#ifndef __cplusplus
#define static_assert(expr)	_Static_assert(expr, #expr)
#endif

#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)

#endif
