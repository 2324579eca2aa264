// SPDX-License-Identifier: GPL-2.0
// calloutctl arm
#include "commands.hpp"
#include "parse.hpp"
#include "signals.hpp"
#include <array>
#include <ctime>
#include <memory>

namespace ctl {
namespace {
using std::chrono::nanoseconds;

struct Options {
	std::uint32_t timers = 1;
	std::string after, at, every, window, spread, clock = "monotonic", stop_after;
	std::uint64_t count = 0;
	bool quiet = false;
};

struct Plan {
	clockid_t clock = CLOCK_MONOTONIC;
	std::uint32_t timers = 1;
	bool relative = true;
	nanoseconds first{}, every{}, window{}, spread{};
	std::uint64_t expiries = 0; // of each timer; 0: no end
	nanoseconds stop_after{-1};
};

clockid_t clock_of(const std::string &name)
{
	return name == "monotonic"  ? CLOCK_MONOTONIC
	       : name == "boottime" ? CLOCK_BOOTTIME
				    : CLOCK_REALTIME;
}

nanoseconds optional_duration(const std::string &text)
{
	return text.empty() ? nanoseconds(0) : parse_duration(text);
}

Plan plan(const Options &o)
{
	Plan p{.clock = clock_of(o.clock), .timers = o.timers};
	p.every = optional_duration(o.every);
	p.window = optional_duration(o.window);
	p.spread = optional_duration(o.spread);
	if (!o.every.empty() && p.every == nanoseconds(0))
		throw Error(Exit::usage, "--every 0 is not a period", "--every 100ms");
	if (o.after.empty() && o.at.empty() && o.every.empty())
		throw Error(Exit::usage, "when are they to expire?",
			    "--after 100ms, --at 12:30, or --every 1s");
	p.relative = o.at.empty();
	p.first = !o.at.empty() ? parse_time(o.at, p.clock == CLOCK_REALTIME, clock_now(p.clock))
		  : !o.after.empty() ? parse_duration(o.after)
				     : p.every;
	p.expiries = o.count ? o.count : o.every.empty() ? 1 : 0;
	if (p.expiries > 1 && o.every.empty())
		throw Error(Exit::usage, "--count is for timers with --every",
			    "--every 100ms --count 10");
	if (!o.stop_after.empty())
		p.stop_after = parse_duration(o.stop_after);
	return p;
}

class Run {
public:
	Run(const Context &context, const Options &options, const Plan &p)
		: c_(context), quiet_(options.quiet), p_(p), device_(context.tree.open_device()),
		  left_(p.timers, p.expiries)
	{
	}

	Exit run()
	{
		std::error_code ec;
		device_.setup(p_.timers, 0, ec);
		if (ec)
			throw device_error(ec, fmt::format("cannot set up {} timers", p_.timers));
		const Interrupt interrupt;
		arm();
		heading();
		watch();
		summary();
		return early_ ? Exit::failed : Exit::ok;
	}

private:
	void arm()
	{
		std::vector<callout::abi::timer> timers(p_.timers);
		for (std::uint32_t i = 0; i < p_.timers; i++) {
			auto &t = timers[i];
			t.id = i;
			t.flags = p_.relative ? CALLOUT_ARM_RELATIVE : 0;
			t.clockid = p_.clock;
			t.deadline = static_cast<std::uint64_t>((p_.first + p_.spread * i).count());
			t.interval = static_cast<std::uint64_t>(p_.every.count());
			t.window = static_cast<std::uint64_t>(p_.window.count());
			t.user_data = i;
		}
		started_ = clock_now(p_.clock);
		std::error_code ec;
		(void)device_.arm(timers, ec);
		if (ec)
			throw device_error(ec, "cannot arm");
		for (const auto &t : timers)
			if (t.result < 0)
				throw device_error(
					callout::detail::error_of(callout::detail::call::element,
								  -t.result),
					fmt::format("cannot arm timer {}", t.id));
		open_ = p_.timers;
	}

	void heading() const
	{
		if (!c_.json && !quiet_)
			c_.print("{}\n", c_.bold(fmt::format("{:>7}  {:>14}  {:>10}  {:>10}  {:>8}",
							     "TIMER", "EXPIRED AFTER", "LATE",
							     "SEEN LATE", "OVERRUNS")));
	}

