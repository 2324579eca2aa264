// SPDX-License-Identifier: GPL-2.0
/*
 * Clock hrtimer: one pinned hard hrtimer per CPU. Portable, and what is left when all else fails.
 */
#include <linux/hrtimer.h>
#include <linux/percpu.h>
#include "../compat/compat.h"
#include "clock.h"

static DEFINE_PER_CPU(struct hrtimer, hrt);
static u64 (*hrt_event)(void);

static enum hrtimer_restart hrt_fire(struct hrtimer *timer)
{
	u64 next = hrt_event();

	if (next == CO_CLOCK_NEVER)
		return HRTIMER_NORESTART;
	hrtimer_set_expires(timer, next);
	return HRTIMER_RESTART;
}

static int hrt_probe(u64 (*event)(void))
{
	unsigned int cpu;

	hrt_event = event;
	for_each_possible_cpu(cpu)
		co_hrtimer_setup(per_cpu_ptr(&hrt, cpu), hrt_fire, CLOCK_MONOTONIC,
				 HRTIMER_MODE_ABS_PINNED_HARD);
	return 0;
}

static int hrt_start(unsigned int cpu)
{
	return 0;
}

static void hrt_stop(unsigned int cpu)
{
	hrtimer_cancel(per_cpu_ptr(&hrt, cpu));
}

static void hrt_arm(u64 ns)
{
	hrtimer_start(this_cpu_ptr(&hrt), min_t(u64, ns, KTIME_MAX), HRTIMER_MODE_ABS_PINNED_HARD);
}

static u64 hrt_read(void)
{
	return ktime_get();
}

const struct callout_clock co_clk_hrtimer = {
	.name = "hrtimer",
	.rating = 100,
	.probe = hrt_probe,
	.start = hrt_start,
	.stop = hrt_stop,
	.arm = hrt_arm,
	.read = hrt_read,
};
