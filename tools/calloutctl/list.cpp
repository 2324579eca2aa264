// SPDX-License-Identifier: GPL-2.0
// calloutctl list
#include "commands.hpp"
#include "parse.hpp"
#include <algorithm>
#include <ctime>
#include <fnmatch.h>
#include <limits>
#include <memory>

namespace ctl {
namespace {

struct Options {
	std::optional<unsigned> cpu;
	std::string context, function, sort = "deadline";
	std::size_t limit = std::numeric_limits<std::size_t>::max();
};

bool wanted(const Pending &p, const Options &o)
{
	return (!o.cpu || *o.cpu == p.cpu) && (o.context.empty() || o.context == p.context) &&
	       (o.function.empty() || ::fnmatch(o.function.c_str(), p.function.c_str(), 0) == 0);
}

void sort(std::vector<Pending> &all, const std::string &by)
{
	std::ranges::stable_sort(all, {}, &Pending::deadline_ns);
	if (by == "function")
		std::ranges::stable_sort(all, {}, &Pending::function);
}

std::int64_t due_ns(const Pending &p, std::chrono::nanoseconds now)
{
	return static_cast<std::int64_t>(p.deadline_ns - static_cast<std::uint64_t>(now.count()));
}

Json to_json(const std::vector<Pending> &all, std::size_t matching, std::size_t pending,
	     std::chrono::nanoseconds now)
{
	Json list = Json::array();
	for (const auto &p : all)
		list.push_back({{"cpu", p.cpu},
				{"context", p.context},
				{"affinity", p.affinity},
				{"lock", p.lock},
				{"deadline_ns", p.deadline_ns},
				{"due_ns", due_ns(p, now)},
				{"window_ns", p.window_ns},
				{"function", p.function},
				{"module", p.module.empty() ? Json() : Json(p.module)}});
	return {{"now_ns", now.count()},
		{"pending", pending},
		{"matching", matching},
		{"callouts", list}};
}

void print(const Context &c, const std::vector<Pending> &all, std::size_t matching,
	   std::size_t pending, std::chrono::nanoseconds now)
{
	Table table({{"CPU"},
		     {"DUE"},
		     {"WINDOW"},
		     {"CONTEXT", Align::left},
		     {"AFFINITY", Align::left},
		     {"LOCK", Align::left},
		     {"FUNCTION", Align::left},
		     {"MODULE", Align::left}});
	for (const auto &p : all) {
		const auto due = due_ns(p, now);
		table.add({std::to_string(p.cpu),
			   due < 0 ? format_ns(-static_cast<double>(due)) + " ago"
				   : "in " + format_ns(static_cast<double>(due)),
			   p.window_ns ? format_ns(static_cast<double>(p.window_ns)) : "-",
			   p.context, p.affinity, p.lock, p.function, p.module});
	}
	if (!all.empty())
		table.print(c);
	if (matching == pending && all.size() == pending)
		c.print("{} pending\n", pending);
	else
		c.print("{} shown, {} matching, {} pending\n", all.size(), matching, pending);
}

Exit list(const Context &c, const Options &o)
{
	const auto now = clock_now(CLOCK_MONOTONIC);
	auto all = parse_timer_list(c.tree.debug_file("timer_list"));
	const auto pending = all.size();
	std::erase_if(all, [&](const Pending &p) { return !wanted(p, o); });
	const auto matching = all.size();
	sort(all, o.sort);
	if (all.size() > o.limit)
		all.resize(o.limit);
	if (c.json)
		c.document(to_json(all, matching, pending, now));
	else
		print(c, all, matching, pending, now);
	return Exit::ok;
}

} // namespace

Action setup_list(CLI::App &app)
{
	const auto o = std::make_shared<Options>();
	app.add_option("--cpu", o->cpu, "only those on this CPU");
	app.add_option("--context", o->context, "only those that run there")
		->check(CLI::IsMember({"hard", "soft", "thread"}));
	app.add_option("--function", o->function,
		       "only those whose function matches this pattern: 'tcp_*'");
	app.add_option("--sort", o->sort, "by deadline or by function")
		->capture_default_str()
		->check(CLI::IsMember({"deadline", "function"}));
	app.add_option("--limit", o->limit, "no more than so many")->check(at_least_one());
	return [o](const Context &c) { return list(c, *o); };
}

} // namespace ctl
