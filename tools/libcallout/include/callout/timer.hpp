// SPDX-License-Identifier: MIT
// One timer.
//
// basic_timer<Clock>, with these names: timer (steady_clock), boot_timer, system_timer. A time of
// another clock does not compile. Times are as the kernel takes them: what is before the clock's
// beginning is the beginning, what is after the year 2262 is that.
//
// Thread safety: timers are independent of each other. Of one timer, rearm_at(), rearm_after(),
// deadline(), armed(), get() and id() may be called by any number of threads at once; the other
// functions, move and destruction by one thread, and nothing else meanwhile.
#pragma once

#include "clock.hpp"
#include "detail/state.hpp"
#include "error.hpp"
#include "slot.hpp"
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

namespace callout {

class batch;
class device;

struct arm_options {
	span_ns interval{};          // 0, or expire again and again
	span_ns window{};            // how much later it may be, so that interrupts are shared
	std::uint64_t user_data = 0; // goes with the events
	bool clock_set_events =
		false; // system_timer: have an event, too, each time that the clock is set
};

// How a timer was re-armed.
enum class rearmed {
	moved,    // by a store
	replaced, // by a call; it was armed
	anew,     // by a call; it had expired, or been cancelled, or was never armed
};

template <timer_clock Clock>
struct timer_status {
	bool armed = false;
	bool clock_set_events = false;
	typename Clock::time_point deadline{}; // if armed
	std::chrono::nanoseconds interval{};
	std::chrono::nanoseconds window{};
	std::uint64_t user_data = 0;
};

namespace detail {

// All of a timer but its clock's type.
class timer_base {
public:
	[[nodiscard]] std::uint32_t id() const noexcept { return what_.id; }
	// False if it was moved from.
	[[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }
	// A glimpse, without a call.
	[[nodiscard]] bool armed() const noexcept { return slot_.load() != 0; }

	// When it returns the timer does not expire any more. Events that it had before are still
	// to be taken, also after destruction. Returns whether it was armed.
	bool cancel();
	bool cancel(std::error_code &ec) noexcept;

protected:
	timer_base(std::shared_ptr<device_state> state, std::uint32_t id, clockid_t clock) noexcept;
	timer_base(timer_base &&other) noexcept
		: state_(std::move(other.state_)), slot_(std::exchange(other.slot_, {})),
		  what_(other.what_)
	{
	}
	timer_base &operator=(timer_base &&other) noexcept;
	~timer_base() { finish(); }

	// As it is armed now, and again by rearm().
	void set(std::uint64_t deadline, bool relative, const arm_options &o) noexcept;
	bool arm(std::error_code &ec) const noexcept;
	bool arm() const;
	[[nodiscard]] rearmed rearm_by_call(std::uint64_t deadline,
					    std::error_code &ec) const noexcept;
	[[nodiscard]] rearmed rearm_by_call(std::uint64_t deadline) const;
	[[nodiscard]] abi::timer get(std::error_code &ec) const noexcept;

	[[nodiscard]] callout::slot slot() const noexcept { return slot_; }

private:
	friend class callout::batch;

	void finish() noexcept;

	std::shared_ptr<device_state> state_;
	callout::slot slot_;
	abi::timer what_{};
};

} // namespace detail

// Move-only. The id is the device's lowest that is free or was given back last; it is given back on
// destruction, which cancels, too. A timer keeps its descriptor open. One that was moved from fails
// with errc::no_timer.
template <timer_clock Clock>
class basic_timer final : public detail::timer_base {
public:
	using clock = Clock;
	using time_point = typename Clock::time_point;

	basic_timer(basic_timer &&) noexcept = default;
	basic_timer &operator=(basic_timer &&) noexcept = default;
	~basic_timer() = default;

	// Arms, also if it is armed already. A time that is over has its event when this returns,
	// if the ring has room; else it stays armed until there is some. Returns whether it was
	// armed before.
	template <class Duration>
	bool arm_at(std::chrono::time_point<Clock, Duration> at, const arm_options &o = {})
	{
		set(detail::deadline_ns(at), false, o);
		return arm();
	}
	template <class Duration>
	bool arm_at(std::chrono::time_point<Clock, Duration> at, const arm_options &o,
		    std::error_code &ec) noexcept
	{
		set(detail::deadline_ns(at), false, o);
		return arm(ec);
	}

