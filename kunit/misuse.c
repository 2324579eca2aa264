// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_misuse: what callers get wrong is counted, told of once a kind, and has a defined result.
 *
 * What the kernel's own checkers report (a callout freed or initialised while pending, a drain where
 * sleeping is not allowed) is in callout_reports.ko. That each kind is told of once is for who reads the
 * kernel's log: kunit/run does.
 */
#include <linux/cpu.h>
#include "kt.h"

/* In ticks; real ones, while the clock's time is somewhere ahead of them. */
#define FAR (1000 * HZ)

/* ---- not initialised ------------------------------------------------------------------------ */

static void never(void *arg)
{
}

static void not_initialised(struct kunit *test)
{
	struct callout *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	ktime_t t = kt_t(100);

	KUNIT_ASSERT_NOT_NULL(test, c);
#define EXPECT(call, result) \
	KT_EXPECT_MISUSE(test, CO_BAD_INIT, 1, KUNIT_EXPECT_EQ_MSG(test, call, result, #call))
	EXPECT(callout_reset(c, 1, never, NULL), 0);
	EXPECT(callout_reset_on(c, 1, never, NULL, 1), 0);
	EXPECT(callout_reset_curcpu(c, 1, never, NULL), 0);
	EXPECT(callout_reset_sbt(c, SBT_1S, 0, never, NULL, 0), 0);
	EXPECT(callout_reset_sbt_on(c, SBT_1S, 0, never, NULL, 1, C_DIRECT_EXEC), 0);
	EXPECT(callout_schedule(c, 1), 0);
	EXPECT(callout_schedule_on(c, 1, 1), 0);
	EXPECT(callout_schedule_sbt(c, SBT_1S, 0, 0), 0);
	EXPECT(callout_set_within(c, t, t, never, NULL), 0);
	EXPECT(callout_set_within(c, t, t + NSEC_PER_SEC, never, NULL), 0);
	EXPECT(callout_stop(c), -1);
	EXPECT(callout_drain(c), -1);
	EXPECT(callout_async_drain(c, never), -1);
#undef EXPECT
	KT_EXPECT_MISUSE(test, CO_BAD_INIT, 1, callout_shutdown(c));
	KT_EXPECT_MISUSE(test, CO_BAD_INIT, 1, callout_deactivate(c));
	KT_EXPECT_MISUSE(test, CO_BAD_INIT, 1, callout_set_affinity(c, CALLOUT_AFFINITY_STRONG, 1));
	KUNIT_EXPECT_FALSE(test, callout_pending(c));
	KUNIT_EXPECT_FALSE(test, callout_active(c));
	KUNIT_EXPECT_TRUE_MSG(test, !memchr_inv(c, 0, sizeof(*c)), "written to");
}

/* ---- arguments ------------------------------------------------------------------------------ */

static void no_function(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	ktime_t t = kt_t(100);

	kt_call_begin(k);
	KT_EXPECT_MISUSE(test, CO_BAD_FUNC, 1, KUNIT_EXPECT_EQ(test, callout_reset(&k->c, FAR, NULL, k), 0));
	KT_EXPECT_MISUSE(test, CO_BAD_FUNC, 1, KUNIT_EXPECT_EQ(test, callout_schedule(&k->c, FAR), 0));
	KT_EXPECT_MISUSE(test, CO_BAD_FUNC, 1,
			 KUNIT_EXPECT_EQ(test, callout_reset_sbt(&k->c, SBT_1S, 0, NULL, k, 0), 0));
	KT_EXPECT_MISUSE(test, CO_BAD_FUNC, 1,
			 KUNIT_EXPECT_EQ(test, callout_set_within(&k->c, t, t, NULL, k), 0));
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));

	/* A pending one stays as it was. */
	kt_within_held(k, t, t);
	KT_EXPECT_MISUSE(test, CO_BAD_FUNC, 1,
			 KUNIT_EXPECT_EQ(test, callout_set_within(&k->c, t + 1, t + 1, NULL, k), 0));
	KT_EXPECT_MISUSE(test, CO_BAD_FUNC, 1, KUNIT_EXPECT_EQ(test, callout_reset(&k->c, FAR, NULL, k), 0));
	KUNIT_EXPECT_EQ(test, ~k->c.c_left, t);
	KUNIT_EXPECT_TRUE(test, k->c.c_func == kt_handler);
	KT_EXPECT_MISUSE(test, CO_BAD_FUNC, 1, KUNIT_EXPECT_EQ(test, callout_async_drain(&k->c, NULL), 1));
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	kt_call_end(k);
}

