// SPDX-License-Identifier: GPL-2.0
// callout-bench: measures timers in the running kernel, and reports what was measured.
#include "measure.hpp"
#include "report.hpp"

#include <CLI/CLI.hpp>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/core.h>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace {

using namespace bench;
using namespace std::chrono_literals;

const std::vector<std::string> everything = {"noop",           "callout",       "callout_hard",
					     "callout_nolock", "callout_ticks", "hrtimer",
					     "hrtimer_soft",   "timer_list"};
const std::vector<std::string> structural = {
	"noop",          "callout",      "callout_hard", "callout_nolock", "callout_ticks",
	"callout_fixed", "callout_none", "callout_weak", "callout_named",  "hrtimer",
	"hrtimer_any",   "hrtimer_soft", "timer_list"};
const std::vector<std::string> precise = {"noop", "callout", "callout_hard", "hrtimer",
					  "hrtimer_soft"};

struct Options {
	std::string rig = "native";
	std::string date;
	std::string out;
	std::vector<std::uint64_t> sizes = {100, 10000, 100000, 1000000};
	std::vector<std::string> traces;
	unsigned blocks = 5;
	std::uint64_t ops = 100000;
	std::uint64_t limit_ms = 0;
};

// The operations at each size, with nothing expiring; and with the hardware being programmed.
void measure_structure(Recorder &recorder, const Options &o)
{
	for (const auto n : o.sizes)
		for (const char *workload : {"arm_cancel", "rearm_later"})
			recorder.run({.job = {.workload = workload, .n = n, .ops = o.ops},
				      .facilities = structural,
				      .blocks = o.blocks});
	recorder.run({.job = {.workload = "arm_cancel_head", .n = 100, .ops = o.ops / 10},
		      .facilities = {"noop", "callout", "callout_hard", "hrtimer", "hrtimer_soft"},
		      .blocks = o.blocks});
}

// How long a base lock is held, at the largest size and while a hundred thousand expire at once.
void measure_holds(Recorder &recorder, const Options &o)
{
	const auto n = o.sizes.back();

	for (const auto &job : {Job{.workload = "arm_cancel", .n = n, .ops = o.ops},
				Job{.workload = "rearm_later", .n = n, .ops = o.ops},
				Job{.workload = "hold", .n = n, .ops = o.ops / 5, .rate = 20000},
				Job{.workload = "burst", .n = 100000}}) {
		Series series{.job = job, .facilities = {"callout", "callout_hard"}};

		series.job.measure_hold = true;
		recorder.run(series);
	}
}

void measure_expiry(Recorder &recorder, const Options &o, std::uint64_t expiries)
{
	for (const auto n : {std::uint64_t{1000}, o.sizes.back()})
		recorder.run({.job = {.workload = "hold", .n = n, .ops = expiries, .rate = 20000},
			      .facilities = precise,
			      .blocks = o.blocks});
	for (const auto n : {10000, 100000})
		recorder.run({.job = {.workload = "burst", .n = static_cast<std::uint64_t>(n)},
			      .facilities = everything,
			      .blocks = o.blocks});
}

// One-shot timers with windows: how many interrupts serve them.
void measure_windows(Recorder &recorder, unsigned blocks, unsigned per_second,
		     std::chrono::milliseconds duration)
{
	for (const auto window : {0us, 50us, 1000us, 5000us}) {
		const auto trace = one_shots(per_second, duration, window, 10ms, 1);

		recorder.run({.job = {.workload = "replay_live"},
			      .facilities = precise,
			      .blocks = blocks,
			      .trace = &trace,
			      .window_us = static_cast<std::uint64_t>(window.count()),
			      .optimum = fewest_interrupts(trace)});
	}
}

// What the operations cost, and how the expiries come when the machine is left to itself.
void measure_replays(Recorder &recorder, const Options &o)
{
	for (const auto &path : o.traces) {
		const auto trace = read_trace(path);

		for (const auto &job :
		     {Job{.workload = "replay_cost", .limit_ms = o.limit_ms},
		      Job{.workload = "replay_live", .limit_ms = o.limit_ms, .idle = 1}})
			recorder.run({.job = job,
				      .facilities = {"noop", "callout", "hrtimer", "timer_list"},
				      .blocks = o.blocks,
				      .trace = &trace});
	}
}

