// SPDX-License-Identifier: MIT
// The system calls of the device, and who has which timer.
#include "callout/detail/state.hpp"
#include "callout/error.hpp"
#include <cerrno>
#include <new>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace callout::detail {

unique_fd::~unique_fd()
{
	if (fd_ >= 0)
		::close(fd_);
}

mapping::mapping(int fd, std::size_t offset, std::size_t size) noexcept : size_(size)
{
	void *at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  static_cast<off_t>(offset));

	if (at != MAP_FAILED)
		at_ = at;
}

mapping::~mapping()
{
	if (at_)
		::munmap(at_, size_);
}

void poll_teller::operator()() const noexcept
{
	pollfd p{.fd = fd, .events = POLLIN, .revents = 0};

	::poll(&p, 1, 0);
}

slot device_state::slot(std::uint32_t id) const noexcept
{
	return callout::slot(static_cast<std::uint64_t *>(slots_.get())[id]);
}

ring device_state::ring() const noexcept
{
	return {static_cast<abi::ring *>(events_.get()), ring_size_, poll_teller{fd()}};
}

void device_state::info(abi::info &to, std::error_code &ec) const noexcept
{
	to = {};
	to.size = sizeof(to);
	ec.clear();
	if (::ioctl(fd(), CALLOUT_IOC_INFO, &to) < 0)
		ec = error_of(call::info, errno);
}

void device_state::setup(std::uint32_t timers, std::uint32_t events, std::error_code &ec) noexcept
{
	abi::setup s{};
	abi::info i{};

	s.size = sizeof(s);
	s.timers = timers;
	s.events = events ? events : timers;
	ec.clear();
	if (::ioctl(fd(), CALLOUT_IOC_SETUP, &s) < 0) {
		ec = error_of(call::setup, errno);
		return;
	}
	info(i, ec);
	if (!ec)
		map(i.timers, i.events, ec);
}

void device_state::map(std::uint32_t timers, std::uint32_t events, std::error_code &ec) noexcept
{
	mapping slots(fd(), CALLOUT_MMAP_SLOTS, std::size_t{timers} * sizeof(std::uint64_t));

	if (!slots.get()) {
		ec = error_of(call::map, errno);
		return;
	}
	mapping ring(fd(), CALLOUT_MMAP_EVENTS,
		     sizeof(abi::ring) + std::size_t{events} * sizeof(abi::event));
	if (!ring.get()) {
		ec = error_of(call::map, errno);
		return;
	}
	try {
		free_.reserve(timers);
	} catch (const std::bad_alloc &) {
		ec = errc::no_memory;
		return;
	}
	slots_ = std::move(slots);
	events_ = std::move(ring);
	timers_ = timers;
	ring_size_ = events;
	ec.clear();
}

// One of the calls with a vector. The kernel stops early for a signal, or at memory that is not
// there.
static std::size_t vector_call(int fd, unsigned long command, void *entries, std::size_t size,
			       std::size_t count, std::error_code &ec) noexcept
{
	constexpr std::size_t most = 1U << 30; // a call takes less than 2^31
	std::size_t done = 0;

	ec.clear();
	while (done < count) {
		abi::vector v{};

		v.size = sizeof(v);
		v.entries = reinterpret_cast<std::uintptr_t>(entries) + done * size;
		v.count = static_cast<std::uint32_t>(std::min(count - done, most));
		const int n = ::ioctl(fd, command, &v);
		if (n > 0) {
			done += static_cast<std::size_t>(n);
		} else if (n == 0 || errno != EINTR) {
			ec = error_of(call::vector, n ? errno : EIO);
			break;
		}
	}
	return done;
}

std::size_t device_state::arm(std::span<abi::timer> of, std::error_code &ec) const noexcept
{
	return vector_call(fd(), CALLOUT_IOC_ARM, of.data(), sizeof(of[0]), of.size(), ec);
}

std::size_t device_state::cancel(std::span<abi::timer_id> of, std::error_code &ec) const noexcept
{
	return vector_call(fd(), CALLOUT_IOC_CANCEL, of.data(), sizeof(of[0]), of.size(), ec);
}

std::size_t device_state::get(std::span<abi::timer> of, std::error_code &ec) const noexcept
{
	return vector_call(fd(), CALLOUT_IOC_GET, of.data(), sizeof(of[0]), of.size(), ec);
}

std::uint32_t device_state::take_id(std::error_code &ec) noexcept
{
	const std::lock_guard lock(mutex_);

	ec.clear();
	if (!free_.empty()) {
		const std::uint32_t id = free_.back();

		free_.pop_back();
		return id;
	}
	if (next_ < timers_)
		return next_++;
	ec = timers_ ? errc::no_free_timer : errc::not_set_up;
	return 0;
}

void device_state::give_id(std::uint32_t id) noexcept
{
	const std::lock_guard lock(mutex_);

	free_.push_back(id); // there is room: see map()
}

} // namespace callout::detail
