// SPDX-License-Identifier: GPL-2.0
// calloutctl set
#include "set.hpp"
#include "commands.hpp"
#include "kernel_log.hpp"
#include "parse.hpp"
#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

namespace ctl {
namespace {

struct Setting {
	const char *name, *file, *unit, *what;
	const char *available; // a file that lists the values, or nullptr
};

constexpr Setting settings[] = {
	{"clock", "clock", "", "the clock that drives the callouts", "available_clocks"},
	{"mode", "mode", "", "of the clock", "available_modes"},
	{"frequency", "frequency_hz", "Hz", "of the ticks in mode periodic", nullptr},
	{"precision", "default_precision_pct", "%",
	 "how much later than asked for a callout may run", nullptr},
	{"weak-window", "weak_window_ms", "ms", "how soon a weak callout must run to go to its CPU",
	 nullptr},
	{"handler-warn", "handler_warn_us", "us", "report handlers that run longer; 0: never",
	 nullptr},
};

struct Options {
	std::string name;
	std::optional<std::string> value;
};

const Setting &find(const std::string &name)
{
	for (const auto &setting : settings)
		if (name == setting.name || name == setting.file)
			return setting;
	std::string names;
	for (const auto &setting : settings)
		names += fmt::format("{}{}", names.empty() ? "" : ", ", setting.name);
	throw Error(Exit::usage, fmt::format("there is no setting '{}'", name),
		    "there are " + names);
}

std::string with_unit(const Setting &s, const std::string &value)
{
	return *s.unit ? fmt::format("{} {}", value, s.unit) : value;
}

// What may be written, in words.
std::string available(const Tree &tree, const Setting &s)
{
	if (s.available)
		return tree.setting(s.available);
	const std::string file = s.file;
	if (file == "frequency_hz") {
		const auto clock = "clocks/" + tree.setting("clock") + "/";
		return fmt::format("{} to {} with clock {}", tree.setting(clock + "min_hz"),
				   tree.setting(clock + "max_hz"), tree.setting("clock"));
	}
	return file == "default_precision_pct" ? "0 to 100" : "0 to 4294967295";
}

Json available_json(const Tree &tree, const Setting &s)
{
	const auto takes = available(tree, s);
	return s.available ? Json(split(takes)) : Json(takes);
}

bool has_clock(const Tree &tree, const std::string &name)
{
	const auto clocks = tree.words("available_clocks");
	return std::ranges::find(clocks, name) != clocks.end();
}

std::string reason(const Tree &tree, const Setting &s, const std::string &value, int number,
		   const std::vector<std::string> &log)
{
	if (!log.empty())
		return log.back();
	if (std::string(s.file) == "clock" && has_clock(tree, value)) {
		const auto status = tree.setting("clocks/" + value + "/status");
		if (status.starts_with("refused") || status.starts_with("failed"))
			return status;
	}
	switch (number) {
	case EBUSY:
		return "another change is going on, or what the clock needs is in use";
	case EINVAL:
		return s.available ? "there is none of that name"
				   : "that is not a number that it takes";
	case ERANGE:
		return "out of range";
	default:
		return std::system_category().message(number);
	}
}

std::string hint(const Tree &tree, const Setting &s, int number, bool logged)
{
	if (number == EBUSY && !logged)
		return "try again; if it stays so: dmesg | grep callout:";
	return fmt::format("it takes: {}{}", available(tree, s),
			   logged ? std::string()
				  : "; more may be in the log: dmesg | grep callout:");
}

void write(const Tree &tree, const Setting &s, const std::string &value)
{
	KernelLog log(tree);
	try {
		write_file(tree.sysfs(s.file), value);
	} catch (const std::system_error &error) {
		const int number = error.code().value();
		if (number == EACCES || number == EPERM || number == EROFS)
			throw Error(
				Exit::no_permission,
				fmt::format("may not write {}", tree.sysfs(s.file).string()),
				fmt::format("be root: sudo calloutctl set {} {}", s.name, value));
		throw refusal(tree, s.name, value, number, log.since());
	}
}

void show(const Context &c, const Setting &s)
{
	const auto value = c.tree.setting(s.file);
	if (c.json) {
		c.document({{"setting", s.name},
			    {"file", s.file},
			    {"value", value},
			    {"available", available_json(c.tree, s)}});
		return;
	}
	c.print("{}: {} ({})\ntakes: {}\n", s.name, c.bold(with_unit(s, value)), s.what,
		available(c.tree, s));
}

Json all_settings(const Tree &tree)
{
	Json all = Json::object();
	for (const auto &s : settings)
		all[s.name] = {{"file", s.file},
			       {"value", tree.setting(s.file)},
			       {"available", available_json(tree, s)}};
	return all;
}

void show_all(const Context &c)
{
	if (c.json) {
		c.document(all_settings(c.tree));
		return;
	}
	Table table({{"SETTING", Align::left},
		     {"VALUE", Align::left},
		     {"TAKES", Align::left},
		     {"WHAT", Align::left}});
	for (const auto &s : settings)
		table.add({s.name, with_unit(s, c.tree.setting(s.file)), available(c.tree, s),
			   s.what});
	table.print(c);
}

Exit change(const Context &c, const Setting &s, const std::string &value)
{
	const auto before = c.tree.setting(s.file);
	write(c.tree, s, value);
	const auto after = c.tree.setting(s.file);
	if (c.json)
		c.document({{"setting", s.name},
			    {"file", s.file},
			    {"before", before},
			    {"value", after}});
	else
		c.print("{}: {} -> {}\n", s.name, with_unit(s, before),
			c.bold(with_unit(s, after)));
	if (std::string(s.file) == "frequency_hz" && !c.json &&
	    c.tree.setting("mode") != "periodic")
		c.print("this is for mode periodic: calloutctl set mode periodic\n");
	return Exit::ok;
}

} // namespace

Error refusal(const Tree &tree, const std::string &setting, const std::string &value, int number,
	      const std::vector<std::string> &logged)
{
	const auto &s = find(setting);
	return {Exit::refused,
		fmt::format("callout refused {} {}: {}", s.name, value,
			    reason(tree, s, value, number, logged)),
		hint(tree, s, number, !logged.empty())};
}

Action setup_set(CLI::App &app)
{
	const auto o = std::make_shared<Options>();
	app.add_option("SETTING", o->name,
		       "clock, mode, frequency, precision, weak-window or handler-warn; none: all");
	app.add_option("VALUE", o->value, "what to set it to; none: show it, and what it takes");
	return [o](const Context &c) {
		if (!o->name.empty())
			(void)find(o->name);
		c.tree.require_loaded();
		if (o->name.empty()) {
			show_all(c);
			return Exit::ok;
		}
		const auto &setting = find(o->name);
		if (o->value)
			return change(c, setting, *o->value);
		show(c, setting);
		return Exit::ok;
	};
}

} // namespace ctl
