// SPDX-License-Identifier: GPL-2.0
// What a test said, case by case, and how that compares without and with the clock.
#include "cases.hpp"

#include <algorithm>
#include <optional>
#include <regex>
#include <sstream>
#include <utility>

namespace peers {
namespace {

// kselftest's exit status of a test that cannot run here.
constexpr int ksft_skip = 4;

std::string trimmed(const std::string &s)
{
	const auto begin = s.find_first_not_of(" \t");
	const auto end = s.find_last_not_of(" \t\r");

	return begin == std::string::npos ? "" : s.substr(begin, end - begin + 1);
}

// A line of KTAP: "[not ]ok NUMBER NAME[ # SKIP WHY]". Some tests say why not without ending that
// line: "Diff too high: 5270944..not ok 1 ITIMER_VIRTUAL".
std::optional<std::pair<std::string, Outcome>> result_of(const std::string &line)
{
	static const std::regex form(R"(^(?:[^#]*\.\.)?\s*(not )?ok \d+ (?:- )?(.*)$)");
	static const std::regex skip(R"(\s*#\s*SKIP\b.*)", std::regex::icase);
	std::smatch m;

	if (!std::regex_match(line, m, form))
		return {};
	const std::string text = m[2];
	const auto name = trimmed(std::regex_replace(text, skip, ""));
	if (m[1].matched)
		return {{name, Outcome::failed}};
	return {{name, std::regex_search(text, skip) ? Outcome::skipped : Outcome::passed}};
}

// The name of a test that was skipped comes after the directive in some of them.
std::optional<std::pair<std::string, Outcome>> skipped_of(const std::string &line)
{
	static const std::regex form(R"(^\s*ok \d+ # SKIP (.*)$)");
	std::smatch m;

	if (!std::regex_match(line, m, form))
		return {};
	return {{trimmed(m[1]), Outcome::skipped}};
}

bool all(const std::vector<Outcome> &list, Outcome outcome)
{
	return std::ranges::all_of(list, [=](Outcome o) { return o == outcome; });
}

bool any(const std::vector<Outcome> &list, Outcome outcome)
{
	return std::ranges::find(list, outcome) != list.end();
}

} // namespace

Cases cases_of(const std::string &log, int status)
{
	Cases cases;
	auto own = status == 0           ? Outcome::passed
		   : status == ksft_skip ? Outcome::skipped
					 : Outcome::failed;
	std::istringstream in(log);

	for (std::string line; std::getline(in, line);) {
		auto result = skipped_of(line);

		if (!result)
			result = result_of(line);
		if (result) {
			const auto [it, added] = cases.insert(*result);

			if (!added)
				it->second = std::max(it->second, result->second);
		}
		if (line.find("[FAIL") != std::string::npos)
			own = Outcome::failed;
	}
	cases[""] = own;
	return cases;
}

Verdict verdict(const Comparison &c)
{
	if (c.without.empty() && any(c.with, Outcome::failed))
		return Verdict::failed;
	if (c.without.size() < c.blocks_without || c.without.empty())
		return Verdict::unreliable;
	if (all(c.without, Outcome::failed))
		return Verdict::fails;
	if (!all(c.without, c.without.front()))
		return Verdict::unreliable;
	if (c.unreliable && any(c.with, Outcome::failed) && !all(c.with, Outcome::failed))
		return Verdict::unreliable;
	if (c.with.size() < c.blocks_with || any(c.with, Outcome::failed))
		return Verdict::failed;
	if (c.without.front() == Outcome::skipped)
		return Verdict::skipped;
	return all(c.with, Outcome::passed) ? Verdict::passed : Verdict::failed;
}

std::map<std::string, Comparison> compare(const std::vector<Cases> &without,
					  const std::vector<Cases> &with)
{
	std::map<std::string, Comparison> all;

	for (const auto &block : without)
		for (const auto &[name, outcome] : block)
			all[name].without.push_back(outcome);
	for (const auto &block : with)
		for (const auto &[name, outcome] : block)
			all[name].with.push_back(outcome);
	for (auto &[name, comparison] : all) {
		comparison.blocks_without = without.size();
		comparison.blocks_with = with.size();
	}
	return all;
}

const char *name(Outcome outcome)
{
	switch (outcome) {
	case Outcome::passed:
		return "passed";
	case Outcome::skipped:
		return "skipped";
	case Outcome::failed:
		return "failed";
	}
	return "";
}

const char *name(Verdict verdict)
{
	switch (verdict) {
	case Verdict::passed:
		return "passed";
	case Verdict::failed:
		return "FAILED";
	case Verdict::skipped:
		return "skipped by itself";
	case Verdict::fails:
		return "fails without, too";
	case Verdict::unreliable:
		return "unreliable without";
	}
	return "";
}

} // namespace peers
