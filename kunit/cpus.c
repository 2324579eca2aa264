// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_cpus: the races of the theory in module/core.c, by their titles there, in which a callout goes from
 * one CPU to another, or is armed for another CPU's clock.
 *
 * What a test fails without is said at the test, and tried by kunit/mutants.
 */
#include <linux/cpu.h>
#include <linux/random.h>
#include "kt.h"

/* ---- Running here, due there ---------------------------------------------------------------- */

static void rearm_there_then_block(struct kt *k)
{
	k->todo = NULL;
	k->cpu = KT_CPU2;
	k->res[0] = kt_arm_held(k, kt_t(3));
	if (!k->kind->unlocked)
		kt_block(k);
}

/*
 * Armed by its own handler for another CPU, and due there while the handler runs. Fails without
 * co_running() in step(), for kinds without a lock and those that have released it.
 */
static void running_here_due_there(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	struct kt_thread runs;
	u64 contended;

	k->todo = rearm_there_then_block;
	if (k->kind->unlocked)
		k->after = kt_block;
	kt_arm(k, kt_t(1));
	kt_set(kt_t(2));
	kt_fire_async(test, &runs, KT_CPU);
	kt_wait_for(test, &k->entered);
	k->after = NULL;
	contended = kt_stats().contended;	/* before it is due: the arm's own interrupt may come late */
	kt_set(kt_t(4));
	kt_fire(test, KT_CPU2);
	KUNIT_EXPECT_EQ(test, kt_stats().contended - contended, 1);
	KT_EXPECT_RAN(test, k, 1);
	smp_store_release(&k->go, true);
	kt_join(test, &runs);
	kt_flush(test, KT_CPU);
	KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	kt_set(kt_t(5));
	kt_fire(test, KT_CPU2);
	KT_EXPECT_RAN(test, k, 2);
	KUNIT_EXPECT_EQ(test, k->ran_on, KT_CPU2);
}

/* The hard interrupt cuts the softirq that the handler runs in. Fails without co_running() in step(). */
static void running_here_due_in_the_interrupt(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_none);
	struct kt_thread runs;

	k->todo = kt_block;
	kt_arm(k, kt_t(1));
	kt_set(kt_t(2));
	kt_run_blocked(test, &runs, k);
	k->todo = NULL;
	KUNIT_EXPECT_EQ(test, callout_reset_sbt_on(&k->c, nstosbt(kt_t(3)), 0, kt_handler, k, KT_CPU,
						   C_ABSOLUTE | C_DIRECT_EXEC), 0);
	kt_set(kt_t(4));
	co_clk_fake_interrupt(KT_CPU);
	KT_EXPECT_RAN(test, k, 1);
	kt_unblock(test, &runs, k);
	kt_run_until(test, kt_t(5));
	KT_EXPECT_RAN(test, k, 2);
}

static void where(struct kt *k)
{
	/* Not in_hardirq(): the idle loop serves what other CPUs send, too. */
	k->res[0] = irqs_disabled() ? CO_HARD : in_serving_softirq() ? CO_SOFT : CO_THREAD;
}

/* One callout in the softirq and in the interrupt by turns: another queue each time, and one run each. */
static void direct_versus_soft(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	int i;

	k->todo = where;
	for (i = 0; i < 8; i++) {
		int last = i % 2 ? C_DIRECT_EXEC : 0;

		kt_restart();
		kt_call_begin(k);
		KUNIT_EXPECT_EQ(test, callout_reset_sbt_on(&k->c, nstosbt(kt_t(2)), 0, kt_handler, k,
							   KT_CPU, C_ABSOLUTE | (last ^ C_DIRECT_EXEC)), 0);
		KUNIT_EXPECT_EQ(test, callout_reset_sbt_on(&k->c, nstosbt(kt_t(1)), 0, kt_handler, k,
							   KT_CPU, C_ABSOLUTE | last), 1);
		kt_call_end(k);
		kt_run_until(test, kt_t(3));
		KT_EXPECT_RAN(test, k, i + 1);
		KUNIT_EXPECT_EQ(test, k->res[0], last ? CO_HARD : CO_SOFT);
	}
}

