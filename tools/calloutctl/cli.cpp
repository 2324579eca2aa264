// SPDX-License-Identifier: GPL-2.0
// The command line, and how errors are told.
#include "commands.hpp"
#include "parse.hpp"
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#ifndef CALLOUTCTL_VERSION
#define CALLOUTCTL_VERSION "unknown"
#endif

namespace ctl {
namespace {

struct Command {
	const char *name, *purpose;
	Action (*setup)(CLI::App &);
};

constexpr Command commands[] = {
	{"status", "what is loaded, which clock drives it, and whether all is well", setup_status},
	{"list", "the callouts that are pending", setup_list},
	{"stats", "the counters; with --watch their rates", setup_stats},
	{"set", "look at a setting, or change it", setup_set},
	{"arm", "arm timers of /dev/callout, and show how they expire", setup_arm},
	{"bench", "a quick look at /dev/callout beside timerfd, on this machine", setup_bench},
	{"record", "record the timers of the kernel, or its callouts, as a trace", setup_record},
	{"replay", "replay a trace on /dev/callout and on timerfd", setup_replay},
	{"top", "the callouts that expire most, by function", setup_top},
};

bool colours(bool terminal)
{
	const char *const no = std::getenv("NO_COLOR"), *const term = std::getenv("TERM");
	return terminal && !(no && *no) && !(term && std::strcmp(term, "dumb") == 0);
}

int complain(std::ostream &err, bool json, Exit status, const std::string &what,
	     const std::string &hint)
{
	if (json) {
		err << Json{{"error",
			     {{"message", what},
			      {"hint", hint},
			      {"exit", static_cast<int>(status)}}}}
				.dump()
		    << '\n';
	} else {
		fmt::print(err, "calloutctl: {}\n", what);
		if (!hint.empty())
			fmt::print(err, "calloutctl: {}\n", hint);
	}
	return static_cast<int>(status);
}

std::string names(const std::vector<CLI::App *> &apps)
{
	std::string all;
	for (const auto *app : apps)
		all += (all.empty() ? "" : ", ") + app->get_name();
	return all;
}

// Where there is no command it may be because of a word that is none.
int complain_of_usage(std::ostream &err, bool json, CLI::App &app, const CLI::ParseError &error)
{
	const auto used = app.get_subcommands();
	const auto left = app.remaining();
	const auto word = std::ranges::find_if(left, [](auto &w) { return !w.starts_with('-'); });
	if (used.empty() && word != left.end())
		return complain(err, json, Exit::usage,
				fmt::format("there is no command '{}'", *word),
				"there are " + names(app.get_subcommands({})));
	return complain(err, json, Exit::usage, error.what(),
			fmt::format("calloutctl {}--help shows how",
				    used.empty() ? "" : used[0]->get_name() + " "));
}

} // namespace

CLI::Validator at_least_one()
{
	return {[](std::string &text) {
			const auto number = parse_number(text);
			return number && *number
				       ? std::string()
				       : fmt::format("'{}' is not a number from 1 on", text);
		},
		""};
}

int run(int argc, const char *const *argv, std::ostream &out, std::ostream &err, bool terminal)
{
	CLI::App app{"Looks at callout, sets it, and uses it. calloutctl(8) is the manual.",
		     "calloutctl"};
	std::string root;
	bool json = false;
	Action action;

	app.set_version_flag("--version", "calloutctl " CALLOUTCTL_VERSION);
	app.add_flag("--json", json, "JSON, with keys as in calloutctl(8)");
	app.add_option("--root", root, "where to look for /sys and /dev, for tests")
		->type_name("DIR");
	app.require_subcommand(1);
	app.fallthrough();
	for (const auto &command : commands) {
		CLI::App *const sub = app.add_subcommand(command.name, command.purpose);
		sub->final_callback([setup = command.setup(*sub), &action] { action = setup; });
	}

	try {
		app.parse(argc, argv);
		const Context context{Tree(root), out, json, terminal, colours(terminal) && !json};
		return static_cast<int>(action(context));
	} catch (const CLI::Success &help) {
		return app.exit(help, out, err);
	} catch (const CLI::ParseError &error) {
		return complain_of_usage(err, json, app, error);
	} catch (const Error &error) {
		out.flush();
		return complain(err, json, error.status(), error.what(), error.hint());
	} catch (const std::bad_alloc &) {
		return complain(err, json, Exit::failed, "not enough memory", {});
	} catch (const std::exception &error) {
		out.flush();
		return complain(err, json, Exit::failed, error.what(), {});
	}
}

} // namespace ctl
