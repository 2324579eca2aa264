// SPDX-License-Identifier: MIT
// Events out of memory that is shared with the kernel, without a system call.
//
// One thread at a time takes events from a descriptor, by ring or by read(); that is for the
// program to see to.
#pragma once

#include "abi.hpp"
#include "event.hpp"
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace callout {

namespace detail {

// Tells the kernel that there is room in the ring, so that timers that wait for it have their
// events.
struct poll_teller {
	int fd = -1;
	void operator()() const noexcept;
};

} // namespace detail

// @Teller is called when there is room, and timers wait for it. A view: the mapping is the
// device's.
template <class Teller>
class basic_ring {
public:
	basic_ring() noexcept = default;
	// @size as the kernel said; what the shared memory says anybody may have written.
	basic_ring(abi::ring *shared, std::uint32_t size, Teller tell) noexcept
		: shared_(shared), size_(size), tell_(std::move(tell))
	{
	}

	[[nodiscard]] std::uint32_t capacity() const noexcept { return size_; }
	// Events that are there. Timers that wait for room have none yet.
	[[nodiscard]] std::uint32_t size() const noexcept
	{
		return std::min(head() - tail(), size_);
	}
	[[nodiscard]] bool empty() const noexcept { return size() == 0; }
	// Do timers wait for room? They are armed still; the functions below fetch their events, in
	// no order, once the ring is empty.
	[[nodiscard]] bool backlog() const noexcept
	{
		return std::atomic_ref(shared_->flags).load(std::memory_order_relaxed) &
		       CALLOUT_RING_BACKLOG;
	}

	// Takes as many events as there are and @to holds, and of timers that wait for room, once
	// the ring is empty. Returns how many.
	[[nodiscard]] std::size_t pop(std::span<event> to) noexcept
	{
		std::size_t done = take(to);

		while (done < to.size() && backlog()) {
			tell_();
			const std::size_t more = take(to.subspan(done));
			if (!more)
				break;
			done += more;
		}
		return done;
	}

	[[nodiscard]] bool pop(event &to) noexcept { return pop(std::span(&to, 1)) == 1; }

	// Calls f(const event &) for each event until there is none, or there were as many as the
	// ring holds. Returns how many; 0: there are none. f may throw, and may take events itself:
	// each is taken before it is shown.
	template <class F>
	std::size_t consume(F &&f)
	{
		std::size_t done = 0;
		event e;

		while (done < size_ && pop(e)) {
			++done;
			f(std::as_const(e));
		}
		return done;
	}

private:
	[[nodiscard]] std::uint32_t head() const noexcept
	{
		return std::atomic_ref(shared_->head).load(std::memory_order_acquire);
	}
	[[nodiscard]] std::uint32_t tail() const noexcept
	{
		return std::atomic_ref(shared_->tail).load(std::memory_order_relaxed);
	}

	[[nodiscard]] std::size_t take(std::span<event> to) noexcept
	{
		const std::uint32_t end = head();
		// As the kernel counts: a tail that cannot be means that the ring is full.
		std::uint32_t there = std::min(end - tail(), size_);
		std::uint32_t at = end - there;

		there = static_cast<std::uint32_t>(std::min<std::size_t>(there, to.size()));
		if (!there)
			return 0;
		for (std::uint32_t i = 0; i < there; i++)
			to[i] = event(shared_->event[at++ & (size_ - 1)]);
		std::atomic_ref(shared_->tail).store(at, std::memory_order_release);
		return there;
	}

	abi::ring *shared_ = nullptr;
	std::uint32_t size_ = 0;
	[[no_unique_address]] Teller tell_{};
};

using ring = basic_ring<detail::poll_teller>;

} // namespace callout
