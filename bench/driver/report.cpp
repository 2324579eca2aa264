// SPDX-License-Identifier: GPL-2.0
// Tables, and the targets they are held against.
#include "report.hpp"
#include "draw.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace bench {
namespace {

using Row = std::vector<std::string>;

// Columns as wide as they need; the first to the left, others to the right.
void print_table(const std::vector<Row> &rows)
{
	std::vector<std::size_t> width;

	for (const auto &row : rows)
		for (std::size_t i = 0; i < row.size(); i++) {
			width.resize(std::max(width.size(), i + 1));
			width[i] = std::max(width[i], row[i].size());
		}
	for (const auto &row : rows) {
		for (std::size_t i = 0; i < row.size(); i++)
			fmt::print(fmt::runtime(i ? "  {:>{}}" : "{:<{}}"), row[i], width[i]);
		fmt::print("\n");
	}
	fmt::print("\n");
}

std::string number(double v)
{
	return fmt::format("{:.1f}", v);
}

std::string ratio(double a, double b)
{
	return b > 0 ? fmt::format("{:.2f}", a / b) : "-";
}

// Other facilities than callouts' own, for the ratio columns.
std::vector<std::string> peers(const std::vector<std::string> &facilities)
{
	std::vector<std::string> peers;

	for (const char *name : {"hrtimer", "timer_list"})
		if (std::ranges::find(facilities, name) != facilities.end())
			peers.emplace_back(name);
	return peers;
}

// ---- structure ---------------------------------------------------------------------------------

void print_structure(const Results &r)
{
	std::vector<Row> rows = {
		{r.machine().unit(), "N", "arm", "cancel", "arm+cancel", "re-arm later"}};

	if (r.sizes("arm_cancel").empty())
		return;
	fmt::print("Operations, nothing expires and no hardware is programmed\n");
	const auto add = [&](const std::string &facility, std::uint64_t n, bool control) {
		const Case pair{
			.workload = "arm_cancel", .facility = facility, .n = n, .control = control};
		const Case move{.workload = "rearm_later",
				.facility = facility,
				.n = n,
				.control = control};
		const double arm = r.net(pair, "arm"), cancel = r.net(pair, "cancel");

		rows.push_back({control ? facility + " (A/A)" : facility, std::to_string(n),
				number(arm), number(cancel), number(arm + cancel),
				number(r.net(move, "rearm"))});
	};
	for (const auto &facility : r.facilities("arm_cancel"))
		for (const bool control : {false, true})
			for (const auto n : r.sizes("arm_cancel"))
				if (r.has({.workload = "arm_cancel",
					   .facility = facility,
					   .n = n,
					   .control = control}))
					add(facility, n, control);
	print_table(rows);
}

void print_head(const Results &r)
{
	std::vector<Row> rows = {{r.machine().unit(), "arm", "cancel", "arm+cancel"}};

	if (r.sizes("arm_cancel_head").empty())
		return;
	fmt::print("Each arm is the next of all, and the hardware is programmed\n");
	for (const auto &facility : r.facilities("arm_cancel_head")) {
		const Case c{.workload = "arm_cancel_head", .facility = facility};
		const double arm = r.net(c, "arm"), cancel = r.net(c, "cancel");

		rows.push_back({facility, number(arm), number(cancel), number(arm + cancel)});
	}
	print_table(rows);
}

// ---- expiry ------------------------------------------------------------------------------------

Row expiry_row(const Results &r, const Case &c, const std::string &what)
{
	const double fired = r.median(c, "fired");
	const auto us = [&](const char *name) { return number(r.median(c, name) / 1e3); };

	return {what,
		c.facility,
		fmt::format("{:.0f}", fired),
		number(r.busy(c) / fired),
		fmt::format("{:.2f}", r.interrupts(c) / fired),
		us("late_p50_ns"),
		us("late_p99_ns"),
		us("late_p999_ns"),
		us("late_max_ns"),
		fmt::format("{:.0f}", r.most(c, "early"))};
}

void print_expiry(const Results &r)
{
	std::vector<Row> rows = {
		{"", "", "expiries", r.machine().unit() + std::string(" each, all in"),
		 "interrupts each", "late p50 us", "p99", "p99.9", "max", "early"}};

	for (const char *workload : {"hold", "burst"})
		for (const auto n : r.sizes(workload))
			for (const auto &facility : r.facilities(workload))
				rows.push_back(expiry_row(
					r, {.workload = workload, .facility = facility, .n = n},
					fmt::format("{} {}", workload, n)));
	if (rows.size() == 1)
		return;
	fmt::print(
		"Expiries. hold: each re-arms itself, at a steady rate; burst: all due at once\n");
	print_table(rows);
}

void print_holds(const Results &r)
{
	std::vector<Row> rows = {{"workload", "facility", "N", "longest hold"}};

	for (const auto &run : r.runs())
		if (run.hold)
			rows.push_back({run.workload, run.facility, std::to_string(run.n),
					fmt::format("{:.0f}", run.value("max_hold_cycles"))});
	if (rows.size() == 1)
		return;
	fmt::print("Longest hold of a base lock, {}\n",
		   r.machine().instructions ? "instructions" : "cycles");
	print_table(rows);
}

void print_windows(const Results &r)
{
	std::vector<Row> rows = {{"window us", "facility", "expiries", "interrupts", "optimum",
				  "interrupts / optimum", "served / optimum"}};
	std::vector<std::uint64_t> done;

	for (const auto &run : r.runs()) {
		if (!run.optimum || run.facility == "noop" || run.control)
			continue;
		const Case c{.workload = run.workload,
			     .facility = run.facility,
			     .window_us = run.window_us,
			     .trace = run.trace};
		const double interrupts = r.interrupts(c),
			     optimum = static_cast<double>(run.optimum);
		const Row row = {std::to_string(run.window_us),
				 run.facility,
				 fmt::format("{:.0f}", r.median(c, "fired")),
				 fmt::format("{:.0f}", interrupts),
				 std::to_string(run.optimum),
				 ratio(interrupts, optimum),
				 run.facility.starts_with("callout")
					 ? ratio(r.median(c, "stats_interrupts"), optimum)
					 : ""};
		if (std::ranges::find(rows, row) == rows.end())
			rows.push_back(row);
	}
	if (rows.size() == 1)
		return;
	fmt::print(
		"Windows: timer interrupts against the fewest that could serve them. The second "
		"ratio\n"
		"counts calls of callout's own interrupt handler, the first all beyond the tick\n");
	print_table(rows);
}

// ---- replays -----------------------------------------------------------------------------------

// One trace: rows of one number a facility, and the ratios of callouts to others.
class ReplayTable {
public:
	ReplayTable(const std::string &trace, std::vector<std::string> facilities)
		: facilities_(std::move(facilities)), peers_(peers(facilities_))
	{
		Row head = {trace, ""};

		head.insert(head.end(), facilities_.begin(), facilities_.end());
		for (const auto &peer : peers_)
			head.push_back("callout/" + peer);
		rows_.push_back(head);
	}

