// SPDX-License-Identifier: MIT
// The deadline of a timer in memory that is shared with the kernel: re-arming to a later time is a
// store.
//
// Any number of threads may use one slot at once, while its timer expires, too: of all who would
// change it one wins.
#pragma once

#include <atomic>
#include <cstdint>

namespace callout {

class slot {
public:
	slot() noexcept = default; // of no timer: never armed
	explicit slot(std::uint64_t &word) noexcept : word_(&word) {}

	// In ns of the timer's clock; 0: not armed.
	[[nodiscard]] std::uint64_t load() const noexcept
	{
		return std::atomic_ref(*word_).load(std::memory_order_relaxed);
	}

	// True if the timer is armed, for no later than @to, and now for @to. Else nothing has
	// changed: it is armed for later, or not at all, or somebody was quicker.
	[[nodiscard]] bool move_later(std::uint64_t to) const noexcept
	{
		std::uint64_t was = load();

		// 0 < was <= to, in one comparison.
		return was - 1 < to &&
		       std::atomic_ref(*word_).compare_exchange_strong(
			       was, to, std::memory_order_acq_rel, std::memory_order_relaxed);
	}

private:
	// So that a timer that was moved from needs no test here.
	inline static std::uint64_t nobodys_ = 0;

	std::uint64_t *word_ = &nobodys_;
};

static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);

} // namespace callout