/* Goes on as one without a lock. */
static void no_lock(struct kunit *test)
{
	struct callout *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct kt *k = kt_new(test, &kt_none);

	KUNIT_ASSERT_NOT_NULL(test, c);
	KT_EXPECT_MISUSE(test, CO_BAD_LOCK, 1, callout_init_lock(c, (raw_spinlock_t *)NULL, 0));
	KT_EXPECT_MISUSE(test, CO_BAD_LOCK, 1, callout_init_lock(c, (spinlock_t *)NULL, 0));
	KT_EXPECT_MISUSE(test, CO_BAD_LOCK, 1, callout_init_lock(c, (rwlock_t *)NULL, CALLOUT_SHAREDLOCK));
	KT_EXPECT_MISUSE(test, CO_BAD_LOCK, 1, callout_init_lock(c, (struct mutex *)NULL, 0));
	KT_EXPECT_MISUSE(test, CO_BAD_LOCK, 1,
			 callout_init_lock(c, (struct rw_semaphore *)NULL, CALLOUT_RETURNUNLOCKED));
	callout_set_affinity(c, CALLOUT_AFFINITY_STRONG, KT_CPU);
	KUNIT_EXPECT_EQ(test, callout_set_within(c, kt_t(1), kt_t(1), kt_handler, k), 0);
	kt_run_until(test, kt_t(2));
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, callout_drain(c), -1);
}

static void unknown_flags(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_spin);

	KT_EXPECT_MISUSE(test, CO_BAD_FLAGS, 1, callout_init_lock(&k->c, &k->lock.spin, 1));
	KT_EXPECT_MISUSE(test, CO_BAD_FLAGS, 1,
			 callout_init_lock(&k->c, &k->lock.spin, 0x100 | CALLOUT_TRYLOCK));
	KT_EXPECT_MISUSE(test, CO_BAD_FLAGS, 0, callout_init_lock(&k->c, &k->lock.spin, CALLOUT_TRYLOCK));
	kt_lock(k);
	KT_EXPECT_MISUSE(test, CO_BAD_FLAGS, 1,
			 callout_reset_sbt_on(&k->c, nstosbt(kt_t(1)), 0, kt_handler, k, KT_CPU,
					      C_ABSOLUTE | 0x1000));
	KT_EXPECT_MISUSE(test, CO_BAD_FLAGS, 1,
			 callout_set_affinity(&k->c, CALLOUT_AFFINITY_STRONG + 1, KT_CPU));
	KT_EXPECT_MISUSE(test, CO_BAD_FLAGS, 0,
			 callout_reset_sbt_on(&k->c, nstosbt(kt_t(1)), 0, kt_handler, k, KT_CPU,
					      C_ABSOLUTE | C_CATCH | C_PREL(5) | C_PRECALC));
	kt_unlock(k);
	kt_run_until(test, kt_t(2));
	KT_EXPECT_RAN(test, k, 1);
}

