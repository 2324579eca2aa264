// SPDX-License-Identifier: GPL-2.0
// Time, and instructions.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <x86intrin.h>

namespace bench {

using Time = std::chrono::nanoseconds; // on CLOCK_MONOTONIC
using namespace std::chrono_literals;

constexpr Time never = Time::max();

inline timespec to_timespec(Time t)
{
	return {.tv_sec = static_cast<time_t>(t.count() / 1'000'000'000),
		.tv_nsec = static_cast<long>(t.count() % 1'000'000'000)};
}

inline Time now()
{
	timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return std::chrono::seconds(t.tv_sec) + Time(t.tv_nsec);
}

inline void sleep_until(Time t)
{
	const auto until = to_timespec(t);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) != 0)
		;
}

// On the rig icount the whole machine's instructions: a cycle is one.
inline std::uint64_t instructions()
{
	return __rdtsc();
}

} // namespace bench
