// SPDX-License-Identifier: GPL-2.0
// calloutctl top
//
// The kernel counts by itself, in a histogram with the handler as its key. How long handlers run is
// in a second one: each entry leaves its time for the exit with the same callout, which makes an
// event of our own of the two.
#include "commands.hpp"
#include "parse.hpp"
#include "signals.hpp"
#include "tracing.hpp"
#include <algorithm>
#include <memory>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace ctl {
namespace {

struct Options {
	std::string interval = "1s", sort = "rate";
	std::size_t limit = 0;
	std::uint64_t count = 0;
	bool once = false;
};

// The histograms; gone when it goes.
class Histograms {
public:
	explicit Histograms(const Tree &tree) : pin_(tree.pin_module()), instance_(tree, "top")
	{
		if (!instance_.has(fmt::format("events/{}", entry)))
			throw Error(
				Exit::unsupported, "the kernel has no tracepoints of callout",
				"it lacks CONFIG_TRACEPOINTS, or callout was built without them");
		if (!instance_.has(fmt::format("events/{}/hist", entry)))
			throw Error(Exit::unsupported, "the kernel has no histogram triggers",
				    "it lacks CONFIG_HIST_TRIGGERS; calloutctl stats --watch shows "
				    "rates without "
				    "them");
		instance_.add_trigger(entry, "hist:keys=func.sym:size=2048");
		try {
			add_durations();
		} catch (const std::exception &error) {
			no_durations_ = error.what();
		}
	}
	// The event goes when nothing uses it any more.
	~Histograms() { instance_.remove_triggers(); }

	[[nodiscard]] Hist counts() const
	{
		// The first of the histograms in the file is the first trigger's.
		const auto text = instance_.read(fmt::format("events/{}/hist", entry));
		return parse_hist(text.substr(0, text.find("# event histogram", 1)));
	}
	[[nodiscard]] std::optional<Hist> durations() const
	{
		if (!event_)
			return {};
		return parse_hist(instance_.read(fmt::format("events/synthetic/{}/hist", name_)),
				  "ns");
	}
	[[nodiscard]] const std::string &no_durations() const { return no_durations_; }

private:
	static constexpr const char *entry = "callout/callout_expire_entry";

	void add_durations()
	{
		const auto file = instance_.top() / "synthetic_events";
		const auto definition = fmt::format("{} u64 func; u64 ns", name_);
		if (!std::filesystem::exists(file))
			throw Error(Exit::unsupported, "the kernel lacks CONFIG_SYNTH_EVENTS");
		event_.emplace(file, definition, "!" + definition);
		try {
			instance_.add_trigger(fmt::format("synthetic/{}", name_),
					      "hist:keys=func.sym:vals=ns:size=2048");
			instance_.add_trigger(entry,
					      "hist:keys=c:fn=func,t0=common_timestamp:size=32768");
			instance_.add_trigger(
				"callout/callout_expire_exit",
				fmt::format("hist:keys=c:ran=common_timestamp-$t0,f=$fn:"
					    "onmatch(callout.callout_expire_entry).trace({},$f,$"
					    "ran):size=32768",
					    name_));
		} catch (...) {
			instance_.remove_triggers();
			event_.reset();
			instance_.add_trigger(entry, "hist:keys=func.sym:size=2048");
			throw;
		}
	}