/* As if no CPU had been named. */
static void no_such_cpu(struct kunit *test)
{
	static const int cpus[] = { -2, INT_MIN, INT_MAX, 0xfffe, 0xffff, 0x10000, 4096 };
	struct kt *k = kt_new(test, test->param_value);
	unsigned int i;

	kt_arm(k, kt_t(99));
	for (i = 0; i < ARRAY_SIZE(cpus); i++) {
		KT_EXPECT_MISUSE(test, CO_BAD_CPU, 1, KUNIT_EXPECT_EQ(test, kt_arm_on(k, kt_t(99), cpus[i]), 1));
		kt_call_begin(k);
		KT_EXPECT_MISUSE(test, CO_BAD_CPU, 1,
				 KUNIT_EXPECT_EQ(test, callout_reset_on(&k->c, FAR, kt_handler, k, cpus[i]), 1));
		if (cpus[i] >= 0)
			KT_EXPECT_MISUSE(test, CO_BAD_CPU, 1,
					 callout_set_affinity(&k->c, CALLOUT_AFFINITY_STRONG, cpus[i]));
		kt_call_end(k);
	}
	KUNIT_EXPECT_EQ(test, kt_arm_on(k, kt_t(1), -1), 1);
	kt_run_until(test, kt_t(2));
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, k->ran_on, KT_CPU);
}

/* Runs elsewhere, until the CPU is there. */
static void offline_cpu(struct kunit *test)
{
	const struct kt_kind *kinds[] = { &kt_none, &kt_none_direct, &kt_raw, &kt_spin, &kt_mutex };
	struct kt *k[ARRAY_SIZE(kinds)];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, remove_cpu(KT_CPU3), 0);
	for (i = 0; i < ARRAY_SIZE(k); i++) {
		k[i] = kt_new(test, kinds[i]);
		kt_call_begin(k[i]);
		KT_EXPECT_MISUSE(test, CO_BAD_CPU, 1,
				 callout_set_affinity(&k[i]->c, CALLOUT_AFFINITY_STRONG, KT_CPU3));
		kt_call_end(k[i]);
		KT_EXPECT_MISUSE(test, CO_BAD_CPU, 1,
				 KUNIT_EXPECT_EQ(test, kt_arm_on(k[i], kt_t(1), KT_CPU3), 0));
	}
	kt_set(kt_t(2));
	kt_fire(test, 0);
	for (i = 0; i < ARRAY_SIZE(k); i++) {
		KT_EXPECT_RAN(test, k[i], 1);
		KUNIT_EXPECT_EQ(test, k[i]->ran_on, 0);
	}
	KUNIT_ASSERT_EQ(test, add_cpu(KT_CPU3), 0);
	for (i = 0; i < ARRAY_SIZE(k); i++)
		KT_EXPECT_MISUSE(test, CO_BAD_CPU, 0, KUNIT_EXPECT_EQ(test, kt_arm(k[i], kt_t(3)), 0));
	kt_set(kt_t(4));
	kt_fire(test, KT_CPU3);
	for (i = 0; i < ARRAY_SIZE(k); i++) {
		KT_EXPECT_RAN(test, k[i], 2);
		KUNIT_EXPECT_EQ(test, k[i]->ran_on, KT_CPU3);
	}
}

/* The ends of the range, and beyond: nothing overflows, the latest time and the start of the window hold. */
static void far_times(struct kunit *test)
{
	const u64 most = (1ULL << 31) * NSEC_PER_SEC;	/* as SBT_MAX */
	struct kt *k = kt_new(test, test->param_value);
	u64 bad_times = co_misuse_count(CO_BAD_TIME), bad_windows = co_misuse_count(CO_BAD_WINDOW);

#define EXPECT(call, latest, earliest) do {							\
	call;											\
	KUNIT_EXPECT_EQ_MSG(test, ~k->c.c_left, (u64)(latest), #call);				\
	KUNIT_EXPECT_GE_MSG(test, co_earliest(latest, k->c.c_order), (u64)(earliest), #call);	\
} while (0)
	kt_call_begin(k);
	EXPECT(callout_reset_sbt(&k->c, SBT_MAX, 0, kt_handler, k, C_ABSOLUTE), most, most);
	EXPECT(callout_reset_sbt(&k->c, SBT_MAX, 0, kt_handler, k, C_PREL(63)), kt_now() + most,
	       kt_now() + most);
	EXPECT(callout_reset_sbt(&k->c, SBT_MAX, SBT_MAX, kt_handler, k, 0), kt_now() + 2 * most - 1,
	       kt_now() + most);
	EXPECT(callout_reset_sbt(&k->c, SBT_MAX, SBT_MAX, kt_handler, k, C_PREL(0)), kt_now() + 2 * most,
	       kt_now() + most);
	EXPECT(callout_set_within(&k->c, S64_MAX, S64_MAX, kt_handler, k), S64_MAX, S64_MAX);
	EXPECT(callout_set_within(&k->c, kt_t(9), S64_MAX, kt_handler, k), S64_MAX, kt_t(9));
	EXPECT(callout_set_within(&k->c, S64_MIN, S64_MAX, kt_handler, k), S64_MAX, 0);
	callout_stop(&k->c);
	EXPECT(callout_set_within(&k->c, kt_t(9), S64_MAX, kt_handler, k), S64_MAX, kt_t(9));
	kt_call_end(k);
#undef EXPECT
	KUNIT_EXPECT_EQ(test, co_misuse_count(CO_BAD_TIME), bad_times);
	KUNIT_EXPECT_EQ(test, co_misuse_count(CO_BAD_WINDOW), bad_windows);
	WRITE_ONCE(k->earliest, kt_t(9));
	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(9)), 1);
	kt_run_until(test, kt_t(8));
	KT_EXPECT_RAN(test, k, 0);
	kt_run_until(test, kt_t(10));
	KT_EXPECT_RAN(test, k, 1);
}

