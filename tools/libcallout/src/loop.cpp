// SPDX-License-Identifier: MIT
// The loop: who waits for which timer, and what becomes of those who do when they, or it, are
// destroyed.
//
// A waiter has an id from when it is first armed until it goes. Its events carry the serial number
// of an arming, so one that was on its way when the waiter was stopped or armed anew, or its id
// given to another one, is for nobody.
#include "callout/loop.hpp"
#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace callout {
namespace detail {

// ---- waiters
// -------------------------------------------------------------------------------------------------------

waiter::~waiter()
{
	stop();
	if (loop_ && has_id_)
		loop_->give_id(id_);
}

void waiter::start(clockid_t clock, std::uint64_t ns, bool relative, span_ns interval,
		   span_ns window)
{
	if (!loop_)
		fail(errc::no_loop, "cannot wait for a timer");
	if (!has_id_) {
		id_ = loop_->take_id();
		loop_->waiters_[id_] = this;
		has_id_ = true;
	}

	std::error_code ec;
	abi::timer t{};

	t.id = id_;
	t.flags = relative ? CALLOUT_ARM_RELATIVE : 0;
	t.clockid = clock;
	t.deadline = ns;
	t.interval = interval.count();
	t.window = window.count();
	t.user_data = ++loop_->serial_;
	loop_->state_->arm({&t, 1}, ec);
	if (!ec && t.result < 0)
		ec = error_of(call::element, -t.result);
	check(ec, "cannot arm a timer");
	serial_ = t.user_data;
	repeats_ = interval.count() != 0;
	loop_->pending_ += !waiting_;
	waiting_ = true;
}

bool waiter::move_later(std::uint64_t to) const noexcept
{
	return waiting_ && loop_->state_->slot(id_).move_later(to);
}

void waiter::stop() noexcept
{
	std::error_code ec;
	abi::timer_id t{};

	if (!waiting_)
		return;
	t.id = id_;
	loop_->state_->cancel({&t, 1}, ec);
	--loop_->pending_;
	waiting_ = false;
}

// ---- handlers ------------------------------------------------------------------------------

class handler_node final : public waiter, public std::enable_shared_from_this<handler_node> {
public:
	handler_node(callout::loop &l, callout::loop::function f) : waiter(l), f_(std::move(f)) {}

	void arm(clockid_t clock, std::uint64_t ns, bool relative, span_ns interval, span_ns window)
	{
		clock_ = clock;
		interval_ = interval;
		window_ = window;
		start(clock, ns, relative, interval, window);
	}
	void rearm(std::uint64_t at)
	{
		// Of a period there may be an event on its way, which a store would not make
		// another's.
		if (interval_.count() || clock_ != CLOCK_MONOTONIC || !move_later(at)) {
			clock_ = CLOCK_MONOTONIC;
			start(clock_, at, false, interval_, window_);
		}
	}
	void cancel() noexcept { stop(); }

private:
	void fire(const event &e) override
	{
		const auto alive = shared_from_this(); // f_ may destroy the handler

		f_(e);
	}

	callout::loop::function f_;
	clockid_t clock_ = CLOCK_MONOTONIC;
	span_ns interval_, window_;
};

callout::loop &loop_of(const device_state &s)
{
	if (!s.loop)
		fail(errc::no_loop, "cannot sleep");
	return *s.loop;
}

} // namespace detail

void handler::rearm(std::uint64_t at)
{
	if (!node_)
		detail::fail(errc::no_timer, "cannot arm a handler");
	node_->rearm(at < max_ns ? at : max_ns);
}

void handler::cancel() noexcept
{
	if (node_)
		node_->cancel();
}

// ---- coroutines that are the loop's --------------------------------------------------------

// In the list of its loop while it is there; goes away by itself when it ends.
struct loop::root {
	struct promise_type {
		template <class... Rest>
		explicit promise_type(loop &l, Rest &...)
			: owner(l),
			  at(l.roots_.insert(
				  l.roots_.end(),
				  std::coroutine_handle<promise_type>::from_promise(*this)))
		{
		}
		promise_type(const promise_type &) = delete;
		promise_type &operator=(const promise_type &) = delete;
		~promise_type() { owner.roots_.erase(at); }

		[[nodiscard]] root get_return_object() const noexcept { return {*at}; }
		static std::suspend_never initial_suspend() noexcept { return {}; }
		static std::suspend_never final_suspend() noexcept { return {}; }
		static void return_void() noexcept {}
		void unhandled_exception() const noexcept
		{
			if (!owner.error_)
				owner.error_ = std::current_exception();
		}

		loop &owner;
		std::list<std::coroutine_handle<>>::iterator at;
	};
	std::coroutine_handle<> frame; // until it ends
};

