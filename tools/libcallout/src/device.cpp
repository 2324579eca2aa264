// SPDX-License-Identifier: MIT
// /dev/callout, opened.
#include "callout/device.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <poll.h>
#include <unistd.h>

namespace callout {

using detail::call;
using detail::error_of;

device::device(std::uint32_t timers, std::uint32_t events, const char *path) : device(open(path))
{
	setup(timers, events);
}

device device::open(const char *path)
{
	std::error_code ec;
	device d = open(ec, path);

	if (ec)
		detail::fail(ec, std::string("cannot open ") + path);
	return d;
}

device device::open(std::error_code &ec, const char *path) noexcept
{
	const int fd = ::open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		ec = error_of(call::open, errno);
		return device(nullptr);
	}
	return adopt(fd, ec);
}

device device::adopt(int fd)
{
	std::error_code ec;
	device d = adopt(fd, ec);

	detail::check(ec, "cannot use the descriptor");
	return d;
}

device device::adopt(int fd, std::error_code &ec) noexcept
{
	detail::unique_fd owned(fd);

	try {
		auto state = std::make_shared<detail::device_state>(std::move(owned));
		abi::info i{};

		state->info(i, ec);
		if (!ec && i.timers)
			state->map(i.timers, i.events, ec);
		return device(ec ? nullptr : std::move(state));
	} catch (const std::bad_alloc &) {
		ec = errc::no_memory;
		return device(nullptr);
	}
}

void device::setup(std::uint32_t timers, std::uint32_t events)
{
	std::error_code ec;

	setup(timers, events, ec);
	detail::check(ec, "cannot set up timers");
}

void device::setup(std::uint32_t timers, std::uint32_t events, std::error_code &ec) noexcept
{
	state_->setup(timers, events, ec);
}

device_info device::info() const
{
	std::error_code ec;
	device_info i = info(ec);

	detail::check(ec, "cannot look at the device");
	return i;
}

template <std::size_t N>
static std::string text(const char (&from)[N])
{
	return {from, ::strnlen(from, N)};
}

device_info device::info(std::error_code &ec) const
{
	abi::info i;

	state_->info(i, ec);
	if (ec)
		return {};
	return {.clock = text(i.clock),
		.mode = text(i.mode),
		.resolution = std::chrono::nanoseconds(i.resolution_ns),
		.min_interval = std::chrono::nanoseconds(i.min_interval_ns),
		.max_timers = i.max_timers,
		.max_user_timers = i.max_user_timers,
		.max_events = i.max_events,
		.timers = i.timers,
		.events = i.events,
		.budget = i.budget,
		.test = (i.features & CALLOUT_FEATURE_TEST) != 0};
}

void device::set_nonblocking(bool on)
{
	std::error_code ec;

	set_nonblocking(on, ec);
	detail::check(ec, "cannot make the descriptor non-blocking");
}

void device::set_nonblocking(bool on, std::error_code &ec) noexcept
{
	const int flags = ::fcntl(native_handle(), F_GETFL);

	ec.clear();
	if (flags < 0 ||
	    ::fcntl(native_handle(), F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0)
		ec = {errno, std::system_category()};
}

std::size_t device::read(std::span<event> to) const
{
	std::error_code ec;
	const std::size_t n = read(to, ec);

	detail::check(ec, "cannot read events");
	return n;
}

std::size_t device::read(std::span<event> to, std::error_code &ec) const noexcept
{
	const ssize_t n = ::read(native_handle(), to.data(), to.size_bytes());

	ec.clear();
	if (n >= 0)
		return static_cast<std::size_t>(n) / sizeof(event);
	if (errno != EAGAIN && errno != EINTR)
		ec = error_of(call::read, errno);
	return 0;
}

bool device::wait(std::chrono::nanoseconds most) const
{
	pollfd p{.fd = native_handle(), .events = POLLIN, .revents = 0};
	const auto s = std::chrono::floor<std::chrono::seconds>(most);
	const timespec t{.tv_sec = s.count(), .tv_nsec = (most - s).count()};
	const int n = ::ppoll(&p, 1, most.count() < 0 ? nullptr : &t, nullptr);

	if (n < 0 && errno != EINTR)
		detail::fail({errno, std::system_category()}, "cannot wait for events");
	if (n > 0 && p.revents & POLLERR)
		detail::fail(errc::not_set_up, "cannot wait for events");
	return n > 0;
}

} // namespace callout
