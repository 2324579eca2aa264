// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_convert: times of one kind made into times of another.
 *
 * Against 128-bit arithmetic, over the whole range. Deadlines are read from c_left.
 */
#include <linux/math64.h>
#include <linux/random.h>
#include "kt.h"

#define ROUNDS 20000

/* Values of every size and sign, and their neighbours. */
static s64 sample(int i)
{
	static const s64 special[] = {
		0, 1, -1, S64_MAX, S64_MIN, U32_MAX, (s64)U32_MAX + 1, NSEC_PER_SEC, -NSEC_PER_SEC,
		NSEC_PER_SEC - 1, (1LL << 31) * NSEC_PER_SEC, (1LL << 31) * NSEC_PER_SEC - 1,
		-(1LL << 31) * NSEC_PER_SEC, -(1LL << 31) * NSEC_PER_SEC - 1, S64_MAX / 1000, S64_MIN / 1000,
	};

	if (i < 3 * ARRAY_SIZE(special))
		return (u64)special[i / 3] + i % 3 - 1;
	return (s64)get_random_u64() >> get_random_u32_below(64);
}

static void sbt_to_ns(struct kunit *test)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		s64 sbt = sample(i), floor = (s64)(((__int128)sbt * NSEC_PER_SEC) >> 32);

		KUNIT_ASSERT_EQ_MSG(test, sbttons(sbt), floor, "sbttons(%lld)", sbt);
		if (sbt >= 0)
			KUNIT_ASSERT_EQ(test, (u64)sbttons(sbt), mul_u64_u64_shr(sbt, NSEC_PER_SEC, 32));
		KUNIT_ASSERT_EQ(test, sbintime_getsec(sbt), (int)(sbt >> 32));
	}
}

/* The least sbintime_t that is not before; saturating. */
static void check_nstosbt(struct kunit *test, s64 ns)
{
	sbintime_t sbt = nstosbt(ns);
	__int128 want = (__int128)ns << 32;

	if (ns >= (1LL << 31) * NSEC_PER_SEC) {
		KUNIT_ASSERT_EQ(test, sbt, SBT_MAX);
	} else if (ns < -(1LL << 31) * NSEC_PER_SEC) {
		KUNIT_ASSERT_EQ(test, sbt, SBT_MIN);
	} else {
		KUNIT_ASSERT_TRUE_MSG(test, (__int128)sbt * NSEC_PER_SEC >= want, "nstosbt(%lld)", ns);
		KUNIT_ASSERT_TRUE_MSG(test, ((__int128)sbt - 1) * NSEC_PER_SEC < want, "nstosbt(%lld)", ns);
		KUNIT_ASSERT_EQ(test, sbttons(sbt), ns);
	}
}

static void ns_to_sbt(struct kunit *test)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		check_nstosbt(test, sample(i));
}

static s64 saturated(__int128 x)
{
	return x > S64_MAX ? S64_MAX : x < S64_MIN ? S64_MIN : (s64)x;
}

static s64 floor_div(s64 x, s64 unit)
{
	s64 q = x / unit;

	return q * unit > x ? q - 1 : q;
}

static void units(struct kunit *test)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		s64 x = sample(i);

		KUNIT_ASSERT_EQ(test, ustosbt(x), nstosbt(saturated((__int128)x * NSEC_PER_USEC)));
		KUNIT_ASSERT_EQ(test, mstosbt(x), nstosbt(saturated((__int128)x * NSEC_PER_MSEC)));
		KUNIT_ASSERT_EQ(test, tick_to_sbt(x), nstosbt(saturated((__int128)x * TICK_NSEC)));
		KUNIT_ASSERT_EQ(test, sbttous(x), floor_div(sbttons(x), NSEC_PER_USEC));
		KUNIT_ASSERT_EQ(test, sbttoms(x), floor_div(sbttons(x), NSEC_PER_MSEC));
	}
}

