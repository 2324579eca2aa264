// SPDX-License-Identifier: GPL-2.0
/*
 * callout_kunit.ko: the suites, and what kt.h promises them.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include "kt.h"

/* ---- kinds of callouts ---------------------------------------------------------------------- */

#define UNLOCKED CALLOUT_RETURNUNLOCKED
#define DIRECT C_DIRECT_EXEC

const struct kt_kind kt_none = { "none", KT_NONE };
const struct kt_kind kt_none_direct = { "none direct", KT_NONE, 0, DIRECT };
const struct kt_kind kt_raw = { "raw", KT_RAW };
const struct kt_kind kt_spin = { "spin", KT_SPIN };
const struct kt_kind kt_mutex = { "mutex", KT_MUTEX };

#define KINDS_LOCKED							\
	{ "raw", KT_RAW },						\
	{ "spin", KT_SPIN },						\
	{ "spin direct", KT_SPIN, 0, DIRECT },				\
	{ "rwlock", KT_RW },						\
	{ "rwlock direct", KT_RW, 0, DIRECT },				\
	{ "rwlock shared", KT_RW_SHARED },				\
	{ "mutex", KT_MUTEX },						\
	{ "rwsem", KT_RWSEM },						\
	{ "rwsem shared", KT_RWSEM_SHARED }
#define KINDS_UNLOCKED							\
	{ "raw returnunlocked", KT_RAW, UNLOCKED },			\
	{ "spin returnunlocked", KT_SPIN, UNLOCKED },			\
	{ "spin direct returnunlocked", KT_SPIN, UNLOCKED, DIRECT },	\
	{ "rwlock returnunlocked", KT_RW, UNLOCKED },			\
	{ "rwlock shared returnunlocked", KT_RW_SHARED, UNLOCKED },	\
	{ "mutex returnunlocked", KT_MUTEX, UNLOCKED },			\
	{ "rwsem returnunlocked", KT_RWSEM, UNLOCKED },			\
	{ "rwsem shared returnunlocked", KT_RWSEM_SHARED, UNLOCKED }
#define KINDS_NO_LOCK							\
	{ "none", KT_NONE },						\
	{ "none direct", KT_NONE, 0, DIRECT },				\
	{ "none thread", KT_NONE_THREAD },				\
	{ "giant", KT_GIANT }

const struct kt_kind kt_kinds[] = { KINDS_NO_LOCK, KINDS_LOCKED, KINDS_UNLOCKED };
const struct kt_kind kt_kinds_locked[] = { KINDS_LOCKED, KINDS_UNLOCKED };
const struct kt_kind kt_kinds_seen[] = { KINDS_NO_LOCK, KINDS_UNLOCKED };

static void kind_desc(const struct kt_kind *kind, char *desc)
{
	strscpy(desc, kind->name, KUNIT_PARAM_DESC_SIZE);
}

#define GEN_PARAMS(array)							\
const void *array##_gen_params(const void *prev, char *desc)			\
{										\
	const struct kt_kind *kind = prev ? (const struct kt_kind *)prev + 1 : array;	\
										\
	if (kind == array + ARRAY_SIZE(array))					\
		return NULL;							\
	kind_desc(kind, desc);							\
	return kind;								\
}

GEN_PARAMS(kt_kinds)
GEN_PARAMS(kt_kinds_locked)
GEN_PARAMS(kt_kinds_seen)

/* Where handlers of a kind run. */
enum co_ctx kt_ctx(const struct kt_kind *kind)
{
	switch (kind->lock) {
	case KT_RAW:
		return CO_HARD;
	case KT_NONE:
	case KT_SPIN:
	case KT_RW:
	case KT_RW_SHARED:
		return kind->direct ? CO_HARD : CO_SOFT;
	default:
		return CO_THREAD;
	}
}

/* ---- locks ---------------------------------------------------------------------------------- */

static void init_lock(struct kt *k)
{
	struct callout *c = &k->c;
	int flags = k->kind->unlocked;

	switch (k->kind->lock) {
	case KT_NONE:
		callout_init(c, 1);
		break;
	case KT_NONE_THREAD:
		__callout_init(c, CO_LOCK_NONE_THREAD, NULL, 0);
		break;
	case KT_GIANT:
		callout_init(c, 0);
		break;
	case KT_RAW:
		raw_spin_lock_init(&k->lock.raw);
		callout_init_lock(c, &k->lock.raw, flags);
		break;
	case KT_SPIN:
		spin_lock_init(&k->lock.spin);
		callout_init_lock(c, &k->lock.spin, flags);
		break;
	case KT_RW_SHARED:
		flags |= CALLOUT_SHAREDLOCK;
		fallthrough;
	case KT_RW:
		rwlock_init(&k->lock.rw);
		callout_init_lock(c, &k->lock.rw, flags);
		break;
	case KT_MUTEX:
		mutex_init(&k->lock.mutex);
		callout_init_lock(c, &k->lock.mutex, flags);
		break;
	case KT_RWSEM_SHARED:
		flags |= CALLOUT_SHAREDLOCK;
		fallthrough;
	case KT_RWSEM:
		init_rwsem(&k->lock.rwsem);
		callout_init_lock(c, &k->lock.rwsem, flags);
		break;
	}
}

