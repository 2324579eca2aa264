// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_clocks: periodic mode, and changes of the mode with callouts pending, on clock fake.
 *
 * These run on KT_CPU itself, and handlers run in the interrupt, as in callout_windows. Real clocks, and
 * switches between them, are tested by selftests/clocks.
 */
#include "kt.h"

#define HZ_OF_TEST	512	/* a tick is KT_UNIT_NS */

/* A tick to come, from which a test counts. */
static u64 t0;

static int clocks_init(struct kunit *test)
{
	int err = kt_init(test) ?: set_cpus_allowed_ptr(current, cpumask_of(KT_CPU));

	if (err)
		return err;
	co_clk_fake_interrupt(KT_CPU);
	t0 = (kt_now() / KT_UNIT_NS + 2) * KT_UNIT_NS;
	kt_set(t0 - KT_UNIT_NS / 2);
	return 0;
}

static void clocks_exit(struct kunit *test)
{
	co_clock_set(NULL, "deadline", 1000);
	kt_exit(test);
}

static u64 tick(int n)
{
	return t0 + n * KT_UNIT_NS;
}

static void interrupt_at(u64 ns)
{
	kt_set(ns);
	co_clk_fake_interrupt(KT_CPU);
}

static struct kt *new(struct kunit *test, u64 earliest, u64 latest)
{
	struct kt *k = kt_new(test, &kt_raw);

	KUNIT_EXPECT_EQ(test, kt_within(k, earliest, latest), 0);
	return k;
}

#define EXPECT_ARMED(test, at)	KUNIT_EXPECT_EQ(test, co_clk_fake_armed(KT_CPU), at)
#define SET(test, mode)		KUNIT_ASSERT_EQ(test, co_clock_set(NULL, mode, HZ_OF_TEST), 0)

/* Also the one behind a head whose window opens later but ends earlier, which deadline mode lets wait. */
static void first_tick_at_or_after_earliest(struct kunit *test)
{
	struct kt *head, *behind, *exact;

	SET(test, "periodic");
	head = new(test, tick(3), tick(4));
	behind = new(test, tick(0) + 1, tick(10));
	exact = new(test, tick(2), tick(2));
	EXPECT_ARMED(test, tick(0));
	interrupt_at(tick(0));
	KT_EXPECT_RAN(test, behind, 0);
	EXPECT_ARMED(test, tick(1));
	interrupt_at(tick(1));
	KT_EXPECT_RAN(test, behind, 1);
	KT_EXPECT_RAN(test, exact, 0);
	interrupt_at(tick(2));
	KT_EXPECT_RAN(test, exact, 1);
	KT_EXPECT_RAN(test, head, 0);
	interrupt_at(tick(3));
	KT_EXPECT_RAN(test, head, 1);
}

static void idle_clock_stops(struct kunit *test)
{
	struct kt *k;

	SET(test, "periodic");
	EXPECT_ARMED(test, CO_CLOCK_NEVER);
	k = new(test, tick(2), tick(2));
	EXPECT_ARMED(test, tick(0));
	interrupt_at(tick(0));
	EXPECT_ARMED(test, tick(1));
	KUNIT_EXPECT_EQ(test, kt_stop(k), 1);
	EXPECT_ARMED(test, tick(1));
	interrupt_at(tick(1));
	EXPECT_ARMED(test, CO_CLOCK_NEVER);
	KUNIT_EXPECT_EQ(test, kt_within(k, tick(5), tick(5)), 0);
	EXPECT_ARMED(test, tick(2));
	for (int n = 2; n <= 5; n++) {
		KT_EXPECT_RAN(test, k, 0);
		interrupt_at(tick(n));
	}
	KT_EXPECT_RAN(test, k, 1);
	EXPECT_ARMED(test, CO_CLOCK_NEVER);
}

/* Arming while the clock ticks does not program it. */
static void ticking_costs_no_programming(struct kunit *test)
{
	struct kt *first, *k;
	u64 programmed;

	SET(test, "periodic");
	first = new(test, tick(9), tick(9));
	programmed = kt_stats().programmed;
	k = new(test, tick(1), tick(1));
	KUNIT_EXPECT_EQ(test, kt_stats().programmed, programmed);
	interrupt_at(tick(0));
	interrupt_at(tick(1));
	KT_EXPECT_RAN(test, k, 1);
	KT_EXPECT_RAN(test, first, 0);
	KUNIT_EXPECT_EQ(test, kt_stats().programmed, programmed);
}

