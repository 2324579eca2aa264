// SPDX-License-Identifier: GPL-2.0
// A heap of deadlines with four children a node, in which each timer's place is known.
#pragma once

#include "clock.hpp"
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

class Heap {
public:
	struct Entry {
		Time deadline;
		std::uint32_t id;
	};

	// For timers 0 to n - 1.
	explicit Heap(std::uint32_t n) : place_(n, absent) { entries_.reserve(n); }

	bool empty() const { return entries_.empty(); }
	std::size_t size() const { return entries_.size(); }
	const Entry &first() const { return entries_.front(); }
	bool contains(std::uint32_t id) const { return place_[id] != absent; }

	void add(std::uint32_t id, Time deadline)
	{
		entries_.emplace_back();
		rise(entries_.size() - 1, {deadline, id});
	}

	void move(std::uint32_t id, Time deadline)
	{
		const std::size_t at = place_[id];

		if (deadline < entries_[at].deadline)
			rise(at, {deadline, id});
		else
			sink(at, {deadline, id});
	}

	void remove(std::uint32_t id)
	{
		const std::size_t at = place_[id];
		const Entry last = entries_.back();

		place_[id] = absent;
		entries_.pop_back();
		if (at == entries_.size())
			return;
		if (at && last.deadline < entries_[parent(at)].deadline)
			rise(at, last);
		else
			sink(at, last);
	}

private:
	static constexpr std::uint32_t absent = ~0U;

	static std::size_t parent(std::size_t at) { return (at - 1) / 4; }

	void put(std::size_t at, const Entry &e)
	{
		entries_[at] = e;
		place_[e.id] = static_cast<std::uint32_t>(at);
	}

	void rise(std::size_t at, const Entry &e)
	{
		for (; at && e.deadline < entries_[parent(at)].deadline; at = parent(at))
			put(at, entries_[parent(at)]);
		put(at, e);
	}

	void sink(std::size_t at, const Entry &e)
	{
		const auto size = entries_.size();

		for (std::size_t child; (child = 4 * at + 1) < size; at = child) {
			const auto end = std::min(child + 4, size);

			for (auto other = child + 1; other < end; other++)
				if (entries_[other].deadline < entries_[child].deadline)
					child = other;
			if (entries_[child].deadline >= e.deadline)
				break;
			put(at, entries_[child]);
		}
		put(at, e);
	}

	std::vector<Entry> entries_;
	std::vector<std::uint32_t> place_;
};

} // namespace bench
