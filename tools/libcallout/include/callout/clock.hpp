// SPDX-License-Identifier: MIT
// The clocks that timers have, and times as the kernel counts them.
//
// std::chrono::steady_clock is CLOCK_MONOTONIC, boot_clock is CLOCK_BOOTTIME,
// std::chrono::system_clock is CLOCK_REALTIME. All is stateless; any thread may use it.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <ctime>
#include <limits>
#include <ratio>
#include <type_traits>

namespace callout {

// As steady_clock, but time that the machine sleeps counts.
struct boot_clock {
	using duration = std::chrono::nanoseconds;
	using rep = duration::rep;
	using period = duration::period;
	using time_point = std::chrono::time_point<boot_clock>;
	static constexpr bool is_steady = true;

	[[nodiscard]] static time_point now() noexcept
	{
		timespec t{};

		::clock_gettime(CLOCK_BOOTTIME, &t);
		return time_point(std::chrono::seconds(t.tv_sec) +
				  std::chrono::nanoseconds(t.tv_nsec));
	}
};

// The kernel's name for a clock. One without is not a timer's.
template <class Clock>
struct clock_traits {
};
template <>
struct clock_traits<std::chrono::steady_clock> {
	static constexpr clockid_t id = CLOCK_MONOTONIC;
};
template <>
struct clock_traits<boot_clock> {
	static constexpr clockid_t id = CLOCK_BOOTTIME;
};
template <>
struct clock_traits<std::chrono::system_clock> {
	static constexpr clockid_t id = CLOCK_REALTIME;
};

template <class Clock>
concept timer_clock = requires
{
	{
		clock_traits<Clock>::id
		} -> std::convertible_to<clockid_t>;
};

// One that durations can be measured with. A duration is not one of system_clock, which somebody
// may set meanwhile.
template <class Clock>
concept steady_timer_clock = timer_clock<Clock> && Clock::is_steady;

// The latest time that the kernel takes: 2^63 - 1 ns.
inline constexpr std::uint64_t max_ns = std::numeric_limits<std::int64_t>::max();

namespace detail {

// In nanoseconds; 0 if negative, max_ns if too long. Rounded up, as a timer is never early.
template <class Rep, class Period>
[[nodiscard]] constexpr std::uint64_t saturate_ns(std::chrono::duration<Rep, Period> d) noexcept
{
	using ns = std::ratio_divide<Period, std::nano>;
	constexpr auto num = static_cast<std::uint64_t>(ns::num);
	constexpr auto den = static_cast<std::uint64_t>(ns::den);

	if (!(d.count() > Rep{0})) // so NaN is 0, too
		return 0;
	if constexpr (std::is_floating_point_v<Rep>) {
		const long double n = static_cast<long double>(d.count()) * num / den;

		if (n >= static_cast<long double>(max_ns))
			return max_ns;
		const auto whole = static_cast<std::uint64_t>(n);
		return whole + (static_cast<long double>(whole) < n);
	} else {
		static_assert(num <= max_ns / den, "a unit of time that is too odd");
		const auto count = static_cast<std::uint64_t>(d.count());
		const std::uint64_t units = count / den;
		const std::uint64_t rest = (count % den * num + den - 1) / den;

		if (units > (max_ns - rest) / num)
			return max_ns;
		return units * num + rest;
	}
}

template <class Clock, class Duration>
[[nodiscard]] constexpr std::uint64_t
deadline_ns(std::chrono::time_point<Clock, Duration> t) noexcept
{
	return saturate_ns(t.time_since_epoch());
}

template <class Clock>
[[nodiscard]] constexpr typename Clock::time_point time_of(std::uint64_t ns) noexcept
{
	const std::chrono::nanoseconds d(static_cast<std::int64_t>(ns < max_ns ? ns : max_ns));

	return typename Clock::time_point(std::chrono::duration_cast<typename Clock::duration>(d));
}

} // namespace detail

// A length of time for the kernel, from any std::chrono::duration: too long ones are the longest,
// negative ones are such that the kernel refuses them.
class span_ns {
public:
	constexpr span_ns() noexcept = default;
	template <class Rep, class Period>
	constexpr span_ns(std::chrono::duration<Rep, Period> d) noexcept // NOLINT: meant to convert
		: count_(d.count() < Rep{0} ? ~std::uint64_t{0} : detail::saturate_ns(d))
	{
	}
	[[nodiscard]] constexpr std::uint64_t count() const noexcept { return count_; }
	friend constexpr bool operator==(span_ns, span_ns) noexcept = default;

private:
	std::uint64_t count_ = 0;
};

} // namespace callout
