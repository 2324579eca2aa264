// SPDX-License-Identifier: GPL-2.0
/*
 * Do callouts run where they were asked to, and each once? While CPUs go offline and come online all the time, and sleep
 * in between; or with busy=1, while they stay and are busy.
 *
 * Each of 96 callouts is named for one CPU, and has a raw spinlock, none, or a mutex, so that all contexts are seen; it has
 * a window or not. It is armed anew by its handler, wherever that runs, or by a worker. Where CPUs are busy it is armed by
 * workers on other CPUs only, for 1 to 95 ms later.
 *
 * "Elsewhere" is what ran on another CPU although its own was online from before its deadline on until it ran: it
 * should have stayed, or come home with the CPU. "Displaced" ran on another CPU while its own was coming, going or
 * offline, or had come too late for it.
 *
 *	hotplug			handler
 *	turn odd
 *	remove_cpu()
 *	add_cpu()
 *	came = now
 *	turn even
 *				reads turn, came, turn: even and the same. deadline > came: the CPU is to be its own
 *
 * insmod does the work, prints "callout_home: CLASS expiries home displaced elsewhere early doubled lost hotplugs" and
 * fails if there are such as are early, doubled or lost, or strong and elsewhere.
 */
#include <linux/callout.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include "cpus.h"

static int expiries = 10000;
module_param(expiries, int, 0444);
MODULE_PARM_DESC(expiries, "in all (10000)");
static char *class = "strong";
module_param(class, charp, 0444);
MODULE_PARM_DESC(class, "strong, weak or none (strong)");
static bool busy_cpus;
module_param_named(busy, busy_cpus, bool, 0444);
MODULE_PARM_DESC(busy, "CPUs stay and are busy, and others than its own arm a callout, for soon (no)");

#define CALLOUTS	96
#define LOST_AFTER_MS	20000

enum context { HARD, SOFT, THREAD, CONTEXTS };

struct resident {
	struct callout c;
	raw_spinlock_t raw;
	struct mutex mutex;
	enum context context;
	unsigned int home;
	struct rnd_state rnd;
	u64 at;
	unsigned int arms, runs;
	int free;		/* whoever makes it 0 may arm it */
};

static struct resident *residents;
static DEFINE_PER_CPU(struct task_struct *, worker);
static DEFINE_PER_CPU(unsigned int, turn);
static DEFINE_PER_CPU(u64, came);
static atomic_t ran, homes, displaced, elsewhere, early, doubled, armed;
static unsigned int offlined;

static void lock(struct resident *r, unsigned long *flags)
{
	if (r->context == HARD)
		raw_spin_lock_irqsave(&r->raw, *flags);
	else if (r->context == THREAD)
		mutex_lock(&r->mutex);
}

static void unlock(struct resident *r, unsigned long flags)
{
	if (r->context == HARD)
		raw_spin_unlock_irqrestore(&r->raw, flags);
	else if (r->context == THREAD)
		mutex_unlock(&r->mutex);
}

/* Has its CPU been there from before its deadline on? */
static bool was_there(const struct resident *r)
{
	unsigned int before = READ_ONCE(per_cpu(turn, r->home));
	bool there;

	smp_rmb();	/* The three reads in their order; pairs with cycle(). */
	there = !(before & 1) && r->at > READ_ONCE(per_cpu(came, r->home));
	smp_rmb();	/* Likewise. */
	return there && before == READ_ONCE(per_cpu(turn, r->home));
}

static void expired(void *arg);

/* The lock is held, and nobody else arms it. */
static void arm(struct resident *r)
{
	u64 in = busy_cpus ? NSEC_PER_MSEC + prandom_u32_state(&r->rnd) % (94 * NSEC_PER_MSEC) :
			     50 * NSEC_PER_USEC + prandom_u32_state(&r->rnd) % (4 * NSEC_PER_MSEC);
	u64 window = prandom_u32_state(&r->rnd) & 1 ? prandom_u32_state(&r->rnd) % NSEC_PER_MSEC : 0;

	/* One in 16 is for later than it takes a CPU to go and to come. */
	if (!busy_cpus && !(prandom_u32_state(&r->rnd) % 16))
		in += 100 * NSEC_PER_MSEC;
	r->arms++;
	r->at = ktime_get() + in;
	if (callout_set_within(&r->c, r->at, r->at + window, expired, r))
		atomic_inc(&doubled);
}

static void expired(void *arg)
{
	struct resident *r = arg;

	if (++r->runs != r->arms)
		atomic_inc(&doubled);
	if (ktime_get() < r->at)
		atomic_inc(&early);
	if (raw_smp_processor_id() == r->home)
		atomic_inc(&homes);
	else if (was_there(r))
		atomic_inc(&elsewhere);
	else
		atomic_inc(&displaced);
	atomic_inc(&ran);
	if (!busy_cpus && prandom_u32_state(&r->rnd) & 1 && atomic_inc_return(&armed) <= expiries)
		arm(r);
	else
		smp_store_release(&r->free, 1);
}

