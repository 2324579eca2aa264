// SPDX-License-Identifier: GPL-2.0
// Arming, cancelling and expiring, by the kernel's calls.
#include "facility.hpp"
#include "output.hpp"
#include <cerrno>
#include <ctime>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <system_error>
#include <unistd.h>

namespace ctl {

std::uint64_t now_ns()
{
	return static_cast<std::uint64_t>(clock_now(CLOCK_MONOTONIC).count());
}

// ---- /dev/callout -----------------------------------------------------------------------------

namespace {

void check(const std::error_code &ec, const char *what)
{
	if (ec)
		throw device_error(ec, what);
}

} // namespace

CalloutTimers::CalloutTimers(const Tree &tree, std::uint32_t timers) : device_(tree.open_device())
{
	std::error_code ec;
	device_.setup(timers, 0, ec);
	if (ec)
		throw device_error(ec, fmt::format("cannot set up {} timers", timers));
	arms_.resize(timers);
	ids_.resize(timers);
	for (std::uint32_t id = 0; id < timers; id++) {
		arms_[id].id = id;
		arms_[id].clockid = CLOCK_MONOTONIC;
		ids_[id] = {.id = id, .result = 0};
	}
}

void CalloutTimers::arm(std::uint32_t id, std::uint64_t at_ns, std::uint64_t window_ns)
{
	std::error_code ec;
	arms_[id].deadline = at_ns;
	arms_[id].window = window_ns;
	calls_++;
	(void)device_.arm({&arms_[id], 1}, ec);
	check(ec, "cannot arm");
}

void CalloutTimers::cancel(std::uint32_t id)
{
	std::error_code ec;
	calls_++;
	(void)device_.cancel({&ids_[id], 1}, ec);
	check(ec, "cannot cancel");
}

void CalloutTimers::arm_all(std::span<const std::uint64_t> at_ns, std::size_t batch)
{
	std::error_code ec;
	for (std::size_t from = 0; from < at_ns.size(); from += batch) {
		const auto n = std::min(batch, at_ns.size() - from);
		for (std::size_t i = from; i < from + n; i++)
			arms_[i].deadline = at_ns[i];
		calls_++;
		(void)device_.arm({&arms_[from], n}, ec);
		check(ec, "cannot arm");
	}
}

void CalloutTimers::cancel_all(std::size_t batch)
{
	std::error_code ec;
	for (std::size_t from = 0; from < ids_.size(); from += batch) {
		calls_++;
		(void)device_.cancel({&ids_[from], std::min(batch, ids_.size() - from)}, ec);
		check(ec, "cannot cancel");
	}
}

// ---- timerfd ----------------------------------------------------------------------------------

namespace {

// Room for so many descriptors, as far as the process may make it.
void make_room(std::uint32_t timers)
{
	rlimit limit{};
	const rlim_t wanted = rlim_t{timers} + 64;
	::getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= wanted)
		return;
	rlimit more{wanted, std::max(limit.rlim_max, wanted)};
	if (::setrlimit(RLIMIT_NOFILE, &more) == 0)
		return;
	more = {limit.rlim_max, limit.rlim_max};
	::setrlimit(RLIMIT_NOFILE, &more);
	if (limit.rlim_max < wanted)
		throw Error(Exit::failed,
			    fmt::format("timerfd needs a descriptor for each of {} timers, and the "
					"limit is {}",
					timers, limit.rlim_max),
			    "raise it (ulimit -n), or be root, or take fewer timers");
}

[[noreturn]] void fail(const char *what)
{
	throw std::system_error(errno, std::system_category(), what);
}

} // namespace

TimerfdTimers::TimerfdTimers(std::uint32_t timers) : at_ns_(timers)
{
	make_room(timers);
	epoll_ = callout::detail::unique_fd(::epoll_create1(EPOLL_CLOEXEC));
	if (epoll_.get() < 0)
		fail("epoll_create1");
	for (std::uint32_t id = 0; id < timers; id++) {
		const int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
		if (fd < 0)
			fail("timerfd_create");
		fds_.emplace_back(fd);
		epoll_event event{.events = EPOLLIN, .data = {.u32 = id}};
		if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0)
			fail("epoll_ctl");
	}
}

void TimerfdTimers::arm(std::uint32_t id, std::uint64_t at_ns, std::uint64_t)
{
	const itimerspec at{.it_interval = {},
			    .it_value = {static_cast<time_t>(at_ns / 1'000'000'000),
					 static_cast<long>(at_ns % 1'000'000'000)}};
	at_ns_[id] = at_ns;
	calls_++;
	if (::timerfd_settime(fds_[id].get(), TFD_TIMER_ABSTIME, &at, nullptr) < 0)
		fail("timerfd_settime");
}

void TimerfdTimers::arm_all(std::span<const std::uint64_t> at_ns, std::size_t)
{
	for (std::uint32_t id = 0; id < at_ns.size(); id++)
		arm(id, at_ns[id]);
}

void TimerfdTimers::cancel_all(std::size_t)
{
	for (std::uint32_t id = 0; id < size(); id++)
		cancel(id);
}

std::span<const std::uint32_t> TimerfdTimers::ready()
{
	epoll_event events[256];
	ready_.clear();
	const int n = ::epoll_wait(epoll_.get(), events, 256, 0);
	for (int i = 0; i < n; i++) {
		const auto id = events[i].data.u32;
		std::uint64_t expiries;
		if (::read(fds_[id].get(), &expiries, sizeof(expiries)) == sizeof(expiries))
			ready_.push_back(id);
	}
	return ready_;
}

} // namespace ctl