std::string today()
{
	return fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)));
}

void measure(const std::string &plan, const Options &o)
{
	Kernel kernel;
	Recorder recorder(kernel, o.rig, o.date.empty() ? today() : o.date);

	if (plan == "structure") {
		measure_structure(recorder, o);
	} else if (plan == "icount") {
		measure_structure(recorder, o);
		measure_holds(recorder, o);
		measure_expiry(recorder, o, 5000);
		measure_windows(recorder, 1, 10000, 200ms);
	} else if (plan == "expiry") {
		// A million of them: is one early, and how late are they beside hrtimer's?
		recorder.run(
			{.job = {.workload = "hold", .n = 100000, .ops = 1000000, .rate = 100000},
			 .facilities = precise,
			 .blocks = o.blocks});
	} else if (plan == "windows") {
		measure_windows(recorder, o.blocks, 10000, 1s);
	} else if (plan == "full") {
		measure_structure(recorder, o);
		measure_holds(recorder, o);
		measure_expiry(recorder, o, 200000);
		measure_windows(recorder, o.blocks, 10000, 2s);
	} else {
		measure_replays(recorder, o);
	}
	std::ofstream out(o.out);
	out << recorder.results().dump(1, '\t') << '\n';
	if (!out.flush())
		throw std::runtime_error(fmt::format("{}: cannot be written", o.out));
}

} // namespace

int main(int argc, char **argv)
try {
	CLI::App app{"Compares callouts with hrtimers and timer-wheel timers."};
	app.require_subcommand(1);
	Options o;

	auto *run = app.add_subcommand(
		"run", "measure on the running kernel, with callout_bench.ko loaded");
	std::string plan;
	run->add_option("plan", plan, "what to measure")
		->required()
		->check(CLI::IsMember(
			{"structure", "icount", "expiry", "windows", "full", "replay"}));
	run->add_option("--rig", o.rig,
			"what the kernel runs on; icount: a cycle is an instruction");
	run->add_option("--date", o.date, "when, if the machine's clock does not know");
	run->add_option("--sizes", o.sizes, "numbers of pending timers")->delimiter(',');
	run->add_option("--blocks", o.blocks, "how often each is measured")
		->check(CLI::Range(1, 1000));
	run->add_option("--ops", o.ops, "operations a block")->check(CLI::Range(1000, 10000000));
	run->add_option("--trace", o.traces, "what to replay")->check(CLI::ExistingFile);
	run->add_option("--limit-ms", o.limit_ms, "how much of a trace is replayed");
	run->add_option("-o,--out", o.out, "the results, as JSON")->required();
	run->callback([&] { measure(plan, o); });

	auto *report = app.add_subcommand("report", "print tables, and draw");
	std::vector<std::string> inputs;
	std::string picture;
	bool check = false;
	report->add_option("results", inputs, "JSON of one or more runs")
		->required()
		->check(CLI::ExistingFile);
	report->add_option("--picture", picture,
			   "name of the .svg and .png to draw, without the ending");
	report->add_flag("--check", check, "fail if a target is missed");
	int status = 0;
	report->callback([&] {
		const Report result(inputs);

		result.print();
		if (!picture.empty())
			result.draw(picture);
		status = check && !result.targets_met() ? 1 : 0;
	});

	auto *synth = app.add_subcommand("synth", "make a trace up: TCP-like sessions");
	unsigned sessions = 1000, ms = 2000;
	synth->add_option("--sessions", sessions, "timers");
	synth->add_option("--ms", ms, "how long");
	synth->add_option("-o,--out", o.out, "the trace")->required();
	synth->callback(
		[&] { write_trace(tcp_like(sessions, std::chrono::milliseconds(ms), 1), o.out); });

	CLI11_PARSE(app, argc, argv);
	return status;
} catch (const std::exception &e) {
	std::cerr << "callout-bench: " << e.what() << '\n';
	return 1;
}
