/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The facilities behind one set of functions, all inline: a loop over constant ones has no indirect call,
 * so that the same loop around `noop` costs what the loop itself does.
 *
 * Times of arm() and later() are in the facility's own unit, made by unit() ahead of what is timed. The
 * cheapest call of each is taken: pinned timers, and cancels that do not wait.
 */
#ifndef CALLOUT_BENCH_FACILITY_H
#define CALLOUT_BENCH_FACILITY_H

#include "bench.h"

/* The handlers, in live.c. */
void bench_callout_expired(void *arg);
void bench_callout_hard_expired(void *arg);
void bench_callout_nolock_expired(void *arg);
void bench_callout_ticks_expired(void *arg);
void bench_callout_none_expired(void *arg);
void bench_callout_weak_expired(void *arg);
void bench_callout_named_expired(void *arg);
enum hrtimer_restart bench_hrtimer_expired(struct hrtimer *timer);
enum hrtimer_restart bench_hrtimer_any_expired(struct hrtimer *timer);
enum hrtimer_restart bench_hrtimer_soft_expired(struct hrtimer *timer);
void bench_timer_list_expired(struct timer_list *timer);

enum bench_lock { BENCH_LOCK_NONE, BENCH_LOCK_SPIN, BENCH_LOCK_RAW };

/**
 * struct facility - what a loop needs of one
 * @lock:	held around all but @setup and @drain
 * @setup:	prepare an item
 * @unit:	monotonic nanoseconds in this facility's unit, as seen at @now, the time of the first arm
 * @arm:	arm an item that is not pending
 * @later:	arm one that is pending anew, for later
 * @within:	arm or move at a time in nanoseconds, with a window
 * @cancel:	without waiting
 * @drain:	cancel for good; may sleep
 */
struct facility {
	enum bench_lock lock;
	void (*setup)(struct bench_item *it);
	u64 (*unit)(u64 at, u64 now);
	void (*arm)(struct bench_item *it, u64 when);
	void (*later)(struct bench_item *it, u64 when);
	void (*within)(struct bench_item *it, u64 at, u64 window);
	void (*cancel)(struct bench_item *it);
	void (*drain)(struct bench_item *it);
};

static __always_inline u64 unit_ns(u64 at, u64 now)
{
	return at;
}

/* The first jiffy that begins at @at or later. */
static __always_inline u64 unit_jiffies(u64 at, u64 now)
{
	return div_u64(at - ~callout_tick_origin + TICK_NSEC - 1, TICK_NSEC);
}

static __always_inline u64 unit_ticks(u64 at, u64 now)
{
	return unit_jiffies(at, now) - unit_jiffies(now, now);
}

/* ---- noop ----------------------------------------------------------------------------------- */

static __always_inline void noop_item(struct bench_item *it)
{
	asm volatile("" : : "r" (it) : "memory");
}

static __always_inline void noop_arm(struct bench_item *it, u64 when)
{
	asm volatile("" : : "r" (it), "r" (when) : "memory");
}

static __always_inline void noop_within(struct bench_item *it, u64 at, u64 window)
{
	noop_arm(it, at);
}

static const struct facility fac_noop = {
	.lock = BENCH_LOCK_SPIN,
	.setup = noop_item,
	.unit = unit_ns,
	.arm = noop_arm,
	.later = noop_arm,
	.within = noop_within,
	.cancel = noop_item,
	.drain = noop_item,
};

/* ---- callouts ------------------------------------------------------------------------------- */

static __always_inline void set_class(struct bench_item *it, enum callout_affinity class, int cpu)
{
	unsigned long flags;

	spin_lock_irqsave(&bench_spin, flags);
	callout_set_affinity(&it->callout, class, cpu);
	spin_unlock_irqrestore(&bench_spin, flags);
}

static __always_inline void callout_setup_none(struct bench_item *it)
{
	callout_init_lock(&it->callout, &bench_spin, 0);
}

static __always_inline void callout_setup_weak(struct bench_item *it)
{
	callout_setup_none(it);
	set_class(it, CALLOUT_AFFINITY_WEAK, raw_smp_processor_id());
}

static __always_inline void callout_setup_named(struct bench_item *it)
{
	callout_setup_none(it);
	set_class(it, CALLOUT_AFFINITY_STRONG, raw_smp_processor_id());
}

static __always_inline void callout_setup_spin(struct bench_item *it)
{
	callout_setup_none(it);
	set_class(it, CALLOUT_AFFINITY_STRONG, -1);
}

static __always_inline void callout_setup_raw(struct bench_item *it)
{
	unsigned long flags;

	callout_init_lock(&it->callout, &bench_raw, 0);
	raw_spin_lock_irqsave(&bench_raw, flags);
	callout_set_affinity(&it->callout, CALLOUT_AFFINITY_STRONG, -1);
	raw_spin_unlock_irqrestore(&bench_raw, flags);
}

