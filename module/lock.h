/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The five kinds of associated locks (and Giant): try and release. For the dispatcher alone.
 *
 * It tries from under a base lock; lockdep takes no dependency from a trylock. Raw and, but for
 * PREEMPT_RT, spinning locks are released under the base lock too, which makes "handler done" and "lock
 * free" one step for who comes next. Sleeping locks wake their waiters and so cannot be: for them see
 * "Stop after return" in core.c.
 */
#ifndef CALLOUT_LOCK_H
#define CALLOUT_LOCK_H

#include "internal.h"

/* Does a lock of this class spin? On PREEMPT_RT spinlock_t and rwlock_t sleep. */
static __always_inline bool co_lock_spins(enum co_lock_class class)
{
	return class == CO_LOCK_RAW ||
	       (!IS_ENABLED(CONFIG_PREEMPT_RT) && (class == CO_LOCK_SPIN || class == CO_LOCK_RW));
}

bool co_trylock_other(const struct callout *c);
void co_release_other(u8 attr, void *lock);

/* Take the associated lock, if it can be had at once. True without a lock. */
static __always_inline bool co_trylock(const struct callout *c)
{
	enum co_lock_class class = co_class(c);

	if (class == CO_LOCK_SPIN)
		return spin_trylock((spinlock_t *)c->c_lock);
	if (class == CO_LOCK_NONE)
		return true;
	if (class == CO_LOCK_RAW)
		return raw_spin_trylock((raw_spinlock_t *)c->c_lock);
	return co_trylock_other(c);
}

static __always_inline void co_release(u8 attr, void *lock)
{
	if ((attr & CO_ATTR_CLASS) == CO_LOCK_SPIN)
		spin_unlock((spinlock_t *)lock);
	else if ((attr & CO_ATTR_CLASS) == CO_LOCK_RAW)
		raw_spin_unlock((raw_spinlock_t *)lock);
	else
		co_release_other(attr, lock);
}

#endif /* CALLOUT_LOCK_H */
