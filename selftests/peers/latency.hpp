// SPDX-License-Identifier: GPL-2.0
// Histograms of cyclictest, summed over threads and blocks.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace peers {

class Histogram {
public:
	// From what `cyclictest --json` writes. Throws std::runtime_error on what cannot be true.
	static Histogram of(const nlohmann::json &j);
	void add(const Histogram &other);

	std::uint64_t count() const { return count_; }
	std::uint64_t max() const { return max_; }
	// The least latency that this part of all (0 to 1) does not exceed.
	std::uint64_t quantile(double part) const;

private:
	std::map<std::uint64_t, std::uint64_t> at_{};
	std::uint64_t count_ = 0, max_ = 0;
};

// How p99 compares with what the same state, measured twice, differs by.
struct Latency {
	Histogram without{}, with{};
	double ratio = 0;   // p99, with to without
	double control = 0; // likewise of the one half of the blocks without to the other; >= 1
	bool apart = false; // p99 is more in each block with than in any without

	enum class Answer { met, missed, unknown };
	Answer answer() const;
	static constexpr double target = 1.05;
	// Where the halves differ by more, the machine was too busy for anything to be seen.
	static constexpr double quiet = 1.25;
};

// Throws std::runtime_error without two blocks without and one with.
Latency compare(const std::vector<Histogram> &without, const std::vector<Histogram> &with);

const char *name(Latency::Answer answer);

} // namespace peers
