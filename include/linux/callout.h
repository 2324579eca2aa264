/* SPDX-License-Identifier: GPL-2.0 */
/*
 * callout(9) for Linux: deferred function calls with an atomic stop.
 *
 * Names, signatures and return values are FreeBSD's; callout(9) there is the specification, and
 * where its manual page and its code differ the code was followed. What is different is said at
 * each function. The theory of operation is at the top of module/core.c.
 *
 * A callout is embedded in its user's structure, needs no destructor, and may have a lock
 * associated with it (callout_init_lock()). The handler of such a callout is called with the lock
 * held, and every call on it but pending, drain and async_drain is made with the lock held. In
 * return callout_stop() is atomic: when it returns, the handler will not run, nobody refers to the
 * callout or to the lock any more, and both may be freed in the next statement.
 *
 *	context of the handler	for
 *	hard interrupt		raw_spinlock_t; C_DIRECT_EXEC (with raw_spinlock_t, spinlock_t,
 *				rwlock_t or no lock; on PREEMPT_RT raw_spinlock_t or no lock)
 *	softirq			spinlock_t, rwlock_t or no lock (a thread on PREEMPT_RT)
 *	thread			struct mutex, struct rw_semaphore, Giant; may sleep
 */
#ifndef _LINUX_CALLOUT_H
#define _LINUX_CALLOUT_H

#include <linux/compiler.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#ifndef CONFIG_64BIT
#error "callout needs a 64-bit kernel: a deadline is moved by one 64-bit store"
#endif

/* ---- sbintime_t: signed 32.32 fixed-point seconds ------------------------------------------- */

typedef s64 sbintime_t;

#define SBT_1S	((sbintime_t)1 << 32)
#define SBT_1M	(SBT_1S * 60)
#define SBT_1MS	(SBT_1S / 1000)
#define SBT_1US	(SBT_1S / 1000000)
#define SBT_1NS	(SBT_1S / 1000000000)
#define SBT_MAX	((sbintime_t)S64_MAX)
#define SBT_MIN	((sbintime_t)S64_MIN)

/**
 * sbttons() - seconds in 32.32 fixed point to nanoseconds, rounded down
 * @sbt: a time or an interval; every value has an answer, none overflows
 *
 * Source: FreeBSD sys/time.h. Exact: sbttons(nstosbt(ns)) == ns for each ns that nstosbt() does
 * not saturate.
 *
 * Context: Any.
 * Return: Nanoseconds.
 */
static __always_inline s64 sbttons(sbintime_t sbt)
{
	return (sbt >> 32) * NSEC_PER_SEC + (s64)(((u64)(u32)sbt * NSEC_PER_SEC) >> 32);
}

/**
 * nstosbt() - nanoseconds to seconds in 32.32 fixed point, rounded up
 * @ns: nanoseconds; beyond +-2^31 s the result saturates at SBT_MAX or SBT_MIN
 *
 * Source: FreeBSD sys/time.h, but exact over the whole range, and saturating.
 *
 * Context: Any.
 * Return: The least sbintime_t that is not before @ns.
 */
