// SPDX-License-Identifier: GPL-2.0
// callout_bench.ko as seen from user space: jobs go in, named values come out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace bench {

using Values = std::map<std::string, std::vector<std::uint64_t>>;

// One line for the module; see bench/main.c. What is 0 or empty is left to the module.
struct Job {
	std::string workload{};
	std::string facility{};
	std::uint64_t n = 0;
	std::uint64_t ops = 0;
	std::uint64_t rate = 0;
	std::uint64_t seed = 1;
	std::uint64_t limit_ms = 0;
	std::uint64_t idle = 0;
	bool measure_hold = false; // the longest hold of a base lock; slows callouts down

	std::string line() const;
};

// The running kernel with callout.ko and callout_bench.ko in it. Throws std::system_error.
class Kernel {
public:
	explicit Kernel(std::filesystem::path debugfs = "/sys/kernel/debug");

	// What the module said, and how callout.ko's counters changed, as "stats_...".
	Values run(const Job &job);
	void load_trace(std::span<const std::byte> bytes);

private:
	std::map<std::string, std::uint64_t> stats() const;

	std::filesystem::path debugfs_;
};

} // namespace bench
