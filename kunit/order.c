// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_order: who runs before whom.
 *
 * By deadline, and those of one deadline in the order they were armed, however they came to it.
 */
#include <linux/cpu.h>
#include <linux/random.h>
#include "kt.h"

/* One context each, and the two ways of moving by a store. */
static const struct kt_kind kinds[] = {
	{ "hard", KT_RAW }, { "hard without lock", KT_NONE, 0, C_DIRECT_EXEC }, { "soft", KT_SPIN },
	{ "soft without lock", KT_NONE }, { "thread", KT_MUTEX }, { "thread without lock", KT_NONE_THREAD },
	{ "giant", KT_GIANT },
};
KUNIT_ARRAY_PARAM_DESC(kinds, kinds, name);

/* As @kinds, but for those that a store does not move. */
static const struct kt_kind moving[] = {
	{ "hard", KT_RAW }, { "soft", KT_SPIN }, { "soft without lock", KT_NONE }, { "thread", KT_MUTEX },
	{ "thread without lock", KT_NONE_THREAD },
};
KUNIT_ARRAY_PARAM_DESC(moving, moving, name);

static void make(struct kunit *test, struct kt **k, int n)
{
	int i;

	for (i = 0; i < n; i++)
		k[i] = kt_new(test, test->param_value);
}

/* That they ran, in this order. */
static void expect_order(struct kunit *test, struct kt **k, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		KT_EXPECT_RAN(test, k[i], 1);
		if (i)
			KUNIT_EXPECT_EQ_MSG(test, k[i]->place, k[i - 1]->place + 1, "number %d", i);
	}
}

#define N 24

/* Also with others before and behind, so that they move about in the heap. Fails without q_seq. */
static void equal_deadlines(struct kunit *test)
{
	struct kt *k[N], *other[N];
	int i;

	make(test, k, N);
	make(test, other, N);
	for (i = 0; i < N; i++) {
		kt_arm(other[i], kt_t(i % 2 ? 1 : 9));
		kt_arm(k[i], kt_t(5));
	}
	for (i = 0; i < N; i += 3)
		kt_stop(other[i]);
	kt_run_until(test, kt_t(2));
	kt_run_until(test, kt_t(6));
	expect_order(test, k, N);
}

/* Moved by a store to a time that others have: it is behind those that were there. */
static void moved_to_equal(struct kunit *test)
{
	struct kt *k[4];

	make(test, k, 4);
	kt_arm(k[2], kt_t(1));
	kt_within(k[2], kt_t(1), kt_t(1));
	kt_arm(k[0], kt_t(5));
	kt_arm(k[1], kt_t(5));
	KUNIT_EXPECT_EQ(test, kt_within(k[2], kt_t(5), kt_t(5)), 1);
	kt_arm(k[3], kt_t(5));
	kt_run_until(test, kt_t(2));
	kt_run_until(test, kt_t(6));
	expect_order(test, k, 4);
}

/* Moved by a store to the time that it has. */
static void moved_in_place(struct kunit *test)
{
	struct kt *k[4];

	make(test, k, 4);
	kt_arm(k[3], kt_t(5));
	kt_within(k[3], kt_t(5), kt_t(5));
	kt_arm(k[0], kt_t(5));
	kt_arm(k[1], kt_t(5));
	kt_arm(k[2], kt_t(5));
	KUNIT_EXPECT_EQ(test, kt_within(k[3], kt_t(5), kt_t(5)), 1);
	kt_run_until(test, kt_t(6));
	expect_order(test, k, 4);
}

/* Armed again, stopped and armed, sooner and then later, by way of another CPU. */
static void armed_anew(struct kunit *test)
{
	struct kt *k[6];

	make(test, k, 6);
	kt_arm(k[2], kt_t(5));
	kt_arm(k[3], kt_t(5));
	kt_arm(k[4], kt_t(5));
	kt_arm_on(k[5], kt_t(5), KT_CPU2);
	kt_arm(k[0], kt_t(5));
	kt_arm(k[1], kt_t(4));
	kt_arm(k[1], kt_t(5));
	kt_stop(k[2]);
	kt_arm(k[2], kt_t(5));
	kt_arm(k[3], kt_t(3));
	kt_arm(k[3], kt_t(7));
	kt_arm(k[3], kt_t(5));
	kt_arm(k[4], kt_t(5));
	kt_arm_on(k[5], kt_t(5), KT_CPU);
	kt_run_until(test, kt_t(6));
	expect_order(test, k, 6);
}

