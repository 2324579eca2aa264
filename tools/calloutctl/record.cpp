// SPDX-License-Identifier: GPL-2.0
// calloutctl record: events of the kernel, by bench/record's reckoning, to a trace in
// bench/trace_format.h.
#include "commands.hpp"
#include "kernel_events.hpp"
#include "parse.hpp"
#include "record/reduce.hpp"
#include "record/trace_file.hpp"
#include "signals.hpp"
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <memory>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ctl {
namespace {

struct Options {
	std::string out, of = "kernel", time;
	std::vector<std::string> command;
	std::uint64_t buffer_kb = 16384;
	std::size_t records = SIZE_MAX;
};

// A program that runs while is recorded; ended if it has not by then.
class Child {
public:
	explicit Child(const std::vector<std::string> &command)
	{
		std::vector<char *> words;
		for (const auto &word : command)
			words.push_back(const_cast<char *>(word.c_str()));
		words.push_back(nullptr);
		const int error =
			::posix_spawnp(&pid_, words[0], nullptr, nullptr, words.data(), environ);
		if (error)
			throw Error(Exit::failed,
				    fmt::format("cannot run {}: {}", command[0],
						std::system_category().message(error)));
		pidfd_ = callout::detail::unique_fd(
			static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
	}
	Child(const Child &) = delete;
	Child &operator=(const Child &) = delete;
	~Child()
	{
		if (pid_ > 0) {
			::kill(pid_, SIGTERM);
			::waitpid(pid_, nullptr, 0);
		}
	}
	[[nodiscard]] int fd() const { return pidfd_.get(); }
	// Once fd() can be read: its exit status as a shell has it.
	int status()
	{
		int status = 0;
		::waitpid(std::exchange(pid_, -1), &status, 0);
		return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}

private:
	pid_t pid_ = -1;
	callout::detail::unique_fd pidfd_;
};

struct Recorded {
	record::Window window{};
	std::vector<record::Event> events;
	std::string note;
	std::optional<int> command_status;
};

// Until the command ends, the time is over, or somebody interrupts.
Recorded capture(const Context &c, const Options &o)
{
	const auto now = [] {
		return static_cast<std::uint64_t>(clock_now(CLOCK_MONOTONIC).count());
	};
	const auto most = !o.time.empty()     ? parse_duration(o.time)
			  : o.command.empty() ? std::chrono::seconds(3)
					      : std::chrono::nanoseconds(-1);
	Recorded r;
	const Interrupt interrupt;
	Recording recording(c.tree, o.of == "callouts" ? Of::callouts : Of::kernel, o.buffer_kb);
	recording.start();
	r.window.begin_ns = now();
	if (o.command.empty()) {
		Interrupt::wait(most);
	} else {
		Child child(o.command);
		if (Interrupt::wait(most, child.fd()))
			r.command_status = child.status();
	}
	r.window.end_ns = now();
	recording.stop();
	r.note = recording.note();
	r.events = recording.events();
	return r;
}

struct Handler {
	std::string kind, function;
	record::Tally tally;
};

std::vector<Handler> handlers(const record::Reduced &reduced, const std::string &precise)
{
	std::vector<Handler> all;
	for (const auto &[kind, tallies] : {std::pair{std::string("wheel"), &reduced.timer_lists},
					    std::pair{precise, &reduced.hrtimers}})
		for (const auto &[name, tally] : *tallies)
			all.push_back({kind, name.empty() ? "?" : name, tally});
	std::ranges::stable_sort(all, std::greater{},
				 [](const Handler &h) { return h.tally.arms; });
	return all;
}

void print(const Context &c, const Options &o, const Recorded &r, const record::Reduced &reduced,
	   const std::vector<Handler> &all)
{
	constexpr std::size_t shown = 20;
	const auto seconds = static_cast<double>(r.window.end_ns - r.window.begin_ns) / 1e9;
	Table table({{"KIND", Align::left},
		     {"TIMERS"},
		     {"ARMS"},
		     {"PENDING"},
		     {"LATER"},
		     {"CANCELS"},
		     {"EXPIRED"},
		     {"FUNCTION", Align::left}});
	for (const auto &h : std::span(all).first(std::min(all.size(), shown)))
		table.add({h.kind, format_count(h.tally.timers), format_count(h.tally.arms),
			   format_count(h.tally.pending), format_count(h.tally.later),
			   format_count(h.tally.cancels), format_count(h.tally.expired),
			   h.function});
	table.print(c);
	if (all.size() > shown)
		c.print("and {} functions more\n", all.size() - shown);
	c.print("\nPENDING: arms of a timer that was pending; LATER: of these, to a later "
		"time.\n\n");
	c.print("{}: {} operations on {} timers in {:.2f} s\n", o.out,
		format_count(reduced.records.size()), format_count(reduced.timers), seconds);
	if (reduced.early)
		c.print("left out: {} cancels and expiries of timers armed before\n",
			format_count(reduced.early));
	if (reduced.other_clock)
		c.print("left out: {} arms on CLOCK_REALTIME or CLOCK_TAI\n",
			format_count(reduced.other_clock));
	if (reduced.contradictions)
		c.print("{} {} operations contradict what was seen before\n", c.warn("warning:"),
			format_count(reduced.contradictions));
	if (!r.note.empty())
		c.print("{} {}\n", c.warn("warning:"), r.note);
	if (r.command_status && *r.command_status)
		c.print("{} {} ended with status {}\n", c.warn("warning:"), o.command[0],
			*r.command_status);
	c.print("replay it: calloutctl replay {}\n", o.out);
}

Json to_json(const Options &o, const Recorded &r, const record::Reduced &reduced,
	     const std::vector<Handler> &all)
{
	Json functions = Json::array();
	for (const auto &h : all)
		functions.push_back({{"kind", h.kind},
				     {"function", h.function},
				     {"timers", h.tally.timers},
				     {"arms", h.tally.arms},
				     {"pending", h.tally.pending},
				     {"later", h.tally.later},
				     {"same", h.tally.same},
				     {"earlier", h.tally.earlier},
				     {"cancels", h.tally.cancels},
				     {"expired", h.tally.expired}});
	return {{"file", o.out},
		{"of", o.of},
		{"duration_ns", r.window.end_ns - r.window.begin_ns},
		{"operations", reduced.records.size()},
		{"timers", reduced.timers},
		{"armed_before", reduced.early},
		{"other_clock", reduced.other_clock},
		{"contradictions", reduced.contradictions},
		{"note", r.note},
		{"command_status", r.command_status ? Json(*r.command_status) : Json()},
		{"functions", functions}};
}

Exit record_trace(const Context &c, const Options &o)
try {
	if (o.of == "callouts")
		c.tree.require_loaded();
	const auto r = capture(c, o);
	const auto tick = o.of == "callouts" ? 1'000'000 : tick_ns(r.events);
	auto reduced = record::reduce(r.events, r.window, tick);
	if (reduced.records.empty())
		throw Error(Exit::failed,
			    fmt::format("nothing happened in {}",
					format_ns(static_cast<double>(r.window.end_ns -
								      r.window.begin_ns))),
			    o.of == "callouts"
				    ? "no callout was armed: record while some are, or --of kernel"
				    : "record for longer");
	record::cut(reduced, o.records);
	const auto all = handlers(reduced, o.of == "callouts" ? "callout" : "hrtimer");
	record::write_trace(o.out, {reduced.timers, reduced.window.end_ns - reduced.window.begin_ns,
				    reduced.records});
	if (c.json)
		c.document(to_json(o, r, reduced, all));
	else
		print(c, o, r, reduced, all);
	return Exit::ok;
} catch (const record::Error &error) {
	throw Error(Exit::failed, error.what());
}

} // namespace

Action setup_record(CLI::App &app)
{
	const auto o = std::make_shared<Options>();
	app.add_option("-o,--output", o->out, "the trace to write")->required();
	app.add_option("--of", o->of,
		       "kernel: wheel timers and hrtimers; callouts: those of callout")
		->capture_default_str()
		->check(CLI::IsMember({"kernel", "callouts"}));
	app.add_option("--for", o->time, "how long; else until COMMAND ends, or 3s")
		->type_name("TIME");
	app.add_option("--buffer", o->buffer_kb, "room for events, in KiB a CPU")
		->capture_default_str()
		->check(CLI::Range(64U, 1U << 22));
	app.add_option("--records", o->records, "write no more than so many operations, the first")
		->check(at_least_one());
	app.add_option("COMMAND", o->command, "a program to run meanwhile, after --");
	return [o](const Context &c) { return record_trace(c, *o); };
}

} // namespace ctl
