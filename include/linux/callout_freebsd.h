/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a FreeBSD source that uses callouts needs to compile as it is.
 *
 * Names and meanings are FreeBSD's: mutex(9), rwlock(9), rmlock(9), callout(9), kern_clocksource.
 * The differences that cannot be hidden:
 *
 *  - Handlers of FreeBSD run in a thread and may take mutexes; so here a callout without a lock
 *    (callout_init(c, 1)) runs in the thread context too, and so do those with a mtx, rwlock or
 *    rmlock. C_DIRECT_EXEC needs a callout without a lock and runs its handler in the hard
 *    interrupt.
 *  - mtx is a struct mutex: locks that were initialised with MTX_SPIN are refused by the compiler's
 *    absence of mtx_lock_spin(); use a raw_spinlock_t with callout_init_lock() for them.
 *    MTX_RECURSE is not supported: a recursive mtx_lock() deadlocks, as lockdep says beforehand.
 *  - rwlock and rmlock are a struct rw_semaphore. No upgrade or downgrade to try, no sleepable
 *    rmlock to tell from another; the priority tracker of rm_rlock() is not used.
 *  - ticks is jiffies and hz is HZ, both unsigned or int as the kernel has them: ticks is cut to
 *    int.
 */
#ifndef _LINUX_CALLOUT_FREEBSD_H
#define _LINUX_CALLOUT_FREEBSD_H

#include <linux/bug.h>
#include <linux/callout.h>
#include <linux/timekeeping.h>

/* ---- mutex(9) ------------------------------------------------------------------------------- */

struct mtx {
	struct mutex m;
};

#define MTX_DEF		0x0
#define MTX_DUPOK	0x400000
#define MTX_NEW		0x8
#define MTX_QUIET	0x40000

#define MA_OWNED	0x1
#define MA_NOTOWNED	0x2

/* A macro, as lockdep's class of a lock is the place that it is initialised at. */
#define mtx_init(mtx, name, type, opts)	mutex_init(&(mtx)->m)

static inline void mtx_destroy(struct mtx *mtx) { mutex_destroy(&mtx->m); }
static inline void mtx_lock(struct mtx *mtx) { mutex_lock(&mtx->m); }
static inline void mtx_unlock(struct mtx *mtx) { mutex_unlock(&mtx->m); }
static inline int mtx_trylock(struct mtx *mtx) { return mutex_trylock(&mtx->m); }
static inline int mtx_initialized(const struct mtx *mtx) { return 1; }

/* Without lockdep nobody knows the owner; then "held by someone" has to do. */
static inline int mtx_owned(struct mtx *mtx)
{
#ifdef CONFIG_LOCKDEP
	return debug_locks ? lockdep_is_held(&mtx->m) : mutex_is_locked(&mtx->m);
#else
	return mutex_is_locked(&mtx->m);
#endif
}

#define mtx_assert(mtx, what)						\
	WARN_ON_ONCE((what) == MA_OWNED ? !mtx_owned(mtx) :		\
		     IS_ENABLED(CONFIG_LOCKDEP) && mtx_owned(mtx))

/* The module's Giant, as callout_init(c, 0) has it: a name and not an object, so a macro. */
extern struct mutex callout_giant;
#define Giant	(*container_of(&callout_giant, struct mtx, m))

/* ---- rwlock(9) and rmlock(9) ---------------------------------------------------------------- */

/* The kernel's rwlock_t has taken the name since 7.0. */
#define rwlock callout_rwlock

struct rwlock {
	struct rw_semaphore s;
};

struct rmlock {
	struct rw_semaphore s;
};

struct rm_priotracker {
	char unused;
};

#define RA_LOCKED	0x1
#define RA_RLOCKED	0x2
#define RA_WLOCKED	0x4
#define RA_UNLOCKED	0x8

#define rw_init(rw, name)		init_rwsem(&(rw)->s)
#define rw_init_flags(rw, name, opts)	init_rwsem(&(rw)->s)
#define rm_init(rm, name)		init_rwsem(&(rm)->s)
#define rm_init_flags(rm, name, opts)	init_rwsem(&(rm)->s)

static inline void rw_destroy(struct rwlock *rw) { }
static inline void rw_rlock(struct rwlock *rw) { down_read(&rw->s); }
static inline void rw_runlock(struct rwlock *rw) { up_read(&rw->s); }
static inline void rw_wlock(struct rwlock *rw) { down_write(&rw->s); }
static inline void rw_wunlock(struct rwlock *rw) { up_write(&rw->s); }
static inline int rw_try_rlock(struct rwlock *rw) { return down_read_trylock(&rw->s); }
static inline int rw_try_wlock(struct rwlock *rw) { return down_write_trylock(&rw->s); }
static inline int rw_wowned(struct rwlock *rw) { return rwsem_is_locked(&rw->s); }

#define rw_assert(rw, what)							\
	do {									\
		if ((what) == RA_UNLOCKED)					\
			lockdep_assert_not_held(&(rw)->s);			\
		else if ((what) == RA_WLOCKED)					\
			lockdep_assert_held_write(&(rw)->s);			\
		else								\
			lockdep_assert_held(&(rw)->s);				\
	} while (0)

static inline void rm_destroy(struct rmlock *rm) { }
static inline void rm_wlock(struct rmlock *rm) { down_write(&rm->s); }
static inline void rm_wunlock(struct rmlock *rm) { up_write(&rm->s); }

static inline void rm_rlock(struct rmlock *rm, struct rm_priotracker *tracker)
{
	down_read(&rm->s);
}

static inline void rm_runlock(struct rmlock *rm, struct rm_priotracker *tracker)
{
	up_read(&rm->s);
}

/* ---- time ----------------------------------------------------------------------------------- */

#define hz	HZ
#define ticks	((int)jiffies)
#define tick_sbt	nstosbt(TICK_NSEC)

/* Time since boot, without the time asleep: CLOCK_MONOTONIC, which C_ABSOLUTE counts in. */
static inline sbintime_t sbinuptime(void) { return nstosbt(ktime_get()); }
/* The same as of the last tick: cheaper, and up to a tick behind. */
static inline sbintime_t getsbinuptime(void) { return nstosbt(ktime_get_coarse_ns()); }

/* ---- callout(9) ----------------------------------------------------------------------------- */

#define CALLOUT_MPSAFE	0x0008	/* old spelling of callout_init()'s 1 */

typedef void callout_fn_t(void *arg);
typedef callout_func_t timeout_t;

static inline void __callout_freebsd_init(struct callout *c, int mpsafe)
{
	__callout_init(c, mpsafe ? CO_LOCK_NONE_THREAD : CO_LOCK_GIANT, NULL, 0);
}

#define callout_init(c, mpsafe)	__callout_freebsd_init(c, mpsafe)

static inline void callout_init_mtx(struct callout *c, struct mtx *mtx, int flags)
{
	if (mtx == &Giant)
		__callout_init(c, CO_LOCK_GIANT, NULL, 0);
	else
		__callout_init_mutex(c, mtx ? &mtx->m : NULL, flags);
}

static inline void callout_init_rw(struct callout *c, struct rwlock *rw, int flags)
{
	__callout_init_rwsem(c, rw ? &rw->s : NULL, flags);
}

static inline void callout_init_rm(struct callout *c, struct rmlock *rm, int flags)
{
	__callout_init_rwsem(c, rm ? &rm->s : NULL, flags);
}

#endif /* _LINUX_CALLOUT_FREEBSD_H */
