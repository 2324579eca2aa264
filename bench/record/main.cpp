// SPDX-License-Identifier: GPL-2.0
// Makes a trace of a recording, or tells what is in a trace.
#include "report.hpp"
#include "trace_file.hpp"
#include <chrono>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <iostream>

using namespace record;

namespace {

struct Options {
	std::string info, out, counts;
	std::vector<std::string> called;
	std::uint64_t hz = 0;
	std::size_t records = SIZE_MAX;
};

void make_trace(const Options &options)
{
	const auto events = parse(std::cin);
	const auto counts = read_counts(options.counts);
	const auto window = whole_steps(events, counts.at("mod_timer").step_ns);
	const auto tick_ns = std::chrono::nanoseconds(std::chrono::seconds(1)).count() / options.hz;

	const auto counted = compare_counts(events, window, counts);
	auto reduced = reduce(events, window, tick_ns);
	check_consistent(reduced, options.called);
	const auto seconds = static_cast<double>(window.end_ns - window.begin_ns) / 1e9;
	fmt::print(
		"Recorded: {:.1f} s, {} operations on {} timers ({:.0f} a second). Left out: {} "
		"cancels and "
		"expiries of timers armed before, {} arms on other clocks. Jiffies began {} ns "
		"after a whole "
		"tick.\n\n{}\n{}\n",
		seconds, reduced.records.size(), reduced.timers,
		static_cast<double>(reduced.records.size()) / seconds, reduced.early,
		reduced.other_clock,
		(jiffies_epoch_ns(events, tick_ns) % static_cast<std::int64_t>(tick_ns) + tick_ns) %
			tick_ns,
		counted, table_of_handlers(reduced));
	cut(reduced, options.records);
	const TraceFile trace{reduced.timers, reduced.window.end_ns - reduced.window.begin_ns,
			      std::move(reduced.records)};
	write_trace(options.out, trace);
	fmt::print("In the file:\n\n```\n{}```\n", describe(trace));
}

} // namespace

int main(int argc, char **argv)
{
	CLI::App app{"Makes a trace (bench/trace_format.h) of what `trace-cmd report -R -t -N "
		     "--raw-ts` prints, on its standard input"};
	Options options;
	app.add_option("--info", options.info, "only tells what is in this trace");
	app.add_option("--out", options.out, "the trace to write");
	app.add_option("--counts", options.counts,
		       "directory of the kernel's own counts, a histogram an event");
	app.add_option("--hz", options.hz, "the kernel's CONFIG_HZ")->check(CLI::Range(1, 10000));
	app.add_option("--records", options.records, "writes no more than so many, the first");
	app.add_option("--called", options.called,
		       "a handler of timers that mod_timer() alone arms: the probe must not have "
		       "missed any");
	CLI11_PARSE(app, argc, argv);
	try {
		if (!options.info.empty()) {
			fmt::print("{}", describe(read_trace(options.info)));
		} else if (options.out.empty() || options.counts.empty() || !options.hz) {
			throw Error("--out, --counts and --hz are wanted");
		} else {
			make_trace(options);
		}
	} catch (const std::exception &error) {
		fmt::print(stderr, "reduce: {}\n", error.what());
		return 1;
	}
	return 0;
}
