// SPDX-License-Identifier: GPL-2.0
/*
 * The kinds of callouts that the suites go through, and their locks.
 */
#include "kt.h"

/* ---- kinds of callouts ---------------------------------------------------------------------- */

#define UNLOCKED CALLOUT_RETURNUNLOCKED
#define DIRECT C_DIRECT_EXEC

const struct kt_kind kt_none = { "none", KT_NONE };
const struct kt_kind kt_none_direct = { "none direct", KT_NONE, 0, DIRECT };
const struct kt_kind kt_raw = { "raw", KT_RAW };
const struct kt_kind kt_spin = { "spin", KT_SPIN };
const struct kt_kind kt_mutex = { "mutex", KT_MUTEX };

#define KINDS_LOCKED							\
	{ "raw", KT_RAW },						\
	{ "spin", KT_SPIN },						\
	{ "spin direct", KT_SPIN, 0, DIRECT },				\
	{ "rwlock", KT_RW },						\
	{ "rwlock direct", KT_RW, 0, DIRECT },				\
	{ "rwlock shared", KT_RW_SHARED },				\
	{ "mutex", KT_MUTEX },						\
	{ "rwsem", KT_RWSEM },						\
	{ "rwsem shared", KT_RWSEM_SHARED }
#define KINDS_UNLOCKED							\
	{ "raw returnunlocked", KT_RAW, UNLOCKED },			\
	{ "spin returnunlocked", KT_SPIN, UNLOCKED },			\
	{ "spin direct returnunlocked", KT_SPIN, UNLOCKED, DIRECT },	\
	{ "rwlock returnunlocked", KT_RW, UNLOCKED },			\
	{ "rwlock shared returnunlocked", KT_RW_SHARED, UNLOCKED },	\
	{ "mutex returnunlocked", KT_MUTEX, UNLOCKED },			\
	{ "rwsem returnunlocked", KT_RWSEM, UNLOCKED },			\
	{ "rwsem shared returnunlocked", KT_RWSEM_SHARED, UNLOCKED }
#define KINDS_NO_LOCK							\
	{ "none", KT_NONE },						\
	{ "none direct", KT_NONE, 0, DIRECT },				\
	{ "none thread", KT_NONE_THREAD },				\
	{ "giant", KT_GIANT }

const struct kt_kind kt_kinds[] = { KINDS_NO_LOCK, KINDS_LOCKED, KINDS_UNLOCKED };
const struct kt_kind kt_kinds_locked[] = { KINDS_LOCKED, KINDS_UNLOCKED };
const struct kt_kind kt_kinds_seen[] = { KINDS_NO_LOCK, KINDS_UNLOCKED };

static void kind_desc(const struct kt_kind *kind, char *desc)
{
	strscpy(desc, kind->name, KUNIT_PARAM_DESC_SIZE);
}

