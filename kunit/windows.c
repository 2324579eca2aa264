// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_windows: what the clock is armed for, and what one interrupt serves.
 *
 * These run on KT_CPU itself, so that an arm is told to the clock before it returns. Nothing blocks, and
 * handlers run in the interrupt, so that all is over when co_clk_fake_interrupt() returns.
 */
#include "kt.h"

static int windows_init(struct kunit *test)
{
	int err = kt_init(test) ?: set_cpus_allowed_ptr(current, cpumask_of(KT_CPU));

	/* What the clock is still armed for from the test before. */
	if (!err)
		co_clk_fake_interrupt(KT_CPU);
	return err;
}

/* A raw lock: with a window, moved by a store, run in the interrupt. */
static struct kt *new(struct kunit *test, int earliest, int latest)
{
	struct kt *k = kt_new(test, &kt_raw);

	KUNIT_EXPECT_EQ(test, kt_within(k, kt_t(earliest), kt_t(latest)), 0);
	return k;
}

static void interrupt(int at)
{
	kt_set(kt_t(at));
	co_clk_fake_interrupt(KT_CPU);
}

#define EXPECT_ARMED(test, at) KUNIT_EXPECT_EQ(test, co_clk_fake_armed(KT_CPU), at)

/* ---- windows -------------------------------------------------------------------------------- */

/* The clock is armed for the end of the window; an interrupt that comes anyhow finds it open. */
static void latest_is_armed_for(struct kunit *test)
{
	struct kt *k = new(test, 2, 5), *exact = new(test, 9, 9);

	EXPECT_ARMED(test, kt_t(5));
	interrupt(1);
	KT_EXPECT_RAN(test, k, 0);
	EXPECT_ARMED(test, kt_t(5));
	kt_set(kt_t(2) - 1);
	co_clk_fake_interrupt(KT_CPU);
	KT_EXPECT_RAN(test, k, 0);
	interrupt(2);
	KT_EXPECT_RAN(test, k, 1);
	EXPECT_ARMED(test, kt_t(9));
	kt_set(kt_t(9) - 1);
	co_clk_fake_interrupt(KT_CPU);
	KT_EXPECT_RAN(test, exact, 0);
	interrupt(9);
	KT_EXPECT_RAN(test, exact, 1);
	EXPECT_ARMED(test, CO_CLOCK_NEVER);
}

/*
 * Windows that overlap share one interrupt: three stabs are the least for these, and each is run in its
 * window. Which of the interrupts in it is not said: one with a far end may wait behind a head.
 */
static void one_interrupt_for_all(struct kunit *test)
{
	static const int window[][2] = {
		{ 1, 6 }, { 2, 5 }, { 4, 4 }, { 0, 4 }, { 3, 90 },
		{ 5, 9 }, { 7, 8 }, { 8, 20 },
		{ 12, 12 }, { 10, 30 }, { 11, 13 },
	};
	struct kt *k[ARRAY_SIZE(window)];
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(window); i++)
		k[i] = new(test, window[i][0], window[i][1]);
	for (n = 0; n < 3; n++) {
		KUNIT_ASSERT_NE(test, co_clk_fake_armed(KT_CPU), CO_CLOCK_NEVER);
		kt_set(co_clk_fake_armed(KT_CPU));
		co_clk_fake_interrupt(KT_CPU);
	}
	EXPECT_ARMED(test, CO_CLOCK_NEVER);
	for (i = 0; i < ARRAY_SIZE(window); i++) {
		KT_EXPECT_RAN(test, k[i], 1);
		KUNIT_EXPECT_GE(test, k[i]->ran_at, kt_t(window[i][0]));
		KUNIT_EXPECT_LE(test, k[i]->ran_at, kt_t(window[i][1]));
	}
}

