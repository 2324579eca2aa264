// SPDX-License-Identifier: GPL-2.0
// Panels for gnuplot: costs against N, costs of a replay, and how late expiries were.
#include "draw.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/core.h>
#include <fstream>
#include <map>
#include <stdexcept>

namespace bench {
namespace {

// The same colour for a facility in all panels.
std::string colour(const std::string &facility)
{
	static const std::map<std::string, std::string> colours = {
		{"callout", "#c1272d"},        {"callout_hard", "#e98b8e"},
		{"callout_nolock", "#8c510a"}, {"callout_ticks", "#f2a900"},
		{"callout_fixed", "#c9a400"},  {"callout_none", "#a05080"},
		{"callout_weak", "#b070a0"},   {"callout_named", "#c090c0"},
		{"hrtimer", "#0072b2"},        {"hrtimer_any", "#00457c"},
		{"hrtimer_soft", "#7fbfe0"},   {"timer_list", "#3a7d44"},
	};
	return colours.at(facility);
}

// A data block of gnuplot's and the lines that plot it.
class Panel {
public:
	Panel(std::string title, std::string settings)
		: title_(std::move(title)), settings_(std::move(settings))
	{
	}

	void add(const std::string &data, const std::string &how)
	{
		data_.push_back(data);
		how_.push_back(how);
	}
	bool empty() const { return data_.empty(); }
	std::string script(std::size_t number) const
	{
		std::string text, plot;

		for (std::size_t i = 0; i < data_.size(); i++) {
			text += fmt::format("$d{}_{} << EOD\n{}EOD\n", number, i, data_[i]);
			plot += fmt::format("{}$d{}_{} {}", i ? ", \\\n\t" : "plot ", number, i,
					    how_[i]);
		}
		return fmt::format("{}reset\nset title \"{}\" noenhanced\nset grid ytics lc rgb "
				   "'#dddddd'\nset border 3\n"
				   "set tics nomirror out\n{}\n{}\n",
				   text, title_, settings_, plot);
	}

private:
	std::string title_, settings_;
	std::vector<std::string> data_, how_;
};

std::string styled(const std::string &facility, const std::string &how)
{
	return fmt::format("{} lc rgb '{}' title '{}' noenhanced", how, colour(facility), facility);
}

Panel against_n(const Results &r, const std::string &workload, const std::string &title,
		const std::vector<std::string> &names)
{
	Panel panel(
		title,
		fmt::format(
			"set logscale x\nset format x '10^{{%T}}'\nset xlabel 'pending timers'\n"
			"set ylabel '{} an operation'\nset yrange [0:*]\nset key outside right top",
			r.machine().unit()));

	for (const auto &facility : r.facilities(workload)) {
		std::string data;

		for (const auto n : r.sizes(workload)) {
			double cost = 0;

			for (const auto &name : names)
				cost += r.net({.workload = workload, .facility = facility, .n = n},
					      name);
			data += fmt::format("{} {}\n", n, cost);
		}
		panel.add(data, styled(facility, "with linespoints lw 2 pt 7 ps 0.6"));
	}
	return panel;
}

// The share of expiries that were later than x, over all blocks.
std::string later_than(const Results &r, const Case &c)
{
	std::map<std::uint64_t, std::uint64_t> counts;
	std::uint64_t total = 0, seen = 0;
	std::string data;

	for (const auto &run : r.runs()) {
		if (run.workload != c.workload || run.facility != c.facility ||
		    run.trace != c.trace || run.hold || run.control || (c.n && run.n != *c.n) ||
		    !run.has("late"))
			continue;
		const auto &pairs = run.values.at("late");
		for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
			counts[pairs[i]] += pairs[i + 1];
			total += pairs[i + 1];
		}
	}
	for (const auto &[limit, count] : counts) {
		data += fmt::format("{} {}\n", static_cast<double>(limit) / 1e3,
				    static_cast<double>(total - seen) / static_cast<double>(total));
		seen += count;
	}
	return data;
}

Panel lateness(const Results &r, const std::string &title, Case c)
{
	Panel panel(title, "set logscale xy\nset xlabel 'late by, microseconds'\nset ylabel 'share "
			   "that is later'\n"
			   "set format y '%g'\nset key inside bottom left");

	for (const auto &facility : r.facilities(c.workload)) {
		c.facility = facility;
		if (const auto data = later_than(r, c); !data.empty())
			panel.add(data, styled(facility, "with steps lw 2"));
	}
	return panel;
}

Panel replay_costs(const Results &r, const std::string &trace)
{
	const std::vector<std::string> kinds = {"arm", "later", "earlier", "cancel"};
	Panel panel(trace + ": cost of operations",
		    fmt::format("set style data histogram\nset style fill solid 0.9 border -1\nset "
				"boxwidth 0.9\n"
				"set ylabel '{} an operation'\nset yrange [0:*]\nset key outside "
				"bottom center horizontal",
				r.machine().unit()));

	for (const auto &facility : r.facilities("replay_cost")) {
		const Case c{.workload = "replay_cost", .facility = facility, .trace = trace};
		std::string data;

		for (const auto &kind : kinds)
			if (const auto net = r.replay_net(c, kind))
				data += fmt::format("\"{}\" {}\n", kind, *net);
		panel.add(data, styled(facility, "using 2:xtic(1)"));
	}
	return panel;
}

std::vector<std::string> traces_of(const Results &r, const std::string &workload)
{
	std::vector<std::string> traces;

	for (const auto &run : r.runs())
		if (run.workload == workload && !run.optimum &&
		    std::ranges::find(traces, run.trace) == traces.end())
			traces.push_back(run.trace);
	return traces;
}

std::vector<Panel> panels_of(const Results &r)
{
	std::vector<Panel> panels;

	if (!r.sizes("arm_cancel").empty()) {
		panels.push_back(against_n(r, "arm_cancel", "arm and cancel", {"arm", "cancel"}));
		panels.push_back(against_n(r, "rearm_later", "re-arm for later", {"rearm"}));
	}
	for (const auto n : r.sizes("hold"))
		panels.push_back(lateness(r, fmt::format("lateness, {} pending", n),
					  {.workload = "hold", .n = n}));
	for (const auto &trace : traces_of(r, "replay_cost"))
		panels.push_back(replay_costs(r, trace));
	for (const auto &trace : traces_of(r, "replay_live"))
		panels.push_back(lateness(r, trace + ": lateness",
					  {.workload = "replay_live", .trace = trace}));
	std::erase_if(panels, &Panel::empty);
	return panels;
}

} // namespace

