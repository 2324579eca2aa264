// SPDX-License-Identifier: GPL-2.0
// Recorded results, selected and reduced.
#include "results.hpp"
#include "measure.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <fstream>
#include <stdexcept>

namespace bench {
namespace {

double middle(std::vector<double> v)
{
	std::ranges::sort(v);
	return v.size() % 2 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

template <typename T>
void add_new(std::vector<T> &list, const T &value)
{
	if (std::ranges::find(list, value) == list.end())
		list.push_back(value);
}

Machine machine_of(const nlohmann::json &j)
{
	return {.kernel = j.at("kernel"),
		.rig = j.at("rig"),
		.cpu = j.at("cpu"),
		.clock = j.at("clock"),
		.queue = j.at("queue"),
		.recorded = j.at("recorded"),
		.cpus = j.at("cpus"),
		.instructions = j.at("unit") == "instruction"};
}

Run run_of(const nlohmann::json &j)
{
	refuse_nonsense(j);
	return {.workload = j.at("workload"),
		.facility = j.at("facility"),
		.trace = j.at("trace"),
		.control = j.at("control"),
		.hold = j.at("hold"),
		.n = j.at("n"),
		.window_us = j.at("window_us"),
		.optimum = j.at("optimum"),
		.values = j.at("values").get<Values>()};
}

} // namespace

std::vector<const Run *> Results::select(const Case &c) const
{
	std::vector<const Run *> found;

	for (const auto &run : runs_)
		if (run.workload == c.workload && run.facility == c.facility &&
		    run.trace == c.trace && run.control == c.control && run.hold == c.hold &&
		    (!c.n || run.n == *c.n) && (!c.window_us || run.window_us == *c.window_us))
			found.push_back(&run);
	return found;
}

std::vector<std::uint64_t> Results::sizes(const std::string &workload) const
{
	std::vector<std::uint64_t> sizes;

	for (const auto &run : runs_)
		if (run.workload == workload && !run.hold)
			add_new(sizes, run.n);
	return sizes;
}

std::vector<std::string> Results::facilities(const std::string &workload) const
{
	std::vector<std::string> names;

	for (const auto &run : runs_)
		if (run.workload == workload && !run.hold && run.facility != "noop")
			add_new(names, run.facility);
	return names;
}

double Results::median(const Case &c, const std::function<double(const Run &)> &f) const
{
	std::vector<double> all;

	for (const Run *run : select(c))
		all.push_back(f(*run));
	if (all.empty())
		throw std::runtime_error(
			fmt::format("nothing was recorded of {} on {}", c.workload, c.facility));
	return middle(std::move(all));
}

double Results::median(const Case &c, const std::string &name) const
{
	return median(c, [&](const Run &run) { return run.value(name); });
}

double Results::most(const Case &c, const std::string &name) const
{
	double most = 0;

	for (const Run *run : select(c))
		most = std::max(most, run->value(name));
	return most;
}

double Results::in_unit(const Run &run, double cycles) const
{
	return machine_.instructions ? cycles
				     : cycles * run.value("job_ns") / run.value("job_cycles");
}

double Results::net(const Case &c, const std::string &name) const
{
	const auto cost = [&](const Run &run) {
		return in_unit(run, run.value(name, 1) / run.value(name, 4));
	};
	const double net = median(c, cost) - median(c.as("noop"), cost);

	if (net < 0)
		throw std::runtime_error(
			fmt::format("{} of {} costs less than nothing", name, c.facility));
	return net;
}

std::optional<double> Results::replay_net(const Case &c, const std::string &kind) const
{
	const std::string name = "cost_" + kind;
	const auto cost = [&](const Run &run) {
		return in_unit(run, run.value(name, 1) / run.value(name, 0));
	};

	if (median(c, name) == 0)
		return {};
	const double net = median(c, cost) - median(c.as("noop"), cost);
	if (net < 0)
		throw std::runtime_error(
			fmt::format("{} of {} costs less than nothing", kind, c.facility));
	return net;
}

double Results::busy(const Case &c) const
{
	const double idle = median(c.as("noop"), [](const Run &run) {
		return run.value("spins") / run.value("elapsed_cycles");
	});

	return median(c, [&](const Run &run) {
		return in_unit(run, run.value("elapsed_cycles") - run.value("spins") / idle);
	});
}

double Results::interrupts(const Case &c) const
{
	const double ticks = median(c.as("noop"), [](const Run &run) {
		return run.value("interrupts") / run.value("elapsed_cycles");
	});

	return median(c, [&](const Run &run) {
		return run.value("interrupts") - run.value("elapsed_cycles") * ticks;
	});
}

std::vector<Results> read_results(const std::vector<std::string> &files)
{
	std::vector<Results> all;

	for (const auto &file : files) {
		std::ifstream in(file);
		const auto j = nlohmann::json::parse(in, nullptr, false);

		if (j.is_discarded() || j.value("format", "") != "callout-bench 1")
			throw std::runtime_error(file + ": not a result of callout-bench");
		const auto machine = machine_of(j);
		auto it = std::ranges::find(all, machine, &Results::machine);
		if (it == all.end())
			it = all.insert(all.end(), Results(machine));
		for (const auto &run : j.at("runs"))
			it->add(run_of(run));
	}
	return all;
}

} // namespace bench
