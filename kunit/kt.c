// SPDX-License-Identifier: GPL-2.0
/*
 * callout_kunit.ko: the suites, and what kt.h promises them.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "kt.h"

/* ---- time ----------------------------------------------------------------------------------- */

static u64 now_ns, start_ns;
static atomic_t places;
static bool timed_out;

u64 kt_now(void)
{
	return READ_ONCE(now_ns);
}

/* A time of this test, in KT_UNIT_NS from its start. */
u64 kt_t(int units)
{
	return start_ns + units * (s64)KT_UNIT_NS;
}

void kt_set(u64 ns)
{
	WRITE_ONCE(now_ns, ns);
	co_clk_fake_set(ns);
}

/* From here on kt_t() counts anew, from some time that is still to come. */
void kt_restart(void)
{
	start_ns = (max_t(u64, now_ns, ktime_get()) / KT_UNIT_NS + 2) * KT_UNIT_NS;
	kt_set(start_ns);
}

/* ---- handlers ------------------------------------------------------------------------------- */

/* Works in any context, also where the tick does. */
bool kt_spin_until(const bool *flag)
{
	u64 end = ktime_get_mono_fast_ns() + jiffies_to_nsecs(KT_PATIENCE);

	while (!smp_load_acquire(flag)) {
		if (ktime_get_mono_fast_ns() > end) {
			WRITE_ONCE(timed_out, true);
			return false;
		}
		cpu_relax();
	}
	return true;
}

/* A handler's @todo or @after: say that it runs, and wait for kt_unblock(). */
void kt_block(struct kt *k)
{
	smp_store_release(&k->entered, true);
	kt_spin_until(&k->go);
}

/* Block where others see the handler running. */
void kt_make_block(struct kt *k)
{
	if (k->kind->unlocked)
		k->after = kt_block;
	else
		k->todo = kt_block;
}

void kt_handler(void *arg)
{
	struct kt *k = arg;
	void (*after)(struct kt *k) = k->after;
	bool unlocked = k->kind->unlocked;

	if (atomic_inc_return(&k->inside) != 1)
		k->overlapped = true;
	if (kt_now() < READ_ONCE(k->earliest))
		k->early = true;
	k->ran_on = raw_smp_processor_id();
	k->ran_at = kt_now();
	k->place = atomic_inc_return(&places);
	atomic_inc(&k->ran);
	if (k->todo)
		k->todo(k);
	if (unlocked)
		kt_release(k, true);
	if (after)
		after(k);
	atomic_dec(&k->inside);
}

/* ---- arming --------------------------------------------------------------------------------- */

int kt_arm_on(struct kt *k, u64 at, int cpu)
{
	int ret;

	k->cpu = cpu;
	kt_call_begin(k);
	ret = kt_arm_held(k, at);
	kt_call_end(k);
	return ret;
}

int kt_arm(struct kt *k, u64 at)
{
	return kt_arm_on(k, at, k->cpu);
}

/* With the lock held. */
int kt_arm_held(struct kt *k, u64 at)
{
	WRITE_ONCE(k->earliest, at);
	return callout_reset_sbt_on(&k->c, nstosbt(at), 0, kt_handler, k, k->cpu,
				    C_ABSOLUTE | k->kind->direct);
}

/* With a window, on the CPU of the last kt_arm(), never direct. */
int kt_within(struct kt *k, u64 earliest, u64 latest)
{
	int ret;

	kt_call_begin(k);
	ret = kt_within_held(k, earliest, latest);
	kt_call_end(k);
	return ret;
}

int kt_within_held(struct kt *k, u64 earliest, u64 latest)
{
	WRITE_ONCE(k->earliest, earliest);
	return callout_set_within(&k->c, earliest, latest, kt_handler, k);
}

int kt_stop(struct kt *k)
{
	int ret;

	kt_call_begin(k);
	ret = callout_stop(&k->c);
	kt_call_end(k);
	return ret;
}

/* ---- interrupts ----------------------------------------------------------------------------- */

static void nap(void)
{
	ktime_t t = 100 * NSEC_PER_USEC;

	set_current_state(TASK_IDLE);
	schedule_hrtimeout_range(&t, 0, HRTIMER_MODE_REL_PINNED);
}

static struct callout markers[CO_NCTX];
static struct completion marked[CO_NCTX];

static void marker_ran(void *arg)
{
	complete(arg);
}

static void markers_init(void)
{
	enum co_ctx ctx;

	for (ctx = 0; ctx < CO_NCTX; ctx++) {
		__callout_init(&markers[ctx], ctx == CO_THREAD ? CO_LOCK_NONE_THREAD : CO_LOCK_NONE, NULL,
			       0);
		init_completion(&marked[ctx]);
	}
}