/* Another's interrupt in the window, the other being of another context. */
static void contexts_share(struct kunit *test)
{
	struct kt *soft = kt_new(test, &kt_spin), *thread = kt_new(test, &kt_mutex);
	struct kt *hard = new(test, 3, 3);

	kt_within(soft, kt_t(1), kt_t(5));
	kt_within(thread, kt_t(2), kt_t(7));
	EXPECT_ARMED(test, kt_t(3));
	interrupt(3);
	KT_EXPECT_RAN(test, hard, 1);
	kt_wait_ran(test, soft, 1);
	kt_wait_ran(test, thread, 1);
	callout_drain(&soft->c);
	callout_drain(&thread->c);
	EXPECT_ARMED(test, CO_CLOCK_NEVER);
}

/*
 * Nothing is armed for what the softirq or the thread is about to run with the first. Fails where the clock is
 * armed for the end of the second's window: that would have to be undone, or an interrupt comes for nothing.
 */
static void second_waits_for_dispatcher(struct kunit *test)
{
	static const struct kt_kind *const kinds[] = { &kt_spin, &kt_mutex };
	int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct kt *first = kt_new(test, kinds[i]), *second = kt_new(test, kinds[i]);
		int at = 20 * i;
		u64 programmed;

		kt_within(first, kt_t(at + 2), kt_t(at + 6));
		kt_within(second, kt_t(at + 5), kt_t(at + 9));
		programmed = kt_stats().programmed;
		interrupt(at + 6);
		kt_wait_ran(test, first, 1);
		kt_wait_ran(test, second, 1);
		callout_drain(&first->c);
		callout_drain(&second->c);
		EXPECT_ARMED(test, CO_CLOCK_NEVER);
		KUNIT_EXPECT_EQ(test, kt_stats().programmed, programmed);
	}
}

/* ---- what is told to the clock -------------------------------------------------------------- */

/* Only an arm that is now the first is. Fails where stops, moves or later arms reach the hardware. */
static void told_only_when_earlier(struct kunit *test)
{
	struct kt *first = new(test, 4, 4), *k;
	u64 programmed = kt_stats().programmed;

	k = new(test, 6, 6);
	KUNIT_EXPECT_EQ(test, kt_within(k, kt_t(7), kt_t(7)), 1);
	KUNIT_EXPECT_EQ(test, kt_within(k, kt_t(5), kt_t(5)), 1);
	KUNIT_EXPECT_EQ(test, kt_stop(k), 1);
	KUNIT_EXPECT_EQ(test, kt_within(first, kt_t(5), kt_t(5)), 1);
	KUNIT_EXPECT_EQ(test, kt_within(first, kt_t(4), kt_t(4)), 1);
	KUNIT_EXPECT_EQ(test, kt_stop(first), 1);
	kt_within(k, kt_t(8), kt_t(8));
	KUNIT_EXPECT_EQ(test, kt_stats().programmed, programmed);
	EXPECT_ARMED(test, kt_t(4));

	interrupt(4);
	KT_EXPECT_RAN(test, first, 0);
	EXPECT_ARMED(test, kt_t(8));
	kt_within(first, kt_t(6), kt_t(6));
	KUNIT_EXPECT_EQ(test, kt_stats().programmed, programmed + 1);
	EXPECT_ARMED(test, kt_t(6));
	interrupt(6);
	KT_EXPECT_RAN(test, first, 1);
	EXPECT_ARMED(test, kt_t(8));
	KUNIT_EXPECT_EQ_MSG(test, kt_stats().programmed, programmed + 1, "the interrupt arms by itself");
}

/* Heads that were moved are put in their place before the clock is armed for them. */
static void stale_heads(struct kunit *test)
{
	struct kt *k[5], *last = new(test, 9, 9);
	u64 rekeyed, interrupts;
	int i;

	for (i = 0; i < ARRAY_SIZE(k); i++) {
		k[i] = new(test, 2 + i, 2 + i);
		KUNIT_EXPECT_EQ(test, kt_within(k[i], kt_t(20 - i), kt_t(20 - i)), 1);
	}
	EXPECT_ARMED(test, kt_t(2));
	rekeyed = kt_stats().rekeyed;
	interrupts = kt_stats().interrupts;
	interrupt(2);
	EXPECT_ARMED(test, kt_t(9));
	KUNIT_EXPECT_EQ(test, kt_stats().rekeyed - rekeyed, 5);
	interrupt(9);
	KT_EXPECT_RAN(test, last, 1);
	for (i = 0; i < ARRAY_SIZE(k); i++) {
		EXPECT_ARMED(test, kt_t(16 + i));
		interrupt(16 + i);
		KT_EXPECT_RAN(test, k[4 - i], 1);
	}
	KUNIT_EXPECT_EQ_MSG(test, kt_stats().interrupts - interrupts, 7, "one for the moves, one for each");
}

