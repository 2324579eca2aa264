// SPDX-License-Identifier: GPL-2.0
#include "report.hpp"

#include "targets.hpp"
#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <map>
#include <utility>

namespace bench {
namespace {

using nlohmann::json;
using Number = std::optional<double>;
using Row = std::vector<std::string>;

const std::array facilities = {"callout", "callout_ring", "callout_window", "callout_ioctl",
			       "timerfd", "timerfd_bare", "posix",          "io_uring",
			       "heap",    "heap_lazy"};

std::string number(Number value)
{
	if (!value)
		return "-";
	if (*value != 0 && *value < 9.95 && *value > -9.95)
		return fmt::format("{:.2g}", *value);
	return fmt::format("{:.0f}", *value);
}

class Table {
public:
	explicit Table(Row head) : rows_{std::move(head)} {}

	// Not if there is nothing in it.
	void add(const Row &row)
	{
		if (std::any_of(row.begin() + 1, row.end(), [](const auto &s) { return s != "-"; }))
			rows_.push_back(row);
	}

	std::string text() const
	{
		std::string text;

		if (rows_.size() == 1)
			return text;
		for (std::size_t i = 0; i < rows_.size(); i++) {
			text += fmt::format("| {} |\n", fmt::join(rows_[i], " | "));
			if (i == 0) {
				text += "|---|";
				for (std::size_t c = 1; c < rows_[0].size(); c++)
					text += "--:|";
				text += '\n';
			}
		}
		return text;
	}

private:
	std::vector<Row> rows_;
};

std::string section(const std::string &heading, const std::string &words, const std::string &body)
{
	if (body.empty())
		return {};
	return fmt::format("## {}\n\n{}{}{}\n", heading, words, words.empty() ? "" : "\n\n", body);
}

Row head(const std::string &first, const std::vector<std::uint64_t> &sizes)
{
	Row row = {first};

	for (const auto n : sizes)
		row.push_back(fmt::format("N = {}", n));
	return row;
}

// Median and 99th percentile of an operation over N.
std::string operation(const Results &r, const std::string &workload)
{
	const auto sizes = r.sizes(workload);
	Table table(head("instructions: median (p99)", sizes));

	for (const char *facility : facilities)
		for (const std::uint64_t batch : {1, 8, 32}) {
			Row row = {batch == 1 ? title(facility)
					      : fmt::format("{}, {} at a time", title(facility),
							    batch)};

			for (const auto n : sizes) {
				const Case c = {workload, facility, n, batch};
				const auto median = r.net(c, "median"), p99 = r.net(c, "p99");

				row.push_back(
					median ? fmt::format("{} ({})", number(median), number(p99))
					       : "-");
			}
			table.add(row);
		}
	return table.text();
}

// One number over N.
std::string over_n(const Results &r, const std::string &workload, const std::string &name,
		   std::uint64_t batch = 1)
{
	const auto sizes = r.sizes(workload);
	Table table(head("", sizes));

	for (const char *facility : facilities) {
		Row row = {title(facility)};

		for (const auto n : sizes)
			row.push_back(number(r.net({workload, facility, n, batch}, name)));
		table.add(row);
	}
	return table.text();
}

std::string machines(const Results &r)
{
	std::string text;

	for (const auto &m : r.machines())
		text += fmt::format("- {}: Linux {}, {} CPU, {} MiB, {}; clock {}, queue {}; {}\n",
				    m["rig"].get<std::string>(), m["kernel"].get<std::string>(),
				    m["cpus"].get<int>(), m["memory_mib"].get<int>(),
				    m["cpu"].get<std::string>(), m["clock"].get<std::string>(),
				    m["queue"].get<std::string>(),
				    m["recorded"].get<std::string>());
	return text + '\n';
}

std::string summary(const Results &r)
{
	Table table({"target", "measured", "limit", ""});

	for (const auto &t : targets_of(r))
		table.add({t.what, fmt::format("{:.3g}", t.value), fmt::format("{:.3g}", t.limit),
			   t.met() ? "met" : "MISSED"});
	return table.text();
}

std::string create(const Results &r)
{
	const auto sizes = r.sizes("create");
	Table table(
		{"instructions a timer", "N", "create", "destroy", "system calls", "descriptors"});

	for (const char *facility : facilities)
		for (const auto n : sizes) {
			const Case c = {"create", facility, n};
			const auto calls = r.value(c, "calls");

			if (!r.find(c))
				continue;
			table.add({title(facility), fmt::format("{}", n),
				   number(r.value(c, "mean")), number(r.value(c, "destroy")),
				   calls ? fmt::format("{:.2g}", *calls) : "-",
				   number(r.value(c, "descriptors"))});
		}
	return table.text();
}

std::string churn(const Results &r, const std::string &workload)
{
	Table table({"instructions a re-arm", "N", "the re-arm", "before it is due",
		     "as they expire", "all", "calls a re-arm", "calls an expiry"});

	for (const char *facility : facilities)
		for (const auto n : r.sizes(workload)) {
			const Case c = {workload, facility, n};

			if (!r.find(c))
				continue;
			table.add({title(facility), fmt::format("{}", n),
				   number(r.net(c, "moving")), number(r.net(c, "between")),
				   number(r.net(c, "expiring")), number(r.net(c, "mean")),
				   number(r.value(c, "calls")),
				   number(r.value(c, "calls_collecting"))});
		}
	return table.text();
}

std::string single(const Results &r)
{
	Table table({"", "N", "instructions", "system calls", "seen late by: median", "p99"});

	for (const char *facility : facilities)
		for (const auto n : r.sizes("expire_single")) {
			const Case c = {"expire_single", facility, n};
			const auto *run = r.find(c);
			const auto late = [&](const char *name) -> Number {
				if (!run || !run->contains("late"))
					return {};
				return run->at("late").at(name).get<double>();
			};

			if (!run)
				continue;
			table.add({title(facility), fmt::format("{}", n), number(r.net(c, "mean")),
				   number(r.value(c, "calls")), number(late("median")),
				   number(late("p99"))});
		}
	return table.text();
}

std::string slabs(const json &of)
{
	Row parts;

	for (const auto &[name, bytes] : of.items())
		if (bytes.get<double>() >= 8)
			parts.push_back(fmt::format("{} {:.0f}", name, bytes.get<double>()));
	return fmt::format("{}", fmt::join(parts, ", "));
}

std::string memory(const Results &r)
{
	Table table({"bytes a timer", "kernel, created", "kernel, armed", "program", "slab",
		     "vmalloc", "descriptors", "slabs"});

	for (const char *facility : facilities)
		for (const auto n : r.sizes("memory"))
			if (const auto *run = r.find({"memory", facility, n})) {
				const auto &armed = (*run)["armed"];

				table.add({title(facility),
					   number((*run)["created"]["kernel"].get<double>()),
					   number(armed["kernel"].get<double>()),
					   number(armed["program"].get<double>()),
					   number(armed["Slab"].get<double>()),
					   number(armed["VmallocUsed"].get<double>()),
					   number((*run)["descriptors"].get<double>()),
					   slabs(armed["slabs"])});
			}
	return table.text();
}

std::string lateness(const Results &r)
{
	Table table({"us late", "expiries", "p50", "p99", "p99.9", "most"});

	for (const auto &run : r.runs())
		if (run["workload"] == "lateness") {
			const auto us = [&](const char *name) {
				return fmt::format("{:.0f}", run["late"][name].get<double>() / 1e3);
			};

			table.add({title(run["facility"]) + (run["control"] ? ", again" : ""),
				   fmt::format("{}", run["late"]["samples"].get<int>()), us("p50"),
				   us("p99"), us("p999"), us("max")});
		}
	return table.text();
}

std::string million(const Results &r)
{
	Table table({"", "descriptors", "arm, ms", "move, ms", "expire, ms", "lost", "doubled",
		     "early"});

	for (const auto &run : r.runs())
		if (run["workload"] == "million") {
			const auto &e = run["events"];

			table.add({fmt::format("{} timers", run["n"].get<int>()),
				   fmt::format("{}", run["descriptors"].get<int>()),
				   fmt::format("{}", run["arm_ms"].get<int>()),
				   fmt::format("{}", run["move_ms"].get<int>()),
				   fmt::format("{}", run["expire_ms"].get<int>()),
				   fmt::format("{}", e["lost"].get<int>()),
				   fmt::format("{}", e["doubled"].get<int>()),
				   fmt::format("{}", e["early"].get<int>())});
		}
	return table.text();
}

std::string control(const Results &r)
{
	Table table({"/dev/callout, second block : first", "N", "arm", "re-arm later",
		     "re-arm earlier", "cancel"});

	for (const auto n : r.sizes("later")) {
		Row row = {"medians", fmt::format("{}", n)};

		for (const char *workload : {"arm", "later", "earlier", "cancel"}) {
			const auto a = r.value({workload, "callout", n}, "median"),
				   b = r.value({workload, "callout", n, 1, true}, "median");

			row.push_back(a && b ? fmt::format("{:.4f}", *b / *a) : "-");
		}
		if (r.find({"later", "callout", n, 1, true}))
			table.add(row);
	}
	return table.text();
}

std::string not_measured(const Results &r)
{
	std::string text;

	for (const auto &s : r.skipped())
		text += fmt::format("- {}, {}, N = {}: {}\n", s["workload"].get<std::string>(),
				    title(s["facility"]), s["n"].get<int>(),
				    s["why"].get<std::string>());
	return text;
}

std::string wrong(const Results &r)
{
	std::string text;

	for (const auto &v : verdicts_of(r))
		if (!v.right)
			text += fmt::format("- {}: {}\n", v.what, v.details);
	return text;
}

} // namespace

std::string title(const std::string &facility)
{
	static const std::map<std::string, std::string> titles = {
		{"callout", "/dev/callout"},
		{"callout_ring", "/dev/callout, ring"},
		{"callout_window", "/dev/callout, ring, window of 10 ms"},
		{"callout_ioctl", "/dev/callout, re-arm by ioctl"},
		{"timerfd", "timerfd, epoll"},
		{"timerfd_bare", "timerfd, no epoll"},
		{"posix", "POSIX timers, signalfd"},
		{"io_uring", "io_uring timeouts"},
		{"heap", "one timerfd, heap"},
		{"heap_lazy", "one timerfd, heap, lazy moves"},
	};
	return titles.at(facility);
}

std::string markdown(const Results &r)
{
	const std::string over_loop = "Of the whole system, less what measuring costs, while all N "
				      "are armed for an hour later.";
	std::string text =
		"# /dev/callout beside other timers that programs have\n\n" + machines(r);

	text += section("Targets", "", summary(r));
	text += section("Wrong results", "", wrong(r));
	text += section("Create", "All that one timer takes until it can be armed and collected.",
			create(r));
	text += section("Arm", over_loop, operation(r, "arm"));
	text += section("Arm all", "From none to N, mean, in batches of 32 where there are such.",
			over_n(r, "fill", "mean", 32));
	text += section("Re-arm for later", over_loop, operation(r, "later"));
	text += section("Re-arm for earlier", over_loop, operation(r, "earlier"));
	text += section("Cancel", over_loop, operation(r, "cancel"));
	for (const char *rearms : {"5", "20"})
		text += section(
			fmt::format("Re-arm for later, all in: {} re-arms a timeout", rearms),
			fmt::format(
				"Each of N timers is re-armed once a second, 20 times, for {} s "
				"later, by single calls; then all expire. All instructions, "
				"until the last is collected, by the number of re-arms.",
				rearms),
			churn(r, std::string("churn_") + rearms));
	text += section("Expire, one by one",
			"1000 expiries, 100 us apart, each of which wakes the program. Lateness in "
			"instructions.",
			single(r));
	text += section("Expire, at once", "N timers within N ns: instructions an expiry.",
			over_n(r, "expire_burst", "mean"));
	text += section(
		"Memory",
		"What is not free any more (MemFree, and the pages that CPUs keep), but for "
		"the program's own and cached files, after N were created, and armed.",
		memory(r));
	text += section(
		"Lateness",
		"Seen by the program; deadlines of all four by turns of chance, 1 ms apart, in "
		"one epoll set.",
		lateness(r));
	text += section("Very many on one descriptor", "", million(r));
	text += section("Control", "The same measured again, at the end of the others.",
			control(r));
	text += section("Not measured", "", not_measured(r));
	return text;
}

std::string lines(const Results &r)
{
	std::string text;
	int passed = 0, failed = 0, skipped = 0;

	for (const auto &t : targets_of(r)) {
		text += fmt::format("{:90} {:8.3g} {:8.3g} {}\n", t.what, t.value, t.limit,
				    t.met() ? "met" : "MISSED");
		(t.met() ? passed : skipped)++;
	}
	for (const auto &v : verdicts_of(r)) {
		if (!v.right)
			text += fmt::format("{}: {} WRONG\n", v.what, v.details);
		(v.right ? passed : failed)++;
	}
	return text + fmt::format("{} passed, {} failed, {} skipped\n", passed, failed, skipped);
}

bool all_right(const Results &r)
{
	return std::ranges::all_of(verdicts_of(r), &Verdict::right);
}

} // namespace bench