/* Handed over by a CPU that goes: as they were, and before those armed later where they go to. */
static void handed_over(struct kunit *test)
{
	struct kt *k[N];
	int i;

	make(test, k, N);
	for (i = 0; i < N - 2; i++)
		kt_arm_on(k[i], kt_t(100), KT_CPU3);
	KUNIT_ASSERT_EQ(test, remove_cpu(KT_CPU3), 0);
	for (; i < N; i++)
		kt_arm_on(k[i], kt_t(100), 0);
	kt_set(kt_t(101));
	kt_fire(test, 0);
	expect_order(test, k, N);
	KUNIT_EXPECT_EQ(test, add_cpu(KT_CPU3), 0);
}

#define MANY 400

/* Deadlines at random, few enough values to have equal ones; moved, stopped and armed again. */
static void at_random(struct kunit *test)
{
	struct kt **k = kunit_kcalloc(test, MANY, sizeof(*k), GFP_KERNEL);
	struct kt **ran = kunit_kcalloc(test, MANY, sizeof(*k), GFP_KERNEL);
	int *armed = kunit_kcalloc(test, MANY, sizeof(*armed), GFP_KERNEL);
	int i, n, count = 0;

	KUNIT_ASSERT_NOT_NULL(test, k);
	KUNIT_ASSERT_NOT_NULL(test, ran);
	KUNIT_ASSERT_NOT_NULL(test, armed);
	make(test, k, MANY);
	for (n = 0; n < 4 * MANY; n++) {
		u64 at = kt_t(1000 + get_random_u32_below(50));

		i = n < MANY ? n : get_random_u32_below(MANY);
		if (n % 4 == 3)
			kt_stop(k[i]);
		else if (n % 4 == 2 && callout_pending(&k[i]->c))
			kt_within(k[i], at, at);
		else
			kt_arm(k[i], at);
		armed[i] = n;
	}
	for (i = 0; i < MANY; i++)
		count += callout_pending(&k[i]->c);
	kt_run_until(test, kt_t(1060));
	for (i = 0; i < MANY; i++) {
		if (!k[i]->place)
			continue;
		KUNIT_ASSERT_LE(test, k[i]->place, count);
		ran[k[i]->place - 1] = k[i];
		k[i]->res[0] = armed[i];
	}
	for (i = 0; i < count; i++) {
		KUNIT_ASSERT_NOT_NULL(test, ran[i]);
		KT_EXPECT_RAN(test, ran[i], 1);
		if (!i)
			continue;
		KUNIT_EXPECT_GE(test, ran[i]->earliest, ran[i - 1]->earliest);
		if (ran[i]->earliest == ran[i - 1]->earliest)
			KUNIT_EXPECT_GT(test, ran[i]->res[0], ran[i - 1]->res[0]);
	}
}

/* ---- now ------------------------------------------------------------------------------------ */

static struct kt *second;

static void arm_second(struct kt *k)
{
	kt_arm_held(second, second->earliest);
}

/*
 * A handler arms another for now, or for long ago. In the same context it is run in the same pass, in another
 * the clock is armed for it at once.
 */
static void armed_for_now_by_a_handler(struct kunit *test)
{
	static const struct kt_kind others[] = {
		{ "soft", KT_NONE }, { "hard", KT_NONE, 0, C_DIRECT_EXEC }, { "thread", KT_NONE_THREAD },
	};
	unsigned int i, past;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		for (past = 0; past < 2; past++) {
			struct kt *first = kt_new(test, test->param_value);

			kt_restart();
			second = kt_new(test, &others[i]);
			second->earliest = past ? NSEC_PER_SEC : kt_t(2);
			first->todo = arm_second;
			kt_arm(first, kt_t(1));
			kt_flush(test, KT_CPU);
			kt_set(kt_t(2));
			co_clk_fake_interrupt(KT_CPU);
			kt_wait_ran(test, first, 1);
			callout_drain(&first->c);
			if (kt_ctx(first->kind) != kt_ctx(second->kind))
				kt_serve(KT_CPU);
			kt_wait_ran(test, second, 1);
			KT_EXPECT_RAN(test, second, 1);
		}
	}
}

/* A chain of runs each of which arms the next for now: in one go, but where an interrupt lets others in. */
static void again_and_again(struct kt *k)
{
	if (++k->res[0] < 100)
		kt_arm_held(k, kt_now());
}

static void rearms_itself_for_now(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	u64 interrupts;

	k->todo = again_and_again;
	kt_arm(k, kt_t(1));
	kt_flush(test, KT_CPU);
	kt_set(kt_t(2));
	interrupts = kt_stats().interrupts;
	co_clk_fake_interrupt(KT_CPU);
	kt_serve(KT_CPU);
	kt_wait_ran(test, k, 100);
	KT_EXPECT_RAN(test, k, 100);
	interrupts = kt_stats().interrupts - interrupts;
	if (kt_ctx(k->kind) == CO_HARD)
		KUNIT_EXPECT_GT(test, interrupts, 1);
	else
		KUNIT_EXPECT_EQ(test, interrupts, 1);
}

