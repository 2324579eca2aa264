// SPDX-License-Identifier: GPL-2.0
// Each timer's event is to come once, and not early.
#pragma once

#include "clock.hpp"
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

namespace bench {

class Ledger {
public:
	explicit Ledger(std::size_t n) : due_(n, never), seen_(n) {}

	void expect(std::uint32_t id, Time deadline)
	{
		expected_ += due_[id] == never;
		due_[id] = deadline;
	}

	// They were told of at a time.
	void seen(std::span<const std::uint32_t> ids, Time at)
	{
		for (const auto id : ids) {
			if (id >= due_.size() || due_[id] == never) {
				unknown_++;
				continue;
			}
			early_ += at < due_[id];
			doubled_ += seen_[id] != 0;
			came_ += seen_[id] == 0;
			seen_[id] = 1;
		}
	}

	bool complete() const { return came_ == expected_; }
	std::size_t expected() const { return expected_; }
	bool right() const { return complete() && !early_ && !doubled_ && !unknown_; }
	nlohmann::json json() const
	{
		return {{"expected", expected_}, {"lost", expected_ - came_}, {"early", early_},
			{"doubled", doubled_},   {"unknown", unknown_},       {"right", right()}};
	}

private:
	std::vector<Time> due_;
	std::vector<std::uint8_t> seen_;
	std::size_t expected_ = 0, came_ = 0, early_ = 0, doubled_ = 0, unknown_ = 0;
};

} // namespace bench
