// SPDX-License-Identifier: GPL-2.0
// What came of it: tables, counts and JSON.
#pragma once

#include "blocks.hpp"
#include "cases.hpp"
#include "latency.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace peers {

class Report {
public:
	explicit Report(const std::string &date);

	// Adds what ran in one guest, and prints its tables.
	void add(const Guest &guest);
	void print_sum() const;
	const nlohmann::json &json() const { return json_; }
	bool good() const { return failed_ == 0 && passed_ > 0; }

private:
	void count(Verdict verdict);
	nlohmann::json add_state(const Guest &guest,
				 const std::map<std::string, std::string> &facts);
	nlohmann::json add_timers(const std::vector<Block> &blocks);
	nlohmann::json add_stress(const std::vector<Block> &blocks);
	nlohmann::json add_latency(const std::vector<Block> &blocks, const std::string &rig);

	nlohmann::json json_;
	unsigned passed_ = 0, failed_ = 0, skipped_ = 0;
};

} // namespace peers
