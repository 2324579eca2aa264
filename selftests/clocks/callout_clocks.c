// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the clock in use beside hrtimers: two chains of timers on one CPU, each of which arms itself anew
 * for a random time, run at once, until both have expired so often as asked for.
 *
 * With pend=N instead: N callouts come due one after the other, on all CPUs, over ten seconds, and insmod returns
 * at once. Afterwards /sys/module/callout_clocks/parameters tells how many are missing, were early, and how
 * late the last was (but for time that the machine slept).
 *
 * With slow_us=N also: on the last CPU a callout that wants to be called again in 10 us, and whose handler takes N us.
 * That CPU must have time for a task nevertheless.
 *
 * With hog_ms=N also: on the same CPU interrupts are off for N ms, again and again, until insmod is done.
 *
 * With read_ms=N instead: the clock's counter is read for so long, and must not go back where its generation is the
 * same, whatever is changed meanwhile.
 *
 * insmod does the work, prints "callout_clocks: NAME expiries early elsewhere least_ns p50_ns p999_ns max_ns" for
 * each of the two (of how late they were), and fails if an expiry was early or on another CPU, or if one is missing.
 */
#include <linux/callout.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/smp.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include "../../module/compat/compat.h"

static int expiries = 2000;
module_param(expiries, int, 0444);
MODULE_PARM_DESC(expiries, "of each chain (2000)");
static int cpu = -1;
module_param(cpu, int, 0444);
MODULE_PARM_DESC(cpu, "to run on (the last that is online)");
static int mean_us = 1000;
module_param(mean_us, int, 0444);
MODULE_PARM_DESC(mean_us, "from one expiry to the next, in us (1000)");
static int window_us;
module_param(window_us, int, 0444);
MODULE_PARM_DESC(window_us, "how much later than its earliest time a callout may run, in us (0)");

static int slow_us;
module_param(slow_us, int, 0444);
MODULE_PARM_DESC(slow_us, "how long a handler takes that is always late, in us (0: there is none)");

static int hog_ms;
module_param(hog_ms, int, 0444);
MODULE_PARM_DESC(hog_ms, "how long interrupts are off at a time, in ms (0)");

static int read_ms;
module_param(read_ms, int, 0444);
MODULE_PARM_DESC(read_ms, "how long to read the clock's counter, in ms (0)");

static int pend;
module_param(pend, int, 0444);
MODULE_PARM_DESC(pend, "leave so many callouts pending (0)");
static int missing, early;
module_param(missing, int, 0444);
module_param(early, int, 0444);
static ulong late_us;
module_param(late_us, ulong, 0444);

struct pending {
	struct callout c;
	u64 due;
};

static struct pending *pendings;

struct chain {
	const char *name;
	struct rnd_state rnd;
	u64 due;
	u32 *late;
	int n, early, elsewhere;
	struct completion done;
};

static struct chain callouts = { .name = "callout" }, hrtimers = { .name = "hrtimer" };
static DEFINE_RAW_SPINLOCK(lock);
static DEFINE_RAW_SPINLOCK(slow_lock);
static DECLARE_COMPLETION(task_ran);
static struct callout co, slow;
static struct hrtimer hrt;

/* Records an expiry. True if there is to be another, at chain.due. */
static bool expired(struct chain *c)
{
	u64 now = ktime_get();

	if (now < c->due)
		c->early++;
	if (smp_processor_id() != cpu)
		c->elsewhere++;
	c->late[c->n++] = now < c->due ? 0 : min_t(u64, now - c->due, U32_MAX);
	c->due = now + (u64)(mean_us / 5 + prandom_u32_state(&c->rnd) % (mean_us * 8 / 5)) * NSEC_PER_USEC;
	if (c->n < expiries)
		return true;
	complete(&c->done);
	return false;
}

