// SPDX-License-Identifier: GPL-2.0
// Conversions of time, compared with 128-bit arithmetic over their whole range.
#include "queue.hpp"
#include <bit>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

namespace {

using Wide = __int128;
using Limits = std::numeric_limits<std::int64_t>;

constexpr Wide ns_per_s = 1000000000;
constexpr Wide one_s = Wide{1} << 32;

constexpr Wide floor_div(Wide a, Wide b)
{
	return a / b - (a % b < 0);
}

constexpr std::int64_t saturate(Wide x)
{
	return x < Limits::min()   ? Limits::min()
	       : x > Limits::max() ? Limits::max()
				   : static_cast<std::int64_t>(x);
}

// The references: sbintime_t to nanoseconds rounds down, the other way rounds up.
constexpr Wide exact_ns(std::int64_t sbt)
{
	return floor_div(sbt * ns_per_s, one_s);
}

constexpr std::int64_t exact_sbt(std::int64_t count, Wide unit_ns)
{
	return saturate(-floor_div(-(count * unit_ns * one_s), ns_per_s));
}

// Every value about a power of two, a whole number of a unit, and the ends; and many at random.
std::vector<std::int64_t> values()
{
	std::vector<std::int64_t> v;
	auto around = [&](Wide center) {
		for (int d = -3; d <= 3; d++) {
			v.push_back(saturate(center + d));
			v.push_back(saturate(-center + d));
		}
	};
	for (int bit = 0; bit < 64; bit++)
		around(Wide{1} << bit);
	for (Wide unit :
	     {Wide{1000}, Wide{1000000}, ns_per_s, one_s, one_s / 1000, one_s / 1000000})
		for (Wide n = 1; n * unit <= Limits::max(); n *= 10) {
			around(n * unit);
			around((n * unit) / 3);
		}
	// Where a unit's conversion begins to saturate.
	for (Wide unit : {Wide{1}, Wide{1000}, Wide{1000000}, Wide{4000000}})
		around((Wide{1} << 31) * ns_per_s / unit);
	std::mt19937_64 random(7);
	for (int i = 0; i < 1000000; i++)
		v.push_back(static_cast<std::int64_t>(random()) >> random() % 64);
	return v;
}

class Conversions : public testing::Test {
protected:
	static inline const std::vector<std::int64_t> all = values();
};

TEST_F(Conversions, NanosecondsOfSbt)
{
	for (std::int64_t x : all)
		ASSERT_EQ(sbttons(x), static_cast<std::int64_t>(exact_ns(x))) << x;
}

TEST_F(Conversions, SbtOfNanoseconds)
{
	for (std::int64_t x : all)
		ASSERT_EQ(nstosbt(x), exact_sbt(x, 1)) << x;
}

TEST_F(Conversions, SbtOfLargerUnits)
{
	for (std::int64_t x : all) {
		ASSERT_EQ(ustosbt(x), exact_sbt(x, 1000)) << x;
		ASSERT_EQ(mstosbt(x), exact_sbt(x, 1000000)) << x;
		ASSERT_EQ(tick_to_sbt(x), exact_sbt(x, TICK_NSEC)) << x;
	}
}

TEST_F(Conversions, LargerUnitsOfSbt)
{
	for (std::int64_t x : all) {
		ASSERT_EQ(sbttous(x), static_cast<std::int64_t>(floor_div(exact_ns(x), 1000))) << x;
		ASSERT_EQ(sbttoms(x), static_cast<std::int64_t>(floor_div(exact_ns(x), 1000000)))
			<< x;
		ASSERT_EQ(sbintime_getsec(x), static_cast<int>(floor_div(x, one_s))) << x;
	}
}

TEST_F(Conversions, ThereAndBackIsTheSame)
{
	constexpr Wide end = (Wide{1} << 31) * ns_per_s;

	for (std::int64_t x : all) {
		if (x >= -end && x < end)
			ASSERT_EQ(sbttons(nstosbt(x)), x);
		if (x >= -end / 1000 && x < end / 1000)
			ASSERT_EQ(sbttous(ustosbt(x)), x);
		if (x >= -end / 1000000 && x < end / 1000000)
			ASSERT_EQ(sbttoms(mstosbt(x)), x);
		// The other way: never earlier, and by less than a nanosecond.
		const Wide back = nstosbt(sbttons(x));
		ASSERT_LE(back, x);
		ASSERT_LT((x - back) * ns_per_s, one_s);
	}
}

TEST_F(Conversions, OrderIsKept)
{
	std::mt19937_64 random(8);

	for (std::size_t i = 0; i + 1 < all.size(); i++) {
		const auto [a, b] = std::minmax(all[i], all[random() % all.size()]);
		ASSERT_LE(nstosbt(a), nstosbt(b));
		ASSERT_LE(sbttons(a), sbttons(b));
	}
}

TEST(Constants, AreFreeBsds)
{
	EXPECT_EQ(SBT_1S, 4294967296);
	EXPECT_EQ(SBT_1M, 257698037760);
	EXPECT_EQ(SBT_1MS, 4294967);
	EXPECT_EQ(SBT_1US, 4294);
	EXPECT_EQ(SBT_1NS, 4);
	EXPECT_EQ(SBT_MAX, 0x7fffffffffffffff);
	EXPECT_EQ(C_DIRECT_EXEC, 0x1);
	EXPECT_EQ(C_HARDCLOCK, 0x100);
	EXPECT_EQ(C_ABSOLUTE, 0x200);
	EXPECT_EQ(C_PRECALC, 0x400);
	EXPECT_EQ(C_CATCH, 0x800);
}

// FreeBSD: ((x) + 1) << 1 in bits 1 to 7, so that none asked for, 0, reads as -1.
TEST(Precision, PacksBesideTheFlags)
{
	constexpr int others = C_DIRECT_EXEC | C_HARDCLOCK | C_ABSOLUTE | C_PRECALC | C_CATCH;

	EXPECT_EQ(C_PRELGET(0), -1);
	EXPECT_EQ(C_PRELGET(others), -1);
	for (int x = 0; x < 127; x++) {
		EXPECT_EQ(C_PREL(x), (x + 1) << 1);
		EXPECT_EQ(C_PREL(x) & others, 0);
		EXPECT_EQ(C_PRELGET(C_PREL(x) | others), x);
	}
}

// ---- windows of deadlines -----------------------------------------------------------

constexpr std::uint64_t exact_below = std::uint64_t{1} << 27;
constexpr std::uint64_t largest = (exact_below - 1) << 31;

void check_window(std::uint64_t ns)
{
	const std::uint64_t kept = co_window_unpack(co_window_pack(ns));

	ASSERT_LE(kept, ns) << "a window may not grow";
	if (ns < exact_below) {
		ASSERT_EQ(kept, ns);
	} else if (ns <= largest) {
		ASSERT_LT(ns - kept, ns >> 26) << ns;
	} else {
		ASSERT_EQ(kept, largest) << ns;
	}
	ASSERT_EQ(co_window_unpack(co_window_pack(kept)), kept) << "what is kept is kept whole";
}

TEST(Window, IsKeptOrRoundedDown)
{
	std::mt19937_64 random(9);

	for (int bit = 0; bit < 64; bit++)
		for (std::int64_t d = -3; d <= 3; d++)
			check_window((std::uint64_t{1} << bit) + static_cast<std::uint64_t>(d));
	check_window(0);
	check_window(largest - 1);
	check_window(largest);
	check_window(largest + 1);
	check_window(~std::uint64_t{0});
	for (int i = 0; i < 2000000; i++)
		check_window(random() >> random() % 64);
}

TEST(Window, LongerIsNeverKeptShorter)
{
	std::mt19937_64 random(10);

	for (int i = 0; i < 1000000; i++) {
		const std::uint64_t a = random() >> random() % 64,
				    b = a + (random() >> random() % 64);
		if (b >= a)
			ASSERT_LE(co_window_unpack(co_window_pack(a)),
				  co_window_unpack(co_window_pack(b)));
	}
}

// The inline functions store windows below this without packing.
TEST(Window, ShortOnesAreTheirOwnPackedForm)
{
	for (std::uint64_t ns = 0; ns < exact_below; ns += 997)
		ASSERT_EQ(co_window_pack(ns), ns);
	EXPECT_EQ(co_window_pack(exact_below - 1), exact_below - 1);
	EXPECT_NE(co_window_pack(exact_below), exact_below);
}

} // namespace