/* On each CPU: arms what is free. */
static int work(void *unused)
{
	unsigned long flags = 0;
	unsigned int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < CALLOUTS; i++) {
			struct resident *r = &residents[i];

			if (busy_cpus && r->home == raw_smp_processor_id())
				continue;
			if (cmpxchg(&r->free, 1, 0) != 1)
				continue;
			if (atomic_inc_return(&armed) > expiries) {
				WRITE_ONCE(r->free, 1);
				break;
			}
			lock(r, &flags);
			arm(r);
			unlock(r, flags);
		}
		usleep_range(200, 1000);
	}
	return 0;
}

static void cycle(unsigned int cpu)
{
	WRITE_ONCE(per_cpu(turn, cpu), per_cpu(turn, cpu) + 1);
	smp_mb();	/* Odd before it goes; pairs with was_there(). */
	if (!remove_cpu(cpu))
		offlined++;
	usleep_range(1000, 20000);
	if (add_cpu(cpu))
		pr_err("callout_home: CPU %u does not come back\n", cpu);
	WRITE_ONCE(per_cpu(came, cpu), ktime_get());
	smp_wmb();	/* Even when it is known since when; pairs with was_there(). */
	WRITE_ONCE(per_cpu(turn, cpu), per_cpu(turn, cpu) + 1);
	usleep_range(1000, 20000);
}

static void prepare(enum callout_affinity affinity)
{
	unsigned int i;

	for (i = 0; i < CALLOUTS; i++) {
		struct resident *r = &residents[i];

		raw_spin_lock_init(&r->raw);
		mutex_init(&r->mutex);
		r->context = i % CONTEXTS;
		r->home = i / CONTEXTS % num_online_cpus();
		r->free = 1;
		prandom_seed_state(&r->rnd, i + 1);
		if (r->context == HARD)
			callout_init_lock(&r->c, &r->raw, 0);
		else if (r->context == SOFT)
			callout_init(&r->c, 1);
		else
			callout_init_lock(&r->c, &r->mutex, 0);
		callout_set_affinity(&r->c, affinity, r->home);
	}
}

static int start(void)
{
	unsigned int cpu;
	int err = 0;

	for_each_online_cpu(cpu) {
		err = busy_cpus ? keep_busy(cpu) : 0;
		if (err)
			return err;
	}
	/* Until all are, and known to be. */
	msleep(100);
	for_each_online_cpu(cpu) {
		/* Where CPUs go and come, on any. */
		struct task_struct *t = busy_cpus ? kthread_run_on_cpu(work, NULL, cpu, "callout_home/%u") :
						    kthread_run(work, NULL, "callout_home/%u", cpu);

		if (IS_ERR(t))
			return PTR_ERR(t);
		per_cpu(worker, cpu) = t;
	}
	return 0;
}

static void stop(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		if (per_cpu(worker, cpu))
			kthread_stop(per_cpu(worker, cpu));
	}
	let_idle();
}

/* Until as many have run as were armed. */
static int wait_for_all(void)
{
	unsigned int cpu = 0;
	int before = -1, quiet = 0;

	while (atomic_read(&ran) < expiries && quiet * 100 < LOST_AFTER_MS) {
		int now = atomic_read(&ran);

		quiet = now == before ? quiet + 1 : 0;
		before = now;
		if (busy_cpus) {
			msleep(100);
			continue;
		}
		cpu = cpu + 1 < num_present_cpus() ? cpu + 1 : 1;
		cycle(cpu);
		if (quiet)
			msleep(100);
	}
	return expiries - atomic_read(&ran);
}

static int __init callout_home_init(void)
{
	static const char *const classes[] = {
		[CALLOUT_AFFINITY_NONE] = "none",
		[CALLOUT_AFFINITY_WEAK] = "weak",
		[CALLOUT_AFFINITY_STRONG] = "strong",
	};
	int affinity = match_string(classes, ARRAY_SIZE(classes), class), err, lost, i;

	if (affinity < 0)
		return -EINVAL;
	residents = kcalloc(CALLOUTS, sizeof(*residents), GFP_KERNEL);
	if (!residents)
		return -ENOMEM;
	prepare(affinity);
	err = start();
	lost = err ? 0 : wait_for_all();
	stop();
	for (i = 0; i < CALLOUTS; i++)
		callout_drain(&residents[i].c);
	pr_info("callout_home: %s %d %d %d %d %d %d %d %u\n", class, atomic_read(&ran), atomic_read(&homes),
		atomic_read(&displaced), atomic_read(&elsewhere), atomic_read(&early), atomic_read(&doubled), lost,
		offlined);
	kfree(residents);
	if (lost || atomic_read(&early) || atomic_read(&doubled))
		err = -EIO;
	if (affinity == CALLOUT_AFFINITY_STRONG && atomic_read(&elsewhere))
		err = -EIO;
	return err;
}

static void __exit callout_home_exit(void)
{
}

module_init(callout_home_init);
module_exit(callout_home_exit);
MODULE_DESCRIPTION("callouts that are named for CPUs");
MODULE_LICENSE("GPL");
