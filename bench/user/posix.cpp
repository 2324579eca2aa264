// SPDX-License-Identifier: GPL-2.0
// POSIX timers. Each sends a real-time signal that is blocked; a signalfd tells of many at a time.
#include "facility.hpp"

#include <algorithm>
#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

namespace bench {
namespace {

class Posix : public Facility {
public:
	explicit Posix(std::uint32_t n)
	{
		sigset_t set;
		sigevent event = {};

		sigemptyset(&set);
		sigaddset(&set, SIGRTMIN);
		called(sigprocmask(SIG_BLOCK, &set, nullptr), "sigprocmask");
		signals_ = FileDescriptor(
			static_cast<int>(called(signalfd(-1, &set, SFD_CLOEXEC), "signalfd")));
		event.sigev_notify = SIGEV_SIGNAL;
		event.sigev_signo = SIGRTMIN;
		timers_.reserve(n);
		for (std::uint32_t id = 0; id < n; id++) {
			timer_t timer;

			event.sigev_value.sival_int = static_cast<int>(id);
			called(timer_create(CLOCK_MONOTONIC, &event, &timer), "timer_create");
			timers_.push_back(timer);
		}
	}

	~Posix() override { std::ranges::for_each(timers_, timer_delete); }

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
		if (until != never && !readable(signals_.get(), until))
			return 0;
		const auto most = std::min(ids.size(), infos_.size());
		const auto n =
			called(read(signals_.get(), infos_.data(), most * sizeof(signalfd_siginfo)),
			       "read") /
			sizeof(signalfd_siginfo);

		for (std::size_t i = 0; i < n; i++)
			ids[i] = static_cast<std::uint32_t>(infos_[i].ssi_int);
		return n;
	}

private:
	void set(std::uint32_t id, timespec value)
	{
		const itimerspec t = {.it_interval = {}, .it_value = value};

		called(timer_settime(timers_[id], TIMER_ABSTIME, &t, nullptr), "timer_settime");
	}

	FileDescriptor signals_;
	std::vector<timer_t> timers_;
	std::vector<signalfd_siginfo> infos_ = std::vector<signalfd_siginfo>(1024);
};

} // namespace

std::unique_ptr<Facility> make_posix(std::uint32_t n)
{
	return std::make_unique<Posix>(n);
}

} // namespace bench
