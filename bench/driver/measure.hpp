// SPDX-License-Identifier: GPL-2.0
// What is measured: series of jobs in interleaved blocks, recorded as JSON.
#pragma once

#include "kernel.hpp"
#include "trace.hpp"
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bench {

// The same job on several facilities, `blocks` times in turn.
struct Series {
	Job job{};
	std::vector<std::string> facilities{};
	unsigned blocks = 1;
	const Trace *trace = nullptr;
	std::uint64_t window_us = 0;
	std::uint64_t optimum = 0; // least number of interrupts; 0: not known
};

class Recorder {
public:
	Recorder(Kernel &kernel, const std::string &rig, const std::string &date);

	// Each block runs every facility once, in an order that moves on, and callouts a second
	// time as an A/A control. Throws std::runtime_error when a result cannot be true.
	void run(const Series &series);
	const nlohmann::json &results() const { return results_; }

private:
	void run_one(const Series &series, const std::string &facility, unsigned block,
		     bool control);

	Kernel &kernel_;
	nlohmann::json results_;
};

// Throws std::runtime_error when what a job measured cannot be true.
void refuse_nonsense(const nlohmann::json &run);

} // namespace bench