/* ---- precision ------------------------------------------------------------------------------ */

static u64 window_of(struct kt *k)
{
	return co_window_unpack(k->c.c_order >> 32);
}

/* What callout_reset_sbt() made of it: earliest and window, in KT_UNIT_NS. */
static void expect_sbt(struct kunit *test, int sbt, int pr, int flags, u64 earliest, u64 window)
{
	struct kt *k = kt_new(test, &kt_raw);
	u64 latest;

	kt_lock(k);
	callout_reset_sbt(&k->c, nstosbt(sbt * KT_UNIT_NS), nstosbt(pr * KT_UNIT_NS), kt_handler, k, flags);
	latest = ~k->c.c_left;
	callout_stop(&k->c);
	kt_unlock(k);
	KUNIT_EXPECT_EQ(test, window_of(k), window);
	KUNIT_EXPECT_EQ(test, latest - window, earliest);
}

static void precision(struct kunit *test)
{
	u64 now = kt_now(), unit = KT_UNIT_NS;

	/* 5 % of the interval, unless more is asked for. */
	expect_sbt(test, 40, 0, 0, now + 40 * unit, 2 * unit);
	expect_sbt(test, 40, 1, 0, now + 40 * unit, 2 * unit);
	expect_sbt(test, 40, 7, 0, now + 40 * unit, 7 * unit);
	/* C_PREL(x): the interval >> x in its place. */
	expect_sbt(test, 40, 0, C_PREL(1), now + 40 * unit, 20 * unit);
	expect_sbt(test, 40, 0, C_PREL(3), now + 40 * unit, 5 * unit);
	expect_sbt(test, 40, 6, C_PREL(3), now + 40 * unit, 6 * unit);
	expect_sbt(test, 40, 0, C_PREL(0), now + 40 * unit, 40 * unit);
	expect_sbt(test, 40, 0, C_PREL(63), now + 40 * unit, 0);
	/* A time has only the precision that it is given. */
	expect_sbt(test, 600000, 0, C_ABSOLUTE, 600000 * unit, 0);
	expect_sbt(test, 600000, 3, C_ABSOLUTE, 600000 * unit, 3 * unit);
	expect_sbt(test, 600000, 3, C_PRECALC | C_PREL(1), 600000 * unit, 3 * unit);
	expect_sbt(test, 0, 0, 0, now, 0);
}

/* The window is kept in 32 bits: exact while it is short, less than asked for where not. */
static void long_windows(struct kunit *test)
{
	unsigned int bit;

	for (bit = 0; bit < 58; bit++) {
		u64 w = (1ULL << bit) + (1ULL << bit) / 3, kept;
		struct kt *k = kt_new(test, &kt_raw);

		kt_within(k, kt_t(1), kt_t(1) + w);
		kept = window_of(k);
		KUNIT_EXPECT_EQ(test, ~k->c.c_left, kt_t(1) + w);
		KUNIT_EXPECT_LE(test, kept, w);
		KUNIT_EXPECT_LE(test, w - kept, bit < 27 ? 0 : w >> 26);
		kt_stop(k);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(latest_is_armed_for),
	KUNIT_CASE(one_interrupt_for_all),
	KUNIT_CASE(contexts_share),
	KUNIT_CASE(second_waits_for_dispatcher),
	KUNIT_CASE(told_only_when_earlier),
	KUNIT_CASE(stale_heads),
	KUNIT_CASE(precision),
	KUNIT_CASE(long_windows),
	{}
};

struct kunit_suite kt_suite_windows = {
	.name = "callout_windows",
	.suite_init = kt_suite_init,
	.init = windows_init,
	.exit = kt_exit,
	.test_cases = cases,
};
