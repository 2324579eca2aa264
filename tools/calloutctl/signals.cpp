// SPDX-License-Identifier: GPL-2.0
// The handler writes to a descriptor that is waited for: a signal just before waiting is not
// missed.
#include "signals.hpp"
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace ctl {
namespace {

std::atomic<bool> end_requested = false;
std::atomic<int> wake = -1;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void request(int)
{
	const int error = errno;
	const std::uint64_t one = 1;
	end_requested = true;
	[[maybe_unused]] const auto n = ::write(wake, &one, sizeof(one));
	errno = error;
}

} // namespace

Interrupt::Interrupt()
{
	end_requested = false;
	wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake < 0)
		throw std::system_error(errno, std::system_category(), "eventfd");
	for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
		Saved saved{number, {}};
		struct sigaction action {};
		action.sa_handler = request;
		::sigemptyset(&action.sa_mask);
		::sigaction(number, nullptr, &saved.action);
		if (number == SIGHUP && saved.action.sa_handler == SIG_IGN)
			continue; // nohup
		::sigaction(number, &action, nullptr);
		saved_.push_back(saved);
	}
}

Interrupt::~Interrupt()
{
	for (const auto &saved : saved_)
		::sigaction(saved.number, &saved.action, nullptr);
	::close(wake);
}

bool Interrupt::requested() noexcept
{
	return end_requested;
}

int Interrupt::fd() noexcept
{
	return wake;
}

bool Interrupt::wait(std::chrono::nanoseconds most, int also)
{
	pollfd fds[] = {{wake, POLLIN, 0}, {also, POLLIN, 0}};
	const auto seconds = std::chrono::floor<std::chrono::seconds>(most);
	const timespec time{seconds.count(), (most - seconds).count()};
	const int n = ::ppoll(fds, 2, most.count() < 0 ? nullptr : &time, nullptr);
	if (n < 0 && errno != EINTR)
		throw std::system_error(errno, std::system_category(), "poll");
	return n > 0 && fds[1].revents && !requested();
}

} // namespace ctl
