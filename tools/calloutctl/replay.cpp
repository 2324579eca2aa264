// SPDX-License-Identifier: GPL-2.0
// calloutctl replay
//
// cost: the operations back to back, with deadlines an hour away so that nothing expires: what each
// kind costs with the timers that were pending when it was recorded. What had expired then is taken
// off untimed. live: each operation at its time, and the timers expire. bench/replay.c does the
// same inside the kernel.
#include "commands.hpp"
#include "facility.hpp"
#include "parse.hpp"
#include "record/trace_file.hpp"
#include "signals.hpp"
#include <algorithm>
#include <array>
#include <memory>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace ctl {
namespace {

struct Options {
	std::string file, on = "both", what = "both", limit;
	double speed = 1;
};

enum Kind { arm, later, earlier, cancel, cancel_idle, expired, kinds };
constexpr std::array<const char *, kinds> kind_names{"arm",    "re-arm later", "re-arm earlier",
						     "cancel", "cancel, idle", "expired"};

struct Step {
	std::uint64_t time_ns, deadline_ns, window_ns;
	std::uint32_t timer;
	Kind kind;
};

struct Plan {
	std::vector<Step> steps{};
	std::uint32_t timers = 0;
	std::uint64_t end_ns = 0, expected = 0; // expiries, were each on time
	std::array<std::uint64_t, kinds> count{};
};

// An expiry that was not recorded is made up where the timer is seen next.
Plan plan(const record::TraceFile &trace, std::uint64_t limit_ns, double speed)
{
	const auto scale = [&](std::uint64_t ns) {
		return speed == 1 ? ns
				  : static_cast<std::uint64_t>(static_cast<double>(ns) / speed);
	};
	Plan p{.timers = trace.timers, .end_ns = std::min(limit_ns, trace.duration_ns)};
	std::vector<std::uint64_t> due(trace.timers);
	const auto add = [&](Step step, Kind kind) {
		step.kind = kind;
		p.count[kind]++;
		p.steps.push_back(step);
	};
	for (const auto &r : trace.records) {
		if (r.time_ns >= p.end_ns)
			break;
		const Step step{scale(r.time_ns), scale(r.deadline_ns),
				scale(r.window_us * 1000ULL), r.timer, arm};
		auto &pending = due[r.timer];
		if (pending && (r.op == CO_TRACE_EXPIRED || pending <= r.time_ns)) {
			add(step, expired);
			p.expected++;
			pending = 0;
		}
		if (r.op == CO_TRACE_ARM) {
			add(step, !pending ? arm : r.deadline_ns >= pending ? later : earlier);
			pending = std::max<std::uint64_t>(r.deadline_ns, 1);
		} else if (r.op == CO_TRACE_CANCEL) {
			add(step, pending ? cancel : cancel_idle);
			pending = 0;
		}
	}
	for (const auto at : due)
		p.expected += at && at < p.end_ns;
	p.end_ns = scale(p.end_ns);
	return p;
}

// ---- what is measured -------------------------------------------------------------------------

struct Cost {
	std::array<double, kinds> ns{}; // in all
	std::uint64_t calls = 0, stores = 0;
};

struct Live {
	std::uint64_t expiries = 0, early = 0, calls = 0, stores = 0;
	double operations_ns = 0, cpu_ns = 0, behind_ns = 0;
	std::vector<double> late, late_in_kernel;
	std::uint64_t polled_ns = 0; // when the descriptor was polled last
};

struct Result {
	std::string facility;
	std::optional<Cost> cost;
	std::optional<Live> live;
};

void stop_if_interrupted()
{
	if (Interrupt::requested())
		throw Error(Exit::interrupted, "interrupted");
}

template <class Timers>
void do_step(Timers &timers, const Step &s, std::uint64_t from_ns)
{
	const auto at = from_ns + s.deadline_ns;
	if (s.kind == later)
		timers.later(s.timer, at, s.window_ns);
	else if (s.kind == arm || s.kind == earlier)
		timers.arm(s.timer, at, s.window_ns);
	else
		timers.cancel(s.timer);
}

// What reading the clock costs, which is in each measurement.
double clock_cost()
{
	std::vector<double> all;
	for (int i = 0; i < 1001; i++) {
		const auto begin = now_ns();
		all.push_back(static_cast<double>(now_ns() - begin));
	}
	return quantiles(all).median;
}

template <class Timers>
Cost replay_cost(Timers &timers, const Plan &p)
{
	Cost cost;
	const auto overhead = clock_cost();
	const auto from = now_ns() + 3'600'000'000'000;
	const auto calls = timers.calls(), stores = timers.stores();
	std::uint64_t untimed = 0;
	for (std::size_t i = 0; i < p.steps.size(); i++) {
		const auto begin = now_ns();
		do_step(timers, p.steps[i], from);
		cost.ns[p.steps[i].kind] +=
			std::max(0.0, static_cast<double>(now_ns() - begin) - overhead);
		untimed += p.steps[i].kind == expired;
		if (i % 1024 == 0)
			stop_if_interrupted();
	}
	cost.calls = timers.calls() - calls - untimed;
	cost.stores = timers.stores() - stores;
	for (std::uint32_t id = 0; id < timers.size(); id++)
		timers.cancel(id);
	return cost;
}

double cpu_time_ns()
{
	rusage use{};
	::getrusage(RUSAGE_SELF, &use);
	const auto ns = [](const timeval &t) {
		return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_usec) * 1e3;
	};
	return ns(use.ru_utime) + ns(use.ru_stime);
}

