// SPDX-License-Identifier: MIT
// Times as the kernel counts them, and clocks that do not mix.
#include <callout/callout.hpp>
#include <chrono>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace std::chrono_literals;
using namespace std::chrono;
using callout::max_ns;
using callout::detail::saturate_ns;

// ---- what does not compile --------------------------------------------------------------------

template <class Timer, class Time>
concept takes_time = requires(Timer t, Time at)
{
	t.arm_at(at);
	t.rearm_at(at);
};
template <class Timer>
concept takes_duration = requires(Timer t)
{
	t.arm_after(1s);
	t.rearm_after(1s);
};
template <class Timer, class Time>
concept batches = requires(callout::batch b, Timer t, Time at)
{
	b.arm_at(t, at);
};

using mono = steady_clock::time_point;
using boot = callout::boot_clock::time_point;
using real = system_clock::time_point;
struct other_clock : steady_clock {};

static_assert(takes_time<callout::timer, mono> && batches<callout::timer, mono>);
static_assert(takes_time<callout::timer, time_point<steady_clock, duration<double>>>);
static_assert(!takes_time<callout::timer, boot> && !batches<callout::timer, boot>);
static_assert(!takes_time<callout::timer, real> && !batches<callout::timer, real>);
static_assert(takes_time<callout::boot_timer, boot> && batches<callout::boot_timer, boot>);
static_assert(!takes_time<callout::boot_timer, mono> && !takes_time<callout::boot_timer, real>);
static_assert(takes_time<callout::system_timer, real> && !takes_time<callout::system_timer, mono>);
static_assert(!takes_time<callout::timer, nanoseconds> && !takes_time<callout::timer, int>);

static_assert(takes_duration<callout::timer> && takes_duration<callout::boot_timer>);
static_assert(!takes_duration<callout::system_timer>);

static_assert(callout::timer_clock<steady_clock> && !callout::timer_clock<other_clock> &&
	      !callout::timer_clock<int>);

static_assert(!std::is_copy_constructible_v<callout::timer> &&
	      !std::is_copy_assignable_v<callout::timer> &&
	      std::is_nothrow_move_constructible_v<callout::timer> &&
	      std::is_nothrow_move_assignable_v<callout::timer>);
static_assert(!std::is_copy_constructible_v<callout::device> &&
	      std::is_nothrow_move_constructible_v<callout::device>);

// ---- conversions ------------------------------------------------------------------------------

TEST(clock, whole_units)
{
	static_assert(saturate_ns(5ms) == 5'000'000);
	static_assert(saturate_ns(1h) == 3'600'000'000'000);
	EXPECT_EQ(saturate_ns(0ns), 0U);
	EXPECT_EQ(saturate_ns(1ns), 1U);
	EXPECT_EQ(saturate_ns(duration<unsigned char>(200)), 200'000'000'000U);
}

TEST(clock, what_is_negative_is_0)
{
	EXPECT_EQ(saturate_ns(-1ns), 0U);
	EXPECT_EQ(saturate_ns(hours::min()), 0U);
	EXPECT_EQ(saturate_ns(-0.5s), 0U);
	EXPECT_EQ(saturate_ns(duration<double>(std::nan(""))), 0U);
}

TEST(clock, what_is_too_long_is_the_longest)
{
	using ulong_hours = duration<std::uint64_t, std::ratio<3600>>;

	EXPECT_EQ(saturate_ns(nanoseconds::max()), max_ns);
	EXPECT_EQ(saturate_ns(hours::max()), max_ns);
	EXPECT_EQ(saturate_ns(ulong_hours::max()), max_ns);
	EXPECT_EQ(saturate_ns(duration<std::uint64_t, std::nano>::max()), max_ns);
	EXPECT_EQ(saturate_ns(duration<double>(1e300)), max_ns);
	EXPECT_EQ(saturate_ns(duration<double>(std::numeric_limits<double>::infinity())), max_ns);
	// The last second that fits, and the next.
	EXPECT_EQ(saturate_ns(seconds(9'223'372'036)), 9'223'372'036'000'000'000U);
	EXPECT_EQ(saturate_ns(seconds(9'223'372'037)), max_ns);
}

TEST(clock, parts_of_a_nanosecond_are_rounded_up)
{
	using picoseconds = duration<std::int64_t, std::pico>;
	using frames = duration<std::int64_t, std::ratio<1, 60>>;

	EXPECT_EQ(saturate_ns(picoseconds(1)), 1U);
	EXPECT_EQ(saturate_ns(picoseconds(1000)), 1U);
	EXPECT_EQ(saturate_ns(picoseconds(1001)), 2U);
	EXPECT_EQ(saturate_ns(picoseconds::max()), 9'223'372'036'854'776U);
	EXPECT_EQ(saturate_ns(frames(1)), 16'666'667U);
	EXPECT_EQ(saturate_ns(frames(60)), 1'000'000'000U);
	EXPECT_EQ(saturate_ns(frames::max()), max_ns);
	EXPECT_EQ(saturate_ns(duration<double, std::nano>(1.25)), 2U);
	EXPECT_EQ(saturate_ns(duration<double>(0.25)), 250'000'000U);
}

TEST(clock, spans_keep_what_the_kernel_is_to_refuse)
{
	EXPECT_EQ(callout::span_ns(5us).count(), 5000U);
	EXPECT_EQ(callout::span_ns(hours::max()).count(), max_ns);
	EXPECT_EQ(callout::span_ns().count(), 0U);
	EXPECT_GT(callout::span_ns(-1ns).count(), max_ns);
	EXPECT_GT(callout::span_ns(-0.1s).count(), max_ns);
}

TEST(clock, times_come_back)
{
	const auto now = callout::boot_clock::now();

	EXPECT_EQ(callout::detail::time_of<callout::boot_clock>(callout::detail::deadline_ns(now)),
		  now);
	EXPECT_EQ(callout::detail::time_of<steady_clock>(~std::uint64_t{0}),
		  steady_clock::time_point::max());
	EXPECT_GE(now.time_since_epoch(), steady_clock::now().time_since_epoch() - 1s);
}
