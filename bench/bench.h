/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of callout_bench.ko share: the job, the timers it works on, and its result.
 */
#ifndef CALLOUT_BENCH_H
#define CALLOUT_BENCH_H

#include <linux/callout.h>
#include <linux/hrtimer.h>
#include <linux/sizes.h>
#include <linux/timer.h>
#include "../module/compat/compat.h"
#include "trace_format.h"

/*
 * What a job runs on. All but hrtimer_any are bound to the CPU that arms them. Handlers of all run with a lock of their
 * caller's held (a session's, say), and all calls are made with it held: callouts have it taken by the
 * dispatcher, the handlers of others take it first.
 *
 *	callout		deadlines in nanoseconds, a spinlock, handlers in softirq
 *	callout_hard	likewise, with a raw spinlock, handlers in the hard interrupt
 *	callout_nolock	likewise, without a lock, in softirq
 *	callout_ticks	as callout, but deadlines in ticks
 *	callout_fixed	likewise, and what is re-armed is so for a constant interval
 *	callout_none	as callout, of affinity class none; all others are strong, as their peers are pinned
 *	callout_weak	likewise, of class weak, with this CPU named
 *	callout_named	likewise, strong, with this CPU named
 *	hrtimer		handlers in the hard interrupt
 *	hrtimer_any	likewise; the kernel may choose another CPU
 *	hrtimer_soft	in softirq
 *	timer_list	the timer wheel, in softirq
 *	noop		nothing: what the loop around the others costs
 */
#define BENCH_FACILITIES(X)						\
	X(noop) X(callout) X(callout_hard) X(callout_nolock) X(callout_ticks)	\
	X(callout_fixed) X(callout_none) X(callout_weak) X(callout_named)	\
	X(hrtimer) X(hrtimer_any) X(hrtimer_soft) X(timer_list)

enum bench_facility {
#define X(name)	BENCH_##name,
	BENCH_FACILITIES(X)
#undef X
	BENCH_NFACILITIES,
};

/* A timer; each on cache lines of its own, as in its user's structure. */
struct bench_item {
	union {
		struct callout callout;
		struct hrtimer hrtimer;
		struct timer_list timer;
	};
	u64 due_ns;		/* for when it was armed */
	u32 random;		/* state of its random numbers */
} ____cacheline_aligned;

/**
 * struct bench_job - one line written to the job file, and what came of it
 * @facility:	enum bench_facility
 * @n:		timers that are pending
 * @ops:	how many operations are timed, or expiries awaited
 * @seed:	of the random numbers
 * @rate:	expiries per second
 * @cpu:	where
 * @speed:	how much faster than recorded
 * @idle:	whether the CPU may sleep between operations of a trace
 * @limit_ms:	of a trace, how much is replayed; 0 is all
 * @items:	@n of them and some more
 * @out:	the result: a line each, name and values
 */
struct bench_job {
	u64 facility, n, ops, seed, rate, cpu, speed, idle, limit_ms;
	struct bench_item *items;
	char *out;
	size_t out_len;
};

#define BENCH_OUT_BYTES		SZ_64K
#define BENCH_MAX_N		(1U << 23)
#define BENCH_SPARE_ITEMS	64	/* beyond @n */

/* How far off deadlines are that are not to come: two hours and more of virtual or real time. */
#define BENCH_FAR_NS		(7200ULL * NSEC_PER_SEC)
#define BENCH_SPREAD_NS		(1000ULL * NSEC_PER_SEC)

/* main.c */
extern spinlock_t bench_spin;
extern raw_spinlock_t bench_raw;
__printf(2, 3) void bench_out(struct bench_job *job, const char *fmt, ...);
const void *bench_trace(size_t *bytes);
bool bench_should_stop(void);

/* A state that has nothing to do with those of other numbers of the same job. */
static inline u32 bench_seed(u64 seed, u64 number)
{
	u64 x = seed << 32 | number;

	x = (x ^ x >> 33) * 0xff51afd7ed558ccdULL;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return (u32)(x ^ x >> 33) ?: 1;
}

/* xorshift32; never 0 */
static inline u32 bench_random(u32 *state)
{
	u32 x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

/* Below @limit, which is less than 2^48. */
static inline u64 bench_random_below(u32 *state, u64 limit)
{
	u64 r = (u64)bench_random(state) << 16 ^ bench_random(state);

	return mul_u64_u64_shr(r, limit, 48);
}

/* cost.c: what operations cost while nothing expires */
int bench_arm_cancel(struct bench_job *job);
int bench_arm_cancel_head(struct bench_job *job);
int bench_rearm_later(struct bench_job *job);

/* live.c: timers that expire */
int bench_hold(struct bench_job *job);
int bench_burst(struct bench_job *job);

/* replay.c */
int bench_trace_check(struct bench_job *job);
int bench_replay_cost(struct bench_job *job);
int bench_replay_live(struct bench_job *job);

#endif /* CALLOUT_BENCH_H */
