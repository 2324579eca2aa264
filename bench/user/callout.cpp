// SPDX-License-Identifier: GPL-2.0
// /dev/callout: all timers on one descriptor.
#include "facility.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <linux/callout.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <unistd.h>

namespace bench {
namespace {

constexpr std::uint32_t room = 4096; // events; what finds none waits in the kernel

FileDescriptor open_callout(std::uint32_t n)
{
	FileDescriptor fd(
		static_cast<int>(check(open("/dev/callout", O_RDWR | O_CLOEXEC), "/dev/callout")));
	callout_setup setup = {.size = sizeof(setup), .flags = 0, .timers = n, .events = room};

	check(ioctl(fd.get(), CALLOUT_IOC_SETUP, &setup), "CALLOUT_IOC_SETUP");
	return fd;
}

class Callout : public Facility {
public:
	Callout(std::uint32_t n, Events events, Time window)
		: events_(events), window_(static_cast<std::uint64_t>(window.count())),
		  fd_(open_callout(n)),
		  slot_memory_(fd_, CALLOUT_MMAP_SLOTS, n * sizeof(std::uint64_t)),
		  ring_memory_(fd_, CALLOUT_MMAP_EVENTS,
			       sizeof(callout_ring) + room * sizeof(callout_event)),
		  slot_(static_cast<std::uint64_t *>(slot_memory_.get())),
		  ring_(static_cast<callout_ring *>(ring_memory_.get()))
	{
		called(0, "open");
		called(0, "ioctl");
		called(0, "mmap");
		called(0, "mmap");
	}

	void arm(std::span<const Shot> shots) override
	{
		if (timers_.size() < shots.size())
			timers_.resize(shots.size());
		auto *timer = timers_.data();

		for (const auto &shot : shots)
			*timer++ = {.id = shot.id,
				    .flags = 0,
				    .clockid = CLOCK_MONOTONIC,
				    .result = 0,
				    .deadline = static_cast<std::uint64_t>(shot.deadline.count()),
				    .interval = 0,
				    .window = window_,
				    .user_data = shot.id};
		vector(CALLOUT_IOC_ARM, timers_.data(), shots.size());
		for (std::size_t i = 0; i < shots.size(); i++)
			if (timers_[i].result < 0)
				throw std::runtime_error("a timer could not be armed");
	}

	void later(std::span<const Shot> shots) override
	{
		for (const auto &shot : shots)
			if (!move(shot)) [[unlikely]]
				return one_by_one(shots);
	}

	void cancel(std::span<const std::uint32_t> ids) override
	{
		if (ids_.size() < ids.size())
			ids_.resize(ids.size());
		std::ranges::transform(ids, ids_.begin(),
				       [](auto id) { return callout_id{.id = id, .result = 0}; });
		vector(CALLOUT_IOC_CANCEL, ids_.data(), ids.size());
	}

	std::size_t collect(std::span<std::uint32_t> ids, Time until) override
	{
		return events_ == Events::read ? read_events(ids, until) : take_events(ids, until);
	}

private:
	void vector(unsigned long command, void *entries, std::size_t count)
	{
		callout_vector v = {.size = sizeof(v),
				    .flags = 0,
				    .entries = reinterpret_cast<std::uintptr_t>(entries),
				    .count = static_cast<std::uint32_t>(count),
				    .reserved = 0};

		if (called(ioctl(fd_.get(), command, &v), "ioctl") != static_cast<long>(count))
			throw std::runtime_error("a call did not take all its timers");
	}

	// Some have expired: those are armed anew.
	[[gnu::noinline]] void one_by_one(std::span<const Shot> shots)
	{
		for (const auto &shot : shots)
			if (!move(shot))
				arm({&shot, 1});
	}

	bool move(const Shot &shot)
	{
		const std::atomic_ref<std::uint64_t> slot(slot_[shot.id]);
		const auto to = static_cast<std::uint64_t>(shot.deadline.count());
		auto was = slot.load(std::memory_order_relaxed);

		while (was != 0 && was < to)
			if (slot.compare_exchange_weak(was, to, std::memory_order_relaxed))
				return true;
		return was != 0;
	}

	std::size_t read_events(std::span<std::uint32_t> ids, Time until)
	{
		if (until != never && !readable(fd_.get(), until))
			return 0;
		read_.resize(std::min<std::size_t>(ids.size(), room));
		const auto n =
			called(read(fd_.get(), read_.data(), read_.size() * sizeof(callout_event)),
			       "read") /
			sizeof(callout_event);

		for (std::size_t i = 0; i < n; i++)
			ids[i] = read_[i].id;
		return n;
	}

	std::size_t take_events(std::span<std::uint32_t> ids, Time until)
	{
		const std::atomic_ref<std::uint32_t> head(ring_->head), tail(ring_->tail);
		auto at = tail.load(std::memory_order_relaxed);
		std::size_t n = 0;

		while (head.load(std::memory_order_acquire) == at)
			if (!readable(fd_.get(), until))
				return 0;
		for (const auto end = head.load(std::memory_order_acquire);
		     at != end && n < ids.size(); at++)
			ids[n++] = ring_->event[at & (room - 1)].id;
		tail.store(at, std::memory_order_release);
		return n;
	}

	Events events_;
	std::uint64_t window_;
	FileDescriptor fd_;
	Mapping slot_memory_, ring_memory_;
	std::uint64_t *slot_;
	callout_ring *ring_;
	std::vector<callout_timer> timers_;
	std::vector<callout_id> ids_;
	std::vector<callout_event> read_;
};

class CalloutByIoctl : public Callout {
public:
	using Callout::Callout;
	void later(std::span<const Shot> shots) override { arm(shots); }
};

} // namespace

std::unique_ptr<Facility> make_callout(std::uint32_t n, Events events, Later later, Time window)
{
	if (later == Later::ioctl)
		return std::make_unique<CalloutByIoctl>(n, events, window);
	return std::make_unique<Callout>(n, events, window);
}

} // namespace bench