/* Interrupts as long as the clock is armed for a time that has come: it leaves them to us. */
void kt_serve(int cpu)
{
	int i;

	for (i = 0; i < 1000 && co_clk_fake_armed(cpu) <= kt_now(); i++)
		co_clk_fake_interrupt(cpu);
}

static void nothing(void *unused)
{
}

/* Have a marker run in one context. It is behind all that is due, by the queue's order. */
static void flush(struct kunit *test, int cpu, enum co_ctx ctx)
{
	unsigned long end = jiffies + KT_PATIENCE;
	struct callout *c = &markers[ctx];
	ktime_t at = kt_now();

	reinit_completion(&marked[ctx]);
	callout_set_affinity(c, CALLOUT_AFFINITY_STRONG, cpu);
	if (ctx == CO_HARD) {
		callout_reset_sbt_on(c, nstosbt(at), 0, marker_ran, &marked[ctx], cpu,
				     C_ABSOLUTE | C_DIRECT_EXEC);
		kt_set(at + 1);		/* the conversion may have rounded up */
	} else {
		callout_set_within(c, at, at, marker_ran, &marked[ctx]);
	}
	co_clk_fake_interrupt(cpu);
	while (!try_wait_for_completion(&marked[ctx]) && time_before(jiffies, end)) {
		kt_serve(cpu);
		nap();
	}
	callout_drain(c);
	KUNIT_ASSERT_TRUE_MSG(test, time_before(jiffies, end), "context %d of CPU %d is stuck", ctx, cpu);
	/* Who has run it looks once more, and then arms the clock with interrupts off. */
	while (READ_ONCE(kt_base(cpu)->raised) & BIT(ctx) && time_before(jiffies, end))
		nap();
	smp_call_function_single(cpu, nothing, NULL, 1);
}

/*
 * Wait until all that is due on a CPU has been run or found busy. Time goes on by some nanoseconds, so that
 * the markers come last.
 */
void kt_flush(struct kunit *test, int cpu)
{
	enum co_ctx ctx;

	kt_set(kt_now() + 1);
	for (ctx = 0; ctx < CO_NCTX; ctx++)
		flush(test, cpu, ctx);
}

/* The interrupt, and all that follows from it. */
void kt_fire(struct kunit *test, int cpu)
{
	co_clk_fake_interrupt(cpu);
	kt_flush(test, cpu);
}

/* Move time, and run on KT_CPU what is due then. */
void kt_run_until(struct kunit *test, u64 ns)
{
	kt_set(ns);
	kt_fire(test, KT_CPU);
}

static int fire(void *arg)
{
	co_clk_fake_interrupt((long)arg);
	return 0;
}

/* The interrupt, for handlers that block: does not wait. */
void kt_fire_async(struct kunit *test, struct kt_thread *t, int cpu)
{
	kt_start(test, t, fire, (void *)(long)cpu, KT_CPU3);
}

/* ---- threads -------------------------------------------------------------------------------- */

/*
 * Threads are made beforehand, and waits are for pinned timers: a handler that blocks KT_CPU would keep
 * the thread that makes threads, or a timer that moved there, waiting with it.
 */
static struct worker {
	struct task_struct *task;
	struct kt_thread *job;
} workers[6];

static int worker_main(void *arg)
{
	struct worker *w = arg;

	for (;;) {
		struct kt_thread *t;

		set_current_state(TASK_INTERRUPTIBLE);
		t = smp_load_acquire(&w->job);
		if (!t) {
			if (kthread_should_stop())
				break;
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		t->ret = t->fn(t->arg);
		w->job = NULL;
		smp_store_release(&t->done, true);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void workers_stop(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(workers) && workers[i].task; i++)
		kthread_stop(workers[i].task);
}

static int workers_start(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(workers); i++) {
		struct task_struct *task = kthread_run(worker_main, &workers[i], "kt/%u", i);

		if (IS_ERR(task)) {
			workers_stop();
			return PTR_ERR(task);
		}
		workers[i].task = task;
	}
	return 0;
}

void kt_sleep_ms(int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);

	while (time_before(jiffies, end))
		nap();
}

/* kt_join() is to follow. */
void kt_start(struct kunit *test, struct kt_thread *t, int (*fn)(void *arg), void *arg, int cpu)
{
	struct worker *w = workers;

	while (w < workers + ARRAY_SIZE(workers) && READ_ONCE(w->job))
		w++;
	KUNIT_ASSERT_TRUE_MSG(test, w < workers + ARRAY_SIZE(workers), "too many threads");
	t->fn = fn;
	t->arg = arg;
	t->done = false;
	t->task = w->task;
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(w->task, cpumask_of(cpu)), 0);
	smp_store_release(&w->job, t);
	wake_up_process(w->task);
}