template <class Timers>
void collect(Timers &timers, Live &live)
{
	timers.expired([&](const Expiry &e) {
		const auto now = now_ns();
		const auto since = [&](std::uint64_t at) {
			return static_cast<double>(static_cast<std::int64_t>(at - e.deadline_ns));
		};
		live.expiries++;
		live.early +=
			now < e.deadline_ns || (e.fired_at_ns && e.fired_at_ns < e.deadline_ns);
		live.late.push_back(since(now));
		if (e.fired_at_ns)
			live.late_in_kernel.push_back(since(e.fired_at_ns));
	});
}

template <class Timers>
void poll(Timers &timers, std::uint64_t most_ns, Live &live)
{
	Interrupt::wait(std::chrono::nanoseconds(most_ns), timers.fd());
	live.polled_ns = now_ns();
}

// Sleeps through what is longer than it takes to wake up. Polls meanwhile: a timer of /dev/callout
// that expires beyond the user's budget waits for that, or for a thread at nice 19.
template <class Timers>
void wait_until(Timers &timers, std::uint64_t at_ns, Live &live)
{
	constexpr std::uint64_t worth_sleeping_ns = 200'000, awake_ns = 100'000,
				poll_every_ns = 1'000'000;
	for (;;) {
		collect(timers, live);
		const auto now = now_ns();
		const auto left = at_ns > now ? at_ns - now : 0;
		if (left > worth_sleeping_ns)
			poll(timers, left - awake_ns, live);
		else if (now - live.polled_ns >= poll_every_ns)
			poll(timers, 0, live);
		else if (!left)
			return;
		stop_if_interrupted();
	}
}

template <class Timers>
Live replay_live(Timers &timers, const Plan &p)
{
	Live live;
	::prctl(PR_SET_TIMERSLACK, 1);
	const auto calls = timers.calls(), stores = timers.stores();
	const auto cpu = cpu_time_ns();
	const auto from = now_ns() + 1'000'000;
	for (const auto &s : p.steps) {
		if (s.kind == expired)
			continue;
		wait_until(timers, from + s.time_ns, live);
		const auto begin = now_ns();
		do_step(timers, s, from);
		live.operations_ns += static_cast<double>(now_ns() - begin);
		live.behind_ns =
			std::max(live.behind_ns, static_cast<double>(begin - from - s.time_ns));
	}
	wait_until(timers, from + p.end_ns, live);
	poll(timers, 0, live);
	collect(timers, live);
	live.cpu_ns = cpu_time_ns() - cpu;
	live.calls = timers.calls() - calls;
	live.stores = timers.stores() - stores;
	for (std::uint32_t id = 0; id < timers.size(); id++)
		timers.cancel(id);
	collect(timers, live);
	return live;
}