static const struct kt_kind direct[] = { { "none", KT_NONE }, { "spin", KT_SPIN }, { "rwlock", KT_RW } };
KUNIT_ARRAY_PARAM_DESC(direct, direct, name);

/* ---- Arm versus arm elsewhere --------------------------------------------------------------- */

static int arm_there(void *arg)
{
	return kt_arm_on(arg, kt_t(6), KT_CPU3);
}

/*
 * One arms for another CPU, another stops or drains. Both have read the old CPU and wait for its base, then both
 * for the new one. Fails where co_lock_base() and lock_both() do not look at c_cpu again.
 */
static void arm_versus_arm_elsewhere(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_none);
	struct kt_base_holder h;
	struct kt_thread arms;
	int i, tries = 0;

	for (i = 0; i < 2; i++) {
		int ret;

again:
		kt_arm_on(k, kt_t(5), KT_CPU);
		kt_flush(test, KT_CPU);
		kt_hold_bases(test, &h, KT_CPU, KT_CPU3);
		kt_start(test, &arms, arm_there, k, KT_CPU3);
		kt_wait_contended(test, KT_CPU);
		ret = i ? callout_drain(&k->c) : callout_stop(&k->c);
		kt_let_go_bases(test, &h);
		KUNIT_EXPECT_EQ(test, kt_join(test, &arms), 1);
		if (ret != 1 && tries++ < 20) {
			/* Its CPU was held up between the two, and so it was overtaken: armed after all. */
			KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
			KUNIT_EXPECT_EQ(test, callout_stop(&k->c), 1);
			goto again;
		}
		KUNIT_EXPECT_EQ(test, ret, 1);
		KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	}
}

static int rearm_everywhere(void *arg)
{
	struct kt *k = arg;
	int i;

	for (i = 0; i < 1000; i++) {
		u64 at = kt_t(500 + get_random_u32_below(500));

		if (i % 5)
			callout_reset_sbt_on(&k->c, nstosbt(at), 0, kt_handler, k,
					     get_random_u32_below(num_online_cpus()), C_ABSOLUTE);
		else if (i % 10)
			callout_stop(&k->c);
		else
			callout_drain(&k->c);
	}
	return 0;
}

/* Three CPUs take one callout from base to base. */
static void arm_versus_arm_elsewhere_at_random(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_none);
	struct kt_thread arms[3];
	int i;

	for (i = 0; i < 3; i++)
		kt_start(test, &arms[i], rearm_everywhere, k, i + 1);
	for (i = 0; i < 3; i++)
		kt_join(test, &arms[i]);
	callout_stop(&k->c);
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(1001)), 0);
	kt_set(kt_t(1002));
	for (i = 0; i < 4; i++)
		kt_fire(test, i);
	KT_EXPECT_RAN(test, k, 1);
}

/* ---- Handover versus everything ------------------------------------------------------------- */