/* ---- deadlines ------------------------------------------------------------------------------ */

/* Arms and stops; the deadline (its latest time, the precision being none) that it had. */
static u64 deadline(struct kunit *test, sbintime_t sbt, int flags)
{
	struct kt *k = kt_new(test, &kt_none);
	u64 latest;

	KUNIT_EXPECT_EQ(test, callout_reset_sbt(&k->c, sbt, 0, kt_handler, k, flags), 0);
	latest = ~k->c.c_left;
	callout_stop(&k->c);
	return latest;
}

/* Rounded up, so that sbinuptime() has reached the time when the handler runs. */
static void absolute(struct kunit *test)
{
	int i;

	for (i = 0; i < 2000; i++) {
		/* Not so near to now that it would run. */
		sbintime_t sbt = (get_random_u64() >> 1 >> get_random_u32_below(8)) | 1LL << 55;
		u64 ns = deadline(test, sbt, C_ABSOLUTE);

		KUNIT_ASSERT_TRUE(test, (__int128)ns << 32 >= (__int128)sbt * NSEC_PER_SEC);
		KUNIT_ASSERT_TRUE(test, (__int128)(ns - 1) << 32 < (__int128)sbt * NSEC_PER_SEC);
		KUNIT_ASSERT_EQ(test, deadline(test, sbt, C_PRECALC), ns);
		KUNIT_ASSERT_GE(test, nstosbt(ns), sbt);
	}
	KUNIT_EXPECT_EQ(test, deadline(test, SBT_MAX, C_ABSOLUTE), (1ULL << 31) * NSEC_PER_SEC);
}

static void relative(struct kunit *test)
{
	u64 now = kt_now(), last_tick;

	KUNIT_EXPECT_EQ(test, deadline(test, 8 * SBT_1S, C_PREL(63)), now + 8 * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, deadline(test, nstosbt(KT_UNIT_NS), C_PREL(63)), now + KT_UNIT_NS);
	/* A long one does not overflow: 68 years from now. */
	KUNIT_EXPECT_EQ(test, deadline(test, SBT_MAX, C_PREL(63)), now + (1ULL << 31) * NSEC_PER_SEC);

	/* C_HARDCLOCK: from the last tick, at least one. The tick may change while we look. */
	do {
		last_tick = jiffies;
		now = deadline(test, 8 * SBT_1S, C_HARDCLOCK | C_PREL(63));
	} while (last_tick != jiffies);
	KUNIT_EXPECT_EQ(test, now, ~callout_tick_origin + last_tick * TICK_NSEC + 8 * NSEC_PER_SEC);
}

/* ---- callout_when --------------------------------------------------------------------------- */

static void expect_when(struct kunit *test, sbintime_t sbt, sbintime_t pr, int flags, sbintime_t sbt_res,
			sbintime_t pr_res)
{
	sbintime_t s = 42, p = 42;

	callout_when(sbt, pr, flags, &s, &p);
	KUNIT_EXPECT_EQ(test, s, sbt_res);
	KUNIT_EXPECT_EQ(test, p, pr_res);
}

static void when(struct kunit *test)
{
	sbintime_t now = nstosbt(kt_now()), s, p;
	unsigned long last_tick;

	expect_when(test, 12345, 77, C_ABSOLUTE, 12345, 77);
	expect_when(test, 12345, 77, C_PRECALC, 12345, 77);
	expect_when(test, -5, 0, C_ABSOLUTE | C_PREL(1), -5, 0);
	expect_when(test, 100 * SBT_1S, 0, 0, now + 100 * SBT_1S, 5 * SBT_1S);
	expect_when(test, 100 * SBT_1S, 7 * SBT_1S, 0, now + 100 * SBT_1S, 7 * SBT_1S);
	expect_when(test, 64 * SBT_1S, 0, C_PREL(3), now + 64 * SBT_1S, 8 * SBT_1S);
	expect_when(test, SBT_MAX, 0, C_PREL(63), SBT_MAX, 0);
	do {
		last_tick = jiffies;
		callout_when(SBT_1S, 0, C_HARDCLOCK | C_PREL(63), &s, &p);
	} while (last_tick != jiffies);
	KUNIT_EXPECT_EQ(test, s, nstosbt(~callout_tick_origin + last_tick * TICK_NSEC) + SBT_1S);

	/* What it gives is what callout_reset_sbt() makes of the same. */
	callout_when(3 * SBT_1S, 0, 0, &s, &p);
	KUNIT_EXPECT_EQ(test, deadline(test, s, C_PRECALC), kt_now() + 3 * NSEC_PER_SEC);
}

