// SPDX-License-Identifier: GPL-2.0
// calloutctl stats
#include "commands.hpp"
#include "parse.hpp"
#include "signals.hpp"
#include <array>
#include <memory>
#include <set>
#include <unistd.h>

namespace ctl {
namespace {

struct Options {
	std::string watch;
	bool watching = false, cpus = false;
	std::uint64_t count = 0;
};

struct Known {
	const char *name, *what;
};

// In the order in which they are shown. What is not here, and not by class, follows.
constexpr Known known[] = {
	{"pending", "queued now"},
	{"armed", "armed, or moved the long way"},
	{"stopped", "taken off before they ran"},
	{"rekeyed", "found moved to a later time by a store"},
	{"fired_hard", "handlers called in the hard interrupt"},
	{"fired_soft", "handlers called in softirq"},
	{"fired_thread", "handlers called in a thread"},
	{"slow_handlers", "handlers longer than handler_warn_us"},
	{"contended", "handlers whose lock was busy"},
	{"interrupts", "calls by the clock"},
	{"late", "of these, more than 10 ms late"},
	{"programmed", "times that the clock was armed"},
	{"kicks", "interrupts from one CPU to another"},
	{"woken", "interrupts that found their CPU idle"},
	{"spared", "times that an idle CPU was left alone"},
	{"migrated", "went to another CPU while pending"},
	{"pulled", "taken from a CPU that slept"},
	{"displaced", "moved as their CPU went offline"},
	{"spilled", "arms that found no free slot in a queue"},
	{"misuses", "mistakes of callers"},
	{"clock_failures", "clocks that were given up"},
	{"rescued", "times that the watchdog served a CPU"},
	{"max_hold_cycles", "longest hold of a base lock, if measured"},
};
constexpr std::array classes{"none", "weak", "strong", "on"};
constexpr std::array by_class{"armed", "home", "away", "migrated"};

// Not sums, so without a rate.
bool is_level(const std::string &name)
{
	return name == "pending" || name == "max_hold_cycles";
}

struct Sample {
	std::chrono::nanoseconds time{};
	Counters counters;
	std::optional<std::vector<CpuRow>> cpus;
};

Sample take(const Tree &tree, const Options &o)
{
	Sample s{clock_now(CLOCK_MONOTONIC), tree.counters(), {}};
	if (o.cpus)
		s.cpus = parse_cpus(tree.debug_file("cpus"));
	return s;
}

double seconds_between(const Sample &a, const Sample &b)
{
	return std::chrono::duration<double>(b.time - a.time).count();
}

std::optional<double> rate(const Sample *before, const Sample &now, const std::string &name)
{
	if (!before || is_level(name))
		return {};
	const auto was = before->counters.find(name), is = now.counters.find(name);
	// A module that was loaded anew begins at 0.
	if (was == before->counters.end() || is == now.counters.end() || is->second < was->second)
		return {};
	return static_cast<double>(is->second - was->second) / seconds_between(*before, now);
}

std::string class_counter(const char *what, const char *klass)
{
	return fmt::format("{}_{}", what, klass);
}

std::set<std::string> class_counters()
{
	std::set<std::string> names;
	for (const auto *what : by_class)
		for (const auto *klass : classes)
			names.insert(class_counter(what, klass));
	return names;
}

Json to_json(const Sample *before, const Sample &now)
{
	Json rates = Json::object();
	for (const auto &[name, value] : now.counters)
		if (const auto r = rate(before, now, name))
			rates[name] = *r;
	Json json{{"time_ns", now.time.count()}, {"counters", now.counters}};
	if (before)
		json["rates"] = rates;
	if (now.cpus) {
		json["cpus"] = Json::array();
		for (const auto &row : *now.cpus) {
			Json entry{{"cpu", row.cpu}, {"class", row.klass}};
			for (const auto &[name, value] : row.values)
				entry[name] = value;
			json["cpus"].push_back(entry);
		}
	}
	return json;
}

void print_counters(const Context &c, const Sample *before, const Sample &now)
{
	std::vector<Table::Column> columns{{"COUNTER", Align::left}, {"TOTAL"}};
	if (before)
		columns.push_back({"PER SECOND"});
	columns.push_back({"WHAT", Align::left});
	Table table(columns);
	auto rest = now.counters;
	const auto add = [&](const std::string &name, const char *what) {
		const auto found = now.counters.find(name);
		if (found == now.counters.end())
			return;
		std::vector<std::string> row{name, format_count(found->second)};
		if (before) {
			const auto r = rate(before, now, name);
			row.push_back(r ? format_rate(*r) : "");
		}
		row.emplace_back(what);
		table.add(row);
		rest.erase(name);
	};
	for (const auto &[name, what] : known)
		add(name, what);
	for (const auto &name : class_counters())
		rest.erase(name);
	for (const auto &[name, value] : Counters(rest))
		add(name, "");
	table.print(c);
}

void print_classes(const Context &c, const Sample *before, const Sample &now)
{
	Table table({{"CLASS", Align::left},
		     {"ARMED"},
		     {"RAN AT HOME"},
		     {"RAN AWAY"},
		     {"MIGRATED"},
		     {before ? "ARMED/S" : ""}});
	for (const auto *klass : classes) {
		std::vector<std::string> row{klass};
		for (const auto *what : by_class) {
			const auto found = now.counters.find(class_counter(what, klass));
			row.push_back(found == now.counters.end() ? "-"
								  : format_count(found->second));
		}
		const auto r = rate(before, now, class_counter("armed", klass));
		row.push_back(r ? format_rate(*r) : "");
		table.add(row);
	}
	c.print("\n");
	table.print(c);
}

// Rows in which nothing was counted are left out, but for those of a whole CPU.
void print_cpus(const Context &c, const std::vector<CpuRow> &rows)
{
	static constexpr const char *names[] = {"armed",     "home",   "away",  "migrated",
						"displaced", "pulled", "woken", "spared"};
	Table table({{"CPU"},
		     {"CLASS", Align::left},
		     {"ARMED"},
		     {"RAN AT HOME"},
		     {"RAN AWAY"},
		     {"MIGRATED"},
		     {"DISPLACED"},
		     {"PULLED"},
		     {"WOKEN"},
		     {"SPARED"}});
	for (const auto &row : rows) {
		bool any = row.klass == "all";
		std::vector<std::string> cells{std::to_string(row.cpu), row.klass};
		for (const auto *name : names) {
			const auto found = row.values.find(name);
			cells.push_back(found == row.values.end() ? "-"
								  : format_count(found->second));
			any = any || (found != row.values.end() && found->second);
		}
		if (any)
			table.add(cells);
	}
	c.print("\n");
	table.print(c);
}

void print(const Context &c, const Sample *before, const Sample &now)
{
	print_counters(c, before, now);
	print_classes(c, before, now);
	if (now.cpus)
		print_cpus(c, *now.cpus);
}

std::chrono::nanoseconds period_of(const std::string &text)
{
	if (text.empty() || text == "true") // --watch without a value
		return std::chrono::seconds(1);
	const bool bare = text.find_first_not_of("0123456789.") == text.npos;
	const auto period = parse_duration(bare ? text + "s" : text);
	if (period < std::chrono::milliseconds(10))
		throw Error(Exit::usage, fmt::format("--watch {}: too short", text),
			    "10ms at least");
	return period;
}

Exit watch(const Context &c, const Options &o)
{
	const auto period = period_of(o.watch);
	const Interrupt interrupt;
	auto before = take(c.tree, o);
	for (std::uint64_t n = 0; !o.count || n < o.count; n++) {
		Interrupt::wait(period);
		if (Interrupt::requested())
			break;
		auto now = take(c.tree, o);
		if (c.json) {
			c.line(to_json(&before, now));
		} else {
			if (c.terminal)
				c.print("\033[H\033[J");
			else if (n)
				c.print("\n");
			print(c, &before, now);
			c.out.flush();
		}
		before = std::move(now);
	}
	return Exit::ok;
}

Exit stats(const Context &c, const Options &o)
{
	c.tree.require_loaded();
	if (o.watching)
		return watch(c, o);
	const auto now = take(c.tree, o);
	if (c.json)
		c.document(to_json(nullptr, now));
	else
		print(c, nullptr, now);
	return Exit::ok;
}

} // namespace

Action setup_stats(CLI::App &app)
{
	const auto o = std::make_shared<Options>();
	auto *const watching =
		app.add_option("--watch", o->watch,
			       "again and again, with rates: every second, or so many SECONDS")
			->expected(0, 1)
			->type_name("SECONDS");
	app.add_option("--count", o->count, "with --watch: so many times")
		->needs(watching)
		->check(at_least_one());
	app.add_flag("--cpu", o->cpus, "by CPU, too; for root");
	return [o, watching](const Context &c) {
		o->watching = watching->count() > 0;
		return stats(c, *o);
	};
}

} // namespace ctl