/* A callout of each kind on a CPU that goes; one moved by a store, one whose lock is busy. */
static void handover_versus_everything(struct kunit *test)
{
	struct kt *k[21], *moved = kt_new(test, &kt_spin), *busy = kt_new(test, &kt_mutex);
	struct kt_holder h;
	u64 before;
	unsigned int i, n = 0;
	char desc[KUNIT_PARAM_DESC_SIZE];
	const struct kt_kind *kind = NULL;

	while ((kind = CO_GENERATE(kt_kinds_gen_params, test, kind, desc))) {
		KUNIT_ASSERT_LT(test, n, ARRAY_SIZE(k));
		k[n] = kt_new(test, kind);
		kt_arm_on(k[n], kt_t(20 + n % 4), KT_CPU3);
		n++;
	}
	KUNIT_ASSERT_EQ(test, n, ARRAY_SIZE(k));
	kt_arm_on(moved, kt_t(20), KT_CPU3);
	kt_within(moved, kt_t(20), kt_t(20));
	KUNIT_EXPECT_EQ(test, kt_within(moved, kt_t(25), kt_t(25)), 1);
	kt_arm_on(busy, kt_t(1), KT_CPU3);
	kt_hold(test, &h, busy, kt_stop_and_free);
	kt_set(kt_t(2));
	kt_fire(test, KT_CPU3);

	before = kt_migrated();
	KUNIT_ASSERT_EQ(test, remove_cpu(KT_CPU3), 0);
	KUNIT_EXPECT_EQ(test, kt_migrated() - before, n + 2);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_TRUE(test, callout_pending(&k[i]->c));
	kt_set(kt_t(3));
	kt_fire(test, 0);
	kt_forget(busy);
	KUNIT_EXPECT_EQ(test, kt_let_go(test, &h), 1);

	/* A CPU that is not there is told of, and the callout runs elsewhere. */
	KT_EXPECT_MISUSE(test, CO_BAD_CPU, 1, KUNIT_EXPECT_EQ(test, kt_arm_on(k[0], kt_t(20), KT_CPU3), 1));
	KUNIT_EXPECT_EQ(test, kt_stop(k[1]), 1);
	kt_set(kt_t(24));
	for (i = 0; i < 3; i++)
		kt_fire(test, i);
	for (i = 0; i < n; i++)
		KT_EXPECT_RAN(test, k[i], i != 1);
	KT_EXPECT_RAN(test, moved, 0);
	kt_set(kt_t(26));
	kt_fire(test, 0);
	KT_EXPECT_RAN(test, moved, 1);

	/* Back again: what was armed for it goes there once more. */
	KUNIT_ASSERT_EQ(test, add_cpu(KT_CPU3), 0);
	for (i = 0; i < n; i++)
		kt_arm_on(k[i], kt_t(30), KT_CPU3);
	kt_set(kt_t(31));
	kt_fire(test, KT_CPU3);
	for (i = 0; i < n; i++) {
		KT_EXPECT_RAN(test, k[i], 1 + (i != 1));
		KUNIT_EXPECT_EQ(test, k[i]->ran_on, KT_CPU3);
	}
}

struct arms_there {
	struct kt *k[48];
	struct kt *before;
	bool stop;
};

static int arm_on_and_on(void *arg)
{
	struct arms_there *a = arg;
	int n = 0;

	while (!READ_ONCE(a->stop)) {
		struct kt *k = a->k[n++ % ARRAY_SIZE(a->k)];

		if (n % 7)
			kt_arm_on(k, kt_t(2000 + n % 5), KT_CPU3);
		else
			kt_stop(k);
		cond_resched();
	}
	return n;
}

/*
 * Armed for a CPU all the time while it goes and comes: none is lost, none runs twice. Fails where an arm does not
 * look again, with the base locked, whether it is online.
 */
static void arm_versus_handover(struct kunit *test)
{
	struct arms_there *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	const struct kt_kind *kinds[] = { &kt_none, &kt_spin, &kt_mutex, &kt_raw };
	struct kt_thread arms;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, a);
	for (i = 0; i < ARRAY_SIZE(a->k); i++)
		a->k[i] = kt_new(test, kinds[i % ARRAY_SIZE(kinds)]);
	kt_start(test, &arms, arm_on_and_on, a, KT_CPU2);
	for (i = 0; i < 4; i++) {
		if (i)
			KUNIT_EXPECT_EQ(test, add_cpu(KT_CPU3), 0);
		kt_sleep_ms(20);
		KUNIT_EXPECT_EQ(test, remove_cpu(KT_CPU3), 0);
		kt_sleep_ms(20);
	}
	WRITE_ONCE(a->stop, true);
	KUNIT_EXPECT_GT(test, kt_join(test, &arms), 0);
	for (i = 0; i < ARRAY_SIZE(a->k); i++)
		a->k[i]->res[0] = callout_pending(&a->k[i]->c);
	kt_set(kt_t(2006));
	for (i = 0; i < 3; i++)
		kt_fire(test, i);
	for (i = 0; i < ARRAY_SIZE(a->k); i++)
		KT_EXPECT_RAN(test, a->k[i], a->k[i]->res[0]);
	KUNIT_EXPECT_EQ(test, add_cpu(KT_CPU3), 0);
	kt_fire(test, KT_CPU3);
	for (i = 0; i < ARRAY_SIZE(a->k); i++)
		KT_EXPECT_RAN(test, a->k[i], a->k[i]->res[0]);
}

