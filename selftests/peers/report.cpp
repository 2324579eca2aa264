// SPDX-License-Identifier: GPL-2.0
// What came of it: tables, counts and JSON.
#include "report.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <set>
#include <stdexcept>

namespace peers {
namespace {

constexpr const char *parts[] = {"timers", "stress", "latency"};

// What failed in blocks without the clock, in some and not in others, as an emulator was not given
// its CPUs in time: they allow for 40 ms, for 40 ms, for a tenth of 16 ms, and for half a second of
// CPU time.
const std::set<std::string> unreliable = {"nsleep-lat", "set-timer-lat", "rtcpie", "posix_timers"};

double median(std::vector<double> v)
{
	std::ranges::sort(v);
	return v.empty() ? 0 : (v[(v.size() - 1) / 2] + v[v.size() / 2]) / 2;
}

// "2 passed, 1 failed"
std::string in_words(const std::vector<Outcome> &outcomes, std::size_t blocks)
{
	std::vector<std::string> words;

	for (const auto outcome : {Outcome::passed, Outcome::failed, Outcome::skipped})
		if (const auto n = std::ranges::count(outcomes, outcome))
			words.push_back(fmt::format("{} {}", n, name(outcome)));
	if (outcomes.size() < blocks)
		words.push_back(fmt::format("{} without it", blocks - outcomes.size()));
	return fmt::format("{}", fmt::join(words, ", "));
}

std::vector<std::string> names(const std::vector<Outcome> &outcomes)
{
	std::vector<std::string> all;

	for (const auto outcome : outcomes)
		all.push_back(name(outcome));
	return all;
}

std::string trimmed_line(std::string s)
{
	s.erase(s.find_last_not_of('\n') + 1);
	return s;
}

// The clock event devices in the blocks of one state.
std::set<std::string> devices(const Guest &guest, bool with)
{
	std::set<std::string> all;

	for (const auto *part : parts)
		for (const auto &block : guest.blocks(part))
			if (block.with == with)
				all.insert(trimmed_line(block.text("device")));
	return all;
}

nlohmann::json figures(const Histogram &h)
{
	return {{"count", h.count()},
		{"p50", h.quantile(0.5)},
		{"p99", h.quantile(0.99)},
		{"p999", h.quantile(0.999)},
		{"max", h.max()}};
}

void print_figures(const char *state, const Histogram &h)
{
	fmt::print("  {:<10} {:>9} {:>9} {:>9} {:>9} {:>9}\n", state, h.count(), h.quantile(0.5),
		   h.quantile(0.99), h.quantile(0.999), h.max());
}

Latency latency_of(const std::vector<Block> &blocks)
{
	std::vector<Histogram> without, with;

	for (const auto &block : blocks) {
		if (const auto status = block.status("cyclictest"))
			throw std::runtime_error(fmt::format("ended with status {}", status));
		const auto histogram =
			Histogram::of(nlohmann::json::parse(block.text("histogram.json")));

		(block.with ? with : without).push_back(histogram);
	}
	return compare(without, with);
}

} // namespace

Report::Report(const std::string &date)
	: json_({{"format", "callout-peers 1"},
		 {"recorded", date},
		 {"guests", nlohmann::json::array()}})
{
}

void Report::count(Verdict verdict)
{
	if (verdict == Verdict::passed)
		passed_++;
	else if (verdict == Verdict::failed)
		failed_++;
	else
		skipped_++;
}

// Is the clock in use in the one state, and not in the other?
nlohmann::json Report::add_state(const Guest &guest,
				 const std::map<std::string, std::string> &facts)
{
	const auto without = devices(guest, false), with = devices(guest, true);
	const auto fact = [&](const char *key) {
		const auto it = facts.find(key);
		return it == facts.end() ? std::string() : it->second;
	};
	const auto clock = fact("clock");
	auto verdict = Verdict::passed;
	std::string why;

	if (fact("knob") != "yes" || clock == "hrtimer") {
		verdict = Verdict::skipped;
		why = clock == "hrtimer" ? "; a state is compared with itself"
					 : "; this callout.ko has one clock only: a state is "
					   "compared with itself";
	} else if (without.size() != 1 || with.size() != 1 || without == with) {
		verdict = Verdict::failed;
		why = "; the clock did not come and go";
	}
	count(verdict);
	fmt::print("\n{}: kernel {}, {} CPUs, clocksource {}; clock {}, its devices {}, without "
		   "{}{}\n",
		   guest.rig, fact("kernel"), fact("cpus"), fact("clocksource"), clock,
		   fmt::join(with, " or "), fmt::join(without, " or "), why);
	return {{"rig", guest.rig},           {"status", guest.status}, {"facts", facts},
		{"devices_without", without}, {"devices_with", with},   {"clock", name(verdict)}};
}

nlohmann::json Report::add_timers(const std::vector<Block> &blocks)
{
	std::set<std::string> programs;
	nlohmann::json json = nlohmann::json::array();

	for (const auto &block : blocks)
		for (const auto &test : block.tests())
			programs.insert(test);
	fmt::print("\n{:<52} {:<22} {:<22} verdict\n", "the kernel's tests of timers", "without",
		   "with");
	for (const auto &program : programs) {
		std::vector<Cases> without, with;

		for (const auto &block : blocks)
			(block.with ? with : without)
				.push_back(cases_of(block.text(program + ".log"),
						    block.status(program)));
		for (auto &[name_of_case, c] : compare(without, with)) {
			c.unreliable = unreliable.contains(program);
			const auto v = verdict(c);

			count(v);
			json.push_back({{"test", program},
					{"case", name_of_case},
					{"without", names(c.without)},
					{"with", names(c.with)},
					{"verdict", name(v)}});
			// The program's own line, and the cases worth one.
			if (!name_of_case.empty() &&
			    (v == Verdict::passed || v == Verdict::skipped))
				continue;
			fmt::print("{:<52} {:<22} {:<22} {}\n",
				   name_of_case.empty() ? program : "  " + name_of_case,
				   in_words(c.without, c.blocks_without),
				   in_words(c.with, c.blocks_with), name(v));
		}
	}
	return json;
}

nlohmann::json Report::add_stress(const std::vector<Block> &blocks)
{
	nlohmann::json json = nlohmann::json::array();

	fmt::print("\n{:<20} {:>14} {:>14} {:>8}  verdict\n", "stress-ng, ops/s", "without", "with",
		   "ratio");
	for (const auto &test : blocks.front().tests()) {
		std::vector<double> without, with;
		std::vector<Cases> outcomes_without, outcomes_with;

		for (const auto &block : blocks) {
			const auto rate = operations_per_second(block.text(test + ".yaml"));
			const bool good = block.status(test) == 0 && rate > 0;

			(block.with ? with : without).push_back(rate);
			(block.with ? outcomes_with : outcomes_without)
				.push_back({{"", good ? Outcome::passed : Outcome::failed}});
		}
		const auto v = verdict(compare(outcomes_without, outcomes_with)[""]);
		const auto a = median(without), b = median(with);

		count(v);
		fmt::print("{:<20} {:>14.1f} {:>14.1f} {:>8.2f}  {}\n", test, a, b,
			   a > 0 ? b / a : 0, name(v));
		json.push_back({{"stressor", test},
				{"without", without},
				{"with", with},
				{"verdict", name(v)}});
	}
	return json;
}

nlohmann::json Report::add_latency(const std::vector<Block> &blocks, const std::string &rig)
{
	const auto *unit = rig == "icount" ? "ns" : "us";
	Latency result;

	try {
		result = latency_of(blocks);
	} catch (const std::exception &e) {
		count(Verdict::failed);
		fmt::print("\ncyclictest: {}\n", e.what());
		return {{"error", e.what()}};
	}
	const auto answer = result.answer();

	count(answer == Latency::Answer::met      ? Verdict::passed
	      : answer == Latency::Answer::missed ? Verdict::failed
						  : Verdict::unreliable);
	fmt::print("\n{:<12} {:>9} {:>9} {:>9} {:>9} {:>9}\n", fmt::format("cyclictest, {}", unit),
		   "cycles", "p50", "p99", "p99.9", "max");
	print_figures("without", result.without);
	print_figures("with", result.with);
	fmt::print("  p99 {:.3f} of that without (target: {:.2f}; one half without to the other: "
		   "{:.3f}): {}\n",
		   result.ratio, Latency::target, result.control, name(answer));
	return {{"unit", unit},
		{"without", figures(result.without)},
		{"with", figures(result.with)},
		{"p99_ratio", result.ratio},
		{"p99_control", result.control},
		{"p99_apart", result.apart},
		{"target", Latency::target},
		{"answer", name(answer)}};
}

void Report::add(const Guest &guest)
{
	const auto facts = guest.facts();

	count(guest.status == 0 ? Verdict::passed : Verdict::failed);
	if (guest.status != 0)
		fmt::print("\n{}: the guest ended with status {}\n", guest.rig, guest.status);
	if (facts.empty()) {
		json_["guests"].push_back({{"rig", guest.rig}, {"status", guest.status}});
		return;
	}
	auto json = add_state(guest, facts);
	if (const auto blocks = guest.blocks("timers"); !blocks.empty())
		json["timers"] = add_timers(blocks);
	if (const auto blocks = guest.blocks("stress"); !blocks.empty())
		json["stress"] = add_stress(blocks);
	if (const auto blocks = guest.blocks("latency"); !blocks.empty())
		json["latency"] = add_latency(blocks, guest.rig);
	json_["guests"].push_back(std::move(json));
}

void Report::print_sum() const
{
	fmt::print("\n{} passed, {} failed", passed_, failed_);
	if (skipped_)
		fmt::print(", {} skipped", skipped_);
	fmt::print("\n");
}

} // namespace peers
