/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in for the kernel's header of this name: the queues only carry pointers to locks. */
#ifndef HOST_LINUX_SPINLOCK_H
#define HOST_LINUX_SPINLOCK_H

typedef struct raw_spinlock raw_spinlock_t;
typedef struct spinlock spinlock_t;
typedef struct rwlock rwlock_t;

#endif