/* Take the associated lock, Giant included, for writing. */
void kt_lock(struct kt *k)
{
	switch (k->kind->lock) {
	case KT_NONE:
	case KT_NONE_THREAD:
		break;
	case KT_GIANT:
		mutex_lock(&callout_giant);
		break;
	case KT_RAW:
		raw_spin_lock(&k->lock.raw);
		break;
	case KT_SPIN:
		spin_lock(&k->lock.spin);
		break;
	case KT_RW:
	case KT_RW_SHARED:
		write_lock(&k->lock.rw);
		break;
	case KT_MUTEX:
		mutex_lock(&k->lock.mutex);
		break;
	case KT_RWSEM:
	case KT_RWSEM_SHARED:
		down_write(&k->lock.rwsem);
		break;
	}
}

bool kt_trylock(struct kt *k)
{
	switch (k->kind->lock) {
	case KT_NONE:
	case KT_NONE_THREAD:
		break;
	case KT_GIANT:
		return mutex_trylock(&callout_giant);
	case KT_RAW:
		return raw_spin_trylock(&k->lock.raw);
	case KT_SPIN:
		return spin_trylock(&k->lock.spin);
	case KT_RW:
	case KT_RW_SHARED:
		return write_trylock(&k->lock.rw);
	case KT_MUTEX:
		return mutex_trylock(&k->lock.mutex);
	case KT_RWSEM:
	case KT_RWSEM_SHARED:
		return down_write_trylock(&k->lock.rwsem);
	}
	return true;
}

/* As its taker had it: the dispatcher takes the lock of the shared kinds for reading. */
static void unlock(struct kt *k, bool shared)
{
	switch (k->kind->lock) {
	case KT_NONE:
	case KT_NONE_THREAD:
		break;
	case KT_GIANT:
		mutex_unlock(&callout_giant);
		break;
	case KT_RAW:
		raw_spin_unlock(&k->lock.raw);
		break;
	case KT_SPIN:
		spin_unlock(&k->lock.spin);
		break;
	case KT_RW:
		write_unlock(&k->lock.rw);
		break;
	case KT_RW_SHARED:
		if (shared)
			read_unlock(&k->lock.rw);
		else
			write_unlock(&k->lock.rw);
		break;
	case KT_MUTEX:
		mutex_unlock(&k->lock.mutex);
		break;
	case KT_RWSEM:
		up_write(&k->lock.rwsem);
		break;
	case KT_RWSEM_SHARED:
		if (shared)
			up_read(&k->lock.rwsem);
		else
			up_write(&k->lock.rwsem);
		break;
	}
}

void kt_unlock(struct kt *k)
{
	unlock(k, false);
}

/* What the kind asks for around a call: its lock, but for Giant, which may be held by the handler. */
void kt_call_begin(struct kt *k)
{
	if (k->kind->lock != KT_GIANT)
		kt_lock(k);
}

void kt_call_end(struct kt *k)
{
	if (k->kind->lock != KT_GIANT)
		kt_unlock(k);
}

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
	k->place = atomic_inc_return(&places);
	atomic_inc(&k->ran);
	if (k->todo)
		k->todo(k);
	if (unlocked)
		unlock(k, true);
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

/*
 * Wait until all that is due on a CPU has been run or found busy: time goes on by a nanosecond, and in
 * each context a callout for then is run, which the queue's order puts last.
 */
void kt_flush(struct kunit *test, int cpu)
{
	enum co_ctx ctx;

	kt_set(kt_now() + 1);
	for (ctx = 0; ctx < CO_NCTX; ctx++) {
		ktime_t at = kt_now();
		unsigned long left;

		reinit_completion(&marked[ctx]);
		callout_set_affinity(&markers[ctx], CALLOUT_AFFINITY_STRONG, cpu);
		if (ctx == CO_HARD) {
			/* Rounded up by a nanosecond at most; see kt_set() above. */
			callout_reset_sbt_on(&markers[ctx], nstosbt(at), 0, marker_ran, &marked[ctx], cpu,
					     C_ABSOLUTE | C_DIRECT_EXEC);
			kt_set(kt_now() + 1);
		} else {
			callout_set_within(&markers[ctx], at, at, marker_ran, &marked[ctx]);
		}
		co_clk_fake_interrupt(cpu);
		left = wait_for_completion_timeout(&marked[ctx], KT_PATIENCE);
		callout_drain(&markers[ctx]);
		KUNIT_ASSERT_NE_MSG(test, left, 0UL, "context %d of CPU %d is stuck", ctx, cpu);
	}
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
	kt_start(test, t, fire, (void *)(long)cpu, KT_CPU_HOLD);
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

static void nap(void)
{
	ktime_t t = 100 * NSEC_PER_USEC;

	set_current_state(TASK_IDLE);
	schedule_hrtimeout_range(&t, 0, HRTIMER_MODE_REL_PINNED);
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

/* Until it waits for something; true for what drains a handler that blocks. */
void kt_wait_asleep(struct kunit *test, struct kt_thread *t)
{
	unsigned long end = jiffies + KT_PATIENCE / 2;

	while (READ_ONCE(t->task->__state) != TASK_UNINTERRUPTIBLE) {
		if (smp_load_acquire(&t->done) || time_after(jiffies, end)) {
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
	kt_start(test, &h->thread, hold, h, KT_CPU_HOLD);
	kt_wait_for(test, &h->held);
}

int kt_let_go(struct kunit *test, struct kt_holder *h)
{
	smp_store_release(&h->go, true);
	return kt_join(test, &h->thread);
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

/* ---- tests begin and end -------------------------------------------------------------------- */

struct kt *kt_new(struct kunit *test, const struct kt_kind *kind)
{
	struct kt *k = kzalloc(sizeof(*k), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, k);
	k->kind = kind;
	k->cpu = KT_CPU;
	init_lock(k);
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

kunit_test_suites(&kt_suite_returns);

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
