// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_affinity: where callouts are armed, and how they get to other CPUs as their class changes or CPUs come and
 * go. CPUs that sleep are in sleep.c.
 *
 * What a test fails without is said at the test, and tried by kunit/mutants.
 */
#include <linux/cpu.h>
#include "kt.h"

/* ---- where one is armed --------------------------------------------------------------------- */

static void armed_where_it_belongs(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	u64 soon = kt_t(10), late = kt_t(100);	/* 195 ms */

	/* None: here; pending it stays, though another arms it. */
	kt_arm_from(test, k, KT_CPU2, soon);
	KT_EXPECT_ON(test, k, KT_CPU2);
	kt_arm_from(test, k, KT_CPU, soon - 1000);
	KT_EXPECT_ON(test, k, KT_CPU2);
	kt_stop(k);

	/* Weak: its CPU, if soon; wherever it is armed. */
	kt_set_class(k, CALLOUT_AFFINITY_WEAK, KT_CPU2);
	kt_arm_from(test, k, KT_CPU, soon);
	KT_EXPECT_ON(test, k, KT_CPU2);
	kt_stop(k);
	kt_arm_from(test, k, KT_CPU, late);
	KT_EXPECT_ON(test, k, KT_CPU);
	kt_arm_from(test, k, KT_CPU3, soon);
	KT_EXPECT_ON(test, k, KT_CPU2);
	kt_stop(k);
	kt_arm_from(test, k, KT_CPU2, late);
	KT_EXPECT_ON(test, k, KT_CPU2);
	kt_stop(k);
	kt_set_class(k, CALLOUT_AFFINITY_WEAK, -1);
	kt_arm_from(test, k, KT_CPU3, soon);
	KT_EXPECT_ON(test, k, KT_CPU3);
	kt_stop(k);

	/* Strong: its CPU, always; without one: where it is armed, asleep or not. */
	kt_set_class(k, CALLOUT_AFFINITY_STRONG, KT_CPU2);
	kt_arm_from(test, k, KT_CPU, late);
	KT_EXPECT_ON(test, k, KT_CPU2);
	kt_stop(k);
	kt_set_class(k, CALLOUT_AFFINITY_STRONG, -1);
	kt_sleep_on(KT_CPU3);
	kt_arm_from(test, k, KT_CPU3, soon);
	KT_EXPECT_ON(test, k, KT_CPU3);
	kt_arm_from(test, k, KT_CPU, soon - 1000);
	KT_EXPECT_ON(test, k, KT_CPU3);
	kt_stop(k);
	kt_wake_on(KT_CPU3);

	/* An arm for a CPU binds to it, until the class is set anew. */
	kt_set_class(k, CALLOUT_AFFINITY_NONE, KT_CPU3);
	kt_arm_from(test, k, KT_CPU, soon);
	KT_EXPECT_ON(test, k, KT_CPU);
	kt_arm_on(k, soon, KT_CPU3);
	KT_EXPECT_ON(test, k, KT_CPU3);
	KUNIT_EXPECT_TRUE(test, co_bound(&k->c));
	kt_stop(k);
	kt_arm_from(test, k, KT_CPU, late);
	KT_EXPECT_ON(test, k, KT_CPU3);
	kt_set_class(k, CALLOUT_AFFINITY_NONE, -1);
	KT_EXPECT_ON(test, k, KT_CPU3);
	KUNIT_EXPECT_FALSE(test, co_bound(&k->c));
	kt_stop(k);
	kt_arm_from(test, k, KT_CPU, late);
	KT_EXPECT_ON(test, k, KT_CPU);
}

