// SPDX-License-Identifier: GPL-2.0
// The queue disciplines under test, and what is known of each beyond the common contract.
#pragma once

#include "queue.hpp"
#include <fmt/format.h>
#include <ostream>
#include <span>
#include <stdexcept>

enum class Op { insert, remove, rekey, pop };

struct Discipline {
	const co_queue_ops *ops;
	// Looks for what is wrong inside; throws Violation.
	void (*check)(const co_queue &q);
	// The most comparisons of keys that an operation on a queue of n may take (contract 3).
	unsigned (*bound)(Op op, std::uint64_t n);
	// What callers have inline for the usual case; false, and nothing done, in others. May be
	// none.
	bool (*insert_inline)(co_queue *q, callout *c, u64 key);
	bool (*remove_inline)(co_queue *q, callout *c);
};

std::span<const Discipline> disciplines();

inline void PrintTo(const Discipline &d, std::ostream *out)
{
	*out << d.ops->name;
}

struct Violation : std::logic_error {
	using std::logic_error::logic_error;
};

template <class... Args>
inline void require(bool holds, fmt::format_string<Args...> otherwise, Args &&...args)
{
	if (!holds) [[unlikely]]
		throw Violation(fmt::format(otherwise, std::forward<Args>(args)...));
}

// Of two callouts with equal keys: the order of arming, which wraps around.
inline bool seq_is_before(std::uint32_t a, std::uint32_t b)
{
	return static_cast<std::int32_t>(a - b) < 0;
}