/* Until it has come to its end. @t may be on the caller's stack, so it is waited for in any case. */
int kt_join(struct kunit *test, struct kt_thread *t)
{
	unsigned long end = jiffies + 2 * KT_PATIENCE;

	while (!smp_load_acquire(&t->done)) {
		if (time_after(jiffies, end)) {
			KUNIT_FAIL(test, "a thread has not come to its end");
			end = jiffies + MAX_JIFFY_OFFSET;
		}
		nap();
	}
	return t->ret;
}

/* Until it waits for something, unless it is done before; true for what drains a handler that blocks. */
void kt_wait_asleep(struct kunit *test, struct task_struct *task, const bool *done)
{
	unsigned long end = jiffies + KT_PATIENCE / 2;

	while (READ_ONCE(task->__state) != TASK_UNINTERRUPTIBLE) {
		if ((done && smp_load_acquire(done)) || time_after(jiffies, end)) {
			KUNIT_FAIL(test, "a thread does not wait");
			return;
		}
		nap();
	}
}

void kt_wait_for(struct kunit *test, const bool *flag)
{
	unsigned long end = jiffies + KT_PATIENCE;

	while (!smp_load_acquire(flag)) {
		if (time_after(jiffies, end)) {
			KUNIT_FAIL(test, "it never happens");
			return;
		}
		nap();
	}
}

/* Until the handler has been called so often, and has done what tests look at. */
void kt_wait_ran(struct kunit *test, struct kt *k, int n)
{
	unsigned long end = jiffies + KT_PATIENCE;

	while (atomic_read(&k->ran) < n || atomic_read(&k->inside)) {
		if (time_after(jiffies, end)) {
			KUNIT_FAIL(test, "it has run %d times of %d", atomic_read(&k->ran), n);
			return;
		}
		nap();
	}
}

static int hold(void *arg)
{
	struct kt_holder *h = arg;

	kt_lock(h->k);
	smp_store_release(&h->held, true);
	kt_spin_until(&h->go);
	return h->then(h->k);
}

/* Have the lock held by another thread, which in the end calls @then; that is to release it. */
void kt_hold(struct kunit *test, struct kt_holder *h, struct kt *k, int (*then)(struct kt *k))
{
	h->k = k;
	h->then = then;
	h->held = false;
	h->go = false;
	kt_start(test, &h->thread, hold, h, KT_CPU2);
	kt_wait_for(test, &h->held);
}

int kt_let_go(struct kunit *test, struct kt_holder *h)
{
	smp_store_release(&h->go, true);
	return kt_join(test, &h->thread);
}

/* For kt_hold(). */
int kt_stop_and_free(struct kt *k)
{
	int ret = callout_stop(&k->c);

	kt_unlock(k);
	kfree(k);
	return ret;
}

/* How many wait for a base lock: none, one, or more. */
static int waiters(int cpu)
{
	u32 val = atomic_read(&per_cpu(co_bases, cpu).lock.raw_lock.val);

	return val & _Q_TAIL_MASK ? 2 : val & _Q_PENDING_MASK ? 1 : 0;
}

static void until_waited_for(struct kt_base_holder *h, int cpu)
{
	u64 end = ktime_get_mono_fast_ns() + jiffies_to_nsecs(KT_PATIENCE);

	while (waiters(cpu) < 2 && !smp_load_acquire(&h->go)) {
		if (ktime_get_mono_fast_ns() > end) {
			WRITE_ONCE(timed_out, true);
			break;
		}
		cpu_relax();
	}
}

static int hold_bases(void *arg)
{
	struct kt_base_holder *h = arg;
	raw_spinlock_t *first = &per_cpu(co_bases, h->cpus[0]).lock;
	raw_spinlock_t *second = h->cpus[1] < 0 ? NULL : &per_cpu(co_bases, h->cpus[1]).lock;
	unsigned long flags;

	raw_spin_lock_irqsave(first, flags);
	if (second)
		raw_spin_lock_nested(second, SINGLE_DEPTH_NESTING);
	smp_store_release(&h->held, true);
	until_waited_for(h, h->cpus[0]);
	raw_spin_unlock(first);
	if (second) {
		until_waited_for(h, h->cpus[1]);
		raw_spin_unlock(second);
	}
	local_irq_restore(flags);
	return 0;
}

