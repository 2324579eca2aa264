// SPDX-License-Identifier: MIT
// /dev/callout, opened: the maker of timers, and where their events come from.
//
// Thread safety: any thread may make timers, and call what is const, but that events are taken by
// one thread at a time, by ring() or read(). setup(), move and destruction are for one thread, and
// nothing else meanwhile.
#pragma once

#include "detail/state.hpp"
#include "error.hpp"
#include "event.hpp"
#include "ring.hpp"
#include "timer.hpp"
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>

namespace callout {

namespace detail {
class sleep_awaiter;
}

inline constexpr const char *default_path = "/dev/callout";

struct device_info {
	std::string clock;                     // that drives the callouts
	std::string mode;                      // "deadline" or "periodic"
	std::chrono::nanoseconds resolution{}; // of that clock
	std::chrono::nanoseconds
		min_interval{};       // shorter periods are counted, but reported no more often
	std::uint32_t max_timers = 0; // that a descriptor may have
	std::uint32_t max_user_timers = 0; // that all descriptors of a user may have
	std::uint32_t max_events = 0;      // that a ring may have
	std::uint32_t timers = 0;          // of this descriptor; 0 before setup()
	std::uint32_t events = 0;          // that its ring takes; likewise
	std::uint32_t budget = 0; // expiries of a user that are dealt with at once, in a second
	bool test = false;        // the module was loaded for its tests
};

// Move-only. Closed when it and all of its timers are gone.
class device final {
public:
	// Opens the device and sets it up. @events: that the ring takes; 0: as many as there are
	// timers.
	explicit device(std::uint32_t timers, std::uint32_t events = 0,
			const char *path = default_path);
	// Opens it, no more: info() works, and setup().
	[[nodiscard]] static device open(const char *path = default_path);
	[[nodiscard]] static device open(std::error_code &ec,
					 const char *path = default_path) noexcept;
	// Takes a descriptor over that was received or inherited, set up or not. Its ids are
	// counted here as if nobody else had any. If it throws the descriptor is closed.
	[[nodiscard]] static device adopt(int fd);
	[[nodiscard]] static device adopt(int fd, std::error_code &ec) noexcept;

	device(device &&) noexcept = default;
	device &operator=(device &&) noexcept = default;
	~device() = default;

	// Timers 0 to @timers - 1, and the ring. Once.
	void setup(std::uint32_t timers, std::uint32_t events = 0);
	void setup(std::uint32_t timers, std::uint32_t events, std::error_code &ec) noexcept;

	// False if it was moved from, or open() failed: nothing else may be called then.
	[[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }
	[[nodiscard]] device_info info() const;
	[[nodiscard]] device_info info(std::error_code &ec) const;
	// 0 before setup().
	[[nodiscard]] std::uint32_t timers() const noexcept { return state_->timers(); }

	// For poll, epoll and the like: readable while there are events, those in the ring
	// included.
	[[nodiscard]] int native_handle() const noexcept { return state_->fd(); }
	// read() returns instead of waiting.
	void set_nonblocking(bool on = true);
	void set_nonblocking(bool on, std::error_code &ec) noexcept;

	template <timer_clock Clock = std::chrono::steady_clock>
	[[nodiscard]] basic_timer<Clock> make_timer()
	{
		std::error_code ec;
		const std::uint32_t id = state_->take_id(ec);

		detail::check(ec, "cannot make a timer");
		return {state_, id};
	}

	// The events, without calls. A view, to be used no longer than the device or one of its
	// timers is there. After setup().
	[[nodiscard]] callout::ring ring() const noexcept { return state_->ring(); }
	// The events, by read(2). Returns how many; at least one, unless set_nonblocking(), or
	// interrupted by a signal.
	[[nodiscard]] std::size_t read(std::span<event> to) const;
	[[nodiscard]] std::size_t read(std::span<event> to, std::error_code &ec) const noexcept;
	// Waits until there is an event. False if there is none after @most; negative: no limit; or
	// on a signal.
	[[nodiscard]] bool wait(std::chrono::nanoseconds most = std::chrono::nanoseconds(-1)) const;

	// co_await them, in a coroutine that this device's callout::loop runs. See loop.hpp, which
	// is to be included.
	template <class Rep, class Period>
	[[nodiscard]] detail::sleep_awaiter sleep_for(std::chrono::duration<Rep, Period> d) const;
	template <timer_clock Clock, class Duration>
	[[nodiscard]] detail::sleep_awaiter
	sleep_until(std::chrono::time_point<Clock, Duration> at) const;

	// The kernel's calls as they are, on any ids; each element has its result. They return how
	// many were dealt with: all, unless ec is set. Who uses them beside timers uses the ids of
	// timers that he has.
	std::size_t arm(std::span<abi::timer> of, std::error_code &ec) const noexcept
	{
		return state_->arm(of, ec);
	}
	std::size_t cancel(std::span<abi::timer_id> of, std::error_code &ec) const noexcept
	{
		return state_->cancel(of, ec);
	}
	std::size_t get(std::span<abi::timer> of, std::error_code &ec) const noexcept
	{
		return state_->get(of, ec);
	}
	// Of timer @id, less than timers().
	[[nodiscard]] callout::slot slot(std::uint32_t id) const noexcept
	{
		return state_->slot(id);
	}

private:
	friend class batch;
	friend class loop;

	explicit device(std::shared_ptr<detail::device_state> state) noexcept
		: state_(std::move(state))
	{
	}

	std::shared_ptr<detail::device_state> state_;
};

} // namespace callout