static void isolated_cpus_get_theirs_alone(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value), *bound = kt_new(test, test->param_value);

	kt_isolate(KT_CPU2, true);
	kt_arm_from(test, k, KT_CPU2, kt_t(10));
	KUNIT_EXPECT_NE(test, k->c.c_cpu, KT_CPU2);
	KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	kt_stop(k);
	kt_set_class(k, CALLOUT_AFFINITY_WEAK, KT_CPU2);
	kt_arm_from(test, k, KT_CPU2, kt_t(10));
	KUNIT_EXPECT_NE(test, k->c.c_cpu, KT_CPU2);
	kt_stop(k);
	kt_arm_from(test, k, KT_CPU, kt_t(10));
	KT_EXPECT_ON(test, k, KT_CPU);
	kt_stop(k);
	kt_set_class(bound, CALLOUT_AFFINITY_STRONG, -1);
	kt_arm_from(test, bound, KT_CPU2, kt_t(10));
	KT_EXPECT_ON(test, bound, KT_CPU2);
	kt_set(kt_t(11));
	kt_fire(test, KT_CPU2);
	KT_EXPECT_RAN(test, bound, 1);
	KUNIT_EXPECT_EQ(test, bound->ran_on, KT_CPU2);
	kt_isolate(KT_CPU2, false);
}

/* ---- class and CPU of a pending one --------------------------------------------------------- */

static void pending_changes_class(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	kt_arm_from_within(test, k, KT_CPU, kt_t(10), kt_t(12));
	kt_set_class(k, CALLOUT_AFFINITY_STRONG, KT_CPU2);
	KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	KT_EXPECT_ON(test, k, KT_CPU2);
	kt_flush(test, KT_CPU);
	kt_flush(test, KT_CPU2);
	KT_EXPECT_ARMED(test, KT_CPU2, kt_t(12));
	kt_set_class(k, CALLOUT_AFFINITY_NONE, -1);
	KT_EXPECT_ON(test, k, KT_CPU2);
	kt_set_class(k, CALLOUT_AFFINITY_WEAK, KT_CPU);
	KT_EXPECT_ON(test, k, KT_CPU);
	kt_set_class(k, CALLOUT_AFFINITY_STRONG, KT_CPU3);
	kt_flush(test, KT_CPU3);
	kt_set(kt_t(12));
	kt_fire(test, KT_CPU);
	kt_fire(test, KT_CPU2);
	KT_EXPECT_RAN(test, k, 0);
	kt_fire(test, KT_CPU3);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, k->ran_on, KT_CPU3);
	KUNIT_EXPECT_EQ(test, kt_arm_on(k, kt_t(20), KT_CPU2), 0);
	kt_set(kt_t(21));
	kt_fire(test, KT_CPU2);
	KT_EXPECT_RAN(test, k, 2);
}

static void become_strong_there(struct kt *k)
{
	k->todo = NULL;
	callout_set_affinity(&k->c, CALLOUT_AFFINITY_STRONG, KT_CPU2);
	k->res[0] = callout_pending(&k->c);
}

/* From the own handler it is for the next arm. */
static void changed_by_the_handler(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	k->todo = become_strong_there;
	kt_arm_from(test, k, KT_CPU, kt_t(1));
	kt_set(kt_t(2));
	kt_fire(test, KT_CPU);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, k->ran_on, KT_CPU);
	KUNIT_EXPECT_EQ(test, k->res[0], 0);
	kt_arm_from(test, k, KT_CPU, kt_t(3));
	KT_EXPECT_ON(test, k, KT_CPU2);
	kt_set(kt_t(4));
	kt_fire(test, KT_CPU2);
	KT_EXPECT_RAN(test, k, 2);
}

#define N 12

/* Of equal deadlines some are bound, some not, and some change: they run as they were armed. */
static void equal_deadlines_of_all_classes(struct kunit *test)
{
	static const int order[] = { CALLOUT_AFFINITY_NONE, CALLOUT_AFFINITY_STRONG, CALLOUT_AFFINITY_WEAK };
	struct kt *k[N];
	int i;

	for (i = 0; i < N; i++) {
		k[i] = kt_new(test, test->param_value);
		kt_set_class(k[i], order[i % 3], -1);
		kt_arm_from(test, k[i], KT_CPU, kt_t(5));
	}
	for (i = 0; i < N; i += 4)
		kt_set_class(k[i], order[(i + 1) % 3], KT_CPU);
	kt_set(kt_t(5));
	kt_fire(test, KT_CPU);
	for (i = 0; i < N; i++) {
		KT_EXPECT_RAN(test, k[i], 1);
		if (i)
			KUNIT_EXPECT_EQ_MSG(test, k[i]->place, k[i - 1]->place + 1, "number %d", i);
	}
}