/* On KT_CPU2, which is deaf until it lets go. @cpu2 is greater than @cpu, or -1. */
void kt_hold_bases(struct kunit *test, struct kt_base_holder *h, int cpu, int cpu2)
{
	h->cpus[0] = cpu;
	h->cpus[1] = cpu2;
	h->held = false;
	h->go = false;
	kt_start(test, &h->thread, hold_bases, h, KT_CPU2);
	kt_wait_for(test, &h->held);
}

/* Until someone waits for a base that is held: who comes from now on comes after him. */
void kt_wait_contended(struct kunit *test, int cpu)
{
	unsigned long end = jiffies + KT_PATIENCE / 2;

	while (!waiters(cpu)) {
		if (time_after(jiffies, end)) {
			KUNIT_FAIL(test, "nobody wants CPU %d's base", cpu);
			return;
		}
		nap();
	}
}

void kt_let_go_bases(struct kunit *test, struct kt_base_holder *h)
{
	smp_store_release(&h->go, true);
	kt_join(test, &h->thread);
}

/* Have the handler, which was made to block, run on its CPU. */
void kt_run_blocked(struct kunit *test, struct kt_thread *t, struct kt *k)
{
	kt_fire_async(test, t, k->cpu);
	kt_wait_for(test, &k->entered);
}

/* Let it return, and wait until it has. */
void kt_unblock(struct kunit *test, struct kt_thread *t, struct kt *k)
{
	smp_store_release(&k->go, true);
	kt_join(test, t);
	kt_flush(test, k->cpu);
}

struct co_stats kt_stats(void)
{
	struct co_stats s;

	co_stats_sum(&s);
	return s;
}

/* Of all classes. */
u64 kt_armed(void)
{
	struct co_stats s = kt_stats();

	return s.of[CO_AFF_NONE].armed + s.of[CO_AFF_WEAK].armed + s.of[CO_AFF_STRONG].armed + s.of[CO_AFF_ON].armed;
}

u64 kt_migrated(void)
{
	struct co_stats s = kt_stats();

	return s.of[CO_AFF_NONE].migrated + s.of[CO_AFF_WEAK].migrated + s.of[CO_AFF_STRONG].migrated +
	       s.of[CO_AFF_ON].migrated;
}

/* ---- tests begin and end -------------------------------------------------------------------- */

struct kt *kt_new(struct kunit *test, const struct kt_kind *kind)
{
	struct kt *k = kzalloc(sizeof(*k), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, k);
	k->kind = kind;
	k->cpu = KT_CPU;
	kt_init_lock(k);
	list_add_tail(&k->link, test->priv);
	return k;
}

/* It is about to be freed by the test. */
void kt_forget(struct kt *k)
{
	list_del(&k->link);
}

int kt_suite_init(struct kunit_suite *suite)
{
	if (num_online_cpus() < 4) {
		pr_err("callout_kunit: needs 4 CPUs\n");
		return -EINVAL;
	}
	return 0;
}

int kt_init(struct kunit *test)
{
	struct list_head *all = kunit_kzalloc(test, sizeof(*all), GFP_KERNEL);

	if (!all)
		return -ENOMEM;
	INIT_LIST_HEAD(all);
	test->priv = all;
	atomic_set(&places, 0);
	timed_out = false;
	kt_restart();
	return set_cpus_allowed_ptr(current, cpumask_of(0));
}

void kt_exit(struct kunit *test)
{
	struct list_head *all = test->priv;
	struct kt *k, *next;

	if (!all)
		return;
	list_for_each_entry(k, all, link)
		smp_store_release(&k->go, true);
	list_for_each_entry_safe(k, next, all, link) {
		kt_stop(k);
		callout_drain(&k->c);
		kfree(k);
	}
	KUNIT_EXPECT_FALSE_MSG(test, timed_out, "something waited in vain");
}

static int __init kt_module_init(void)
{
	markers_init();
	return workers_start();
}

kunit_test_suites(&kt_suite_returns, &kt_suite_races, &kt_suite_cpus, &kt_suite_frees, &kt_suite_order,
		  &kt_suite_windows, &kt_suite_clocks, &kt_suite_fanout, &kt_suite_heap, &kt_suite_growth,
		  &kt_suite_convert, &kt_suite_misuse, &kt_suite_affinity, &kt_suite_sleep, &kt_suite_device);

static void __exit kt_module_exit(void)
{
	enum co_ctx ctx;

	for (ctx = 0; ctx < CO_NCTX; ctx++)
		callout_drain(&markers[ctx]);
	workers_stop();
}

module_init(kt_module_init);
module_exit(kt_module_exit);
MODULE_IMPORT_NS(CO_TEST_NAMESPACE);
MODULE_DESCRIPTION("KUnit suites of callout");
MODULE_LICENSE("GPL");