template <class Timers>
Result replay_on(Timers &&timers, const Plan &p, const Options &o)
{
	Result r{Timers::name, {}, {}};
	if (o.what != "live")
		r.cost = replay_cost(timers, p);
	if (o.what != "cost")
		r.live = replay_live(timers, p);
	return r;
}

// ---- telling ----------------------------------------------------------------------------------

double sum(const Cost &cost)
{
	double all = 0;
	for (int kind = 0; kind < expired; kind++)
		all += cost.ns[static_cast<std::size_t>(kind)];
	return all;
}

Json to_json(const Plan &p, const std::vector<Result> &results)
{
	Json counts = Json::object(), by_facility = Json::object();
	for (std::size_t kind = 0; kind < kinds; kind++)
		counts[kind_names[kind]] = p.count[kind];
	for (const auto &r : results) {
		auto &json = by_facility[r.facility] = Json::object();
		if (r.cost) {
			Json ns = Json::object();
			for (std::size_t kind = 0; kind < expired; kind++)
				if (p.count[kind])
					ns[kind_names[kind]] = r.cost->ns[kind] /
							       static_cast<double>(p.count[kind]);
			json["cost"] = {{"operation_ns", ns},
					{"total_ns", sum(*r.cost)},
					{"calls", r.cost->calls},
					{"stores", r.cost->stores}};
		}
		if (r.live)
			json["live"] = {
				{"expired", r.live->expiries},
				{"early", r.live->early},
				{"calls", r.live->calls},
				{"stores", r.live->stores},
				{"operations_ns", r.live->operations_ns},
				{"cpu_ns", r.live->cpu_ns},
				{"behind_max_ns", r.live->behind_ns},
				{"late", ctl::to_json(quantiles(r.live->late))},
				{"late_in_kernel",
				 r.live->late_in_kernel.empty()
					 ? Json()
					 : ctl::to_json(quantiles(r.live->late_in_kernel))}};
	}
	return {{"timers", p.timers},
		{"duration_ns", p.end_ns},
		{"expected", p.expected},
		{"operations", counts},
		{"facilities", by_facility}};
}

class Columns {
public:
	Columns(const char *heading, const std::vector<Result> &results, bool counts)
		: results_(results)
	{
		columns_.push_back({heading, Align::left});
		if (counts)
			columns_.push_back({"COUNT"});
		for (const auto &r : results)
			columns_.push_back({r.facility == "callout" ? "/DEV/CALLOUT" : "TIMERFD"});
		table_.emplace(columns_);
	}
	template <class F>
	void row(const std::string &name, F &&cell, const std::string *count = nullptr)
	{
		std::vector<std::string> cells{name};
		if (count)
			cells.push_back(*count);
		for (const auto &r : results_)
			cells.push_back(cell(r));
		table_->add(cells);
	}
	void print(const Context &c) const { table_->print(c); }

private:
	const std::vector<Result> &results_;
	std::vector<Table::Column> columns_;
	std::optional<Table> table_;
};

void print_cost(const Context &c, const Plan &p, const std::vector<Result> &results)
{
	Columns table("BACK TO BACK", results, true);
	std::uint64_t all = 0;
	for (std::size_t kind = 0; kind < expired; kind++) {
		if (!p.count[kind])
			continue;
		const auto count = format_count(p.count[kind]);
		all += p.count[kind];
		table.row(
			kind_names[kind],
			[&](const Result &r) {
				return format_ns(r.cost->ns[kind] /
						 static_cast<double>(p.count[kind]));
			},
			&count);
	}
	const auto count = format_count(all), none = std::string();
	table.row(
		"all together", [](const Result &r) { return format_ns(sum(*r.cost)); }, &count);
	table.row(
		"system calls", [](const Result &r) { return format_count(r.cost->calls); }, &none);
	table.row(
		"stores", [](const Result &r) { return format_count(r.cost->stores); }, &none);
	table.print(c);
}