/* ---- CPUs that come and go ------------------------------------------------------------------ */

/* Strong ones come home, whether a CPU was named or not; others stay where they are then. */
static void displaced_come_home(struct kunit *test)
{
	struct kt *named = kt_new(test, test->param_value), *here = kt_new(test, test->param_value);
	struct kt *on = kt_new(test, test->param_value), *none = kt_new(test, test->param_value);
	struct kt *meanwhile = kt_new(test, test->param_value), *moved = kt_new(test, &kt_spin);
	u64 displaced = kt_stats().displaced;

	kt_set_class(named, CALLOUT_AFFINITY_STRONG, KT_CPU3);
	kt_arm_from(test, named, KT_CPU, kt_t(20));
	kt_set_class(here, CALLOUT_AFFINITY_STRONG, -1);
	kt_arm_from(test, here, KT_CPU3, kt_t(20));
	kt_set_class(moved, CALLOUT_AFFINITY_STRONG, KT_CPU3);
	kt_arm_from(test, moved, KT_CPU3, kt_t(20));
	kt_arm_on(on, kt_t(20), KT_CPU3);
	kt_arm_from(test, none, KT_CPU3, kt_t(20));
	KUNIT_ASSERT_EQ(test, remove_cpu(KT_CPU3), 0);
	KUNIT_EXPECT_EQ(test, kt_stats().displaced, displaced + 4);
	KT_EXPECT_MISUSE(test, CO_BAD_CPU, 1, kt_set_class(meanwhile, CALLOUT_AFFINITY_STRONG, KT_CPU3));
	kt_arm_from(test, meanwhile, KT_CPU, kt_t(20));
	KT_EXPECT_ON(test, meanwhile, KT_CPU);
	KUNIT_EXPECT_EQ(test, kt_within(moved, kt_t(25), kt_t(25)), 1);
	KUNIT_EXPECT_NE(test, named->c.c_cpu, KT_CPU3);
	KUNIT_EXPECT_NE(test, here->c.c_cpu, KT_CPU3);

	KUNIT_ASSERT_EQ(test, add_cpu(KT_CPU3), 0);
	KT_EXPECT_ON(test, named, KT_CPU3);
	KT_EXPECT_ON(test, here, KT_CPU3);
	KT_EXPECT_ON(test, on, KT_CPU3);
	KT_EXPECT_ON(test, moved, KT_CPU3);
	KT_EXPECT_ON(test, meanwhile, KT_CPU3);
	KUNIT_EXPECT_NE(test, none->c.c_cpu, KT_CPU3);
	KT_EXPECT_ARMED(test, KT_CPU3, kt_t(20));
	kt_set(kt_t(20));
	kt_serve_all();
	kt_flush(test, KT_CPU3);
	kt_flush(test, none->c.c_cpu);
	KT_EXPECT_RAN(test, named, 1);
	KT_EXPECT_RAN(test, here, 1);
	KT_EXPECT_RAN(test, on, 1);
	KT_EXPECT_RAN(test, meanwhile, 1);
	KT_EXPECT_RAN(test, none, 1);
	KT_EXPECT_RAN(test, moved, 0);
	KUNIT_EXPECT_EQ(test, named->ran_on, KT_CPU3);
	KUNIT_EXPECT_EQ(test, here->ran_on, KT_CPU3);
	KUNIT_EXPECT_EQ(test, on->ran_on, KT_CPU3);

	/* Idle in the meantime, it is armed where it is armed again. */
	kt_arm_from(test, here, KT_CPU2, kt_t(24));
	KT_EXPECT_ON(test, here, KT_CPU2);
}

