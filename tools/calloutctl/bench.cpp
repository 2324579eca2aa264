// SPDX-License-Identifier: GPL-2.0
// calloutctl bench: a quick look, in blocks that take turns, so that what changes on the machine
// meanwhile meets both. Each block runs callout, timerfd, timerfd, callout: halves of the same kind
// are the control.
#include "commands.hpp"
#include "facility.hpp"
#include "signals.hpp"
#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <sys/utsname.h>
#include <thread>

namespace ctl {
namespace {

struct Options {
	std::uint32_t timers = 1000, rounds = 11, expiries = 40, batch = 256;
};

constexpr std::uint64_t far_ns = 3'600'000'000'000;

// What was measured of one facility: per operation in ns, a value each half block; and lateness.
struct Measured {
	std::map<std::string, std::vector<double>> first, second; // by operation, by half
	std::vector<double> late;
	std::uint64_t early = 0;
};

template <class Timers>
class Half {
public:
	Half(Timers &timers, const Options &options, Measured &to, bool second)
		: t_(timers), o_(options), m_(to), second_(second)
	{
	}

	void run(std::mt19937_64 &random)
	{
		std::vector<std::uint64_t> at(t_.size()), later(t_.size());
		const auto start = now_ns() + far_ns;
		for (std::size_t i = 0; i < at.size(); i++) {
			at[i] = start + random() % far_ns;
			later[i] = at[i] + 1 + random() % far_ns;
		}
		time("arm", [&] { t_.arm_all(at, o_.batch); });
		time("re-arm later", [&] {
			for (std::uint32_t id = 0; id < t_.size(); id++)
				t_.later(id, later[id]);
		});
		time("cancel", [&] { t_.cancel_all(o_.batch); });
		time("arm, a call each", [&] {
			for (std::uint32_t id = 0; id < t_.size(); id++)
				t_.arm(id, at[id]);
		});
		time("cancel, a call each", [&] {
			for (std::uint32_t id = 0; id < t_.size(); id++)
				t_.cancel(id);
		});
		expiries(random);
	}

private:
	template <class F>
	void time(const char *operation, F &&f)
	{
		const auto begin = now_ns();
		f();
		const auto ns = static_cast<double>(now_ns() - begin) / t_.size();
		(second_ ? m_.second : m_.first)[operation].push_back(ns);
	}