static void bad_times(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_spin);
	unsigned long last_tick;
	u64 at;

	kt_lock(k);
	do {
		last_tick = jiffies;
		KT_EXPECT_MISUSE(test, CO_BAD_TIME, 1, callout_reset(&k->c, -1, kt_handler, k));
		at = ~k->c.c_left;
	} while (last_tick != jiffies);
	KUNIT_EXPECT_EQ_MSG(test, at, ~callout_tick_origin + (last_tick + 1) * TICK_NSEC, "taken as 1");
	KT_EXPECT_MISUSE(test, CO_BAD_TIME, 1, callout_reset(&k->c, INT_MIN, kt_handler, k));
	KT_EXPECT_MISUSE(test, CO_BAD_TIME, 1, callout_schedule(&k->c, -7));
	KT_EXPECT_MISUSE(test, CO_BAD_TIME, 0, callout_schedule(&k->c, 0));
	KT_EXPECT_MISUSE(test, CO_BAD_TIME, 1, callout_reset_sbt(&k->c, -SBT_1S, 0, kt_handler, k, 0));
	KUNIT_EXPECT_EQ(test, ~k->c.c_left, kt_now());
	KT_EXPECT_MISUSE(test, CO_BAD_TIME, 1, callout_reset_sbt(&k->c, SBT_MIN, 0, kt_handler, k, 0));
	KUNIT_EXPECT_EQ(test, ~k->c.c_left, kt_now());
	/* A time that has passed is none of these. */
	KT_EXPECT_MISUSE(test, CO_BAD_TIME, 0, callout_reset_sbt(&k->c, SBT_MIN, 0, kt_handler, k, C_ABSOLUTE));
	KT_EXPECT_MISUSE(test, CO_BAD_TIME, 0, callout_set_within(&k->c, S64_MIN, -1, kt_handler, k));
	KT_EXPECT_MISUSE(test, CO_BAD_WINDOW, 1, callout_set_within(&k->c, kt_t(9), kt_t(8), kt_handler, k));
	KUNIT_EXPECT_EQ(test, ~k->c.c_left, kt_t(9));
	KT_EXPECT_MISUSE(test, CO_BAD_WINDOW, 1, callout_set_within(&k->c, S64_MAX, S64_MIN, kt_handler, k));
	KUNIT_EXPECT_EQ(test, ~k->c.c_left, S64_MAX);
	KT_EXPECT_MISUSE(test, CO_BAD_WINDOW, 1,
			 callout_reset_sbt_on(&k->c, nstosbt(kt_t(1)), -1, kt_handler, k, KT_CPU, C_ABSOLUTE));
	KUNIT_EXPECT_EQ(test, ~k->c.c_left, kt_t(1));
	kt_unlock(k);
	kt_run_until(test, kt_t(2));
	kt_wait_ran(test, k, 1);
}