static void on_callout(void *unused)
{
	if (expired(&callouts))
		callout_set_within(&co, callouts.due, callouts.due + window_us * NSEC_PER_USEC, on_callout,
				   NULL);
}

static enum hrtimer_restart on_hrtimer(struct hrtimer *timer)
{
	if (!expired(&hrtimers))
		return HRTIMER_NORESTART;
	hrtimer_set_expires(timer, hrtimers.due);
	return HRTIMER_RESTART;
}

static void begin(void *unused)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	callouts.due = hrtimers.due = ktime_get() + NSEC_PER_MSEC;
	callout_set_within(&co, callouts.due, callouts.due, on_callout, NULL);
	hrtimer_start(&hrt, hrtimers.due, HRTIMER_MODE_ABS_PINNED_HARD);
	raw_spin_unlock_irqrestore(&lock, flags);
}

static void on_slow(void *unused)
{
	u64 begin = ktime_get(), end = begin + slow_us * NSEC_PER_USEC;

	while (ktime_get() < end)
		cpu_relax();
	callout_set_within(&slow, begin + 10 * NSEC_PER_USEC, begin + 10 * NSEC_PER_USEC, on_slow, NULL);
}

static void begin_slow(void *unused)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&slow_lock, flags);
	callout_set_within(&slow, 1, 1, on_slow, NULL);
	raw_spin_unlock_irqrestore(&slow_lock, flags);
}

static void stop(struct callout *c, raw_spinlock_t *its)
{
	unsigned long flags;

	raw_spin_lock_irqsave(its, flags);
	callout_stop(c);
	raw_spin_unlock_irqrestore(its, flags);
}

static void task(struct work_struct *work)
{
	complete(&task_ran);
}

/* With slow_us: has the last CPU time for a task? Ends the callout there. */
static bool time_left(void)
{
	static DECLARE_WORK(work, task);
	bool left;

	schedule_work_on(cpumask_last(cpu_online_mask), &work);
	left = wait_for_completion_timeout(&task_ran, 10 * HZ);
	stop(&slow, &slow_lock);
	flush_work(&work);
	if (!left)
		pr_err("callout_clocks: no time was left\n");
	return left;
}

static int hog(void *unused)
{
	while (!kthread_should_stop()) {
		local_irq_disable();
		mdelay(hog_ms);
		local_irq_enable();
		usleep_range(500, 1000);
	}
	return 0;
}

static struct task_struct *start_hog(void)
{
	struct task_struct *t = hog_ms ? kthread_create(hog, NULL, "callout_hog") : NULL;

	if (IS_ERR_OR_NULL(t))
		return NULL;
	kthread_bind(t, cpu);
	wake_up_process(t);
	return t;
}

static void on_pending(void *arg)
{
	struct pending *p = arg;
	unsigned long flags;
	s64 late = ktime_get() - p->due;

	raw_spin_lock_irqsave(&lock, flags);
	early += late < 0;
	late_us = max_t(ulong, late_us, late < 0 ? 0 : late / NSEC_PER_USEC);
	missing--;
	raw_spin_unlock_irqrestore(&lock, flags);
}

static int leave_pending(void)
{
	int i;

	pendings = vcalloc(pend, sizeof(*pendings));
	if (!pendings)
		return -ENOMEM;
	missing = pend;
	for (i = 0; i < pend; i++) {
		struct pending *p = &pendings[i];

		p->due = ktime_get() + 10ULL * NSEC_PER_SEC / pend * i;
		callout_init(&p->c, 1);
		callout_reset_sbt_on(&p->c, nstosbt(p->due), 0, on_pending, p, i % num_online_cpus(),
				     C_ABSOLUTE);
	}
	return 0;
}