loop::root loop::drive(loop &, task<> what)
{
	co_await std::move(what);
}

loop::root loop::drive_to_end(loop &, task<> what, bool &done, std::exception_ptr &error)
{
	try {
		co_await std::move(what);
	} catch (...) {
		error = std::current_exception();
	}
	done = true;
}

void loop::spawn(task<> what)
{
	drive(*this, std::move(what));
}

void loop::run_task(task<> what)
{
	bool done = false;
	std::exception_ptr error;
	const root r = drive_to_end(*this, std::move(what), done, error);

	// It refers to what is here, so it goes with it, also where something else throws.
	struct guard {
		const bool &done;
		const root &r;
		~guard()
		{
			if (!done)
				r.frame.destroy();
		}
	} const end{done, r};

	while (!done) {
		if (take_stop())
			detail::fail(std::make_error_code(std::errc::operation_canceled),
				     "the loop was stopped");
		if (!poll() && !done)
			wait();
	}
	if (error)
		std::rethrow_exception(error);
}

// ---- the loop
// ------------------------------------------------------------------------------------------------------

// Serial numbers begin at the time: events of a loop that was there before are not taken for this
// one's, as none arms once a nanosecond.
loop::loop(device &of)
	: state_(of.state_), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
	  serial_(detail::deadline_ns(std::chrono::steady_clock::now()))
{
	if (wake_.get() < 0)
		detail::fail({errno, std::system_category()}, "cannot make a loop");
	if (!state_->timers())
		detail::fail(errc::not_set_up, "cannot make a loop");
	if (state_->loop)
		detail::fail(std::make_error_code(std::errc::device_or_resource_busy),
			     "cannot make a loop: the device has one");
	waiters_.resize(state_->timers());
	mine_.resize(state_->timers());
	idle_.reserve(state_->timers());
	state_->loop = this;
}

loop::~loop()
{
	while (!roots_.empty())
		roots_.front().destroy();
	for (detail::waiter *w : waiters_) {
		if (!w)
			continue;
		w->stop();
		w->loop_ = nullptr;
		idle_.push_back(w->id_);
	}
	for (const std::uint32_t id : idle_)
		state_->give_id(id);
	state_->loop = nullptr;
}

void loop::run()
{
	while (!take_stop() && (pending_ || error_))
		if (!poll())
			wait();
}

std::size_t loop::poll()
{
	const auto show = [this](const event &e) {
		dispatch(e);
		if (error_)
			std::rethrow_exception(std::exchange(error_, nullptr));
	};

	if (error_) // of a coroutine that has never waited
		std::rethrow_exception(std::exchange(error_, nullptr));
	return state_->ring().consume(show);
}

void loop::dispatch(const event &e)
{
	if (e.id() >= mine_.size()) // somebody else has written to the ring
		return;
	if (!mine_[e.id()]) {
		if (other_)
			other_(e);
		return;
	}

	detail::waiter *w = waiters_[e.id()];

	if (!w || !w->waiting_ || w->serial_ != e.user_data())
		return;
	if (!w->repeats_) {
		w->waiting_ = false;
		--pending_;
	}
	w->fire(e);
}

void loop::wait() const
{
	std::array<pollfd, 2> fds{pollfd{.fd = native_handle(), .events = POLLIN, .revents = 0},
				  pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0}};

	if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
		detail::fail({errno, std::system_category()}, "cannot wait for events");
}

void loop::stop() noexcept
{
	const std::uint64_t one = 1;

	stopped_ = true;
	// It fails if it is readable already.
	[[maybe_unused]] const auto n = ::write(wake_.get(), &one, sizeof(one));
}

bool loop::take_stop() noexcept
{
	std::uint64_t n = 0;

	if (!stopped_.exchange(false))
		return false;
	[[maybe_unused]] const auto got = ::read(wake_.get(), &n, sizeof(n));
	return true;
}

handler loop::add(clockid_t clock, std::uint64_t ns, bool relative, span_ns interval,
		  span_ns window, function f)
{
	auto node = std::make_shared<detail::handler_node>(*this, std::move(f));

	node->arm(clock, ns, relative, interval, window);
	return handler(std::move(node));
}

std::uint32_t loop::take_id()
{
	std::uint32_t id = 0;

	if (idle_.empty()) {
		std::error_code ec;

		id = state_->take_id(ec);
		detail::check(ec, "cannot make a timer");
		mine_[id] = true;
		return id;
	}
	id = idle_.back();
	idle_.pop_back();
	return id;
}

void loop::give_id(std::uint32_t id) noexcept
{
	waiters_[id] = nullptr;
	idle_.push_back(id); // there is room
}

} // namespace callout