/* One that was pending without a CPU of its own, ran elsewhere, and is armed anew: the first CPU is forgotten. */
static void displaced_and_run(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	u64 away = kt_stats().of[CO_AFF_STRONG].away;

	kt_set_class(k, CALLOUT_AFFINITY_STRONG, -1);
	kt_arm_from(test, k, KT_CPU3, kt_t(2));
	KUNIT_ASSERT_EQ(test, remove_cpu(KT_CPU3), 0);
	kt_set(kt_t(2));
	kt_serve_all();
	kt_flush(test, k->c.c_cpu);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, kt_stats().of[CO_AFF_STRONG].away, away + 1);
	kt_arm_from(test, k, KT_CPU2, kt_t(4));
	KUNIT_ASSERT_EQ(test, add_cpu(KT_CPU3), 0);
	KT_EXPECT_ON(test, k, KT_CPU2);
}

struct arms_there {
	struct kt *k[48];
	bool stop;
};

static int arm_strong_on_and_on(void *arg)
{
	struct arms_there *a = arg;
	int n = 0;

	while (!READ_ONCE(a->stop)) {
		struct kt *k = a->k[n++ % ARRAY_SIZE(a->k)];

		if (n % 7)
			kt_within(k, kt_t(2000 + n % 5), kt_t(2000 + n % 5));
		else
			kt_stop(k);
		cond_resched();
	}
	return n;
}

/* A CPU comes and goes while others arm for it. When it is there all are there. Fails without the order in base_online(). */
static void online_versus_displaced(struct kunit *test)
{
	struct arms_there *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	const struct kt_kind *kinds[] = { &kt_none, &kt_spin, &kt_mutex, &kt_raw };
	struct kt_thread arms;
	unsigned int i, round;

	KUNIT_ASSERT_NOT_NULL(test, a);
	for (i = 0; i < ARRAY_SIZE(a->k); i++) {
		a->k[i] = kt_new(test, kinds[i % ARRAY_SIZE(kinds)]);
		kt_set_class(a->k[i], CALLOUT_AFFINITY_STRONG, KT_CPU3);
	}
	for (round = 0; round < 6; round++) {
		a->stop = false;
		kt_start(test, &arms, arm_strong_on_and_on, a, KT_CPU2);
		KUNIT_EXPECT_EQ(test, remove_cpu(KT_CPU3), 0);
		kt_sleep_ms(10);
		KUNIT_EXPECT_EQ(test, add_cpu(KT_CPU3), 0);
		WRITE_ONCE(a->stop, true);
		KUNIT_EXPECT_GT(test, kt_join(test, &arms), 0);
		for (i = 0; i < ARRAY_SIZE(a->k); i++) {
			if (callout_pending(&a->k[i]->c))
				KT_EXPECT_ON(test, a->k[i], KT_CPU3);
		}
	}
	for (i = 0; i < ARRAY_SIZE(a->k); i++)
		a->k[i]->res[0] = callout_pending(&a->k[i]->c);
	kt_set(kt_t(2006));
	kt_fire(test, KT_CPU3);
	for (i = 0; i < ARRAY_SIZE(a->k); i++)
		KT_EXPECT_RAN(test, a->k[i], a->k[i]->res[0]);
}

static const struct kt_kind few[] = {
	{ "raw", KT_RAW }, { "spin", KT_SPIN }, { "mutex", KT_MUTEX }, { "none", KT_NONE },
	{ "none direct", KT_NONE, 0, C_DIRECT_EXEC }, { "spin direct", KT_SPIN, 0, C_DIRECT_EXEC },
};
KUNIT_ARRAY_PARAM_DESC(few, few, name);

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(armed_where_it_belongs, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(isolated_cpus_get_theirs_alone, few_gen_params),
	KUNIT_CASE_PARAM(pending_changes_class, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(changed_by_the_handler, few_gen_params),
	KUNIT_CASE_PARAM(equal_deadlines_of_all_classes, few_gen_params),
	KUNIT_CASE_PARAM(displaced_come_home, few_gen_params),
	KUNIT_CASE_PARAM(displaced_and_run, few_gen_params),
	KUNIT_CASE(online_versus_displaced),
	{}
};

struct kunit_suite kt_suite_affinity = {
	.name = "callout_affinity",
	.suite_init = kt_suite_init,
	.init = kt_init,
	.exit = kt_exit_awake,
	.test_cases = cases,
};