void print_live(const Context &c, const Plan &p, const std::vector<Result> &results)
{
	Columns table("LIVE", results, false);
	const auto late = [&](const char *name, double Quantiles::*q) {
		table.row(name,
			  [q](const Result &r) { return format_ns(quantiles(r.live->late).*q); });
	};
	table.row(fmt::format("expired, of {}", format_count(p.expected)),
		  [](const Result &r) { return format_count(r.live->expiries); });
	table.row("early", [](const Result &r) { return format_count(r.live->early); });
	late("late, least", &Quantiles::min);
	late("late, median", &Quantiles::median);
	late("late, 99 %", &Quantiles::p99);
	late("late, most", &Quantiles::max);
	table.row("late in the kernel, median", [](const Result &r) {
		return r.live->late_in_kernel.empty()
			       ? std::string("-")
			       : format_ns(quantiles(r.live->late_in_kernel).median);
	});
	table.row("system calls", [](const Result &r) { return format_count(r.live->calls); });
	table.row("stores", [](const Result &r) { return format_count(r.live->stores); });
	table.row("time in operations",
		  [](const Result &r) { return format_ns(r.live->operations_ns); });
	table.row("CPU time of the program",
		  [](const Result &r) { return format_ns(r.live->cpu_ns); });
	table.row("behind the trace, most",
		  [](const Result &r) { return format_ns(r.live->behind_ns); });
	table.print(c);
}

Exit replay(const Context &c, const Options &o)
{
	record::TraceFile trace;
	try {
		trace = record::read_trace(o.file);
	} catch (const std::exception &error) {
		throw Error(Exit::failed, error.what(), "calloutctl record makes traces");
	}
	if (!trace.timers)
		throw Error(Exit::failed,
			    fmt::format("{}: there is no timer in this trace", o.file));
	const auto limit = o.limit.empty()
				   ? UINT64_MAX
				   : static_cast<std::uint64_t>(parse_duration(o.limit).count());
	const auto p = plan(trace, limit, o.speed);
	const Interrupt interrupt;
	std::vector<Result> results;
	if (o.on != "timerfd")
		results.push_back(replay_on(CalloutTimers(c.tree, p.timers), p, o));
	if (o.on != "callout")
		results.push_back(replay_on(TimerfdTimers(p.timers), p, o));

	if (c.json) {
		c.document(to_json(p, results));
	} else {
		c.print("{}: {} operations on {} timers in {}{}\n\n", o.file,
			format_count(p.steps.size() - p.count[expired]), format_count(p.timers),
			format_ns(static_cast<double>(p.end_ns)),
			o.speed == 1 ? "" : fmt::format(", at {} times the speed", o.speed));
		if (o.what != "live")
			print_cost(c, p, results);
		if (o.what == "both")
			c.print("\n");
		if (o.what != "cost")
			print_live(c, p, results);
	}
	for (const auto &r : results)
		if (r.live && r.live->early)
			throw Error(Exit::failed, fmt::format("{} timers of {} have expired early",
							      r.live->early, r.facility));
	return Exit::ok;
}

} // namespace

Action setup_replay(CLI::App &app)
{
	const auto o = std::make_shared<Options>();
	app.add_option("FILE", o->file, "a trace, of calloutctl record or bench/record/record")
		->required();
	app.add_option("--on", o->on, "callout, timerfd or both")
		->capture_default_str()
		->check(CLI::IsMember({"callout", "timerfd", "both"}));
	app.add_option("--what", o->what,
		       "cost: operations back to back; live: each at its time, and the timers "
		       "expire; or both")
		->capture_default_str()
		->check(CLI::IsMember({"cost", "live", "both"}));
	app.add_option("--speed", o->speed, "so many times as fast as it was recorded")
		->capture_default_str()
		->check(CLI::Range(0.001, 1000.0));
	app.add_option("--limit", o->limit, "only so much of the trace: 100ms")->type_name("TIME");
	return [o](const Context &c) { return replay(c, *o); };
}

} // namespace ctl
