// SPDX-License-Identifier: GPL-2.0
#include "targets.hpp"

#include "statistics.hpp"
#include <fmt/core.h>

namespace bench {
namespace {

using nlohmann::json;
using Number = std::optional<double>;

class Targets {
public:
	explicit Targets(const Results &r) : r_(r) {}

	void at_most(const std::string &what, Number value, Number limit)
	{
		if (value && limit)
			targets_.push_back({what, *value, *limit});
	}

	void ratio(const std::string &what, Number a, Number b, double limit)
	{
		if (a && b && *b > 0)
			at_most(what, *a / *b, limit);
	}

	void calls();
	void instructions();
	void deferred(const std::string &churn, const std::string &facility);
	void memory();
	void lateness();
	void million();
	std::vector<Target> get() const { return targets_; }

private:
	std::uint64_t most(const std::string &workload, const std::string &facility) const
	{
		std::uint64_t most = 0;

		for (const auto n : r_.sizes(workload))
			if (n <= 100'000 && r_.find({workload, facility, n}))
				most = n;
		return most;
	}

	const Results &r_;
	std::vector<Target> targets_;
};

void Targets::calls()
{
	for (const auto &[facility, limit] :
	     {std::pair{"callout", 0}, {"timerfd", 1}, {"posix", 1}, {"io_uring", 1}}) {
		const auto n = most("later", facility);

		at_most(fmt::format("system calls to re-arm for later, {}, N={}", facility, n),
			r_.value({"later", facility, n}, "calls"), limit);
	}
}

void Targets::instructions()
{
	const auto n = most("later", "callout");
	const auto timerfd = r_.net({"later", "timerfd", n}, "median");

	for (const std::uint64_t batch : {32, 1})
		ratio(fmt::format("instructions to re-arm for later, {}, N={}: of timerfd's",
				  batch == 1 ? "alone" : "in a loop", n),
		      r_.net({"later", "callout", n, batch}, "median"), timerfd, 1 / 50.0);
	ratio(fmt::format("instructions to arm, in batches of 32, N={}: of timerfd's", n),
	      r_.net({"arm", "callout", n, 32}, "median"), r_.net({"arm", "timerfd", n}, "median"),
	      1 / 5.0);
	for (const char *churn : {"churn_5", "churn_20"})
		for (const char *facility : {"callout_ring", "callout_window"})
			deferred(churn, facility);
}

// The re-arm, and what it causes later until it is due, beside the bare system call.
void Targets::deferred(const std::string &churn, const std::string &facility)
{
	const auto n = most(churn, "timerfd");
	const Case c = {churn, facility, n};
	const auto moving = r_.net(c, "moving"), between = r_.net(c, "between");

	if (moving && between)
		ratio(fmt::format("the same and its stale expiries, {} re-arms a timeout, {}, N={}",
				  churn.substr(6), facility, n),
		      *moving + *between, r_.net({churn, "timerfd", n}, "moving"), 1 / 50.0);
}

void Targets::memory()
{
	const auto n = most("memory", "callout");
	const auto armed = [&](const char *facility) -> Number {
		const auto *run = r_.find({"memory", facility, n});

		if (!run)
			return {};
		return run->at("armed").at("kernel").get<double>();
	};

	ratio(fmt::format("kernel memory a timer, N={}: of a timerfd's in an epoll set", n),
	      armed("callout"), armed("timerfd"), 1 / 4.0);
	ratio(fmt::format("kernel memory a timer, N={}: of a timerfd's alone", n), armed("callout"),
	      armed("timerfd_bare"), 1 / 4.0);
	at_most(fmt::format("descriptors, N={}", n),
		r_.value({"memory", "callout", n}, "descriptors"), 1);
}

std::vector<std::int64_t> late(const Results &r, const std::string &facility)
{
	std::vector<std::int64_t> all;

	for (const auto &run : r.runs())
		if (run["workload"] == "lateness" && run["facility"] == facility)
			for (const auto &value : run["values"])
				all.push_back(value);
	return all;
}

void Targets::lateness()
{
	const auto callout = late(r_, "callout"), timerfd = late(r_, "timerfd");

	if (callout.empty() || timerfd.empty())
		return;
	ratio("lateness of expiry, p99.9: of timerfd's beside it",
	      static_cast<double>(quantile(callout, 0.999)),
	      static_cast<double>(quantile(timerfd, 0.999)), 1.1);
}

void Targets::million()
{
	for (const auto &run : r_.runs())
		if (run["workload"] == "million")
			at_most(fmt::format("descriptors, {} armed, re-armed and expired",
					    run["n"].get<int>()),
				run["descriptors"].get<double>(), 1);
}

std::string name_of(const json &run)
{
	return fmt::format("{}, {}{}, N={}", run["workload"].get<std::string>(),
			   run["facility"].get<std::string>(),
			   run.value("control", false) ? " again" : "",
			   run["n"].get<std::uint64_t>());
}

} // namespace

std::vector<Target> targets_of(const Results &r)
{
	Targets targets(r);

	targets.calls();
	targets.instructions();
	targets.memory();
	targets.lateness();
	targets.million();
	return targets.get();
}

std::vector<Verdict> verdicts_of(const Results &r)
{
	std::vector<Verdict> verdicts;

	for (const auto &run : r.runs()) {
		if (run.contains("events") && run["facility"] != "noop")
			verdicts.push_back({"each event once, and not early: " + name_of(run),
					    run["events"]["right"], run["events"].dump()});
		if (run["workload"] == "calls")
			verdicts.push_back(
				{fmt::format("system calls as ptrace sees them: {}, {}",
					     run["facility"].get<std::string>(),
					     run["phase"].get<std::string>()),
				 run["inside"] == run["outside"],
				 fmt::format("{} counted, {} seen", run["inside"].get<int>(),
					     run["outside"].get<int>())});
	}
	for (const auto &error : r.errors())
		verdicts.push_back({fmt::format("{}, {}", error["workload"].get<std::string>(),
						error["facility"].get<std::string>()),
				    false, error["what"]});
	return verdicts;
}

} // namespace bench
