// SPDX-License-Identifier: MIT
// Runs coroutines that sleep, and functions, as the timers of a device expire.
//
// By run(), which waits; or in another loop, with epoll or the like: call poll() when
// native_handle() is readable.
//
// Destroying is cancelling: of a coroutine that sleeps, of a handler, and of the loop with all that
// it has. What is destroyed does not run, even if its time has come and its event is there.
//
// Thread safety: a loop is for one thread, as is all that it runs; stop() alone is for any. A
// handler may do anything, but destroy the loop.
#pragma once

#include "clock.hpp"
#include "detail/posix.hpp"
#include "device.hpp"
#include "error.hpp"
#include "event.hpp"
#include "task.hpp"
#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace callout {

namespace detail {

// Somebody who waits for a timer of the loop's. Knows whether the loop is there still.
class waiter {
public:
	waiter(const waiter &) = delete;
	waiter &operator=(const waiter &) = delete;

protected:
	explicit waiter(callout::loop &l) noexcept : loop_(&l) {}
	~waiter();

	// Arms; from now on, and until it has expired or stop(), the loop has something to wait
	// for.
	void start(clockid_t clock, std::uint64_t ns, bool relative, span_ns interval = {},
		   span_ns window = {});
	// To a later time by a store, if it is armed.
	[[nodiscard]] bool move_later(std::uint64_t to) const noexcept;
	// Events on their way are not for this one any more.
	void stop() noexcept;
	[[nodiscard]] bool waiting() const noexcept { return waiting_; }

	virtual void fire(const event &e) = 0;

private:
	friend class callout::loop;

	callout::loop *loop_;      // null when that has gone
	std::uint64_t serial_ = 0; // of the latest arming: the user data of its events
	std::uint32_t id_ = 0;
	bool has_id_ = false;
	bool waiting_ = false;
	bool repeats_ = false;
};

class sleep_awaiter final : waiter {
public:
	sleep_awaiter(callout::loop &l, clockid_t clock, std::uint64_t ns, bool relative) noexcept
		: waiter(l), ns_(ns), clock_(clock), relative_(relative)
	{
	}
	[[nodiscard]] static bool await_ready() noexcept { return false; }
	void await_suspend(std::coroutine_handle<> h)
	{
		sleeper_ = h;
		start(clock_, ns_, relative_);
	}
	static void await_resume() noexcept {}

private:
	// Destroys *this, as the coroutine goes on.
	void fire(const event &) override { sleeper_.resume(); }

	std::coroutine_handle<> sleeper_;
	std::uint64_t ns_;
	clockid_t clock_;
	bool relative_;
};

class handler_node;

} // namespace detail

// A function that a loop calls when a time has come. Move-only; cancels on destruction, also by the
// function itself.
class [[nodiscard]] handler final {
public:
	handler() noexcept = default;

	// Later is a store, but for one of every(), and if it has not expired. Whatever has expired
	// before, and was not called yet, is forgotten.
	template <class Rep, class Period>
	void rearm_after(std::chrono::duration<Rep, Period> d)
	{
		rearm(detail::deadline_ns(std::chrono::steady_clock::now()) +
		      detail::saturate_ns(d));
	}
	void cancel() noexcept;

private:
	friend class loop;

	explicit handler(std::shared_ptr<detail::handler_node> node) noexcept
		: node_(std::move(node))
	{
	}
	void rearm(std::uint64_t at);

	std::shared_ptr<detail::handler_node> node_;
};

class loop final {
public:
	// @of is set up, and has no other loop. The loop takes the events of all its timers. Ids
	// that it has had it keeps until it goes: make_timer() has what is left.
	explicit loop(device &of);
	loop(const loop &) = delete;
	loop &operator=(const loop &) = delete;
	~loop();

	// Until there is nothing to wait for, or stop(). Throws what a handler or a coroutine
	// throws; may be called again.
	void run();
	// Until @what is done. Throws what it throws. Not from what the loop runs.
	template <class T>
	T run(task<T> what);
	// Deals with what has come, without waiting. Returns how many events; 0: there are none.
	std::size_t poll();
	// Makes run() return, the next one if there is none; that of a task throws
	// std::errc::operation_canceled.
	void stop() noexcept;