	std::string name_ = fmt::format("calloutctl_{}", ::getpid());
	callout::device pin_;
	// Destroyed in reverse: the instance, whose triggers are gone by then, before the event.
	std::optional<DynamicEvent> event_;
	TraceInstance instance_;
	std::string no_durations_;
};

// ---- samples ----------------------------------------------------------------------------------

struct Function {
	std::uint64_t expired = 0, timed = 0, ns = 0;
};

struct Sample {
	std::chrono::nanoseconds time{};
	std::map<std::string, Function> functions;
	Counters counters;
	std::uint64_t dropped = 0;
};

Sample take(const Tree &tree, const Histograms &histograms)
{
	Sample s;
	const auto counts = histograms.counts();
	const auto durations = histograms.durations();
	s.time = clock_now(CLOCK_MONOTONIC);
	s.counters = tree.counters();
	s.dropped = counts.dropped;
	for (const auto &line : counts.lines)
		s.functions[line.symbol].expired += line.hits;
	if (durations)
		for (const auto &line : durations->lines) {
			s.functions[line.symbol].timed += line.hits;
			s.functions[line.symbol].ns += line.sum;
		}
	return s;
}

struct Row {
	std::string symbol;
	double rate = 0;
	std::optional<double> mean_ns{};
	double cpu = 0; // part of one CPU's time, of those that were timed
	std::uint64_t total = 0;
};

std::vector<Row> rows(const Sample &before, const Sample &now, const std::string &sort)
{
	const auto ns = static_cast<double>((now.time - before.time).count());
	std::vector<Row> all;
	for (const auto &[symbol, f] : now.functions) {
		const auto found = before.functions.find(symbol);
		const auto was = found == before.functions.end() ? Function{} : found->second;
		Row row{.symbol = symbol,
			.rate = static_cast<double>(f.expired - was.expired) / ns * 1e9};
		row.total = f.expired;
		if (f.timed > was.timed)
			row.mean_ns = static_cast<double>(f.ns - was.ns) /
				      static_cast<double>(f.timed - was.timed);
		row.cpu = static_cast<double>(f.ns - was.ns) / ns;
		all.push_back(row);
	}
	std::ranges::stable_sort(all, std::greater{},
				 [&](const Row &r) { return sort == "time" ? r.cpu : r.rate; });
	return all;
}

double counter_rate(const Sample &before, const Sample &now, const char *name)
{
	const auto value = [&](const Sample &s) {
		const auto found = s.counters.find(name);
		return found == s.counters.end() ? 0.0 : static_cast<double>(found->second);
	};
	return (value(now) - value(before)) /
	       static_cast<double>((now.time - before.time).count()) * 1e9;
}

// ---- showing ----------------------------------------------------------------------------------

Json to_json(const Tree &tree, const Sample &before, const Sample &now, const std::vector<Row> &all)
{
	Json functions = Json::array();
	for (const auto &row : all)
		functions.push_back({{"function", row.symbol},
				     {"expired", row.total},
				     {"expired_per_second", row.rate},
				     {"mean_ns", row.mean_ns ? Json(*row.mean_ns) : Json()},
				     {"cpu", row.cpu}});
	const auto pending = now.counters.find("pending");
	return {{"time_ns", now.time.count()},
		{"clock", tree.setting("clock")},
		{"mode", tree.setting("mode")},
		{"pending", pending == now.counters.end() ? 0 : pending->second},
		{"armed_per_second", counter_rate(before, now, "armed")},
		{"stopped_per_second", counter_rate(before, now, "stopped")},
		{"interrupts_per_second", counter_rate(before, now, "interrupts")},
		{"dropped", now.dropped},
		{"functions", functions}};
}

void print(const Context &c, const Sample &before, const Sample &now, const std::vector<Row> &all,
	   const std::string &no_durations)
{
	const auto pending = now.counters.find("pending");
	c.print("callouts: {} pending; a second: {} armed, {} stopped, {} interrupts\n",
		format_count(pending == now.counters.end() ? 0 : pending->second),
		format_rate(counter_rate(before, now, "armed")),
		format_rate(counter_rate(before, now, "stopped")),
		format_rate(counter_rate(before, now, "interrupts")));
	c.print("clock {}, mode {}\n", c.tree.setting("clock"), c.tree.setting("mode"));
	if (!no_durations.empty())
		c.print("no times: {}\n", no_durations);
	if (now.dropped)
		c.print("{} expiries are not counted: there are too many functions\n",
			format_count(now.dropped));
	c.print("\n");
	if (all.empty()) {
		c.print("no callout has expired yet\n");
		return;
	}
	Table table({{"EXPIRED/S"}, {"MEAN"}, {"CPU"}, {"EXPIRED"}, {"FUNCTION", Align::left}});
	for (const auto &row : all)
		table.add({format_rate(row.rate), row.mean_ns ? format_ns(*row.mean_ns) : "-",
			   fmt::format("{:.1f} %", row.cpu * 100), format_count(row.total),
			   row.symbol});
	table.print(c, c.terminal ? terminal_size(STDOUT_FILENO).columns : 0);
}

// The other screen, without a cursor, and keys as they are typed; all as before when it goes.
class Screen {
public:
	Screen()
	{
		keys_ = ::isatty(STDIN_FILENO) && ::tcgetattr(STDIN_FILENO, &before_) == 0;
		if (keys_) {
			termios raw = before_;
			raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
			::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
		}
		say("\033[?1049h\033[?25l");
	}
	Screen(const Screen &) = delete;
	Screen &operator=(const Screen &) = delete;
	~Screen()
	{
		say("\033[?25h\033[?1049l");
		if (keys_)
			::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
	}
	[[nodiscard]] int fd() const { return keys_ ? STDIN_FILENO : -1; }
	[[nodiscard]] static bool quit()
	{
		char key = 0;
		return ::read(STDIN_FILENO, &key, 1) != 1 || key == 'q';
	}

private:
	static void say(std::string_view text)
	{
		[[maybe_unused]] const auto n = ::write(STDOUT_FILENO, text.data(), text.size());
	}