#define GEN_PARAMS(array)							\
CO_GENERATOR(array##_gen_params)						\
{										\
	const struct kt_kind *kind = prev ? (const struct kt_kind *)prev + 1 : array;	\
										\
	if (kind == array + ARRAY_SIZE(array))					\
		return NULL;							\
	kind_desc(kind, desc);							\
	return kind;								\
}

GEN_PARAMS(kt_kinds)
GEN_PARAMS(kt_kinds_locked)
GEN_PARAMS(kt_kinds_seen)

/* Where handlers of a kind run. */
enum co_ctx kt_ctx(const struct kt_kind *kind)
{
	switch (kind->lock) {
	case KT_RAW:
		return CO_HARD;
	case KT_NONE:
	case KT_SPIN:
	case KT_RW:
	case KT_RW_SHARED:
		return kind->direct ? CO_HARD : CO_SOFT;
	default:
		return CO_THREAD;
	}
}

/* ---- locks ---------------------------------------------------------------------------------- */

/* Make its callout one of its kind. */
void kt_init_lock(struct kt *k)
{
	struct callout *c = &k->c;
	int flags = k->kind->unlocked;

	switch (k->kind->lock) {
	case KT_NONE:
		callout_init(c, 1);
		break;
	case KT_NONE_THREAD:
		__callout_init(c, CO_LOCK_NONE_THREAD, NULL, 0);
		break;
	case KT_GIANT:
		callout_init(c, 0);
		break;
	case KT_RAW:
		raw_spin_lock_init(&k->lock.raw);
		callout_init_lock(c, &k->lock.raw, flags);
		break;
	case KT_SPIN:
		spin_lock_init(&k->lock.spin);
		callout_init_lock(c, &k->lock.spin, flags);
		break;
	case KT_RW_SHARED:
		flags |= CALLOUT_SHAREDLOCK;
		fallthrough;
	case KT_RW:
		rwlock_init(&k->lock.rw);
		callout_init_lock(c, &k->lock.rw, flags);
		break;
	case KT_MUTEX:
		mutex_init(&k->lock.mutex);
		callout_init_lock(c, &k->lock.mutex, flags);
		break;
	case KT_RWSEM_SHARED:
		flags |= CALLOUT_SHAREDLOCK;
		fallthrough;
	case KT_RWSEM:
		init_rwsem(&k->lock.rwsem);
		callout_init_lock(c, &k->lock.rwsem, flags);
		break;
	}
}

/* Take the associated lock, Giant included, for writing. */
void kt_lock(struct kt *k)
{
	switch (k->kind->lock) {
	case KT_NONE:
	case KT_NONE_THREAD:
		break;
	case KT_GIANT:
		mutex_lock(&callout_giant);
		break;
	case KT_RAW:
		raw_spin_lock(&k->lock.raw);
		break;
	case KT_SPIN:
		spin_lock(&k->lock.spin);
		break;
	case KT_RW:
	case KT_RW_SHARED:
		write_lock(&k->lock.rw);
		break;
	case KT_MUTEX:
		mutex_lock(&k->lock.mutex);
		break;
	case KT_RWSEM:
	case KT_RWSEM_SHARED:
		down_write(&k->lock.rwsem);
		break;
	}
}

bool kt_trylock(struct kt *k)
{
	switch (k->kind->lock) {
	case KT_NONE:
	case KT_NONE_THREAD:
		break;
	case KT_GIANT:
		return mutex_trylock(&callout_giant);
	case KT_RAW:
		return raw_spin_trylock(&k->lock.raw);
	case KT_SPIN:
		return spin_trylock(&k->lock.spin);
	case KT_RW:
	case KT_RW_SHARED:
		return write_trylock(&k->lock.rw);
	case KT_MUTEX:
		return mutex_trylock(&k->lock.mutex);
	case KT_RWSEM:
	case KT_RWSEM_SHARED:
		return down_write_trylock(&k->lock.rwsem);
	}
	return true;
}

/* As its taker had it: the dispatcher takes the lock of the shared kinds for reading. */
void kt_release(struct kt *k, bool shared)
{
	switch (k->kind->lock) {
	case KT_NONE:
	case KT_NONE_THREAD:
		break;
	case KT_GIANT:
		mutex_unlock(&callout_giant);
		break;
	case KT_RAW:
		raw_spin_unlock(&k->lock.raw);
		break;
	case KT_SPIN:
		spin_unlock(&k->lock.spin);
		break;
	case KT_RW:
		write_unlock(&k->lock.rw);
		break;
	case KT_RW_SHARED:
		if (shared)
			read_unlock(&k->lock.rw);
		else
			write_unlock(&k->lock.rw);
		break;
	case KT_MUTEX:
		mutex_unlock(&k->lock.mutex);
		break;
	case KT_RWSEM:
		up_write(&k->lock.rwsem);
		break;
	case KT_RWSEM_SHARED:
		if (shared)
			up_read(&k->lock.rwsem);
		else
			up_write(&k->lock.rwsem);
		break;
	}
}

void kt_unlock(struct kt *k)
{
	kt_release(k, false);
}

/* What the kind asks for around a call: its lock, but for Giant, which may be held by the handler. */
void kt_call_begin(struct kt *k)
{
	if (k->kind->lock != KT_GIANT)
		kt_lock(k);
}

void kt_call_end(struct kt *k)
{
	if (k->kind->lock != KT_GIANT)
		kt_unlock(k);
}