	// One at a time, the process asleep.
	void expiries(std::mt19937_64 &random)
	{
		for (std::uint32_t i = 0; i < o_.expiries && !Interrupt::requested(); i++) {
			bool seen = false;
			t_.arm(0, now_ns() + 300'000 + random() % 2'700'000);
			while (!seen && !Interrupt::requested()) {
				Interrupt::wait(std::chrono::nanoseconds(-1), t_.fd());
				t_.expired([&](const Expiry &e) {
					const auto now = now_ns();
					seen = true;
					m_.early += now < e.deadline_ns;
					m_.late.push_back(static_cast<double>(
						static_cast<std::int64_t>(now - e.deadline_ns)));
				});
			}
		}
	}

	Timers &t_;
	const Options &o_;
	Measured &m_;
	bool second_;
};

std::vector<double> both(const Measured &m, const std::string &operation)
{
	auto all = m.first.at(operation);
	const auto &more = m.second.at(operation);
	all.insert(all.end(), more.begin(), more.end());
	return all;
}

struct Row {
	std::string operation;
	Quantiles callout, timerfd;
	double ratio = 0;
	double control = 0; // callout's second halves to its first ones
};

std::vector<Row> rows(const Measured &callout, const Measured &timerfd)
{
	std::vector<Row> all;
	for (const auto *operation :
	     {"arm", "arm, a call each", "re-arm later", "cancel", "cancel, a call each"}) {
		Row row{operation, quantiles(both(callout, operation)),
			quantiles(both(timerfd, operation))};
		row.ratio = row.callout.median / row.timerfd.median;
		row.control = quantiles(callout.second.at(operation)).median /
			      quantiles(callout.first.at(operation)).median;
		all.push_back(std::move(row));
	}
	return all;
}

Json to_json(const Context &c, const Options &o, const std::vector<Row> &rows,
	     const Measured &callout, const Measured &timerfd)
{
	utsname system{};
	::uname(&system);
	Json operations = Json::array();
	for (const auto &row : rows)
		operations.push_back({{"operation", row.operation},
				      {"callout", ctl::to_json(row.callout)},
				      {"timerfd", ctl::to_json(row.timerfd)},
				      {"ratio", row.ratio},
				      {"control", row.control}});
	return {{"kernel", system.release},
		{"cpus", std::thread::hardware_concurrency()},
		{"clock", c.tree.setting("clock")},
		{"mode", c.tree.setting("mode")},
		{"queue", c.tree.setting("queue")},
		{"timers", o.timers},
		{"rounds", o.rounds},
		{"batch", o.batch},
		{"operations", operations},
		{"late",
		 {{"callout", ctl::to_json(quantiles(callout.late))},
		  {"timerfd", ctl::to_json(quantiles(timerfd.late))}}},
		{"early", {{"callout", callout.early}, {"timerfd", timerfd.early}}}};
}

void print(const Context &c, const Options &o, const std::vector<Row> &rows,
	   const Measured &callout, const Measured &timerfd)
{
	c.print("{} timers, {} rounds, clock {}, mode {}. A quick look at this machine as it is "
		"now:\n"
		"medians of an operation, and in brackets the least and the most of a round.\n\n",
		o.timers, o.rounds, c.tree.setting("clock"), c.tree.setting("mode"));
	const auto cell = [](const Quantiles &q) {
		return fmt::format("{} ({} - {})", format_ns(q.median), format_ns(q.min),
				   format_ns(q.max));
	};
	Table table({{"OPERATION", Align::left},
		     {"/DEV/CALLOUT"},
		     {"TIMERFD"},
		     {"RATIO"},
		     {"CONTROL"}});
	for (const auto &row : rows)
		table.add({row.operation, cell(row.callout), cell(row.timerfd),
			   fmt::format("{:.2f}", row.ratio), fmt::format("{:.2f}", row.control)});
	table.print(c);
	c.print("\nArm and cancel: {} timers a call, which timerfd has not. Re-arm later: a "
		"store.\n"
		"Control: callout by callout, 1.00 if the machine were quiet.\n\n",
		o.batch);
	Table late({{"EXPIRY", Align::left}, {"LEAST"}, {"MEDIAN"}, {"99 %"}, {"MOST"}, {"EARLY"}});
	for (const auto *m : {&callout, &timerfd}) {
		const auto q = quantiles(m->late);
		late.add({m == &callout ? "/dev/callout" : "timerfd", format_ns(q.min),
			  format_ns(q.median), format_ns(q.p99), format_ns(q.max),
			  std::to_string(m->early)});
	}
	late.print(c);
	c.print("\nFrom the deadline until the program, asleep before, has seen it.\n");
}

Exit bench(const Context &c, const Options &o)
{
	CalloutTimers callouts(c.tree, o.timers);
	TimerfdTimers timerfds(o.timers);
	Measured callout, timerfd;
	std::mt19937_64 random(1);
	const Interrupt interrupt;
	for (std::uint32_t round = 0; round < o.rounds && !Interrupt::requested(); round++) {
		if (c.terminal && !c.json) {
			c.print("\rround {} of {}", round + 1, o.rounds);
			c.out.flush();
		}
		Half(callouts, o, callout, false).run(random);
		Half(timerfds, o, timerfd, false).run(random);
		Half(timerfds, o, timerfd, true).run(random);
		Half(callouts, o, callout, true).run(random);
	}
	if (c.terminal && !c.json)
		c.print("\r\033[K");
	if (Interrupt::requested())
		throw Error(Exit::interrupted, "interrupted");
	const auto all = rows(callout, timerfd);
	if (c.json)
		c.document(to_json(c, o, all, callout, timerfd));
	else
		print(c, o, all, callout, timerfd);
	if (callout.early || timerfd.early)
		throw Error(Exit::failed, "timers have expired early");
	return Exit::ok;
}

} // namespace

Action setup_bench(CLI::App &app)
{
	const auto o = std::make_shared<Options>();
	app.add_option("--timers", o->timers, "how many")
		->capture_default_str()
		->check(CLI::Range(1U, 1U << 20));
	app.add_option("--rounds", o->rounds, "how often all is measured")
		->capture_default_str()
		->check(CLI::Range(1U, 10000U));
	app.add_option("--batch", o->batch, "timers armed by one call")
		->capture_default_str()
		->check(CLI::Range(1U, 1U << 20));
	app.add_option("--expiries", o->expiries, "in a round, each time")
		->capture_default_str()
		->check(CLI::Range(1U, 100000U));
	return [o](const Context &c) { return bench(c, *o); };
}

} // namespace ctl