static int arm_all_here(void *arg)
{
	struct arms_there *a = arg;
	int i;

	for (i = 0; i < ARRAY_SIZE(a->k); i++) {
		kt_stop(a->k[i]);
		kt_within(a->k[i], kt_t(2000), kt_t(2000));
	}
	return i;
}

/* The quick way is for what comes after the CPU's first. */
static int move_earlier_and_on(void *arg)
{
	struct arms_there *a = arg;
	int n = 0;

	kt_within(a->before, kt_t(1900), kt_t(1900));
	while (!READ_ONCE(a->stop)) {
		u64 at = kt_t(2000) - ++n;

		kt_within(a->k[n % ARRAY_SIZE(a->k)], at, at);
		cond_resched();
	}
	return n;
}

/*
 * Pending on a CPU that goes, and armed for earlier meanwhile by another: each stays on one queue. Fails where the quick
 * way of arming takes one that is between two queues for one that is on none.
 */
static void rearm_versus_handover(struct kunit *test)
{
	struct arms_there *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	const struct kt_kind *kinds[] = { &kt_spin, &kt_raw, &kt_mutex };
	struct kt_thread arms, moves;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, a);
	a->before = kt_new(test, &kt_spin);
	for (i = 0; i < ARRAY_SIZE(a->k); i++)
		a->k[i] = kt_new(test, kinds[i % ARRAY_SIZE(kinds)]);
	for (i = 0; i < 3; i++) {
		a->stop = false;
		kt_start(test, &arms, arm_all_here, a, KT_CPU3);
		KUNIT_EXPECT_GT(test, kt_join(test, &arms), 0);
		kt_start(test, &moves, move_earlier_and_on, a, KT_CPU2);
		KUNIT_EXPECT_EQ(test, remove_cpu(KT_CPU3), 0);
		WRITE_ONCE(a->stop, true);
		KUNIT_EXPECT_GT(test, kt_join(test, &moves), 0);
		KUNIT_EXPECT_EQ(test, add_cpu(KT_CPU3), 0);
	}
	kt_set(kt_t(2006));
	for (i = 0; i < 4; i++)
		kt_fire(test, i);
	for (i = 0; i < ARRAY_SIZE(a->k); i++)
		KT_EXPECT_RAN(test, a->k[i], 1);
}

/* ---- Arm versus the clock ------------------------------------------------------------------- */

static void nothing(void *unused)
{
}

/*
 * What the clock is armed for when all that was sent to its CPU has been dealt with. An interrupt calls what is waited
 * for first, so that it is the second one that has nothing before it.
 */
static u64 armed_for(int cpu)
{
	smp_call_function_single(cpu, nothing, NULL, 1);
	smp_call_function_single(cpu, nothing, NULL, 1);
	return co_clk_fake_armed(cpu);
}

/*
 * Armed from elsewhere while the interrupt is served: it is looked after without another. Later, one is sent; fails
 * without that.
 */
static void arm_versus_the_clock(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_none_direct), *other = kt_new(test, &kt_none_direct);
	struct kt_thread runs;

	k->todo = kt_block;
	kt_arm(k, kt_t(2));
	kt_set(kt_t(3));
	kt_run_blocked(test, &runs, k);
	kt_arm(other, kt_t(1));
	smp_store_release(&k->go, true);
	kt_join(test, &runs);
	kt_flush(test, KT_CPU);
	KT_EXPECT_RAN(test, other, 1);

	/* Earlier than what the clock is armed for: it is armed anew, from another CPU too. */
	kt_arm(other, kt_t(9));
	KUNIT_EXPECT_EQ(test, armed_for(KT_CPU), kt_t(9));
	kt_arm(other, kt_t(7));
	KUNIT_EXPECT_EQ(test, armed_for(KT_CPU), kt_t(7));
}

