// SPDX-License-Identifier: GPL-2.0
// A timerfd for each timer. They are collected by an edge-triggered epoll, so that none needs to be
// read.
#include "facility.hpp"

#include <algorithm>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/timerfd.h>

namespace bench {
namespace {

class Timerfd : public Facility {
public:
	Timerfd(std::uint32_t n, Registered registered)
	{
		if (registered == Registered::yes)
			epoll_ = FileDescriptor(static_cast<int>(
				called(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")));
		timers_.reserve(n);
		for (std::uint32_t id = 0; id < n; id++) {
			timers_.emplace_back(static_cast<int>(
				called(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
				       "timerfd_create")));
			if (registered == Registered::yes)
				add(id);
		}
	}

	void arm(std::span<const Shot> shots) override
	{
		for (const auto &shot : shots)
			set(shot.id, to_timespec(shot.deadline));
	}

	void cancel(std::span<const std::uint32_t> ids) override
	{
		for (const auto id : ids)
			set(id, {});
	}

	std::size_t collect(std::span<std::uint32_t> ids, Time until) override
	{
		timespec timeout;

		if (until != never)
			timeout = to_timespec(std::max(until - now(), Time(0)));
		const auto n =
			called(epoll_pwait2(epoll_.get(), events_.data(),
					    static_cast<int>(std::min(ids.size(), events_.size())),
					    until == never ? nullptr : &timeout, nullptr),
			       "epoll_pwait2");

		for (long i = 0; i < n; i++)
			ids[i] = events_[i].data.u32;
		return n;
	}

private:
	void add(std::uint32_t id)
	{
		epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.u32 = id}};

		called(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, timers_[id].get(), &event),
		       "epoll_ctl");
	}

	void set(std::uint32_t id, timespec value)
	{
		const itimerspec t = {.it_interval = {}, .it_value = value};

		called(timerfd_settime(timers_[id].get(), TFD_TIMER_ABSTIME, &t, nullptr),
		       "timerfd_settime");
	}

	FileDescriptor epoll_;
	std::vector<FileDescriptor> timers_;
	std::vector<epoll_event> events_ = std::vector<epoll_event>(4096);
};

} // namespace

std::unique_ptr<Facility> make_timerfd(std::uint32_t n, Registered registered)
{
	return std::make_unique<Timerfd>(n, registered);
}

} // namespace bench