	termios before_{};
	bool keys_ = false;
};

// False: the user wants to quit.
bool pause(std::chrono::nanoseconds period, const std::optional<Screen> &screen)
{
	const auto until = clock_now(CLOCK_MONOTONIC) + period;
	for (;;) {
		const auto left = until - clock_now(CLOCK_MONOTONIC);
		if (left.count() <= 0)
			return true;
		if (Interrupt::wait(left, screen ? screen->fd() : -1) && Screen::quit())
			return false;
		if (Interrupt::requested())
			return false;
	}
}

Exit top(const Context &c, const Options &o)
{
	const auto period = parse_duration(o.interval);
	if (period < std::chrono::milliseconds(10))
		throw Error(Exit::usage, fmt::format("--interval {}: too short", o.interval),
			    "10ms at least");
	c.tree.require_loaded();
	const Interrupt interrupt;
	const Histograms histograms(c.tree);
	std::optional<Screen> screen;
	if (c.terminal && !c.json && !o.once)
		screen.emplace();
	auto before = take(c.tree, histograms);
	const auto times = o.once ? 1 : o.count;
	for (std::uint64_t n = 0; (!times || n < times) && pause(period, screen); n++) {
		auto now = take(c.tree, histograms);
		auto all = rows(before, now, o.sort);
		const auto fits =
			screen ? std::max<std::size_t>(terminal_size(STDOUT_FILENO).rows, 7) - 6
			       : SIZE_MAX;
		const auto limit = std::min(o.limit ? o.limit : SIZE_MAX, fits);
		if (all.size() > limit)
			all.resize(limit);
		if (c.json) {
			c.line(to_json(c.tree, before, now, all));
		} else {
			if (screen)
				c.print("\033[H\033[J");
			else if (n)
				c.print("\n");
			print(c, before, now, all, histograms.no_durations());
			c.out.flush();
		}
		before = std::move(now);
	}
	return Exit::ok;
}

} // namespace

Action setup_top(CLI::App &app)
{
	const auto o = std::make_shared<Options>();
	app.add_option("--interval", o->interval, "how often")
		->type_name("TIME")
		->capture_default_str();
	app.add_option("--sort", o->sort, "by rate, or by the time that they take")
		->capture_default_str()
		->check(CLI::IsMember({"rate", "time"}));
	app.add_option("--limit", o->limit, "no more than so many functions")
		->check(at_least_one());
	auto *const count = app.add_option("--count", o->count, "so many times, then end")
				    ->check(at_least_one());
	app.add_flag("--once", o->once, "one interval, printed as it is")->excludes(count);
	return [o](const Context &c) { return top(c, *o); };
}

} // namespace ctl
