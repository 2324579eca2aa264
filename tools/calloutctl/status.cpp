// SPDX-License-Identifier: GPL-2.0
// calloutctl status
#include "commands.hpp"
#include <algorithm>

namespace ctl {
namespace {

struct Clock {
	std::string name, status;
	std::uint64_t rating = 0, min_hz = 0, max_hz = 0, accuracy_ns = 0;
};

// What is not as it should be, and what to do.
struct Warning {
	std::string id, text, hint;
};

struct Status {
	std::string version, clock, mode, queue;
	std::vector<Clock> clocks;
	std::vector<std::string> modes;
	std::uint64_t frequency_hz = 0, precision_pct = 0, weak_window_ms = 0, handler_warn_us = 0;
	Counters counters;
	std::optional<callout::device_info> device;
	std::string device_error;
	std::vector<Warning> warnings;

	[[nodiscard]] std::uint64_t count(const std::string &name) const
	{
		const auto found = counters.find(name);
		return found == counters.end() ? 0 : found->second;
	}
};

void look_at_device(const Tree &tree, Status &s)
{
	try {
		std::error_code ec;
		const auto info = tree.open_device().info(ec);
		if (ec)
			throw device_error(ec, tree.device_path());
		s.device = info;
	} catch (const Error &error) {
		s.device_error = error.what();
	}
}

void find_warnings(Status &s)
{
	const auto warn = [&](const char *id, std::string text, std::string hint) {
		s.warnings.push_back({id, std::move(text), std::move(hint)});
	};
	for (const auto &clock : s.clocks)
		if (clock.status.starts_with("failed"))
			warn("clock_failed",
			     clock.name == s.clock
				     ? fmt::format("clock {}: {}", clock.name, clock.status)
				     : fmt::format("clock {} {}; now {} drives the callouts",
						   clock.name, clock.status, s.clock),
			     fmt::format("to try it again: calloutctl set clock {}", clock.name));
	if (s.clock == "fake")
		warn("clock_fake",
		     "clock fake is for tests: time stands still, and no callout runs",
		     "calloutctl set clock hrtimer");
	if (const auto n = s.count("rescued"))
		warn("rescued",
		     fmt::format("the watchdog found CPUs overdue by 100 ms, {} times",
				 format_count(n)),
		     "if that goes on: calloutctl set clock hrtimer");
	if (const auto n = s.count("late"))
		warn("late",
		     fmt::format("{} of {} interrupts of the clock were more than 10 ms late",
				 format_count(n), format_count(s.count("interrupts"))),
		     "something keeps interrupts off for long, or a virtual machine's CPU was "
		     "taken away");
	if (const auto n = s.count("misuses"))
		warn("misuses",
		     fmt::format("modules have used callouts wrongly, {} times", format_count(n)),
		     "dmesg names the callers: dmesg | grep callout:");
	if (const auto n = s.count("slow_handlers"))
		warn("slow_handlers",
		     fmt::format("handlers ran for longer than handler-warn allows, {} times",
				 format_count(n)),
		     "dmesg names the first: dmesg | grep callout:");
}

Status gather(const Tree &tree)
{
	tree.require_loaded();
	Status s;
	s.version = tree.version();
	s.clock = tree.setting("clock");
	s.mode = tree.setting("mode");
	s.queue = tree.setting("queue");
	s.modes = tree.words("available_modes");
	for (const auto &name : tree.words("available_clocks")) {
		const auto of = "clocks/" + name + "/";
		s.clocks.push_back({name, tree.setting(of + "status"), tree.number(of + "rating"),
				    tree.number(of + "min_hz"), tree.number(of + "max_hz"),
				    tree.number(of + "accuracy_ns")});
	}
	s.frequency_hz = tree.number("frequency_hz");
	s.precision_pct = tree.number("default_precision_pct");
	s.weak_window_ms = tree.number("weak_window_ms");
	s.handler_warn_us = tree.number("handler_warn_us");
	s.counters = tree.counters();
	look_at_device(tree, s);
	find_warnings(s);
	return s;
}

Json to_json(const Status &s)
{
	Json clocks = Json::object(), warnings = Json::array();
	for (const auto &c : s.clocks)
		clocks[c.name] = {{"rating", c.rating},
				  {"status", c.status},
				  {"min_hz", c.min_hz},
				  {"max_hz", c.max_hz},
				  {"accuracy_ns", c.accuracy_ns}};
	for (const auto &w : s.warnings)
		warnings.push_back({{"id", w.id}, {"text", w.text}, {"hint", w.hint}});
	Json device = nullptr;
	if (s.device)
		device = {{"resolution_ns", s.device->resolution.count()},
			  {"min_interval_ns", s.device->min_interval.count()},
			  {"max_timers", s.device->max_timers},
			  {"max_user_timers", s.device->max_user_timers},
			  {"max_events", s.device->max_events},
			  {"budget", s.device->budget}};
	return {{"version", s.version},
		{"clock", s.clock},
		{"clocks", clocks},
		{"mode", s.mode},
		{"available_modes", s.modes},
		{"frequency_hz", s.frequency_hz},
		{"queue", s.queue},
		{"default_precision_pct", s.precision_pct},
		{"weak_window_ms", s.weak_window_ms},
		{"handler_warn_us", s.handler_warn_us},
		{"counters", s.counters},
		{"device", device},
		{"device_error", s.device_error},
		{"warnings", warnings}};
}

std::string limits(const callout::device_info &d)
{
	return fmt::format("{} timers a descriptor, {} a user; periods from {}; "
			   "{} expiries a second at once",
			   format_count(d.max_timers), format_count(d.max_user_timers),
			   format_ns(d.min_interval), format_count(d.budget));
}

void print(const Context &c, const Status &s)
{
	const auto row = [&](const char *name, const std::string &value) {
		c.print("{:<14}{}\n", name, value);
	};
	row("callout", s.version);
	row("clock", c.bold(s.clock));
	row("mode", s.mode == "periodic" ? fmt::format("periodic, {} Hz", s.frequency_hz) : s.mode);
	row("queue", s.queue);
	row("precision", fmt::format("{} %", s.precision_pct));
	row("weak window", fmt::format("{} ms", s.weak_window_ms));
	row("handler warn", s.handler_warn_us ? fmt::format("after {} us", s.handler_warn_us)
					      : std::string("never"));
	row("/dev/callout", s.device ? limits(*s.device) : s.device_error);
	row("pending", format_count(s.count("pending")));
	row("armed", fmt::format("{}; stopped {}", format_count(s.count("armed")),
				 format_count(s.count("stopped"))));
	row("ran", fmt::format("hard {}, soft {}, thread {}", format_count(s.count("fired_hard")),
			       format_count(s.count("fired_soft")),
			       format_count(s.count("fired_thread"))));
	row("interrupts", fmt::format("{}; {} late", format_count(s.count("interrupts")),
				      format_count(s.count("late"))));
	c.print("\n");

	Table clocks({{"CLOCK", Align::left}, {"RATING"}, {"EXACT TO"}, {"STATUS", Align::left}});
	for (const auto &clock : s.clocks)
		clocks.add({clock.name, std::to_string(clock.rating),
			    clock.accuracy_ns || clock.name == "fake"
				    ? format_ns(static_cast<double>(clock.accuracy_ns))
				    : "-",
			    clock.status});
	clocks.print(c);
	c.print("\n");

	if (s.warnings.empty())
		c.print("{}\n", c.good("no warnings"));
	for (const auto &warning : s.warnings)
		c.print("{} {}\n         {}\n", c.warn("warning:"), warning.text, warning.hint);
}

} // namespace

Action setup_status(CLI::App &)
{
	return [](const Context &c) {
		const auto s = gather(c.tree);
		if (c.json)
			c.document(to_json(s));
		else
			print(c, s);
		return Exit::ok;
	};
}

} // namespace ctl