static void where(struct kt *k)
{
	k->res[0] = in_hardirq() || in_serving_softirq();
}

/* C_DIRECT_EXEC with a lock that sleeps: in the thread nonetheless. */
static void direct_but_sleeps(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	k->todo = where;
	k->res[0] = -1;
	kt_call_begin(k);
	KT_EXPECT_MISUSE(test, CO_BAD_CONTEXT, 1,
			 callout_reset_sbt_on(&k->c, nstosbt(kt_t(1)), 0, kt_handler, k, KT_CPU,
					      C_ABSOLUTE | C_DIRECT_EXEC));
	kt_call_end(k);
	kt_run_until(test, kt_t(2));
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, k->res[0], 0);
}

static const struct kt_kind sleeping[] = {
	{ "giant", KT_GIANT }, { "mutex", KT_MUTEX }, { "rwsem", KT_RWSEM },
};
KUNIT_ARRAY_PARAM_DESC(sleeping, sleeping, name);

/* ---- drain ---------------------------------------------------------------------------------- */

static void drain_self(struct kt *k)
{
	kt_arm_held(k, kt_t(5));
	k->res[0] = callout_drain(&k->c);
	k->res[1] = callout_pending(&k->c);
}

/* From its own handler, in each context: stops, and does not wait for itself. */
static void drain_from_the_handler(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	k->todo = drain_self;
	kt_arm(k, kt_t(1));
	KT_EXPECT_MISUSE(test, CO_BAD_DRAIN, 1, kt_run_until(test, kt_t(2)));
	KUNIT_EXPECT_EQ(test, k->res[0], 0);
	KUNIT_EXPECT_EQ(test, k->res[1], 0);
	kt_run_until(test, kt_t(6));
	KT_EXPECT_RAN(test, k, 1);
}

static int kick_in_idle_loop(void *arg)
{
	struct co_base *b;

	local_irq_disable();
	b = this_cpu_ptr(&co_bases);
	b->csd.func(b->csd.info);
	local_irq_enable();
	return 0;
}

/* Where another CPU's arm is served by the idle loop: that is no interrupt, but interrupts are off. */
static void drain_from_the_handler_in_the_idle_loop(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	struct kt_thread kicks;

	k->todo = drain_self;
	kt_arm(k, kt_t(1));
	kt_flush(test, KT_CPU);
	kt_set(kt_t(2));
	KT_EXPECT_MISUSE(test, CO_BAD_DRAIN, 1, {
		kt_start(test, &kicks, kick_in_idle_loop, NULL, KT_CPU);
		kt_join(test, &kicks);
	});
	KUNIT_EXPECT_EQ(test, k->res[0], 0);
	KUNIT_EXPECT_EQ(test, k->res[1], 0);
	kt_run_until(test, kt_t(6));
	KT_EXPECT_RAN(test, k, 1);
}

static const struct kt_kind hard[] = { { "none", KT_NONE, 0, C_DIRECT_EXEC }, { "raw", KT_RAW } };
KUNIT_ARRAY_PARAM_DESC(hard, hard, name);

/* With its lock held, which lockdep knows. */
static void drain_with_the_lock(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	kt_arm(k, kt_t(5));
	kt_lock(k);
	KT_EXPECT_MISUSE(test, CO_BAD_DRAIN, 1, KUNIT_EXPECT_EQ(test, callout_drain(&k->c), 1));
	KT_EXPECT_MISUSE(test, CO_BAD_DRAIN, 1, KUNIT_EXPECT_EQ(test, callout_drain(&k->c), -1));
	kt_unlock(k);
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
}

static void drained(void *arg)
{
	struct kt *k = arg;

	atomic_inc(&k->drained);
}

static void drained_too(void *arg)
{
	struct kt *k = arg;

	atomic_add(100, &k->drained);
}

static void async_drain_twice(struct kt *k)
{
	k->res[0] = callout_async_drain(&k->c, drained);
	k->res[1] = callout_async_drain(&k->c, drained_too);
}