/*
 * Armed from elsewhere when the interrupt, having looked at the context that it is for, lets go of the base to put
 * another's moved head in its place. Fails where co_look() keeps a time from before that.
 */
static void arm_versus_the_interrupt(struct kunit *test)
{
	struct kt *moved = kt_new(test, &kt_spin), *k = kt_new(test, &kt_none_direct);
	struct kt_base_holder h;
	struct kt_thread fires;

	kt_arm(moved, kt_t(2));
	kt_flush(test, KT_CPU);
	KUNIT_EXPECT_EQ(test, kt_within(moved, kt_t(9), kt_t(9)), 1);
	kt_hold_bases(test, &h, KT_CPU, -1);
	kt_fire_async(test, &fires, KT_CPU);
	kt_wait_contended(test, KT_CPU);
	kt_arm(k, kt_t(3));
	kt_join(test, &fires);
	kt_let_go_bases(test, &h);
	KUNIT_EXPECT_EQ(test, armed_for(KT_CPU), kt_t(3));
	kt_set(kt_t(3));
	kt_serve(KT_CPU);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, armed_for(KT_CPU), kt_t(9));
}

static int keep_softirqs_off(void *arg)
{
	struct kt *k = arg;

	local_bh_disable();
	smp_store_release(&k->entered, true);
	kt_spin_until(&k->go);
	local_bh_enable();
	return 0;
}

/*
 * The same when the softirq comes to rest, which here finds that what it was called for has been stopped. The arm is
 * not told to the clock, as that comes earlier still.
 */
static void arm_versus_the_reprogramming(struct kunit *test)
{
	struct kt *moved = kt_new(test, &kt_mutex), *k = kt_new(test, &kt_none_direct);
	struct kt *soft = kt_new(test, &kt_none);
	struct kt_thread softirqs;
	struct kt_base_holder h;

	kt_arm(soft, kt_t(1));
	kt_arm(moved, kt_t(2));
	kt_flush(test, KT_CPU);
	kt_start(test, &softirqs, keep_softirqs_off, soft, KT_CPU);
	kt_wait_for(test, &soft->entered);
	kt_set(kt_t(1) + 1);
	co_clk_fake_interrupt(KT_CPU);
	KUNIT_EXPECT_EQ(test, armed_for(KT_CPU), kt_t(2));
	KUNIT_EXPECT_EQ(test, kt_stop(soft), 1);
	KUNIT_EXPECT_EQ(test, kt_within(moved, kt_t(9), kt_t(9)), 1);
	kt_hold_bases(test, &h, KT_CPU, -1);
	smp_store_release(&soft->go, true);
	kt_wait_contended(test, KT_CPU);
	kt_arm(k, kt_t(3));
	kt_let_go_bases(test, &h);
	kt_join(test, &softirqs);
	KUNIT_EXPECT_EQ(test, armed_for(KT_CPU), kt_t(3));
	kt_set(kt_t(3));
	kt_serve(KT_CPU);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, armed_for(KT_CPU), kt_t(9));
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(running_here_due_there, kt_kinds_gen_params),
	KUNIT_CASE(running_here_due_in_the_interrupt),
	KUNIT_CASE_PARAM(direct_versus_soft, direct_gen_params),
	KUNIT_CASE(arm_versus_arm_elsewhere),
	KUNIT_CASE(arm_versus_arm_elsewhere_at_random),
	KUNIT_CASE(handover_versus_everything),
	KUNIT_CASE(arm_versus_handover),
	KUNIT_CASE(rearm_versus_handover),
	KUNIT_CASE(arm_versus_the_clock),
	KUNIT_CASE(arm_versus_the_interrupt),
	KUNIT_CASE(arm_versus_the_reprogramming),
	{}
};

struct kunit_suite kt_suite_cpus = {
	.name = "callout_cpus",
	.suite_init = kt_suite_init,
	.init = kt_init,
	.exit = kt_exit,
	.test_cases = cases,
};
