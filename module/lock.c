// SPDX-License-Identifier: GPL-2.0
/*
 * The kinds of associated locks: what is not inlined of lock.h, and who holds one.
 */
#include "lock.h"

/* Where handlers run, by class, C_DIRECT_EXEC aside. */
#define SOFT	(IS_ENABLED(CONFIG_PREEMPT_RT) ? CO_THREAD : CO_SOFT)
const u8 co_class_ctx[] = {
	[CO_LOCK_NONE] = SOFT,
	[CO_LOCK_RAW] = CO_HARD,
	[CO_LOCK_SPIN] = SOFT,
	[CO_LOCK_RW] = SOFT,
	[CO_LOCK_MUTEX] = CO_THREAD,
	[CO_LOCK_RWSEM] = CO_THREAD,
	[CO_LOCK_GIANT] = CO_THREAD,
	[CO_LOCK_NONE_THREAD] = CO_THREAD,
};

/* Where in a base the queue is that a callout of that c_attr goes to, C_DIRECT_EXEC aside. */
u16 co_attr_queue[U8_MAX + 1];

void co_queues_by_attr(void)
{
	unsigned int attr, i;

	for (attr = 0; attr < ARRAY_SIZE(co_attr_queue); attr++) {
		i = co_class_ctx[attr & CO_ATTR_CLASS] + (attr & CO_ATTR_BOUND ? CO_BOUND : 0);
		co_attr_queue[attr] = offsetof(struct co_base, queue) + i * sizeof(struct co_queue);
	}
}

bool co_trylock_other(const struct callout *c)
{
	bool shared = c->c_attr & CO_ATTR_SHARED;

	switch (co_class(c)) {
	case CO_LOCK_RAW:
		return raw_spin_trylock((raw_spinlock_t *)c->c_lock);
	case CO_LOCK_SPIN:
		return spin_trylock((spinlock_t *)c->c_lock);
	case CO_LOCK_RW:
		return shared ? read_trylock((rwlock_t *)c->c_lock) :
				write_trylock((rwlock_t *)c->c_lock);
	case CO_LOCK_MUTEX:
	case CO_LOCK_GIANT:
		return mutex_trylock(c->c_lock);
	case CO_LOCK_RWSEM:
		return shared ? down_read_trylock(c->c_lock) : down_write_trylock(c->c_lock);
	case CO_LOCK_NONE:
	case CO_LOCK_NONE_THREAD:
		break;
	}
	return true;
}

void co_release_other(u8 attr, void *lock)
{
	bool shared = attr & CO_ATTR_SHARED;

	switch ((enum co_lock_class)(attr & CO_ATTR_CLASS)) {
	case CO_LOCK_RAW:
		raw_spin_unlock((raw_spinlock_t *)lock);
		break;
	case CO_LOCK_SPIN:
		spin_unlock((spinlock_t *)lock);
		break;
	case CO_LOCK_RW:
		if (shared)
			read_unlock((rwlock_t *)lock);
		else
			write_unlock((rwlock_t *)lock);
		break;
	case CO_LOCK_MUTEX:
	case CO_LOCK_GIANT:
		mutex_unlock(lock);
		break;
	case CO_LOCK_RWSEM:
		if (shared)
			up_read(lock);
		else
			up_write(lock);
		break;
	case CO_LOCK_NONE:
	case CO_LOCK_NONE_THREAD:
		break;
	}
}

#ifdef CONFIG_LOCKDEP
static struct lockdep_map *dep_map(const struct callout *c)
{
	switch (co_class(c)) {
	case CO_LOCK_RAW:
		return &((raw_spinlock_t *)c->c_lock)->dep_map;
	case CO_LOCK_SPIN:
		return &((spinlock_t *)c->c_lock)->dep_map;
	case CO_LOCK_RW:
		return &((rwlock_t *)c->c_lock)->dep_map;
	case CO_LOCK_MUTEX:
	case CO_LOCK_GIANT:
		return &((struct mutex *)c->c_lock)->dep_map;
	case CO_LOCK_RWSEM:
		return &((struct rw_semaphore *)c->c_lock)->dep_map;
	case CO_LOCK_NONE:
	case CO_LOCK_NONE_THREAD:
		break;
	}
	return NULL;
}

/* Does the caller hold the associated lock? 1 yes, 0 no, -1 can't tell. */
int co_lock_held(const struct callout *c, bool exclusive)
{
	struct lockdep_map *map = dep_map(c);

	if (!map || !debug_locks)
		return -1;
	return lock_is_held_type(map, exclusive ? 0 : -1) != 0;
}
#else
int co_lock_held(const struct callout *c, bool exclusive)
{
	return -1;
}
#endif