/* ---- ticks ---------------------------------------------------------------------------------- */

/* Exactly @ticks boundaries after the last: whatever tick it was when we called. */
static void ticks(struct kunit *test)
{
	static const int n[] = { 1, 2, 10, HZ, 100 * HZ, INT_MAX };
	struct kt *k = kt_new(test, &kt_spin);
	unsigned int i, how;

	for (i = 0; i < ARRAY_SIZE(n); i++) {
		for (how = 0; how < 4; how++) {
			unsigned long before, after;
			u64 at, rest;

			kt_lock(k);
			before = jiffies;
			if (how == 0)
				callout_reset(&k->c, n[i], kt_handler, k);
			else if (how == 1)
				callout_schedule(&k->c, n[i]);
			else if (how == 2)
				callout_reset_on(&k->c, n[i], kt_handler, k, KT_CPU);
			else
				callout_schedule_curcpu(&k->c, n[i]);
			after = jiffies;
			at = ~k->c.c_left;
			callout_stop(&k->c);
			kt_unlock(k);

			at = div64_u64_rem(at - ~callout_tick_origin, TICK_NSEC, &rest);
			KUNIT_EXPECT_EQ(test, rest, 0);
			/* The wheel's counter begins below 0: compare as it wraps. */
			KUNIT_EXPECT_TRUE(test, at - (before + n[i]) <= after - before);
		}
	}
}

/* Less than a tick is a tick. The lock is held, so that it does not run meanwhile. */
static void no_ticks(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_spin);
	unsigned long last_tick;
	u64 at;

	kt_lock(k);
	do {
		last_tick = jiffies;
		callout_reset(&k->c, 0, kt_handler, k);
		at = ~k->c.c_left;
		callout_stop(&k->c);
	} while (last_tick != jiffies);
	kt_unlock(k);
	KUNIT_EXPECT_EQ(test, at, ~callout_tick_origin + (last_tick + 1) * TICK_NSEC);
}

/* The origin is right: a tick's boundary is not far from when jiffies change, and not before it. */
static void boundaries(struct kunit *test)
{
	u64 best = U64_MAX;
	int i;

	for (i = 0; i < 20; i++) {
		unsigned long j = jiffies;
		s64 late;

		while (jiffies == j)
			cpu_relax();
		j = jiffies;
		late = ktime_get() - (~callout_tick_origin + j * TICK_NSEC);
		/* Seen late by us is positive, by the module negative. */
		best = min_t(u64, best, abs(late));
	}
	KUNIT_EXPECT_LT(test, best, 2 * TICK_NSEC);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(sbt_to_ns),
	KUNIT_CASE(ns_to_sbt),
	KUNIT_CASE(units),
	KUNIT_CASE(absolute),
	KUNIT_CASE(relative),
	KUNIT_CASE(when),
	KUNIT_CASE(ticks),
	KUNIT_CASE(no_ticks),
	KUNIT_CASE(boundaries),
	{}
};

struct kunit_suite kt_suite_convert = {
	.name = "callout_convert",
	.suite_init = kt_suite_init,
	.init = kt_init,
	.exit = kt_exit,
	.test_cases = cases,
};
