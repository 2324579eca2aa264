// SPDX-License-Identifier: GPL-2.0
// callout-user-bench: measures timers of programs in the running kernel, as root, and writes JSON.
#include "workloads.hpp"

#include <algorithm>
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <fstream>
#include <iostream>

namespace {

using namespace bench;
using nlohmann::json;

class Recorder {
public:
	Recorder(const std::string &rig, const std::string &date, std::vector<std::string> only)
		: only_(std::move(only)), results_({{"machine", describe_machine(rig, date)},
						    {"runs", json::array()},
						    {"skipped", json::array()},
						    {"errors", json::array()}})
	{
	}

	// Measures in a process of its own, so that each begins alike.
	template <typename F>
	void run(const std::string &what, const std::string &facility, std::uint32_t n, F f)
	{
		if (!only_.empty() && std::ranges::find(only_, facility) == only_.end())
			return;
		try {
			for (const auto &run : in_child(f))
				results_["runs"].push_back(run);
			fmt::print("{:6} s  {}, {}, N = {}\n", now() / 1s, what, facility, n);
		} catch (const std::exception &e) {
			results_["errors"].push_back({{"workload", what},
						      {"facility", facility},
						      {"n", n},
						      {"what", e.what()}});
			fmt::print("{:6} s  {}, {}, N = {}: FAILED: {}\n", now() / 1s, what,
				   facility, n, e.what());
		}
		std::fflush(stdout);
	}

	void skip(const std::string &what, const Kind &kind, std::uint32_t n)
	{
		results_["skipped"].push_back(
			{{"workload", what},
			 {"facility", kind.name},
			 {"n", n},
			 {"why",
			  kind.why.empty() ? "it would take long, and tell no more" : kind.why}});
	}

	const json &results() const { return results_; }

private:
	std::vector<std::string> only_;
	json results_;
};

using Sizes = std::vector<std::uint32_t>;
using Names = std::vector<std::string>;

// The first and the last are the same: the control.
const Names in_turn = {"callout",  "noop", "callout_ioctl", "timerfd", "posix",
		       "io_uring", "heap", "heap_lazy",     "callout"};
const Names that_expire = {"noop",  "callout",  "callout_ring", "callout_window", "timerfd",
			   "posix", "io_uring", "heap",         "heap_lazy"};

void operations(Recorder &recorder, const Sizes &sizes, const Names &names)
{
	for (const auto n : sizes)
		for (std::size_t i = 0; i < names.size(); i++) {
			const auto &k = kind(names[i]);
			// The walks of io_uring are long, and all alike.
			const auto samples = k.name == "io_uring" && n > 1000 ? 64U
					     : n == 1                         ? 1024U
									      : 4096U;

			if (n > k.most) {
				recorder.skip("operations", k, n);
				continue;
			}
			recorder.run("operations", k.name, n, [&] {
				auto runs = measure_operations(k, n, samples);

				for (auto &run : runs)
					run["control"] = i > 0 && k.name == names[0];
				return runs;
			});
			if (k.name != "noop" && !(i > 0 && k.name == names[0]))
				recorder.run("create", k.name, n,
					     [&] { return measure_create(k, n); });
		}
}

void memory(Recorder &recorder, std::uint32_t n)
{
	for (const char *name :
	     {"callout", "timerfd_bare", "timerfd", "posix", "io_uring", "heap_lazy"})
		recorder.run("memory", name, n, [&] { return measure_memory(kind(name), n); });
}

void churn(Recorder &recorder, const Sizes &sizes, const Names &names, unsigned rounds,
	   unsigned rearms)
{
	for (const auto n : sizes)
		for (const auto &name : names) {
			const auto &k = kind(name);

			if (n > k.most_all)
				recorder.skip("churn", k, n);
			else
				recorder.run("churn", name, n,
					     [&] { return measure_churn(k, n, rounds, rearms); });
		}
}

void expiry(Recorder &recorder, const Sizes &sizes, const Names &names)
{
	for (const auto n : sizes)
		for (const auto &name : names)
			if (n <= 100'000)
				recorder.run("expire_single", name, n, [&] {
					return measure_single_expiries(kind(name), n, 1000);
				});
	for (const auto n : sizes)
		for (const auto &name : names) {
			const auto &k = kind(name);

			if (name == "noop")
				continue;
			if (n > std::max<std::uint64_t>(k.most_all, 100'000))
				recorder.skip("expire_burst", k, n);
			else
				recorder.run("expire_burst", name, n,
					     [&] { return measure_burst(k, n); });
		}
}

void calls(Recorder &recorder)
{
	for (const char *name : {"callout", "callout_ring", "callout_ioctl", "timerfd", "posix",
				 "io_uring", "heap", "heap_lazy"})
		recorder.run("calls", name, 100, [&] { return count_calls(kind(name)); });
}

void single(Recorder &recorder, bool quick)
{
	const Names few = {"callout", "noop", "timerfd", "heap", "callout"};

	memory(recorder, 100'000);
	calls(recorder);
	if (quick) {
		operations(recorder, {100'000}, few);
		operations(recorder, {100}, {"posix", "io_uring", "noop"});
	} else {
		operations(recorder, {1, 100, 10'000, 100'000, 1'000'000}, in_turn);
	}
}

void many(Recorder &recorder, bool quick)
{
	if (quick) {
		churn(recorder, {1000}, that_expire, 5, 5);
		expiry(recorder, {1000}, that_expire);
	} else {
		for (const unsigned rearms : {5, 20})
			churn(recorder, {1000, 10'000, 100'000}, that_expire, 20, rearms);
		expiry(recorder, {1000, 10'000, 100'000, 1'000'000}, that_expire);
	}
}

void live(Recorder &recorder, bool quick)
{
	recorder.run("lateness", "all", 10'000,
		     [&] { return measure_lateness(quick ? 12 : 60, 10'000); });
	recorder.run("million", "callout_ring", 1'000'000,
		     [&] { return measure_million(1'000'000); });
}

} // namespace

int main(int argc, char **argv)
try {
	CLI::App app{"Compares /dev/callout with other timers that programs have."};
	std::string plan, rig, date, out;
	bool quick = false;
	std::vector<std::string> only;

	app.add_option(
		   "plan", plan,
		   "single: instructions of single operations, and memory; many: instructions of "
		   "re-arms and expiries with all that follows, both on the rig icount; live: "
		   "lateness")
		->required()
		->check(CLI::IsMember({"single", "many", "live"}));
	app.add_option("--only", only, "of these facilities alone");
	app.add_option("--rig", rig, "what the kernel runs on")->required();
	app.add_option("--date", date, "when, as the machine's clock may not know");
	app.add_flag("--quick", quick, "less of it");
	app.add_option("-o,--out", out, "the results, as JSON")->required();
	CLI11_PARSE(app, argc, argv);

	raise_limits(1'000'000);
	// After it has booted, a kernel is not yet at rest.
	sleep_until(15s);
	Recorder recorder(rig, date, only);
	if (plan == "single")
		single(recorder, quick);
	else if (plan == "many")
		many(recorder, quick);
	else
		live(recorder, quick);
	std::ofstream file(out);
	file << recorder.results().dump(1, '\t') << '\n';
	if (!file.flush())
		throw std::runtime_error(out + ": cannot be written");
	return 0;
} catch (const std::exception &e) {
	std::cerr << "callout-user-bench: " << e.what() << '\n';
	return 1;
}
