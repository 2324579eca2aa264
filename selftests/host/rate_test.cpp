// SPDX-License-Identifier: GPL-2.0
// Rates of clocks, compared with 128-bit arithmetic over all of 64 bits, for real devices and any
// others.
#include "module/hw/rate.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <ostream>
#include <random>
#include <vector>

static std::ostream &operator<<(std::ostream &out, const co_rate &r)
{
	return out << r.mult << " / 2^" << r.shift;
}

namespace {

using Wide = unsigned __int128;

constexpr u64 max = std::numeric_limits<u64>::max();

// The references. Neither product has more than 96 bits.
constexpr Wide exact_ticks(co_rate r, u64 ns)
{
	const Wide one = Wide{1} << r.shift;

	return (Wide{ns} * r.mult + one - 1) / one;
}

constexpr Wide exact_ns(co_rate r, u64 ticks)
{
	return (Wide{ticks} << r.shift) / r.mult;
}

constexpr u64 saturate(Wide x)
{
	return x > max ? max : static_cast<u64>(x);
}

// The most precise fraction for a frequency.
co_rate rate_of(double hz)
{
	co_rate r{.mult = 0, .shift = 33};
	double mult;

	do {
		r.shift--;
		mult = std::round(std::ldexp(hz / 1e9, static_cast<int>(r.shift)));
	} while (mult > std::numeric_limits<u32>::max());
	r.mult = static_cast<u32>(mult);
	return r;
}

// PIT, HPETs, LAPICs (the bus, divided by 16 or not), TSCs, nanoseconds.
const std::vector<double> real_hz = {1193182,   10e6,      14318180, 25e6,     100e6,
				     6.25e6,    24e6,      62.5e6,   66666667, 133333333.,
				     199987654, 999999999, 1e9 + .5, 1e9,      1.5e9,
				     2e9,       2.59612e9, 3.2e9,    5e9};

std::vector<co_rate> rates()
{
	std::vector<co_rate> v = {CO_RATE_NS,
				  {.mult = 1, .shift = 32},
				  {.mult = U32_MAX, .shift = 0},
				  {.mult = U32_MAX, .shift = 32},
				  {.mult = 1U << 31, .shift = 31},
				  {.mult = 3, .shift = 32}};
	std::mt19937_64 random(9);

	for (double hz : real_hz)
		v.push_back(rate_of(hz));
	for (int i = 0; i < 300; i++) {
		const u32 mult = static_cast<u32>(random() >> 32) >> random() % 32;

		v.push_back({.mult = mult ? mult : 1, .shift = static_cast<u32>(random() % 33)});
	}
	return v;
}

// About each power of two, about what saturates either way, and many at random.
std::vector<u64> values(co_rate r, u64 seed)
{
	std::vector<u64> v;
	auto around = [&](u64 center) {
		for (u64 d = 0; d <= 3; d++) {
			v.push_back(center + d);
			v.push_back(center - d);
		}
	};
	std::mt19937_64 random(seed);

	for (int bit = 0; bit < 64; bit++)
		around(u64{1} << bit);
	around(saturate(exact_ticks(r, max)));
	around(saturate(exact_ns(r, max)));
	for (int i = 0; i < 2000; i++)
		v.push_back(random() >> random() % 64);
	return v;
}

class Rates : public testing::Test {
protected:
	static inline const std::vector<co_rate> all = rates();

	// Calls f(rate, value) for all of both.
	template <typename F>
	static void for_all(F f)
	{
		u64 seed = 10;

		for (const co_rate &r : all) {
			for (u64 x : values(r, seed++)) {
				f(r, x);
				if (HasFatalFailure())
					return;
			}
		}
	}
};

TEST_F(Rates, TicksAreRoundedUpAndSaturate)
{
	for_all([](co_rate r, u64 ns) {
		ASSERT_EQ(co_from_ns(r, ns), saturate(exact_ticks(r, ns))) << r << ", " << ns;
	});
}

TEST_F(Rates, NanosecondsAreRoundedDownAndSaturate)
{
	for_all([](co_rate r, u64 ticks) {
		ASSERT_EQ(co_to_ns(r, ticks), saturate(exact_ns(r, ticks))) << r << ", " << ticks;
	});
}

TEST_F(Rates, ThereAndBackIsNotBeforeAndLessThanATickAfter)
{
	for_all([](co_rate r, u64 ns) {
		const u64 ticks = co_from_ns(r, ns);

		if (exact_ticks(r, ns) > max || exact_ns(r, ticks) > max)
			return;
		const u64 back = co_to_ns(r, ticks);
		ASSERT_GE(back, ns) << r;
		ASSERT_TRUE(back == ns || Wide{back - ns} * r.mult < Wide{1} << r.shift)
			<< r << ", " << ns << " becomes " << back;
	});
}

TEST_F(Rates, BackAndThereIsNotAfterAndLessThanANanosecondBefore)
{
	for_all([](co_rate r, u64 ticks) {
		const u64 ns = co_to_ns(r, ticks);

		if (exact_ns(r, ticks) > max)
			return;
		const u64 again = co_from_ns(r, ns);
		ASSERT_LE(again, ticks) << r;
		ASSERT_TRUE(again == ticks || Wide{ticks - again} << r.shift < r.mult)
			<< r << ", " << ticks << " becomes " << again;
	});
}

TEST_F(Rates, OrderIsKept)
{
	std::mt19937_64 random(11);

	for_all([&](co_rate r, u64 a) {
		for (u64 b : {a + 1, a + random() % 1000, static_cast<u64>(random())}) {
			ASSERT_LE(co_to_ns(r, std::min(a, b)), co_to_ns(r, std::max(a, b)));
			ASSERT_LE(co_from_ns(r, std::min(a, b)), co_from_ns(r, std::max(a, b)));
		}
	});
}

TEST_F(Rates, NothingIsNothing)
{
	for (const co_rate &r : all) {
		EXPECT_EQ(co_from_ns(r, 0), 0U) << r;
		EXPECT_EQ(co_to_ns(r, 0), 0U) << r;
		EXPECT_GT(co_from_ns(r, 1), 0U) << r;
	}
}

// What is lost is the fraction's own precision, and one tick.
TEST_F(Rates, OfRealDevicesAreAsPreciseAsTheirFraction)
{
	for (double hz : real_hz) {
		const co_rate r = rate_of(hz);

		for (u64 ns = 1; ns < max / 16; ns = ns * 3 + 1) {
			const long double ticks = static_cast<long double>(ns) * hz / 1e9L;

			if (ticks >= static_cast<long double>(max))
				break;
			ASSERT_NEAR(static_cast<long double>(co_from_ns(r, ns)), ticks,
				    1 + ticks / r.mult)
				<< hz << " Hz, " << ns << " ns";
		}
	}
}

TEST_F(Rates, NanosecondsStayNanoseconds)
{
	for (u64 x : values(CO_RATE_NS, 12)) {
		ASSERT_EQ(co_from_ns(CO_RATE_NS, x), x);
		ASSERT_EQ(co_to_ns(CO_RATE_NS, x), x);
	}
}

} // namespace