	void add(const std::string &what, const std::string &count,
		 const std::function<double(const std::string &)> &value, bool with_ratio)
	{
		Row row = {what, count};

		for (const auto &facility : facilities_)
			row.push_back(fmt::format(fmt::runtime(with_ratio ? "{:.1f}" : "{:.0f}"),
						  value(facility)));
		for (const auto &peer : peers_)
			row.push_back(with_ratio ? ratio(value("callout"), value(peer)) : "");
		rows_.push_back(row);
	}

	void print() const { print_table(rows_); }

private:
	std::vector<std::string> facilities_, peers_;
	std::vector<Row> rows_;
};

void add_costs(ReplayTable &table, const Results &r, const Case &c)
{
	const auto count = [&](const std::string &kind) { return r.median(c, "cost_" + kind); };
	double total = 0;

	for (const std::string kind : {"arm", "later", "earlier", "cancel", "cancel_idle"}) {
		if (!r.replay_net(c, kind))
			continue;
		total += count(kind);
		table.add(
			fmt::format("{}, {}", kind, r.machine().unit()),
			fmt::format("{:.0f}", count(kind)),
			[&](const std::string &f) { return *r.replay_net(c.as(f), kind); }, true);
	}
	table.add(
		fmt::format("each operation, {}", r.machine().unit()), fmt::format("{:.0f}", total),
		[&](const std::string &f) {
			double sum = 0;

			for (const std::string kind :
			     {"arm", "later", "earlier", "cancel", "cancel_idle"})
				sum += count(kind) * r.replay_net(c.as(f), kind).value_or(0);
			return sum / total;
		},
		true);
}

void add_live(ReplayTable &table, const Results &r, const Case &c)
{
	const auto value = [&](const char *name, double scale) {
		return [&r, &c, name, scale](const std::string &f) {
			return r.median(c.as(f), name) / scale;
		};
	};

	table.add("expiries", fmt::format("{:.0f}", r.median(c, "expected")), value("fired", 1),
		  false);
	table.add("early", "0", value("early", 1), false);
	table.add("late p50, us", "", value("late_p50_ns", 1e3), true);
	table.add("late p99, us", "", value("late_p99_ns", 1e3), true);
	table.add("late p99.9, us", "", value("late_p999_ns", 1e3), true);
	table.add("late max, us", "", value("late_max_ns", 1e3), true);
	table.add(
		"timer interrupts", "", [&](const std::string &f) { return r.interrupts(c.as(f)); },
		false);
}

void print_replays(const std::vector<Results> &all)
{
	std::vector<std::string> traces;

	for (const auto &r : all)
		for (const auto &run : r.runs())
			if (!run.trace.empty() && !run.optimum &&
			    std::ranges::find(traces, run.trace) == traces.end())
				traces.push_back(run.trace);
	if (!traces.empty())
		fmt::print("Replays of recorded traces. Second column: how often in the trace. The "
			   "wheel runs\n"
			   "timers at ticks: those that are shorter are often moved before they "
			   "expire.\n"
			   "Interrupts are those that the same replay without timers did not "
			   "take.\n\n");
	for (const auto &trace : traces) {
		ReplayTable table(trace, {"callout", "hrtimer", "timer_list"});

		for (const auto &r : all) {
			const Case cost{
				.workload = "replay_cost", .facility = "callout", .trace = trace};
			const Case live{
				.workload = "replay_live", .facility = "callout", .trace = trace};

			if (r.has(cost))
				add_costs(table, r, cost);
			if (r.has(live))
				add_live(table, r, live);
		}
		table.print();
	}
}

// ---- targets -----------------------------------------------------------------------------------

struct Target {
	std::string what;
	double value, limit;

