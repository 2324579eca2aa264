// SPDX-License-Identifier: GPL-2.0
/*
 * CLOCK_REALTIME and CLOCK_BOOTTIME against the monotonic clock that callouts know: their offset, and who must be told when
 * it jumps, as a clock is set or the machine was suspended.
 *
 * Set versus arm. A jump is published inside the timekeeper's write section, and a notifier is called there; it may not even
 * read a clock, so an interrupt is asked for, and that asks for a work item:
 *
 *	arm, co_dev.lock			settimeofday()
 *	offset, old				write section: offset := new; notifier
 *	callout for deadline - old		irq_work, work item
 *						co_dev.lock: offset, new; callout for deadline - new
 *
 * Who read the old offset holds the lock that the work item waits for, or has armed already. A descriptor that is new to the
 * list reads its first offset after it was added.
 */
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/pvclock_gtod.h>
#include <linux/timekeeping.h>
#include "../compat/compat.h"
#include "dev.h"

static DEFINE_MUTEX(mutex);
static LIST_HEAD(followers);

static void clock_was_set(struct work_struct *w)
{
	struct co_dev *d;

	mutex_lock(&mutex);
	list_for_each_entry(d, &followers, link) {
		s64 offset = co_clock_offset(CO_T_REALTIME);
		bool real = offset != d->real_offset;

		d->real_offset = offset;
		co_timers_clock_set(d, real);
	}
	mutex_unlock(&mutex);
}

static DECLARE_WORK(set_work, clock_was_set);

static void ask_for_work(struct irq_work *w)
{
	queue_work(co_system_unbound_wq, &set_work);
}

static DEFINE_IRQ_WORK(set_irq_work, ask_for_work);

/* Each tick, and when the clock was set. */
static int timekeeper_changed(struct notifier_block *nb, unsigned long was_set, void *tk)
{
	if (was_set)
		irq_work_queue(&set_irq_work);
	return NOTIFY_OK;
}

static struct notifier_block notifier = { .notifier_call = timekeeper_changed };

/**
 * co_clock_offset_of() - what a clock shows more than the monotonic one
 * @clock:	which, but not the monotonic one
 *
 * Context: Any, but inside the timekeeper.
 * Return: Nanoseconds.
 */
s64 co_clock_offset_of(enum co_t_clock clock)
{
	return ktime_mono_to_any(0, clock == CO_T_BOOTTIME ? TK_OFFS_BOOT : TK_OFFS_REAL);
}

/**
 * co_clock_follow() - a descriptor is to have a timer that jumps with its clock
 * @d:		the descriptor's
 *
 * Context: Process; may sleep.
 */
void co_clock_follow(struct co_dev *d)
{
	mutex_lock(&mutex);
	if (!d->follows) {
		if (list_empty(&followers))
			pvclock_gtod_register_notifier(&notifier);
		list_add(&d->link, &followers);
		d->real_offset = co_clock_offset(CO_T_REALTIME);
		WRITE_ONCE(d->follows, true);
	}
	mutex_unlock(&mutex);
}

/**
 * co_clock_unfollow() - the descriptor goes
 * @d:		the descriptor's
 *
 * Context: Process; may sleep.
 */
void co_clock_unfollow(struct co_dev *d)
{
	bool last = false;

	mutex_lock(&mutex);
	if (d->follows) {
		list_del(&d->link);
		last = list_empty(&followers);
		if (last)
			pvclock_gtod_unregister_notifier(&notifier);
	}
	mutex_unlock(&mutex);
	if (last) {
		irq_work_sync(&set_irq_work);
		flush_work(&set_work);
	}
}
