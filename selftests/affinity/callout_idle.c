// SPDX-License-Identifier: GPL-2.0
/*
 * Timers that idle CPUs hold, while CPU 0 is busy: how often were those CPUs interrupted, and were the timers late?
 *
 * Each of the last `holders` CPUs arms its share, from a task, one-shot, for times spread over the whole run, and is
 * left alone then. With a window it is also told how many interrupts would have been enough for all, had they been
 * known ahead. With beside=1 CPU 0 has as many hrtimers of its own, pinned, for other times: they are as late as this
 * virtual CPU makes any timer, which waits for its turn on a real one more often than one that sleeps does.
 *
 * insmod, to be run on CPU 0, does the work and prints "callout_idle: KIND ran early late beside_late p50_us p999_us
 * at_holders interrupts optimum": late is the number of those that ran more than 1 ms after the end of their window,
 * beside_late the same of CPU 0's own, at_holders of those that ran on one of the holders, interrupts all that the local
 * timers of these made. It fails if a timer did not run once, or a callout was early.
 */
#include <linux/delay.h>
#include <linux/prandom.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include "cpus.h"
#include "timers.h"

static int timers = 1000;
module_param(timers, int, 0444);
MODULE_PARM_DESC(timers, "in all (1000)");
static int seconds = 10;
module_param(seconds, int, 0444);
MODULE_PARM_DESC(seconds, "over which they are spread (10)");
static int holders = 1;
module_param(holders, int, 0444);
MODULE_PARM_DESC(holders, "CPUs that hold them, from the last on (1)");
static int window_us;
module_param(window_us, int, 0444);
MODULE_PARM_DESC(window_us, "how much later than its earliest time each may run (0)");
static bool beside;
module_param(beside, bool, 0444);
MODULE_PARM_DESC(beside, "as many hrtimers of CPU 0's own at the same time (no)");

/* Until the CPUs have come to rest, and after the last is due. */
#define SETTLE_MS	500

struct held {
	struct timer timer;
	u64 at, ran_at;
	unsigned int ran_on;
	atomic_t runs;
	struct hrtimer own;	/* CPU 0's, for another time */
	u64 own_at, own_ran_at;
};

static struct held *held;
static unsigned int first_holder;

static void expired(struct timer *t)
{
	struct held *h = container_of(t, struct held, timer);

	h->ran_at = ktime_get();
	h->ran_on = smp_processor_id();
	atomic_inc(&h->runs);
}

static enum hrtimer_restart own_expired(struct hrtimer *t)
{
	container_of(t, struct held, own)->own_ran_at = ktime_get();
	return HRTIMER_NORESTART;
}

/* On the CPU that is to hold them: every holders-th. */
static long arm_share(void *first)
{
	int i;

	for (i = (long)first; kind != NOTHING && i < timers; i += holders) {
		local_bh_disable();
		timer_arm(&held[i].timer, held[i].at, window_us * NSEC_PER_USEC);
		local_bh_enable();
	}
	return 0;
}

static u64 interrupts(void)
{
	unsigned int cpu;
	u64 n = 0;

	for (cpu = first_holder; cpu < first_holder + holders; cpu++)
		n += timer_interrupts(cpu);
	return n;
}

static int by_time(const void *a, const void *b)
{
	return *(const u64 *)a < *(const u64 *)b ? -1 : *(const u64 *)a > *(const u64 *)b;
}

/* The fewest times such that each window has one: always the end of the first that has none yet. */
static int optimum(u64 *at)
{
	u64 last = 0;
	int i, n = 0;

	for (i = 0; i < timers; i++)
		at[i] = held[i].at;
	sort(at, timers, sizeof(*at), by_time, NULL);
	for (i = 0; i < timers; i++) {
		if (at[i] > last) {
			last = at[i] + window_us * NSEC_PER_USEC;
			n++;
		}
	}
	return n;
}

static int report(u64 *by_size, u64 taken)
{
	int i, ran = 0, once = 0, early = 0, late = 0, beside_late = 0, at_holders = 0;
	u64 p50, p999;

	for (i = 0; i < timers; i++) {
		const struct held *h = &held[i];
		u64 latest = h->at + window_us * NSEC_PER_USEC;

		beside_late += beside && (!h->own_ran_at || h->own_ran_at > h->own_at + NSEC_PER_MSEC);
		if (!atomic_read(&h->runs))
			continue;
		once += atomic_read(&h->runs) == 1;
		early += h->ran_at < h->at;
		late += h->ran_at > latest + NSEC_PER_MSEC;
		at_holders += h->ran_on >= first_holder;
		by_size[ran++] = h->ran_at > latest ? h->ran_at - latest : 0;
	}
	sort(by_size, ran, sizeof(*by_size), by_time, NULL);
	by_size[ran] = ran ? by_size[ran - 1] : 0;
	p50 = by_size[ran / 2] / NSEC_PER_USEC;
	p999 = by_size[(u64)ran * 999 / 1000] / NSEC_PER_USEC;
	pr_info("callout_idle: %s %d %d %d %d %llu %llu %d %llu %d\n", kind_name, ran, early, late, beside_late, p50,
		p999, at_holders, taken, optimum(by_size));
	return kind == NOTHING || (once == timers && (!early || kind == WHEEL)) ? 0 : -EIO;
}

static u64 some_time(u64 begin, struct rnd_state *rnd)
{
	return begin + (u64)prandom_u32_state(rnd) % (seconds * USEC_PER_SEC) * NSEC_PER_USEC;
}

static void prepare(void)
{
	u64 begin = ktime_get() + 2 * SETTLE_MS * NSEC_PER_MSEC;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < timers; i++) {
		struct held *h = &held[i];

		timer_init(&h->timer, expired, NULL);
		h->at = some_time(begin, &rnd);
		h->own_at = some_time(begin, &rnd);
		co_hrtimer_setup(&h->own, own_expired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_SOFT);
		if (beside)
			hrtimer_start(&h->own, h->own_at, HRTIMER_MODE_ABS_PINNED_SOFT);
	}
}

static int __init callout_idle_init(void)
{
	int err = choose_kind(), i;
	u64 *times, before;

	if (err || timers < 1 || seconds < 1 || holders < 1 || holders >= num_online_cpus())
		return -EINVAL;
	first_holder = num_online_cpus() - holders;
	held = vcalloc(timers, sizeof(*held));
	times = vcalloc(timers + 1, sizeof(*times));
	err = held && times ? keep_busy(0) : -ENOMEM;
	if (err)
		goto out;
	prepare();
	for (i = 0; i < holders; i++)
		work_on_cpu(first_holder + i, arm_share, (void *)(long)i);
	msleep(SETTLE_MS);
	before = interrupts();
	msleep(2 * SETTLE_MS + seconds * 1000);
	before = interrupts() - before;
	for (i = 0; i < timers; i++) {
		timer_end(&held[i].timer);
		hrtimer_cancel(&held[i].own);
	}
	let_idle();
	err = report(times, before);
out:
	vfree(times);
	vfree(held);
	return err;
}

static void __exit callout_idle_exit(void)
{
}

module_init(callout_idle_init);
module_exit(callout_idle_exit);
MODULE_DESCRIPTION("timers that idle CPUs hold");
MODULE_LICENSE("GPL");