	bool met() const { return value <= limit; }
};

void structure_targets(const Results &r, std::vector<Target> &targets)
{
	const auto sizes = r.sizes("arm_cancel");
	const auto pair = [&](const char *facility, std::uint64_t n) {
		const Case c{.workload = "arm_cancel", .facility = facility, .n = n};

		return r.net(c, "arm") + r.net(c, "cancel");
	};
	const auto move = [&](const char *facility, std::uint64_t n) {
		return r.net({.workload = "rearm_later", .facility = facility, .n = n}, "rearm");
	};

	if (sizes.empty())
		return;
	for (const auto n : sizes) {
		targets.push_back(
			{fmt::format("re-arm later, fixed interval, N={}: instructions", n),
			 move("callout_fixed", n), 12});
		targets.push_back({fmt::format("re-arm later, any ticks, N={}: instructions", n),
				   move("callout_ticks", n), 12});
		targets.push_back({fmt::format("re-arm later, N={}: of hrtimer's", n),
				   move("callout_ticks", n) / move("hrtimer", n), 1 / 20.0});
		targets.push_back({fmt::format("arm + cancel, N={}: of hrtimer's, pinned", n),
				   pair("callout", n) / pair("hrtimer", n), 1 / 3.0});
		targets.push_back({fmt::format("arm + cancel, N={}: of hrtimer's", n),
				   pair("callout", n) / pair("hrtimer_any", n), 1 / 3.0});
		targets.push_back({fmt::format("arm + cancel, N={}: of timer_list's", n),
				   pair("callout", n) / pair("timer_list", n), 1 / 2.0});
	}
	for (const char *facility : {"callout", "callout_weak", "callout_named"}) {
		const auto n = sizes.front();
		const auto arm = [&](const char *f) {
			return r.net({.workload = "arm_cancel", .facility = f, .n = n}, "arm");
		};

		targets.push_back(
			{fmt::format("arm, {}: instructions more than class none", facility),
			 arm(facility) - arm("callout_none"), 10});
		targets.push_back(
			{fmt::format("re-arm later, {}: instructions more than class none",
				     facility),
			 move(facility, n) - move("callout_none", n), 0.05});
	}
	targets.push_back({"arm + cancel, most N against fewest",
			   pair("callout", sizes.back()) / pair("callout", sizes.front()), 2});
	targets.push_back(
		{"re-arm later, most N against fewest",
		 move("callout_ticks", sizes.back()) / move("callout_ticks", sizes.front()), 2});
}

std::vector<Target> targets_of(const Results &r)
{
	std::vector<Target> targets;

	if (!r.machine().instructions)
		return targets;
	structure_targets(r, targets);
	for (const auto &run : r.runs())
		if (run.hold)
			targets.push_back(
				{fmt::format("instructions under a base lock, {}, {}, N={}",
					     run.workload, run.facility, run.n),
				 run.value("max_hold_cycles"), 600});
	for (const auto &run : r.runs())
		if (run.optimum && run.facility.starts_with("callout") && !run.control)
			targets.push_back(
				{fmt::format("interrupts, window {} us, {}: of the fewest",
					     run.window_us, run.facility),
				 run.value("stats_interrupts") / static_cast<double>(run.optimum),
				 1.01});
	for (const auto n : r.sizes("hold"))
		targets.push_back(
			{fmt::format("lateness p99.9, N={}: callout_hard's of hrtimer's", n),
			 r.median({.workload = "hold", .facility = "callout_hard", .n = n},
				  "late_p999_ns") /
				 r.median({.workload = "hold", .facility = "hrtimer", .n = n},
					  "late_p999_ns"),
			 1.1});
	return targets;
}

void print_targets(const Results &r)
{
	std::vector<Row> rows = {{"target", "measured", "limit", ""}};

	for (const auto &t : targets_of(r))
		rows.push_back({t.what, fmt::format("{:.3g}", t.value),
				fmt::format("{:.3g}", t.limit), t.met() ? "met" : "MISSED"});
	if (rows.size() > 1)
		print_table(rows);
}

} // namespace

Report::Report(const std::vector<std::string> &files) : results_(read_results(files)) {}

void Report::print() const
{
	for (const auto &r : results_) {
		const auto &m = r.machine();

		fmt::print("Linux {} on {} ({}), {} CPU{}; clock {}, queue {}; {}\n\n", m.kernel,
			   m.rig, m.cpu, m.cpus, m.cpus == 1 ? "" : "s", m.clock, m.queue,
			   m.recorded);
		print_structure(r);
		print_head(r);
		print_expiry(r);
		print_holds(r);
		print_windows(r);
		print_targets(r);
	}
	print_replays(results_);
}

void Report::draw(const std::string &base) const
{
	bench::draw(results_, base);
}

bool Report::targets_met() const
{
	return std::ranges::all_of(results_, [](const Results &r) {
		return std::ranges::all_of(targets_of(r), &Target::met);
	});
}

} // namespace bench