	[[nodiscard]] int native_handle() const noexcept { return state_->fd(); }
	// How many coroutines sleep and handlers are armed.
	[[nodiscard]] std::size_t pending() const noexcept { return pending_; }

	// Runs it up to where it first waits; the rest is the loop's, and the coroutine too. What
	// it throws comes out of poll() or run(); of several, what came first.
	void spawn(task<> what);

	template <class Rep, class Period>
	[[nodiscard]] detail::sleep_awaiter sleep_for(std::chrono::duration<Rep, Period> d)
	{
		return {*this, CLOCK_MONOTONIC, detail::saturate_ns(d), true};
	}
	template <timer_clock Clock, class Duration>
	[[nodiscard]] detail::sleep_awaiter sleep_until(std::chrono::time_point<Clock, Duration> at)
	{
		return {*this, clock_traits<Clock>::id, detail::deadline_ns(at), false};
	}

	using function = std::function<void(const event &)>;

	template <class Rep, class Period>
	handler after(std::chrono::duration<Rep, Period> d, function f, span_ns window = {})
	{
		return add(CLOCK_MONOTONIC, detail::saturate_ns(d), true, {}, window, std::move(f));
	}
	template <timer_clock Clock, class Duration>
	handler at(std::chrono::time_point<Clock, Duration> t, function f, span_ns window = {})
	{
		return add(clock_traits<Clock>::id, detail::deadline_ns(t), false, {}, window,
			   std::move(f));
	}
	template <class Rep, class Period>
	handler every(std::chrono::duration<Rep, Period> d, function f, span_ns window = {})
	{
		return add(CLOCK_MONOTONIC, detail::saturate_ns(d), true, d, window, std::move(f));
	}
	// For the events of timers that are not the loop's.
	void set_other(function f) { other_ = std::move(f); }

private:
	friend class detail::waiter;
	struct root;

	handler add(clockid_t clock, std::uint64_t ns, bool relative, span_ns interval,
		    span_ns window, function f);
	static root drive(loop &l, task<> what);
	static root drive_to_end(loop &l, task<> what, bool &done, std::exception_ptr &error);
	template <class T>
	static task<> keep(task<T> what, std::optional<T> &to)
	{
		to = co_await std::move(what);
	}
	void run_task(task<> what);
	void dispatch(const event &e);
	void wait() const;
	[[nodiscard]] bool take_stop() noexcept;

	[[nodiscard]] std::uint32_t take_id();
	void give_id(std::uint32_t id) noexcept;

	std::shared_ptr<detail::device_state> state_;
	detail::unique_fd wake_; // written to by stop()
	std::atomic<bool> stopped_ = false;
	std::vector<detail::waiter *> waiters_; // by id, who has it
	std::vector<bool>
		mine_; // ids that are the loop's, for good: late events of theirs are for nobody
	std::vector<std::uint32_t> idle_; // of these, who are not in use
	std::uint64_t serial_;            // of the latest arming of all
	std::size_t pending_ = 0;
	std::list<std::coroutine_handle<>> roots_; // of what was spawned, and is there still
	std::exception_ptr error_;                 // of a coroutine that has ended
	function other_;
};

template <class T>
T loop::run(task<T> what)
{
	if constexpr (std::is_void_v<T>) {
		run_task(std::move(what));
	} else {
		std::optional<T> result;

		run_task(keep(std::move(what), result));
		return std::move(*result);
	}
}

namespace detail {
[[nodiscard]] callout::loop &loop_of(const device_state &s);
}

template <class Rep, class Period>
detail::sleep_awaiter device::sleep_for(std::chrono::duration<Rep, Period> d) const
{
	return detail::loop_of(*state_).sleep_for(d);
}

template <timer_clock Clock, class Duration>
detail::sleep_awaiter device::sleep_until(std::chrono::time_point<Clock, Duration> at) const
{
	return detail::loop_of(*state_).sleep_until(at);
}

} // namespace callout