static void keys_follow_the_mode(struct kunit *test)
{
	struct kt *k[200], *far;
	int i, n;

	for (i = 0; i < ARRAY_SIZE(k); i++)
		k[i] = new(test, tick(2 + i % 7), tick(50 + i % 5));
	far = new(test, tick(90), tick(95));
	EXPECT_ARMED(test, tick(50));
	SET(test, "periodic");
	EXPECT_ARMED(test, tick(0));
	for (n = 0; n <= 8; n++) {
		interrupt_at(tick(n));
		for (i = 0; i < ARRAY_SIZE(k); i++)
			KT_EXPECT_RAN(test, k[i], n >= 2 + i % 7);
	}
	SET(test, "deadline");
	EXPECT_ARMED(test, tick(95));
	interrupt_at(tick(95));
	KT_EXPECT_RAN(test, far, 1);
}

/* Equal deadlines keep the order in which they were armed through a change of mode and back. */
static void order_survives_a_change(struct kunit *test)
{
	struct kt *k[40];
	int i;

	for (i = 0; i < ARRAY_SIZE(k); i++)
		k[i] = new(test, tick(3), tick(3));
	SET(test, "periodic");
	SET(test, "deadline");
	interrupt_at(tick(3));
	for (i = 0; i < ARRAY_SIZE(k); i++) {
		KT_EXPECT_RAN(test, k[i], 1);
		if (i)
			KUNIT_EXPECT_GT(test, k[i]->place, k[i - 1]->place);
	}
}

/* A move is a store in periodic mode, too, and the callout runs at the first tick of its new time. */
static void moves_in_periodic_mode(struct kunit *test)
{
	struct kt *k;

	SET(test, "periodic");
	k = new(test, tick(1), tick(2));
	KUNIT_EXPECT_EQ(test, kt_within(k, tick(4) + 1, tick(7)), 1);
	for (int n = 0; n <= 4; n++) {
		interrupt_at(tick(n));
		KT_EXPECT_RAN(test, k, 0);
	}
	interrupt_at(tick(5));
	KT_EXPECT_RAN(test, k, 1);
}

static void what_is_refused(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, co_clock_set("sundial", NULL, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, co_clock_set(NULL, "now and then", 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, co_clock_set(NULL, NULL, 1000000), -ERANGE);
	KUNIT_EXPECT_STREQ(test, co_clock->name, "fake");
	KUNIT_EXPECT_EQ(test, (int)co_mode, (int)CO_DEADLINE);
}

/* Ticks lie on multiples of 1/hz, also where that is no whole number of nanoseconds, and never drift. */
static void ticks_do_not_drift(struct kunit *test)
{
	u64 at = 1000 * (u64)NSEC_PER_SEC;
	int n;

	KUNIT_ASSERT_EQ(test, co_clock_set(NULL, NULL, 999), 0);
	for (n = 0; n < 999; n++) {
		u64 next = co_next_tick(at);

		KUNIT_ASSERT_GT(test, next, at);
		KUNIT_ASSERT_LE(test, next - at, (u64)NSEC_PER_SEC / 999 + 1);
		at = next;
	}
	KUNIT_EXPECT_EQ(test, at, 1001 * (u64)NSEC_PER_SEC);
}

static struct kunit_case clocks_cases[] = {
	KUNIT_CASE(first_tick_at_or_after_earliest),
	KUNIT_CASE(idle_clock_stops),
	KUNIT_CASE(ticking_costs_no_programming),
	KUNIT_CASE(keys_follow_the_mode),
	KUNIT_CASE(order_survives_a_change),
	KUNIT_CASE(moves_in_periodic_mode),
	KUNIT_CASE(what_is_refused),
	KUNIT_CASE(ticks_do_not_drift),
	{ }
};

struct kunit_suite kt_suite_clocks = {
	.name = "callout_clocks",
	.suite_init = kt_suite_init,
	.init = clocks_init,
	.exit = clocks_exit,
	.test_cases = clocks_cases,
};
