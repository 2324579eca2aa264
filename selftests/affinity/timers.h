/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timers of one kind or another behind one set of functions: callouts of each class, hrtimers that are not pinned, and
 * timer-wheel timers without flags. All have their handlers called in the softirq.
 */
#ifndef AFFINITY_TIMERS_H
#define AFFINITY_TIMERS_H

#include <linux/callout.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/timer.h>
#include "../../module/compat/compat.h"

enum kind { NOTHING, NONE, WEAK, STRONG, HRTIMER, WHEEL };

static const char *const kind_names[] = { "nothing", "none", "weak", "strong", "hrtimer", "wheel" };
static char *kind_name = "none";
module_param_named(kind, kind_name, charp, 0444);
MODULE_PARM_DESC(kind, "nothing, none, weak, strong (callouts), hrtimer or wheel (none)");
static enum kind kind;

/**
 * struct timer - one
 * @expired:	called with @lock held
 * @lock:	or NULL. Others take it with softirqs disabled
 */
struct timer {
	union {
		struct callout callout;
		struct hrtimer hrtimer;
		struct timer_list wheel;
	};
	void (*expired)(struct timer *t);
	spinlock_t *lock;
};

static int choose_kind(void)
{
	int i = match_string(kind_names, ARRAY_SIZE(kind_names), kind_name);

	kind = i;
	return i < 0 ? -EINVAL : 0;
}

static void expired_locked(struct timer *t)
{
	if (t->lock)
		spin_lock(t->lock);
	t->expired(t);
	if (t->lock)
		spin_unlock(t->lock);
}

static void on_callout(void *t)
{
	((struct timer *)t)->expired(t);
}

static enum hrtimer_restart on_hrtimer(struct hrtimer *h)
{
	expired_locked(container_of(h, struct timer, hrtimer));
	return HRTIMER_NORESTART;
}

static void on_wheel(struct timer_list *w)
{
	expired_locked(container_of(w, struct timer, wheel));
}

static void timer_init(struct timer *t, void (*expired)(struct timer *t), spinlock_t *lock)
{
	t->expired = expired;
	t->lock = lock;
	if (kind == HRTIMER) {
		co_hrtimer_setup(&t->hrtimer, on_hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	} else if (kind == WHEEL) {
		timer_setup(&t->wheel, on_wheel, 0);
	} else {
		if (lock)
			callout_init_lock(&t->callout, lock, 0);
		else
			callout_init(&t->callout, 1);
		if (kind == WEAK)
			callout_set_affinity(&t->callout, CALLOUT_AFFINITY_WEAK, -1);
		else if (kind == STRONG)
			callout_set_affinity(&t->callout, CALLOUT_AFFINITY_STRONG, -1);
	}
}

/* The first jiffy that begins at @ns or later. */
static unsigned long jiffy_at(u64 ns)
{
	return div_u64(ns - ~callout_tick_origin + TICK_NSEC - 1, TICK_NSEC);
}

/* Arm it for @at, or up to @window later. Those that can be are armed for this CPU. The lock is held. */
static void timer_arm(struct timer *t, u64 at, u64 window)
{
	switch (kind) {
	case NONE:
		callout_set_within(&t->callout, at, at + window, on_callout, t);
		break;
	case WEAK:
	case STRONG:
		callout_reset_sbt_curcpu(&t->callout, nstosbt(at), nstosbt(window), on_callout, t, C_ABSOLUTE);
		break;
	case HRTIMER:
		hrtimer_start_range_ns(&t->hrtimer, at, window, HRTIMER_MODE_ABS_SOFT);
		break;
	case WHEEL:
		mod_timer(&t->wheel, jiffy_at(at));
		break;
	case NOTHING:
		break;
	}
}

/* Without waiting for a handler that has begun. The lock is held. */
static void __maybe_unused timer_stop(struct timer *t)
{
	if (kind == HRTIMER)
		hrtimer_try_to_cancel(&t->hrtimer);
	else if (kind == WHEEL)
		timer_delete(&t->wheel);
	else
		callout_stop(&t->callout);
}

/* For good; may sleep. */
static void timer_end(struct timer *t)
{
	if (kind == HRTIMER)
		hrtimer_cancel(&t->hrtimer);
	else if (kind == WHEEL)
		timer_delete_sync(&t->wheel);
	else
		callout_drain(&t->callout);
}

#endif /* AFFINITY_TIMERS_H */