static int read_counter(void)
{
	u64 end = ktime_get() + read_ms * NSEC_PER_MSEC, first, second;
	unsigned int generation;
	int n = 0, back = 0;

	while (ktime_get() < end) {
		generation = callout_clock_generation();
		smp_rmb();	/* The counter between two looks at the generation. */
		first = callout_clock_read();
		if (!(++n % 16))
			cond_resched();
		second = callout_clock_read();
		smp_rmb();
		back += second < first && generation == callout_clock_generation();
	}
	pr_info("callout_clocks: %d of %d readings went back\n", back, n);
	return back ? -EIO : 0;
}

static int by_size(const void *a, const void *b)
{
	return *(const u32 *)a < *(const u32 *)b ? -1 : *(const u32 *)a > *(const u32 *)b;
}

static bool report(struct chain *c)
{
	int n = READ_ONCE(c->n);

	sort(c->late, n, sizeof(*c->late), by_size, NULL);
	pr_info("callout_clocks: %s %d %d %d %u %u %u %u\n", c->name, n, c->early, c->elsewhere,
		c->late[0], c->late[n / 2], c->late[(u64)n * 999 / 1000], c->late[n ? n - 1 : 0]);
	return n == expiries && !c->early && !c->elsewhere;
}

static void make_strong(struct callout *c, raw_spinlock_t *l)
{
	unsigned long flags;

	raw_spin_lock_irqsave(l, flags);
	callout_set_affinity(c, CALLOUT_AFFINITY_STRONG, -1);
	raw_spin_unlock_irqrestore(l, flags);
}

static int __init callout_clocks_init(void)
{
	unsigned long limit = msecs_to_jiffies(20000 + 10ULL * expiries * (mean_us / 1000 + 2 * hog_ms));
	struct task_struct *hogger;
	bool good;

	if (expiries < 1 || mean_us < 5 || pend < 0)
		return -EINVAL;
	if (pend)
		return leave_pending();
	if (read_ms)
		return read_counter();
	callouts.late = vcalloc(expiries, sizeof(u32));
	hrtimers.late = vcalloc(expiries, sizeof(u32));
	if (!callouts.late || !hrtimers.late) {
		vfree(callouts.late);
		vfree(hrtimers.late);
		return -ENOMEM;
	}
	prandom_seed_state(&callouts.rnd, 1);
	prandom_seed_state(&hrtimers.rnd, 2);
	init_completion(&callouts.done);
	init_completion(&hrtimers.done);
	callout_init_lock(&co, &lock, 0);
	callout_init_lock(&slow, &slow_lock, 0);
	/* Not to be run by another CPU while theirs is idle: it is this CPU's clock that is looked at. */
	make_strong(&co, &lock);
	make_strong(&slow, &slow_lock);
	co_hrtimer_setup(&hrt, on_hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	cpus_read_lock();
	if (cpu < 0)
		cpu = cpumask_last(cpu_online_mask);
	if (smp_call_function_single(cpu, begin, NULL, 1)) {
		cpus_read_unlock();
		vfree(callouts.late);
		vfree(hrtimers.late);
		return -EINVAL;
	}
	hogger = start_hog();
	if (slow_us)
		smp_call_function_single(cpumask_last(cpu_online_mask), begin_slow, NULL, 1);
	wait_for_completion_timeout(&callouts.done, limit);
	wait_for_completion_timeout(&hrtimers.done, limit);
	good = !slow_us || time_left();
	cpus_read_unlock();
	if (hogger)
		kthread_stop(hogger);
	hrtimer_cancel(&hrt);
	stop(&co, &lock);
	good &= report(&callouts) & report(&hrtimers);
	vfree(callouts.late);
	vfree(hrtimers.late);
	return good ? 0 : -EIO;
}

static void __exit callout_clocks_exit(void)
{
	int i;

	for (i = 0; i < pend; i++)
		callout_drain(&pendings[i].c);
	vfree(pendings);
}

module_init(callout_clocks_init);
module_exit(callout_clocks_exit);
MODULE_DESCRIPTION("lateness of callouts on the clock in use, beside hrtimers");
MODULE_LICENSE("GPL");
