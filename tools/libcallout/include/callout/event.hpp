// SPDX-License-Identifier: MIT
// A timer has expired, or its clock was set.
#pragma once

#include "abi.hpp"
#include "clock.hpp"
#include <chrono>
#include <cstdint>
#include <type_traits>

namespace callout {

// A value, laid out as the kernel writes it.
class event {
public:
	event() noexcept = default;
	explicit event(const abi::event &e) noexcept : e_(e) {}

	[[nodiscard]] std::uint32_t id() const noexcept { return e_.id; }
	[[nodiscard]] std::uint64_t user_data() const noexcept { return e_.user_data; }
	// False if CLOCK_REALTIME was set, and nothing else happened.
	[[nodiscard]] bool expired() const noexcept { return e_.flags & CALLOUT_EVENT_EXPIRED; }
	[[nodiscard]] bool clock_set() const noexcept { return e_.flags & CALLOUT_EVENT_CLOCK_SET; }
	// Expiries before this one that no event has told of.
	[[nodiscard]] std::uint64_t overruns() const noexcept { return e_.overruns; }
	// How often the timer has expired, by this event.
	[[nodiscard]] std::uint64_t expiries() const noexcept { return e_.overruns + expired(); }

	// On the timer's clock, which only its owner knows.
	template <timer_clock Clock = std::chrono::steady_clock>
	[[nodiscard]] typename Clock::time_point deadline() const noexcept
	{
		return detail::time_of<Clock>(e_.deadline);
	}
	template <timer_clock Clock = std::chrono::steady_clock>
	[[nodiscard]] typename Clock::time_point fired_at() const noexcept
	{
		return detail::time_of<Clock>(e_.fired_at);
	}
	// From the deadline to when the kernel told of it: later, where the timer waited for room
	// or beyond the budget.
	[[nodiscard]] std::chrono::nanoseconds lateness() const noexcept
	{
		return std::chrono::nanoseconds(
			static_cast<std::int64_t>(e_.fired_at - e_.deadline));
	}
	[[nodiscard]] const abi::event &raw() const noexcept { return e_; }

private:
	abi::event e_{};
};

static_assert(sizeof(event) == sizeof(abi::event) && std::is_trivially_copyable_v<event> &&
	      std::is_standard_layout_v<event>);

} // namespace callout
