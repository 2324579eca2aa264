// SPDX-License-Identifier: GPL-2.0
// Recorded results: read back, selected, and reduced to one number over blocks.
#pragma once

#include "kernel.hpp"
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

// Where results come from; runs of different machines are not compared.
struct Machine {
	std::string kernel{}, rig{}, cpu{}, clock{}, queue{}, recorded{};
	unsigned cpus = 0;
	bool instructions = false; // a cycle is an instruction, else costs are told in ns

	const char *unit() const { return instructions ? "instructions" : "ns"; }
	bool operator==(const Machine &other) const
	{
		return kernel == other.kernel && rig == other.rig && clock == other.clock &&
		       queue == other.queue;
	}
};

struct Run {
	std::string workload{}, facility{}, trace{};
	bool control = false, hold = false;
	std::uint64_t n = 0, window_us = 0, optimum = 0;
	Values values{};

	bool has(const std::string &name) const { return values.contains(name); }
	double value(const std::string &name, std::size_t i = 0) const
	{
		return static_cast<double>(values.at(name).at(i));
	}
};

// What was measured of one facility, each number being that of all blocks.
struct Case {
	std::string workload{}, facility{};
	std::optional<std::uint64_t> n{}, window_us{};
	std::string trace{};
	bool control = false, hold = false;

	Case as(const std::string &other) const
	{
		Case c = *this;

		c.facility = other;
		c.control = false;
		return c;
	}
};

class Results {
public:
	explicit Results(Machine machine) : machine_(std::move(machine)) {}
	void add(Run run) { runs_.push_back(std::move(run)); }
	const Machine &machine() const { return machine_; }
	const std::vector<Run> &runs() const { return runs_; }

	bool has(const Case &c) const { return !select(c).empty(); }
	std::vector<std::uint64_t> sizes(const std::string &workload) const;
	std::vector<std::string> facilities(const std::string &workload) const;

	// The median over blocks of one value. Throws std::runtime_error where there is none.
	double median(const Case &c, const std::function<double(const Run &)> &f) const;
	double median(const Case &c, const std::string &name) const;
	double most(const Case &c, const std::string &name) const;

	// The cost of an operation ("arm", "cancel", "rearm") less the loop's, in machine().unit().
	// Throws std::runtime_error if that is negative.
	double net(const Case &c, const std::string &name) const;
	// Likewise of one kind of operation of a replay; none if the trace has none.
	std::optional<double> replay_net(const Case &c, const std::string &kind) const;
	// CPU time, all in, that `noop` did not take.
	double busy(const Case &c) const;
	// Timer interrupts that `noop` did not see.
	double interrupts(const Case &c) const;

private:
	std::vector<const Run *> select(const Case &c) const;
	double in_unit(const Run &run, double cycles) const;

	Machine machine_;
	std::vector<Run> runs_;
};

// One element a machine. Throws std::runtime_error on what is not a result or cannot be true.
std::vector<Results> read_results(const std::vector<std::string> &files);

} // namespace bench