	// Likewise, from now on, and so not for CLOCK_REALTIME: who sets that would change what a
	// second is.
	template <class Rep, class Period>
	requires steady_timer_clock<Clock>
	bool arm_after(std::chrono::duration<Rep, Period> d, const arm_options &o = {})
	{
		set(detail::saturate_ns(d), true, o);
		return arm();
	}
	template <class Rep, class Period>
	requires steady_timer_clock<Clock>
	bool arm_after(std::chrono::duration<Rep, Period> d, const arm_options &o,
		       std::error_code &ec) noexcept
	{
		set(detail::saturate_ns(d), true, o);
		return arm(ec);
	}

	// The timer is to expire at another time, all else as it was armed. To a later one, while
	// it is armed, that is a compare-and-swap in memory: no call. Else it is a call, as
	// arm_at().
	template <class Duration>
	rearmed rearm_at(std::chrono::time_point<Clock, Duration> at) const
	{
		const std::uint64_t to = detail::deadline_ns(at);

		if (slot().move_later(to)) [[likely]]
			return rearmed::moved;
		return rearm_by_call(to);
	}
	template <class Duration>
	rearmed rearm_at(std::chrono::time_point<Clock, Duration> at,
			 std::error_code &ec) const noexcept
	{
		const std::uint64_t to = detail::deadline_ns(at);

		ec.clear();
		if (slot().move_later(to)) [[likely]]
			return rearmed::moved;
		return rearm_by_call(to, ec);
	}
	// Reads the clock; where many timers are re-armed at once rearm_at() with one reading is
	// cheaper.
	template <class Rep, class Period>
	requires steady_timer_clock<Clock> rearmed rearm_after(std::chrono::duration<Rep, Period> d)
	const { return rearm_at(after(d)); }
	template <class Rep, class Period>
	requires steady_timer_clock<Clock> rearmed rearm_after(std::chrono::duration<Rep, Period> d,
							       std::error_code &ec)
	const noexcept { return rearm_at(after(d), ec); }

	// A glimpse, without a call.
	[[nodiscard]] std::optional<time_point> deadline() const noexcept
	{
		const std::uint64_t at = slot().load();

		return at ? std::optional(detail::time_of<Clock>(at)) : std::nullopt;
	}

	// As the kernel knows it.
	[[nodiscard]] timer_status<Clock> status() const
	{
		std::error_code ec;
		const auto s = status(ec);

		detail::check(ec, "cannot look at a timer");
		return s;
	}
	[[nodiscard]] timer_status<Clock> status(std::error_code &ec) const noexcept
	{
		const abi::timer t = get(ec);

		return {.armed = (t.flags & CALLOUT_ARMED) != 0,
			.clock_set_events = (t.flags & CALLOUT_ARM_CLOCK_SET) != 0,
			.deadline = detail::time_of<Clock>(t.deadline),
			.interval = std::chrono::nanoseconds(t.interval),
			.window = std::chrono::nanoseconds(t.window),
			.user_data = t.user_data};
	}

private:
	friend class batch;
	friend class device;

	basic_timer(std::shared_ptr<detail::device_state> state, std::uint32_t id) noexcept
		: timer_base(std::move(state), id, clock_traits<Clock>::id)
	{
	}

	// Saturates, where now() + d may overflow.
	template <class Rep, class Period>
	[[nodiscard]] static std::chrono::time_point<Clock, std::chrono::nanoseconds>
	after(std::chrono::duration<Rep, Period> d) noexcept
	{
		const std::uint64_t now = detail::deadline_ns(Clock::now());
		const std::uint64_t ns = now + detail::saturate_ns(d); // less than 2^64

		return std::chrono::time_point<Clock, std::chrono::nanoseconds>(
			std::chrono::nanoseconds(ns < max_ns ? ns : max_ns));
	}
};

using timer = basic_timer<std::chrono::steady_clock>;
using boot_timer = basic_timer<boot_clock>;
using system_timer = basic_timer<std::chrono::system_clock>;

} // namespace callout