/* ---- busy locks, bursts --------------------------------------------------------------------- */

static int only_unlock(struct kt *k)
{
	kt_unlock(k);
	return 0;
}

/* While one's lock is busy those behind it run, and it runs when the lock is free. */
static void others_first(struct kunit *test)
{
	struct kt *busy = kt_new(test, test->param_value), *k[8];
	struct kt_holder h;
	int i;

	make(test, k, ARRAY_SIZE(k));
	kt_arm(busy, kt_t(1));
	for (i = 0; i < ARRAY_SIZE(k); i++)
		kt_arm(k[i], kt_t(1 + i / 4));
	kt_flush(test, KT_CPU);
	kt_hold(test, &h, busy, only_unlock);
	kt_run_until(test, kt_t(3));
	expect_order(test, k, ARRAY_SIZE(k));
	KT_EXPECT_RAN(test, busy, 0);
	KUNIT_EXPECT_TRUE(test, callout_pending(&busy->c));
	/* The clock is armed for another try, no later than 100 us from now. */
	KUNIT_EXPECT_LE(test, co_clk_fake_armed(KT_CPU), kt_now() + 100 * NSEC_PER_USEC);
	kt_let_go(test, &h);
	kt_run_until(test, kt_t(4));
	KT_EXPECT_RAN(test, busy, 1);
}

static const struct kt_kind lockable[] = {
	{ "hard", KT_RAW }, { "soft", KT_SPIN }, { "soft direct", KT_SPIN, 0, C_DIRECT_EXEC },
	{ "soft rwlock", KT_RW }, { "thread", KT_MUTEX }, { "thread rwsem", KT_RWSEM },
};
KUNIT_ARRAY_PARAM_DESC(lockable, lockable, name);

/* How much later each try is: it grows to 100 us and stays. */
static void retries_grow(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	u64 last = 0, tries = kt_stats().contended;
	struct kt_holder h;
	int i;

	kt_arm(k, kt_t(1));
	kt_flush(test, KT_CPU);
	kt_hold(test, &h, k, only_unlock);
	kt_set(kt_t(1));
	for (i = 0; i < 12; i++) {
		u64 now, delay;

		kt_fire(test, KT_CPU);
		now = kt_now();
		delay = co_clk_fake_armed(KT_CPU) - now;
		KUNIT_EXPECT_LE(test, delay, 100 * NSEC_PER_USEC);
		/* Time went on by a few nanoseconds since it was told. */
		KUNIT_EXPECT_GE(test, delay + 100, min(last, 100 * NSEC_PER_USEC));
		last = delay;
		kt_set(co_clk_fake_armed(KT_CPU));
	}
	KUNIT_EXPECT_EQ(test, kt_stats().contended - tries, 12);
	kt_let_go(test, &h);
	kt_run_until(test, kt_t(3));
	KT_EXPECT_RAN(test, k, 1);
}

/* A burst in the hard interrupt: a few at a time, the clock armed for the rest, all in order. */
static void burst(struct kunit *test)
{
	struct kt *k[100];
	u64 fired = 0, most = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(k); i++) {
		k[i] = kt_new(test, &kt_raw);
		kt_arm(k[i], kt_t(2));
	}
	kt_flush(test, KT_CPU);
	kt_set(kt_t(3));
	for (i = 0; i < ARRAY_SIZE(k) && co_clk_fake_armed(KT_CPU) <= kt_now(); i++) {
		fired = kt_stats().fired[CO_HARD];
		co_clk_fake_interrupt(KT_CPU);
		fired = kt_stats().fired[CO_HARD] - fired;
		most = max(most, fired);
	}
	KUNIT_EXPECT_GT(test, i, 1);
	KUNIT_EXPECT_LE(test, most, 64);
	expect_order(test, k, ARRAY_SIZE(k));
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(equal_deadlines, kinds_gen_params),
	KUNIT_CASE_PARAM(moved_to_equal, moving_gen_params),
	KUNIT_CASE_PARAM(moved_in_place, moving_gen_params),
	KUNIT_CASE_PARAM(armed_anew, kinds_gen_params),
	KUNIT_CASE_PARAM(handed_over, kinds_gen_params),
	KUNIT_CASE_PARAM(at_random, moving_gen_params),
	KUNIT_CASE_PARAM(armed_for_now_by_a_handler, kinds_gen_params),
	KUNIT_CASE_PARAM(rearms_itself_for_now, kinds_gen_params),
	KUNIT_CASE_PARAM(others_first, lockable_gen_params),
	KUNIT_CASE_PARAM(retries_grow, lockable_gen_params),
	KUNIT_CASE(burst),
	{}
};

struct kunit_suite kt_suite_order = {
	.name = "callout_order",
	.suite_init = kt_suite_init,
	.init = kt_init,
	.exit = kt_exit,
	.test_cases = cases,
};
