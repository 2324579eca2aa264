// SPDX-License-Identifier: GPL-2.0
// Interleaved blocks of jobs, and what is written down about them.
#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <fstream>
#include <stdexcept>
#include <sys/utsname.h>
#include <thread>

namespace bench {
namespace {

std::string cpu_model()
{
	std::ifstream in("/proc/cpuinfo");
	std::string line;

	while (std::getline(in, line))
		if (line.starts_with("model name"))
			return line.substr(line.find(':') + 2);
	return "unknown";
}

// One of callout.ko's settings.
std::string setting(const std::string &name)
{
	std::ifstream in("/sys/kernel/callout/" + name);
	std::string value;

	std::getline(in, value);
	return value.empty() ? "default" : value;
}

void refuse_unless(bool sane, const nlohmann::json &run, const std::string &why)
{
	if (!sane)
		throw std::runtime_error(fmt::format(
			"{} on {} (n={}): {}", run["workload"].get<std::string>(),
			run["facility"].get<std::string>(), run["n"].get<std::uint64_t>(), why));
}

void refuse_unordered(const nlohmann::json &run, const std::vector<std::uint64_t> &rising,
		      const std::string &what)
{
	refuse_unless(std::ranges::is_sorted(rising), run, what + " is not in order");
}

} // namespace

void refuse_nonsense(const nlohmann::json &run)
{
	const Values values = run["values"].get<Values>();
	const auto has = [&](const char *name) { return values.contains(name); };
	const auto value = [&](const char *name) { return values.at(name).at(0); };

	for (const char *name : {"arm", "cancel", "rearm"}) {
		if (!has(name))
			continue;
		const auto &v = values.at(name); // least, median, 100 * mean, most, block
		refuse_unordered(run, {v.at(0), v.at(1), v.at(3)}, name);
		refuse_unordered(run, {100 * v.at(0), v.at(2), 100 * v.at(3)}, name);
	}
	if (has("fired")) {
		refuse_unless(value("early") == 0, run, "expired early");
		refuse_unless(value("elsewhere") == 0, run, "expired on another CPU");
	}
	if (has("late_p50_ns"))
		refuse_unordered(run,
				 {value("late_p50_ns"), value("late_p99_ns"), value("late_p999_ns"),
				  value("late_max_ns")},
				 "lateness");
	if (run["workload"] == "burst" && run["facility"] != "noop")
		refuse_unless(value("fired") == run["n"], run, "lost expiries");
}

Recorder::Recorder(Kernel &kernel, const std::string &rig, const std::string &date)
	: kernel_(kernel)
{
	utsname name{};

	uname(&name);
	results_ = {
		{"format", "callout-bench 1"},
		{"recorded", date},
		{"kernel", name.release},
		{"version", name.version},
		{"cpu", cpu_model()},
		{"cpus", std::thread::hardware_concurrency()},
		{"rig", rig},
		{"unit", rig == "icount" ? "instruction" : "cycle"},
		{"clock", setting("clock")},
		{"queue", setting("queue")},
		{"runs", nlohmann::json::array()},
	};
}

void Recorder::run_one(const Series &series, const std::string &facility, unsigned block,
		       bool control)
{
	const auto start = std::chrono::steady_clock::now();
	Job job = series.job;

	job.facility = facility;
	job.seed = block + 1;
	nlohmann::json run = {
		{"workload", job.workload},
		{"facility", facility},
		{"control", control},
		{"block", block},
		{"n", job.n},
		{"ops", job.ops},
		{"rate", job.rate},
		{"hold", job.measure_hold},
		{"trace", series.trace ? series.trace->name : ""},
		{"window_us", series.window_us},
		{"optimum", series.optimum},
	};
	run["values"] = kernel_.run(job);
	refuse_nonsense(run);
	results_["runs"].push_back(std::move(run));
	fmt::print("{:<16} {:<15} n={:<8} {:>6.2f} s{}\n", job.workload, facility, job.n,
		   std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
		   control ? "  (control)" : "");
	std::fflush(stdout);
}

void Recorder::run(const Series &series)
{
	auto order = series.facilities;

	if (series.trace)
		kernel_.load_trace(series.trace->bytes());
	for (unsigned block = 0; block < series.blocks; block++) {
		for (const auto &facility : order)
			run_one(series, facility, block, false);
		if (!series.job.measure_hold && std::ranges::find(order, "callout") != order.end())
			run_one(series, "callout", block, true);
		std::ranges::rotate(order, order.begin() + 1);
	}
}

} // namespace bench
