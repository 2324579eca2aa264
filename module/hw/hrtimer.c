// SPDX-License-Identifier: GPL-2.0
/*
 * Clock hrtimer: one pinned hard hrtimer per CPU. Portable, and what is left when all else fails.
 */
#include <linux/hrtimer.h>
#include <linux/percpu.h>
#include "../compat/compat.h"
#include "clock.h"

static DEFINE_PER_CPU(struct hrtimer, hrt);

static enum hrtimer_restart hrt_fire(struct hrtimer *timer)
{
	u64 next = co_clock_event();

	if (next == CO_CLOCK_NEVER)
		return HRTIMER_NORESTART;
	hrtimer_set_expires(timer, min_t(u64, next, KTIME_MAX));
	return HRTIMER_RESTART;
}

static int hrt_probe(enum co_mode mode, u32 hz)
{
	unsigned int cpu;

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

struct callout_clock co_clk_hrtimer = {
	.name = "hrtimer",
	.rating = 100,
	.min_hz = 1,
	.max_hz = 10000,
	.rate = { .mult = 1 },
	.accuracy_ns = 1000,
	.drift_ppm = 500,	/* the monotonic clock's, while it is slewed */
	.probe = hrt_probe,
	.start = hrt_start,
	.stop = hrt_stop,
	.arm = hrt_arm,
};