void draw(const std::vector<Results> &results, const std::string &base)
{
	std::vector<Panel> panels;
	std::string script;

	for (const auto &r : results) {
		auto more = panels_of(r);
		panels.insert(panels.end(), more.begin(), more.end());
	}
	if (panels.empty())
		throw std::runtime_error("there is nothing to draw");
	const std::size_t columns = std::min<std::size_t>(panels.size(), 2);
	const std::size_t rows = (panels.size() + columns - 1) / columns;
	for (const auto &[terminal, ending] :
	     {std::pair{"svg font 'sans,12' background 'white'", "svg"},
	      {"pngcairo font 'sans,10'", "png"}}) {
		script += fmt::format("set terminal {} size {},{}\nset output '{}.{}'\nset "
				      "multiplot layout {},{}\n",
				      terminal, 600 * columns, 430 * rows, base, ending, rows,
				      columns);
		for (std::size_t i = 0; i < panels.size(); i++)
			script += panels[i].script(i);
		script += "unset multiplot\nunset output\nreset\n";
	}
	const std::string file = base + ".gnuplot";
	std::ofstream out(file);
	out << script;
	if (!out.flush())
		throw std::runtime_error(file + ": cannot be written");
	if (std::system(fmt::format("gnuplot '{}'", file).c_str()) != 0)
		throw std::runtime_error("gnuplot failed on " + file);
}

} // namespace bench
