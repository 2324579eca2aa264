// SPDX-License-Identifier: GPL-2.0
// The checks on a recording, and its statistics.
#include "report.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <fstream>

namespace record {
namespace {

std::string percent(std::uint64_t part, std::uint64_t whole)
{
	return whole ? fmt::format("{:.1f} %",
				   100.0 * static_cast<double>(part) / static_cast<double>(whole))
		     : "-";
}

std::string row(std::string_view kind, std::string_view handler, const Tally &tally)
{
	const auto known = tally.later + tally.same + tally.earlier;
	return fmt::format("| {} | `{}` | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", kind,
			   handler.empty() ? "?" : handler, tally.timers, tally.arms,
			   percent(tally.pending, tally.arms), percent(tally.later, known),
			   percent(tally.same, known), percent(tally.earlier, known),
			   percent(tally.silent, tally.arms), tally.cancels,
			   percent(tally.expired, tally.arms));
}

} // namespace

std::map<std::string_view, Counts> read_counts(const std::filesystem::path &directory)
{
	std::map<std::string_view, Counts> counts;
	for (const auto name : event_names) {
		std::ifstream in(directory / name);
		if (!in)
			throw Error(fmt::format("cannot read {}", (directory / name).string()));
		try {
			counts[name] = parse_counts(in);
		} catch (const Error &error) {
			throw Error(fmt::format("{}: {}", name, error.what()));
		}
	}
	return counts;
}

std::string compare_counts(std::span<const Event> events, Window window,
			   const std::map<std::string_view, Counts> &counts)
{
	std::uint64_t step_ns = 0;
	for (const auto &[name, count] : counts)
		step_ns = std::max(step_ns, count.step_ns);
	std::map<std::string_view, std::map<std::uint64_t, std::uint64_t>> seen;
	for (const Event &event : events)
		if (event.what != What::mark)
			seen[event_names[static_cast<std::size_t>(event.what)]]
			    [event.time_ns / step_ns * step_ns]++;

	std::string table = "| event | in the trace | counted by the kernel |\n|---|---:|---:|\n";
	for (const auto name : event_names) {
		std::uint64_t in_trace = 0, counted = 0;
		for (auto step = window.begin_ns; step < window.end_ns; step += step_ns) {
			const auto here = seen[name][step], there = counts.at(name).at(step);
			if (here != there)
				throw Error(fmt::format(
					"{} at {} ns: {} in the trace, {} counted by the kernel",
					name, step, here, there));
			in_trace += here;
			counted += there;
		}
		table += fmt::format("| {} | {} | {} |\n", name, in_trace, counted);
	}
	return table;
}

void check_consistent(const Reduced &reduced, std::span<const std::string> called_handlers)
{
	if (reduced.contradictions)
		throw Error(fmt::format(
			"{} operations on timers whose state the kernel tells otherwise",
			reduced.contradictions));
	for (const auto &handler : called_handlers) {
		const auto found = reduced.timer_lists.find(handler);
		if (found != reduced.timer_lists.end() && found->second.uncalled)
			throw Error(fmt::format("{} arms of {} without a call of mod_timer()",
						found->second.uncalled, handler));
	}
}

std::string table_of_handlers(const Reduced &reduced)
{
	std::string table =
		"| kind | handler | timers | arms | of a pending timer | - later | - same time "
		"| - earlier | wheel untouched | cancels | expired / arms |\n"
		"|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n";
	for (const auto &[kind, tallies] : {std::pair{"timer_list", &reduced.timer_lists},
					    std::pair{"hrtimer", &reduced.hrtimers}}) {
		std::vector<std::pair<std::string, Tally>> sorted(tallies->begin(), tallies->end());
		std::ranges::stable_sort(sorted, std::greater{},
					 [](const auto &entry) { return entry.second.arms; });
		Tally all;
		for (const auto &[handler, tally] : sorted) {
			table += row(kind, handler, tally);
			all += tally;
		}
		table += row(kind, "all", all);
	}
	return table;
}

} // namespace record