static __always_inline sbintime_t nstosbt(s64 ns)
{
	s64 sec, rem;

	if (ns >= (1LL << 31) * NSEC_PER_SEC)
		return SBT_MAX;
	if (ns < -(1LL << 31) * NSEC_PER_SEC)
		return SBT_MIN;
	sec = ns / NSEC_PER_SEC;
	rem = ns % NSEC_PER_SEC;
	if (rem < 0) {
		rem += NSEC_PER_SEC;
		sec--;
	}
	return (sec << 32) + (s64)((((u64)rem << 32) + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
}

/* Saturating x * y for the unit helpers below. */
static __always_inline s64 __sbt_mul(s64 x, s64 y)
{
	s64 r;

	return __builtin_mul_overflow(x, y, &r) ? (x < 0 ? S64_MIN : S64_MAX) : r;
}

static __always_inline s64 __sbt_floor(s64 ns, s64 unit)
{
	return ns / unit - (ns % unit < 0);
}

/* Source of these six: FreeBSD sys/time.h. From a unit: saturating; to a unit: rounded down. */
static __always_inline sbintime_t ustosbt(s64 us) { return nstosbt(__sbt_mul(us, NSEC_PER_USEC)); }
static __always_inline sbintime_t mstosbt(s64 ms) { return nstosbt(__sbt_mul(ms, NSEC_PER_MSEC)); }
static __always_inline s64 sbttous(sbintime_t s) { return __sbt_floor(sbttons(s), NSEC_PER_USEC); }
static __always_inline s64 sbttoms(sbintime_t s) { return __sbt_floor(sbttons(s), NSEC_PER_MSEC); }
static __always_inline int sbintime_getsec(sbintime_t sbt) { return (int)(sbt >> 32); }
static __always_inline sbintime_t tick_to_sbt(s64 ticks) { return nstosbt(__sbt_mul(ticks, TICK_NSEC)); }

/* ---- struct callout ------------------------------------------------------------------------- */

typedef void callout_func_t(void *arg);

/* Flags of callout_reset_sbt() and its relatives; values as in FreeBSD. */
#define C_DIRECT_EXEC	0x0001		/* call the handler from the hard interrupt */
#define C_PREL(x)	((((x) + 1) & 0x7f) << 1)	/* precision: the interval >> x */
#define C_PRELGET(f)	((int)(((f) >> 1) & 0x7f) - 1)
#define C_HARDCLOCK	0x0100		/* count from the last tick boundary, at least a tick */
#define C_ABSOLUTE	0x0200		/* sbt is a time, not an interval */
#define C_PRECALC	0x0400		/* sbt and pr come from callout_when() */
#define C_CATCH		0x0800		/* accepted for sleep(9) callers, means nothing here */

/* Flags of callout_init_lock(). */
#define CALLOUT_RETURNUNLOCKED	0x0010	/* the handler itself releases the lock */
#define CALLOUT_SHAREDLOCK	0x0020	/* rwlock, rwsem: call the handler with it held for reading */
#define CALLOUT_TRYLOCK		0x0040	/* accepted: it is how every callout is dispatched */

enum callout_affinity {
	CALLOUT_AFFINITY_NONE,		/* any CPU that is awake; the default */
	CALLOUT_AFFINITY_WEAK,		/* its CPU while that is awake and likely has it in cache; else any */
	CALLOUT_AFFINITY_STRONG,	/* its CPU */
};

/**
 * struct callout - one deferred call; opaque, read and changed by the functions below alone
 * @c_left:	nanoseconds from the latest allowed time to U64_MAX, that is, its complement. 0 means
 *		not pending, so a zeroed callout reads as "never", and moving later makes it less.
 *		Written by the holder of the associated lock and, while the callout is queued, by the
 *		dispatcher with both locks; without a lock by cmpxchg. May be read by anyone.
 * @c_func:	the handler. Associated lock, or base lock where there is none.
 * @c_arg:	its argument. Likewise.
 * @c_lock:	the associated lock. Constant.
 * @c_order:	low half: order of arming on the arming CPU, breaks ties of equal deadlines. High half:
 *		latest minus earliest allowed time, in the format of co_window_pack(). As @c_func; the
 *		dispatcher's read without the lock may be stale, and is repeated under it.
 * @c_home:	the CPU that it was asked to run on, plus one; 0 for none. Bit 15: nobody asked, but it was moved away
 *		from there. Base lock; while it is idle who may arm it may read it without.
 * @c_exec:	where its handler was last called: 4 * CPU + context + 1; 0 for never. Base lock.
 * @c_cpu:	whose base it is queued on, or was last. Base lock (of old and new).
 * @c_gate:	CO_GATE_*: what keeps a move from being a store. Base lock; a stale read by the lock's
 *		holder costs one retry's delay at most.
 * @c_attr:	class and flags of the lock, affinity. Constant after init, but for the affinity.
 * @q_ref:	array heap: its number there; 0 if it is on no queue. Base lock.
 * @q_node:	trees. Base lock.
 * @q_key:	likewise: the key it was inserted with.
 */
struct callout {
	u64 c_left;
	callout_func_t *c_func;
	void *c_arg;
	void *c_lock;
	u64 c_order;
	u16 c_home;
	u16 c_exec;
	u16 c_cpu;
	u8 c_gate;
	u8 c_attr;
	union {
		u32 q_ref;
		struct {
			struct rb_node q_node;
			u64 q_key;
		};
	};
};
static_assert(sizeof(struct callout) <= 80);

/* c_gate: nonzero sends a move the long way. */
#define CO_GATE_NOLOCK	0x01	/* no associated lock: cmpxchg */
#define CO_GATE_DIRECT	0x02	/* armed with C_DIRECT_EXEC */
#define CO_GATE_IDLE	0x04	/* !callout_active() */
#define CO_GATE_SHUT	0x08	/* callout_shutdown() */
#define CO_GATE_RETRY	0x70	/* contended: how often its lock was busy */
#define CO_GATE_SPILL	0x80	/* the queue's: it sits in the spill tree */

enum co_lock_class {
	CO_LOCK_NONE, CO_LOCK_RAW, CO_LOCK_SPIN, CO_LOCK_RW, CO_LOCK_MUTEX, CO_LOCK_RWSEM,
	CO_LOCK_GIANT,
	CO_LOCK_NONE_THREAD,	/* of callout_freebsd.h: no lock, but in a thread */
};

/* For the inline functions only. */
DECLARE_PER_CPU(u32, callout_arm_seq);
extern u64 callout_tick_origin;
void __callout_init(struct callout *c, enum co_lock_class class, void *lock, int flags);
int __callout_reset_ticks(struct callout *c, int ticks, callout_func_t *func, void *arg, int cpu);
int __callout_set_within(struct callout *c, ktime_t earliest, ktime_t latest, callout_func_t *func,
			 void *arg);
int __callout_arm(struct callout *c, u64 left, u64 window, callout_func_t *func, void *arg);
#ifdef CONFIG_LOCKDEP
void __callout_assert_locked(const struct callout *c, const char *what);
#else
static inline void __callout_assert_locked(const struct callout *c, const char *what) { }
#endif

/* ---- life cycle ----------------------------------------------------------------------------- */

/**
 * callout_init() - prepare a callout that has no lock of its own
 * @c:		the callout; its memory may hold anything, but not a pending callout
 * @mpsafe:	nonzero: no lock; the handler may run at any time that it is armed for, also during
 *		callout_stop(). 0: it is called under the module's Giant mutex, in a thread.
 *
 * Source: FreeBSD callout(9). With linux/callout_freebsd.h a callout without a lock runs in a
 * thread too, as it does there.
 *
 * Context: Any. Cannot fail, allocates nothing; there is nothing to undo.
 */
static inline void callout_init(struct callout *c, int mpsafe)
{
	__callout_init(c, mpsafe ? CO_LOCK_NONE : CO_LOCK_GIANT, NULL, 0);
}

static inline void __callout_init_raw(struct callout *c, raw_spinlock_t *l, int flags)
{
	__callout_init(c, CO_LOCK_RAW, l, flags);
}

static inline void __callout_init_spin(struct callout *c, spinlock_t *l, int flags)
{
	__callout_init(c, CO_LOCK_SPIN, l, flags);
}

static inline void __callout_init_rw(struct callout *c, rwlock_t *l, int flags)
{
	__callout_init(c, CO_LOCK_RW, l, flags);
}

static inline void __callout_init_mutex(struct callout *c, struct mutex *l, int flags)
{
	__callout_init(c, CO_LOCK_MUTEX, l, flags);
}

static inline void __callout_init_rwsem(struct callout *c, struct rw_semaphore *l, int flags)
{
	__callout_init(c, CO_LOCK_RWSEM, l, flags);
}

/**
 * callout_init_lock() - prepare a callout whose handler is called with a lock held
 * @c:		the callout; its memory may hold anything, but not a pending callout
 * @lockp:	raw_spinlock_t *, spinlock_t *, rwlock_t *, struct mutex * or struct rw_semaphore *. NULL
 *		is warned of, and leaves the callout without a lock.
 * @flags:	CALLOUT_RETURNUNLOCKED: the handler releases the lock before it returns.
 *		CALLOUT_SHAREDLOCK: rwlock and rwsem are held for reading while the handler runs,
 *		which may arm its callout; others need them for writing to arm, and all to stop.
 *		CALLOUT_TRYLOCK is accepted.
 *
 * The lock is only ever tried by the dispatcher, from below it; holding it with plain spin_lock()
 * does not deadlock with the softirq that wants to call the handler. A raw_spinlock_t's handler
 * runs in the hard interrupt, with interrupts off. While a spinlock_t's or rwlock_t's handler runs
 * interrupts are on: where the lock is also taken in hard interrupts, use C_DIRECT_EXEC or a
 * raw_spinlock_t.
 *
 * Source: FreeBSD callout_init_mtx(), callout_init_rw(), callout_init_rm().
 *
 * Context: Any. Cannot fail, allocates nothing.
 */
#define callout_init_lock(c, lockp, flags)				\
	_Generic((lockp),						\
		 raw_spinlock_t *: __callout_init_raw,			\
		 spinlock_t *: __callout_init_spin,			\
		 rwlock_t *: __callout_init_rw,				\
		 struct mutex *: __callout_init_mutex,			\
		 struct rw_semaphore *: __callout_init_rwsem)((c), (lockp), (flags))

void callout_set_affinity(struct callout *c, enum callout_affinity class, int cpu);

/* ---- arming --------------------------------------------------------------------------------- */

/*
 * The move: a pending callout, with a lock that the caller holds, is to run no earlier than it is
 * queued for. It keeps its place and only its deadline is stored; the dispatcher re-keys it when it
 * comes to the head. One compare tells "pending" and "not earlier" at once (see @c_left), the other
 * that nothing about the callout needs the long way.
 */
static __always_inline bool __callout_may_move(const struct callout *c, u64 left)
{
	/* data_race: one load, that may be the operand of the compare. Old or new, both are right. */
	return likely(left <= data_race(c->c_left)) && likely(!READ_ONCE(c->c_gate));
}

/*
 * Two steps, as one instruction each is less than one that does both. A task that is preempted or
 * moved in between is not ordered with those that arm meanwhile, as it is not without.
 */
static __always_inline u32 __callout_next_seq(void)
{
	this_cpu_inc(callout_arm_seq);
	return this_cpu_read(callout_arm_seq);
}

static __always_inline void __callout_move(struct callout *c, u64 left, u64 window)
{
	WRITE_ONCE(c->c_order, window | __callout_next_seq());
	WRITE_ONCE(c->c_left, left);
}

/* The complement of the tick boundary @ticks after the last one. */
static __always_inline u64 __callout_ticks_left(int ticks)
{
	return callout_tick_origin + (jiffies + (long)ticks) * -(u64)TICK_NSEC;
}

/**
 * callout_reset() - run a function at a tick boundary
 * @c:		the callout; its lock, where it has one, is held
 * @ticks:	jiffies: @func is called at the @ticks-th tick boundary from the last; at least 1 (less is
 *		taken as 1, and warned of where negative)
 * @func:	the handler, not NULL
 * @arg:	its argument
 *
 * A pending callout is moved, and its handler and argument replaced; a move to no earlier a time is
 * a few instructions without locks or atomics (one cmpxchg where there is no lock). Reads no clock.
 * The CPU is the one that was asked for last, or else, for all that is known, the one that arms it: see
 * callout_set_affinity(). A pending one that is moved by those few instructions stays where it is.
 *
 * Source: FreeBSD callout(9), callout_reset(). There it gets the default precision on top; here a
 * tick boundary is window enough.
 *
 * Context: Any, also from the handler itself; with the associated lock held for writing.
 * Return: 1 if a pending call was replaced, else 0. 0 and not armed while the callout is being
 * drained, and after callout_shutdown().
 */
static __always_inline int callout_reset(struct callout *c, int ticks, callout_func_t *func,
					 void *arg)
{
	u64 left = __callout_ticks_left(ticks);

	__callout_assert_locked(c, "callout_reset");
	if (unlikely(ticks < 1))
		return __callout_reset_ticks(c, ticks, func, arg, -1);
	if (!__callout_may_move(c, left) || !func)
		return __callout_arm(c, left, 0, func, arg);
	c->c_func = func;
	c->c_arg = arg;
	__callout_move(c, left, 0);
	return 1;
}

/**
 * callout_schedule() - as callout_reset(), with the handler and argument of the last time
 * @c:		the callout, reset at least once before; its lock, where it has one, is held
 * @ticks:	jiffies, as in callout_reset()
 *
 * Source: FreeBSD callout(9).
 *
 * Context: As callout_reset().
 * Return: As callout_reset().
 */
static __always_inline int callout_schedule(struct callout *c, int ticks)
{
	u64 left = __callout_ticks_left(ticks);

	__callout_assert_locked(c, "callout_schedule");
	if (unlikely(ticks < 1))
		return __callout_reset_ticks(c, ticks, c->c_func, c->c_arg, -1);
	if (!__callout_may_move(c, left))
		return __callout_arm(c, left, 0, c->c_func, c->c_arg);
	__callout_move(c, left, 0);
	return 1;
}

/**
 * callout_set_within() - run a function between two times
 * @c:		the callout; its lock, where it has one, is held
 * @earliest:	monotonic time (ktime_get()); @func is not called before it
 * @latest:	monotonic time; the hardware is programmed for it, or for an earlier callout's that
 *		falls into the window; in periodic mode the first tick from @earliest on is taken. Before
 *		@earliest is warned of and taken as @earliest.
 * @func:	the handler, not NULL
 * @arg:	its argument
 *
 * A window costs no interrupt of its own where another callout's deadline falls into it.
 *
 * Source: the 2009 callout rework's callout_set_within(), with times in place of a tolerance.
 *
 * Context: As callout_reset().
 * Return: As callout_reset().
 */
static __always_inline int callout_set_within(struct callout *c, ktime_t earliest, ktime_t latest,
					      callout_func_t *func, void *arg)
{
	u64 left = ~(u64)latest, window = (u64)latest - (u64)earliest;

	__callout_assert_locked(c, "callout_set_within");
	if (unlikely(window >= 1U << 27 || latest < 0))
		return __callout_set_within(c, earliest, latest, func, arg);
	if (!__callout_may_move(c, left) || !func)
		return __callout_arm(c, left, window << 32, func, arg);
	c->c_func = func;
	c->c_arg = arg;
	__callout_move(c, left, window << 32);
	return 1;
}

/* FreeBSD's cpu argument: -1 leaves the choice as it is, others are kept for later calls too. */
int callout_reset_sbt_on(struct callout *c, sbintime_t sbt, sbintime_t pr, callout_func_t *func,
			 void *arg, int cpu, int flags);

static inline int callout_reset_sbt(struct callout *c, sbintime_t sbt, sbintime_t pr,
				    callout_func_t *func, void *arg, int flags)
{
	return callout_reset_sbt_on(c, sbt, pr, func, arg, -1, flags);
}

static inline int callout_reset_sbt_curcpu(struct callout *c, sbintime_t sbt, sbintime_t pr,
					   callout_func_t *func, void *arg, int flags)
{
	return callout_reset_sbt_on(c, sbt, pr, func, arg, raw_smp_processor_id(), flags);
}

static inline int callout_reset_on(struct callout *c, int ticks, callout_func_t *func, void *arg,
				   int cpu)
{
	return __callout_reset_ticks(c, ticks, func, arg, cpu);
}

static inline int callout_reset_curcpu(struct callout *c, int ticks, callout_func_t *func, void *arg)
{
	return __callout_reset_ticks(c, ticks, func, arg, raw_smp_processor_id());
}

static inline int callout_schedule_on(struct callout *c, int ticks, int cpu)
{
	return __callout_reset_ticks(c, ticks, c->c_func, c->c_arg, cpu);
}

static inline int callout_schedule_curcpu(struct callout *c, int ticks)
{
	return __callout_reset_ticks(c, ticks, c->c_func, c->c_arg, raw_smp_processor_id());
}

static inline int callout_schedule_sbt_on(struct callout *c, sbintime_t sbt, sbintime_t pr, int cpu,
					  int flags)
{
	return callout_reset_sbt_on(c, sbt, pr, c->c_func, c->c_arg, cpu, flags);
}

static inline int callout_schedule_sbt(struct callout *c, sbintime_t sbt, sbintime_t pr, int flags)
{
	return callout_reset_sbt_on(c, sbt, pr, c->c_func, c->c_arg, -1, flags);
}

static inline int callout_schedule_sbt_curcpu(struct callout *c, sbintime_t sbt, sbintime_t pr,
					      int flags)
{
	return callout_reset_sbt_on(c, sbt, pr, c->c_func, c->c_arg, raw_smp_processor_id(), flags);
}

void callout_when(sbintime_t sbt, sbintime_t pr, int flags, sbintime_t *sbt_res,
		  sbintime_t *pr_res);

/* ---- stopping ------------------------------------------------------------------------------- */

int callout_stop(struct callout *c);
int callout_drain(struct callout *c);
int callout_async_drain(struct callout *c, callout_func_t *drained);
void callout_shutdown(struct callout *c);

/**
 * callout_pending() - is it armed and its handler not yet about to be called?
 * @c:		the callout
 *
 * Source: FreeBSD callout(9).
 *
 * Context: Any. Exact with the associated lock held, else a glimpse.
 * Return: true from the moment it is armed until its handler is about to be called or it is
 * stopped.
 */
static inline bool callout_pending(const struct callout *c)
{
	/* On a queue too: see "Drain versus move" in module/core.c. */
	return READ_ONCE(c->c_left) && (READ_ONCE(c->q_ref) || READ_ONCE(c->c_gate) & CO_GATE_SPILL);
}

/**
 * callout_active() - has it been armed, and not stopped, drained or deactivated since?
 * @c:		the callout
 *
 * Unlike callout_pending() it stays true while and after the handler runs.
 *
 * Source: FreeBSD callout(9).
 *
 * Context: Any. Exact with the associated lock held, else a glimpse.
 * Return: The flag.
 */
static inline bool callout_active(const struct callout *c)
{
	/* One that was never initialised, but zeroed, is not. */
	return c->c_attr && !(READ_ONCE(c->c_gate) & CO_GATE_IDLE);
}

void callout_deactivate(struct callout *c);

/* ---- the clock ------------------------------------------------------------------------------ */

/*
 * Ticks of the clock that drives the callouts: opaque, 64 bits, ordered. Another clock may take over at
 * any time: then callout_clock_generation() changes, and cached ticks are worth nothing.
 */
typedef u64 hwclocktick_t;

hwclocktick_t callout_clock_read(void);
hwclocktick_t callout_clock_from_ns(u64 ns);
u64 callout_clock_to_ns(hwclocktick_t ticks);
u64 callout_clock_accuracy(u64 ns);
unsigned int callout_clock_generation(void);

#endif /* _LINUX_CALLOUT_H */
