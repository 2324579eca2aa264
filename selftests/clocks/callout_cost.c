// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's own timers cost, on one CPU: an hrtimer's interrupt, as the time that it takes from a loop that
 * reads the TSC, and an hrtimer_start() that programs the hardware. Where an instruction takes a tick of the TSC
 * (rig icount) these are instructions.
 *
 * insmod does the work, prints "callout_cost: interrupt N hrtimer_start N", the medians, and stays loaded.
 */
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/sort.h>
#include <asm/tsc.h>
#include "../../module/compat/compat.h"

#define ROUNDS	1001

static u32 interrupts[ROUNDS], starts[ROUNDS];
static struct hrtimer timer;
static bool fired;

static enum hrtimer_restart fires(struct hrtimer *t)
{
	WRITE_ONCE(fired, true);
	return HRTIMER_NORESTART;
}

static int by_size(const void *a, const void *b)
{
	return *(const u32 *)a < *(const u32 *)b ? -1 : *(const u32 *)a > *(const u32 *)b;
}

static u32 median(u32 *v)
{
	sort(v, ROUNDS, sizeof(*v), by_size, NULL);
	return v[ROUNDS / 2];
}

/* The interrupt of an hrtimer that is alone: a tick that falls in the same one is the median's to leave out. */
static u32 interrupt(void)
{
	u64 last, now, longest = 0;
	bool over;

	WRITE_ONCE(fired, false);
	preempt_disable();
	hrtimer_start(&timer, ktime_get() + 50 * NSEC_PER_USEC, HRTIMER_MODE_ABS_PINNED_HARD);
	now = rdtsc_ordered();
	do {
		over = READ_ONCE(fired);
		last = now;
		now = rdtsc_ordered();
		longest = max(longest, now - last);
	} while (!over);
	preempt_enable();
	return longest;
}

static u32 start(void)
{
	unsigned long flags;
	u64 begin, end;
	ktime_t first;

	local_irq_save(flags);
	first = ktime_get() + 100 * NSEC_PER_USEC;
	begin = rdtsc_ordered();
	hrtimer_start(&timer, first, HRTIMER_MODE_ABS_PINNED_HARD);
	end = rdtsc_ordered();
	local_irq_restore(flags);
	hrtimer_cancel(&timer);
	return end - begin;
}

static int __init callout_cost_init(void)
{
	int i;

	co_hrtimer_setup(&timer, fires, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	for (i = 0; i < ROUNDS; i++) {
		interrupts[i] = interrupt();
		starts[i] = start();
		cond_resched();
	}
	pr_info("callout_cost: interrupt %u hrtimer_start %u\n", median(interrupts), median(starts));
	return 0;
}

static void __exit callout_cost_exit(void)
{
	hrtimer_cancel(&timer);
}

module_init(callout_cost_init);
module_exit(callout_cost_exit);
MODULE_DESCRIPTION("what hrtimers cost, with a proxy before the tick device or without");
MODULE_LICENSE("GPL");