static __always_inline void callout_setup_nolock(struct bench_item *it)
{
	callout_init(&it->callout, 1);
	callout_set_affinity(&it->callout, CALLOUT_AFFINITY_STRONG, -1);
}

static __always_inline void callout_cancel(struct bench_item *it)
{
	callout_stop(&it->callout);
}

static __always_inline void callout_drain_item(struct bench_item *it)
{
	callout_drain(&it->callout);
}

#define CALLOUT_FACILITY(name, lock_class, how)					\
static __always_inline void name##_arm(struct bench_item *it, u64 when)	\
{										\
	callout_set_within(&it->callout, when, when, bench_##name##_expired, it);	\
}										\
static __always_inline void name##_within(struct bench_item *it, u64 at, u64 window)	\
{										\
	callout_set_within(&it->callout, at, at + window, bench_##name##_expired, it);	\
}										\
static const struct facility fac_##name = {					\
	.lock = lock_class,							\
	.setup = callout_setup_##how,						\
	.unit = unit_ns,							\
	.arm = name##_arm,							\
	.later = name##_arm,							\
	.within = name##_within,						\
	.cancel = callout_cancel,						\
	.drain = callout_drain_item,						\
}

CALLOUT_FACILITY(callout, BENCH_LOCK_SPIN, spin);
CALLOUT_FACILITY(callout_hard, BENCH_LOCK_RAW, raw);
CALLOUT_FACILITY(callout_nolock, BENCH_LOCK_NONE, nolock);
CALLOUT_FACILITY(callout_none, BENCH_LOCK_SPIN, none);
CALLOUT_FACILITY(callout_weak, BENCH_LOCK_SPIN, weak);
CALLOUT_FACILITY(callout_named, BENCH_LOCK_SPIN, named);

static __always_inline void callout_ticks_arm(struct bench_item *it, u64 when)
{
	callout_reset(&it->callout, when, bench_callout_ticks_expired, it);
}

static __always_inline void callout_ticks_later(struct bench_item *it, u64 when)
{
	callout_schedule(&it->callout, when);
}

/* A timeout of fixed length, as a compiler knows it: what keepalives and retransmissions are. */
static __always_inline void callout_fixed_later(struct bench_item *it, u64 when)
{
	callout_schedule(&it->callout, (int)((BENCH_FAR_NS + 2 * BENCH_SPREAD_NS) / NSEC_PER_SEC) * HZ);
}

static __always_inline void callout_ticks_within(struct bench_item *it, u64 at, u64 window)
{
	s64 ticks = unit_jiffies(at, 0) - jiffies;

	callout_reset(&it->callout, max_t(s64, ticks, 1), bench_callout_ticks_expired, it);
}

static const struct facility fac_callout_ticks = {
	.lock = BENCH_LOCK_SPIN,
	.setup = callout_setup_spin,
	.unit = unit_ticks,
	.arm = callout_ticks_arm,
	.later = callout_ticks_later,
	.within = callout_ticks_within,
	.cancel = callout_cancel,
	.drain = callout_drain_item,
};

static const struct facility fac_callout_fixed = {
	.lock = BENCH_LOCK_SPIN,
	.setup = callout_setup_spin,
	.unit = unit_ticks,
	.arm = callout_ticks_arm,
	.later = callout_fixed_later,
	.within = callout_ticks_within,
	.cancel = callout_cancel,
	.drain = callout_drain_item,
};

/* ---- hrtimers ------------------------------------------------------------------------------- */

static __always_inline void hrtimer_try_cancel(struct bench_item *it)
{
	hrtimer_try_to_cancel(&it->hrtimer);
}

static __always_inline void hrtimer_drain(struct bench_item *it)
{
	hrtimer_cancel(&it->hrtimer);
}

#define HRTIMER_FACILITY(name, lock_class, mode)				\
static __always_inline void name##_prepare(struct bench_item *it)		\
{										\
	co_hrtimer_setup(&it->hrtimer, bench_##name##_expired, CLOCK_MONOTONIC, mode);	\
}										\
static __always_inline void name##_arm(struct bench_item *it, u64 when)	\
{										\
	hrtimer_start_range_ns(&it->hrtimer, when, 0, mode);			\
}										\
static __always_inline void name##_within(struct bench_item *it, u64 at, u64 window)	\
{										\
	hrtimer_start_range_ns(&it->hrtimer, at, window, mode);			\
}										\
static const struct facility fac_##name = {					\
	.lock = lock_class,							\
	.setup = name##_prepare,						\
	.unit = unit_ns,							\
	.arm = name##_arm,							\
	.later = name##_arm,							\
	.within = name##_within,						\
	.cancel = hrtimer_try_cancel,						\
	.drain = hrtimer_drain,							\
}

HRTIMER_FACILITY(hrtimer, BENCH_LOCK_RAW, HRTIMER_MODE_ABS_PINNED_HARD);
HRTIMER_FACILITY(hrtimer_any, BENCH_LOCK_RAW, HRTIMER_MODE_ABS_HARD);
HRTIMER_FACILITY(hrtimer_soft, BENCH_LOCK_SPIN, HRTIMER_MODE_ABS_PINNED_SOFT);

/* ---- timer wheel ---------------------------------------------------------------------------- */

static __always_inline void timer_list_setup(struct bench_item *it)
{
	timer_setup(&it->timer, bench_timer_list_expired, TIMER_PINNED);
}

static __always_inline void timer_list_arm(struct bench_item *it, u64 when)
{
	mod_timer(&it->timer, when);
}

static __always_inline void timer_list_within(struct bench_item *it, u64 at, u64 window)
{
	mod_timer(&it->timer, unit_jiffies(at, 0));
}

static __always_inline void timer_list_cancel(struct bench_item *it)
{
	timer_delete(&it->timer);
}

static __always_inline void timer_list_drain(struct bench_item *it)
{
	timer_delete_sync(&it->timer);
}

static const struct facility fac_timer_list = {
	.lock = BENCH_LOCK_SPIN,
	.setup = timer_list_setup,
	.unit = unit_jiffies,
	.arm = timer_list_arm,
	.later = timer_list_arm,
	.within = timer_list_within,
	.cancel = timer_list_cancel,
	.drain = timer_list_drain,
};

/* ---- what loops use ------------------------------------------------------------------------- */

/* Calls fn(facility, job), an always-inline function, with the job's facility as a constant. */
#define BENCH_WITH_FACILITY(fn, job)						\
({										\
	int __err = -EINVAL;							\
	switch ((job)->facility) {						\
	case BENCH_noop: __err = fn(&fac_noop, job); break;			\
	case BENCH_callout: __err = fn(&fac_callout, job); break;		\
	case BENCH_callout_hard: __err = fn(&fac_callout_hard, job); break;	\
	case BENCH_callout_nolock: __err = fn(&fac_callout_nolock, job); break;	\
	case BENCH_callout_ticks: __err = fn(&fac_callout_ticks, job); break;	\
	case BENCH_callout_fixed: __err = fn(&fac_callout_fixed, job); break;	\
	case BENCH_callout_none: __err = fn(&fac_callout_none, job); break;	\
	case BENCH_callout_weak: __err = fn(&fac_callout_weak, job); break;	\
	case BENCH_callout_named: __err = fn(&fac_callout_named, job); break;	\
	case BENCH_hrtimer_any: __err = fn(&fac_hrtimer_any, job); break;	\
	case BENCH_hrtimer: __err = fn(&fac_hrtimer, job); break;		\
	case BENCH_hrtimer_soft: __err = fn(&fac_hrtimer_soft, job); break;	\
	case BENCH_timer_list: __err = fn(&fac_timer_list, job); break;		\
	}									\
	__err;									\
})

/* Take what a caller holds, and keep interrupts out of what is timed. */
static __always_inline unsigned long begin(const struct facility *f)
{
	unsigned long flags;

	if (f->lock == BENCH_LOCK_SPIN)
		spin_lock_bh(&bench_spin);
	local_irq_save(flags);
	if (f->lock == BENCH_LOCK_RAW)
		raw_spin_lock(&bench_raw);
	return flags;
}

static __always_inline void end(const struct facility *f, unsigned long flags)
{
	if (f->lock == BENCH_LOCK_RAW)
		raw_spin_unlock(&bench_raw);
	local_irq_restore(flags);
	if (f->lock == BENCH_LOCK_SPIN)
		spin_unlock_bh(&bench_spin);
}

/*
 * Leave the CPU so that callouts get memory for their queue: it grows by doubling, asked for when three
 * quarters are in use, so a pause each time that an eighth more is pending suffices.
 */
void bench_pause(u64 done, u64 *next);

/* Set up all items, spare ones included. */
static __always_inline void setup_items(const struct facility *f, struct bench_job *job)
{
	u64 i;

	for (i = 0; i < job->n + BENCH_SPARE_ITEMS; i++) {
		f->setup(&job->items[i]);
		job->items[i].random = bench_seed(job->seed, i);
		if (i % 1024 == 0)
			cond_resched();
	}
}

static __always_inline void drain_items(const struct facility *f, struct bench_job *job)
{
	u64 i;

	for (i = 0; i < job->n + BENCH_SPARE_ITEMS; i++) {
		f->drain(&job->items[i]);
		if (i % 64 == 0)
			cond_resched();
	}
}

#endif /* CALLOUT_BENCH_FACILITY_H */
