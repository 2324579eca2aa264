// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading, and the module's parameters. What can be changed later is in /sys/kernel/callout alone.
 */
#include <linux/ktime.h>
#include <linux/module.h>
#include "dev/dev.h"
#include "internal.h"

static char *clock = "";
module_param(clock, charp, 0444);
MODULE_PARM_DESC(clock, "clock to use, one of /sys/kernel/callout/available_clocks (default: the best that works)");

static char *mode = "deadline";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode, "of the clock: deadline, or periodic (deadline)");

static uint frequency_hz = 1000;
module_param(frequency_hz, uint, 0444);
MODULE_PARM_DESC(frequency_hz, "of periodic mode, in Hz (1000)");

bool co_thread_fifo = IS_ENABLED(CONFIG_PREEMPT_RT);
module_param_named(thread_fifo, co_thread_fifo, bool, 0444);
MODULE_PARM_DESC(thread_fifo, "run the threads at SCHED_FIFO (default: on PREEMPT_RT)");

module_param_named(default_precision_pct, co_default_precision_pct, uint, 0444);
MODULE_PARM_DESC(default_precision_pct, "least precision of an interval, in percent of it, 0 to 100 (5)");

module_param_named(weak_window_ms, co_weak_window_ms, uint, 0444);
MODULE_PARM_DESC(weak_window_ms, "a weak callout that runs within that time goes to its CPU, in ms (100)");

module_param_named(handler_warn_us, co_handler_warn_us, uint, 0444);
MODULE_PARM_DESC(handler_warn_us, "report a handler that runs longer, in us; 0: never (2000)");

module_param_named(dev_max_timers, co_dev_max_timers, uint, 0644);
MODULE_PARM_DESC(dev_max_timers, "timers that a descriptor of /dev/callout may have (1048576)");

module_param_named(dev_max_user_timers, co_dev_max_user_timers, uint, 0644);
MODULE_PARM_DESC(dev_max_user_timers, "timers that a user may have there, without CAP_SYS_RESOURCE (1048576)");

module_param_named(dev_min_interval_us, co_dev_min_interval_us, uint, 0644);
MODULE_PARM_DESC(dev_min_interval_us, "shorter intervals there are counted, but not reported more often, in us (100)");

module_param_named(dev_budget, co_dev_budget, uint, 0644);
MODULE_PARM_DESC(dev_budget, "expiries of a user there that are dealt with at once, in a second; others wait for a thread or the program (10000)");

module_param_named(selftest, co_dev_selftest, bool, 0444);
MODULE_PARM_DESC(selftest, "let CALLOUT_IOC_TEST run scenarios in the kernel (N)");

void co_set_handler_warn_us(unsigned int us)
{
	WRITE_ONCE(co_handler_warn_us, us);
	WRITE_ONCE(co_handler_warn_cycles, us ? co_cheap_from_us(us) : U64_MAX);
}

/*
 * Where ticks lie on the monotonic clock: they advance by TICK_NSEC of it each, so one point fixes
 * all. The tick itself is not exported; look when jiffies change, and take the earliest look of a
 * few. What is seen late makes tick callouts late by as much, never early.
 */
static void find_ticks(void)
{
	u64 origin = U64_MAX, seen;
	unsigned long j;
	int i;

	for (i = 0; i < 4; i++) {
		j = jiffies;
		while (jiffies == j)
			cpu_relax();
		j = jiffies;
		seen = ktime_get() - (u64)j * TICK_NSEC;
		if (!i || (s64)(seen - origin) < 0)
			origin = seen;
	}
	callout_tick_origin = ~origin;
}

static int __init callout_module_init(void)
{
	int err;

	if (co_default_precision_pct > 100) {
		pr_err("callout: default_precision_pct %u: is 0 to 100\n", co_default_precision_pct);
		return -ERANGE;
	}
	co_set_handler_warn_us(co_handler_warn_us);
	find_ticks();
	err = co_percpu_init();
	if (err)
		return err;
	err = co_clocks_init(clock, mode, frequency_hz);
	if (err)
		goto err_clocks;
	err = co_sysfs_init();
	if (err)
		goto err_clocks;
	co_stats_init();
	co_watchdog_init();
	err = co_idle_init();
	if (err)
		goto err_idle;
	err = co_chardev_init();
	if (err)
		goto err_chardev;
	return 0;

err_chardev:
	co_idle_exit();
err_idle:
	co_watchdog_exit();
	co_stats_exit();
	co_sysfs_exit();
err_clocks:
	co_clocks_exit();
	co_percpu_exit();
	return err;
}

static void __exit callout_module_exit(void)
{
	co_chardev_exit();
	co_idle_exit();
	co_watchdog_exit();
	co_stats_exit();
	co_sysfs_exit();
	co_clocks_exit();
	co_percpu_exit();
}

module_init(callout_module_init);
module_exit(callout_module_exit);
MODULE_DESCRIPTION("callout(9): timers with an atomic stop");
MODULE_LICENSE("GPL");
MODULE_VERSION(CALLOUT_VERSION);
