// SPDX-License-Identifier: MIT
#include "fake_kernel.hpp"
#include <cerrno>
#include <cstdarg>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static fake_kernel *kernel;

// In the place of libc's.
extern "C" int ioctl(int fd, unsigned long command, ...) noexcept
{
	va_list arguments;
	va_start(arguments, command);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);

	if (!kernel || command >> 8 != CALLOUT_IOC_MAGIC)
		return static_cast<int>(::syscall(SYS_ioctl, fd, command, argument));
	const int result = kernel->call(command, argument);
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

fake_kernel::fake_kernel(std::uint32_t n, std::uint32_t events)
	: timers(n), fd_(::memfd_create("callout", 0)), events_(events),
	  size_(CALLOUT_MMAP_EVENTS + sizeof(callout::abi::ring) +
		events * sizeof(callout::abi::event))
{
	void *at = MAP_FAILED;

	if (fd_ >= 0 && ::ftruncate(fd_, static_cast<off_t>(size_)) == 0)
		at = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
	if (at == MAP_FAILED)
		throw std::runtime_error("no memory for the fake device");
	memory_ = static_cast<char *>(at);
	ring = reinterpret_cast<callout::abi::ring *>(memory_ + CALLOUT_MMAP_EVENTS);
	ring->size = events;
	for (std::uint32_t i = 0; i < n; i++)
		timers[i].slot = reinterpret_cast<std::uint64_t *>(memory_) + i;
	kernel = this;
}

fake_kernel::~fake_kernel()
{
	kernel = nullptr;
	::munmap(memory_, size_);
	::close(fd_);
}

callout::device fake_kernel::device(bool set_up)
{
	set_up_ = set_up;
	return callout::device::adopt(::dup(fd_));
}

int fake_kernel::call(unsigned long command, void *argument)
{
	if (error)
		return -error;
	switch (command) {
	case CALLOUT_IOC_INFO: {
		auto &i = *static_cast<callout::abi::info *>(argument);

		i.timers = set_up_ ? static_cast<std::uint32_t>(timers.size()) : 0;
		i.events = set_up_ ? events_ : 0;
		for (char &c : i.clock) // not ended by a 0
			c = 'x';
		return 0;
	}
	case CALLOUT_IOC_SETUP: {
		const auto &s = *static_cast<callout::abi::setup *>(argument);

		if (set_up_)
			return -EBUSY;
		if (s.timers != timers.size() || s.events > events_)
			return -EINVAL;
		set_up_ = true;
		return 0;
	}
	default:
		return vector(command, *static_cast<callout::abi::vector *>(argument));
	}
}

int fake_kernel::vector(unsigned long command, callout::abi::vector &v)
{
	if (v.size != sizeof(v) || v.flags || v.reserved)
		return -EINVAL;
	if (!set_up_)
		return -ENXIO;
	calls.emplace_back(command, v.count);
	if (interrupts && interrupts--)
		return -EINTR;

	const std::uint32_t n = std::min(v.count, at_most);
	for (std::uint32_t i = 0; i < n; i++) {
		auto *t = reinterpret_cast<callout::abi::timer *>(v.entries) + i;
		auto *id = reinterpret_cast<callout::abi::timer_id *>(v.entries) + i;

		if (command == CALLOUT_IOC_ARM)
			t->result = arm(*t);
		else if (command == CALLOUT_IOC_CANCEL)
			id->result = cancel(*id);
		else
			t->result = get(*t);
	}
	return static_cast<int>(n);
}

int fake_kernel::arm(callout::abi::timer &t)
{
	if (t.id >= timers.size())
		return -ENOENT;
	if (std::max({t.deadline, t.interval, t.window}) > callout::max_ns)
		return -EINVAL;
	timer &mine = timers[t.id];
	const bool was = *mine.slot;
	mine.arming = t;
	*mine.slot = (t.flags & CALLOUT_ARM_RELATIVE ? now : 0) + t.deadline;
	return was;
}

int fake_kernel::cancel(callout::abi::timer_id &t)
{
	if (t.id >= timers.size())
		return -ENOENT;
	return std::exchange(*timers[t.id].slot, 0) != 0;
}

int fake_kernel::get(callout::abi::timer &t)
{
	if (t.id >= timers.size())
		return -ENOENT;
	t = timers[t.id].arming;
	t.deadline = *timers[t.id].slot;
	t.flags = t.deadline ? CALLOUT_ARMED : 0;
	return t.deadline != 0;
}

void fake_kernel::expire(std::uint32_t id)
{
	timer &t = timers.at(id);
	callout::abi::event &e = ring->event[ring->head & (events_ - 1)];

	e = {};
	e.id = id;
	e.flags = CALLOUT_EVENT_EXPIRED;
	e.user_data = t.arming.user_data;
	e.deadline = e.fired_at = *t.slot;
	*t.slot = t.arming.interval ? *t.slot + t.arming.interval : 0;
	__atomic_store_n(&ring->head, ring->head + 1, __ATOMIC_RELEASE);
}