/* The second is not told. */
static void double_async_drain(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	k->todo = async_drain_twice;
	kt_arm(k, kt_t(1));
	KT_EXPECT_MISUSE(test, CO_BAD_DRAIN, 1, kt_run_until(test, kt_t(2)));
	KUNIT_EXPECT_EQ(test, k->res[0], 0);
	KUNIT_EXPECT_EQ(test, k->res[1], 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&k->drained), 1);
}

/* ---- the lock is not held ------------------------------------------------------------------- */

/* Each call that wants it, on each way that there is through it. */
static void lock_not_held(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	ktime_t t = kt_t(100);

#define EXPECT(call) do {							\
	u64 before = co_misuse_count(CO_BAD_NOT_LOCKED);			\
	call;									\
	KUNIT_EXPECT_GT_MSG(test, co_misuse_count(CO_BAD_NOT_LOCKED), before, #call);	\
} while (0)
	EXPECT(callout_reset(&k->c, FAR, kt_handler, k));
	EXPECT(callout_reset(&k->c, 2 * FAR, kt_handler, k));
	EXPECT(callout_schedule(&k->c, 3 * FAR));
	EXPECT(callout_schedule_on(&k->c, FAR, KT_CPU));
	EXPECT(callout_reset_sbt(&k->c, 5000 * SBT_1S, 0, kt_handler, k, 0));
	EXPECT(callout_set_within(&k->c, t, t, kt_handler, k));
	EXPECT(callout_set_within(&k->c, t + 1, t + 1, kt_handler, k));
	EXPECT(callout_set_affinity(&k->c, CALLOUT_AFFINITY_STRONG, KT_CPU));
	EXPECT(callout_stop(&k->c));
	EXPECT(callout_shutdown(&k->c));
#undef EXPECT
	KT_EXPECT_MISUSE(test, CO_BAD_NOT_LOCKED, 0, callout_drain(&k->c));
	KT_EXPECT_MISUSE(test, CO_BAD_NOT_LOCKED, 0, callout_async_drain(&k->c, drained));
	KT_EXPECT_MISUSE(test, CO_BAD_NOT_LOCKED, 0, callout_pending(&k->c));
}

/* Held for reading is not held: only the handler may be called so. */
static void held_for_reading(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	if (k->kind->lock == KT_RW_SHARED)
		read_lock(&k->lock.rw);
	else
		down_read(&k->lock.rwsem);
	KT_EXPECT_MISUSE(test, CO_BAD_NOT_LOCKED, 1, callout_stop(&k->c));
	if (k->kind->lock == KT_RW_SHARED)
		read_unlock(&k->lock.rw);
	else
		up_read(&k->lock.rwsem);
}

static const struct kt_kind shared[] = { { "rwlock", KT_RW_SHARED }, { "rwsem", KT_RWSEM_SHARED } };
KUNIT_ARRAY_PARAM_DESC(shared, shared, name);

static struct kunit_case cases[] = {
	KUNIT_CASE(not_initialised),
	KUNIT_CASE_PARAM(no_function, kt_kinds_gen_params),
	KUNIT_CASE(no_lock),
	KUNIT_CASE(unknown_flags),
	KUNIT_CASE_PARAM(no_such_cpu, kt_kinds_gen_params),
	KUNIT_CASE(offline_cpu),
	KUNIT_CASE(bad_times),
	KUNIT_CASE_PARAM(far_times, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(direct_but_sleeps, sleeping_gen_params),
	KUNIT_CASE_PARAM(drain_from_the_handler, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(drain_from_the_handler_in_the_idle_loop, hard_gen_params),
	KUNIT_CASE_PARAM(drain_with_the_lock, kt_kinds_locked_gen_params),
	KUNIT_CASE_PARAM(double_async_drain, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(lock_not_held, kt_kinds_locked_gen_params),
	KUNIT_CASE_PARAM(held_for_reading, shared_gen_params),
	{}
};

struct kunit_suite kt_suite_misuse = {
	.name = "callout_misuse",
	.suite_init = kt_suite_init,
	.init = kt_init,
	.exit = kt_exit,
	.test_cases = cases,
};