	void watch()
	{
		const auto begin = clock_now(CLOCK_MONOTONIC);
		std::array<callout::event, 256> events;
		auto ring = device_.ring();
		while (open_ && !Interrupt::requested()) {
			const auto passed = clock_now(CLOCK_MONOTONIC) - begin;
			if (p_.stop_after.count() >= 0 && passed >= p_.stop_after)
				break;
			const auto n = ring.pop(events);
			const auto seen = clock_now(p_.clock);
			for (std::size_t i = 0; i < n; i++)
				tell(events[i], seen);
			if (!n) {
				c_.out.flush();
				Interrupt::wait(p_.stop_after.count() < 0 ? nanoseconds(-1)
									  : p_.stop_after - passed,
						device_.native_handle());
			}
		}
	}

	void tell(const callout::event &e, nanoseconds seen)
	{
		const auto &raw = e.raw();
		if (!left_[e.id()] && p_.expiries)
			return; // it had expired often enough
		const auto late = e.lateness();
		const auto seen_late = seen - nanoseconds(static_cast<std::int64_t>(raw.deadline));
		early_ += late.count() < 0;
		expiries_ += e.expiries();
		events_++;
		late_.push_back(static_cast<double>(late.count()));
		seen_late_.push_back(static_cast<double>(seen_late.count()));
		if (c_.json)
			c_.line({{"timer", e.id()},
				 {"deadline_ns", raw.deadline},
				 {"fired_at_ns", raw.fired_at},
				 {"late_ns", late.count()},
				 {"seen_late_ns", seen_late.count()},
				 {"overruns", e.overruns()}});
		else if (!quiet_)
			c_.print("{:>7}  {:>14}  {:>10}  {:>10}  {:>8}\n", e.id(),
				 format_ns(nanoseconds(static_cast<std::int64_t>(raw.fired_at)) -
					   started_),
				 format_ns(late), format_ns(seen_late), e.overruns());
		if (p_.expiries)
			finish(e);
	}

	void finish(const callout::event &e)
	{
		left_[e.id()] -= std::min(left_[e.id()], e.expiries());
		if (left_[e.id()])
			return;
		open_--;
		callout::abi::timer_id id{.id = e.id(), .result = 0};
		std::error_code ec;
		(void)device_.cancel({&id, 1}, ec);
	}

	void summary() const
	{
		const auto late = quantiles(late_), seen = quantiles(seen_late_);
		if (c_.json) {
			c_.line({{"summary",
				  {{"timers", p_.timers},
				   {"events", events_},
				   {"expiries", expiries_},
				   {"early", early_},
				   {"late", to_json(late)},
				   {"seen_late", to_json(seen)}}}});
			return;
		}
		if (!quiet_)
			c_.print("\n");
		c_.print("{} events, {} expiries, {} early\n", events_, expiries_, early_);
		if (!events_)
			return;
		Table table({{"", Align::left}, {"LEAST"}, {"MEDIAN"}, {"99 %"}, {"MOST"}});
		for (const auto &[name, q] :
		     {std::pair{"late", late}, std::pair{"seen late", seen}})
			table.add({name, format_ns(q.min), format_ns(q.median), format_ns(q.p99),
				   format_ns(q.max)});
		table.print(c_);
	}

	const Context &c_;
	bool quiet_;
	Plan p_;
	callout::device device_;
	nanoseconds started_{};
	std::vector<std::uint64_t> left_; // expiries to come, by timer
	std::uint32_t open_ = 0;          // timers that have not expired often enough
	std::uint64_t events_ = 0, expiries_ = 0, early_ = 0;
	std::vector<double> late_, seen_late_;
};

} // namespace

Action setup_arm(CLI::App &app)
{
	const auto o = std::make_shared<Options>();
	app.add_option("N", o->timers, "how many timers")
		->capture_default_str()
		->check(CLI::Range(1U, 1U << 24));
	auto *const after =
		app.add_option("--after", o->after, "first after this time: 100ms, 1.5s")
			->type_name("TIME");
	app.add_option("--at", o->at,
		       "at this time of the clock: seconds, or with --clock realtime 12:30:05 or "
		       "'2026-11-30 12:30'")
		->excludes(after);
	app.add_option("--every", o->every, "then again and again")->type_name("TIME");
	app.add_option("--count", o->count, "stop after so many expiries of each timer")
		->check(at_least_one());
	app.add_option("--window", o->window,
		       "how much later it may be, so that interrupts are shared")
		->type_name("TIME");
	app.add_option("--spread", o->spread, "each timer so much later than the one before it")
		->type_name("TIME");
	app.add_option("--for", o->stop_after, "stop after this time")->type_name("TIME");
	app.add_option("--clock", o->clock, "monotonic, boottime or realtime")
		->capture_default_str()
		->check(CLI::IsMember({"monotonic", "boottime", "realtime"}));
	app.add_flag("--quiet", o->quiet, "only the summary");
	return [o](const Context &c) { return Run(c, *o, plan(*o)).run(); };
}

} // namespace ctl
