// SPDX-License-Identifier: GPL-2.0
#include "results.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <fstream>
#include <stdexcept>

namespace bench {
namespace {

using nlohmann::json;

// Throws std::runtime_error where a run cannot be true.
void refuse_nonsense(const json &run)
{
	const auto refuse = [&](const char *why) {
		throw std::runtime_error(fmt::format("{} of {}, N = {}: {}",
						     run.at("workload").get<std::string>(),
						     run.at("facility").get<std::string>(),
						     run.at("n").get<std::uint64_t>(), why));
	};

	if (run.contains("median") && run.at("median") > run.at("p99"))
		refuse("the median is more than the 99th percentile");
	if (run.contains("mean") && (run.at("mean") < 0 || run.at("mean") > 1e9))
		refuse("a mean that cannot be");
	if (run.contains("calls") && run.at("calls") < 0)
		refuse("fewer than no system calls");
}

void append(std::vector<json> &to, const json &from)
{
	to.insert(to.end(), from.begin(), from.end());
}

} // namespace

void Results::add(const json &file)
try {
	for (const auto &run : file.at("runs"))
		refuse_nonsense(run);
	machines_.push_back(file.at("machine"));
	append(runs_, file.at("runs"));
	append(skipped_, file.at("skipped"));
	append(errors_, file.at("errors"));
} catch (const json::exception &e) {
	throw std::runtime_error(fmt::format("not a result: {}", e.what()));
}

const json *Results::find(const Case &c) const
{
	const auto run = std::ranges::find_if(runs_, [&](const json &r) {
		return r["workload"] == c.workload && r["facility"] == c.facility &&
		       r["n"] == c.n && r["batch"] == c.batch &&
		       r.value("control", false) == c.control;
	});

	return run == runs_.end() ? nullptr : &*run;
}

std::vector<std::uint64_t> Results::sizes(const std::string &workload) const
{
	std::vector<std::uint64_t> sizes;

	for (const auto &run : runs_)
		if (run["workload"] == workload)
			sizes.push_back(run["n"]);
	std::ranges::sort(sizes);
	sizes.erase(std::ranges::unique(sizes).begin(), sizes.end());
	return sizes;
}

std::optional<double> Results::value(const Case &c, const std::string &name) const
{
	const auto *run = find(c);

	if (!run || !run->contains(name))
		return {};
	return run->at(name).get<double>();
}

std::optional<double> Results::net(const Case &c, const std::string &name) const
{
	auto empty = c;
	auto result = value(c, name);

	empty.facility = "noop";
	empty.control = false;
	if (result)
		*result -= value(empty, name).value_or(0);
	return result;
}

Results read_results(const std::vector<std::string> &files)
{
	Results results;

	for (const auto &name : files) {
		std::ifstream in(name);
		const auto file = json::parse(in, nullptr, false);

		if (file.is_discarded())
			throw std::runtime_error(name + ": not JSON");
		results.add(file);
	}
	return results;
}

} // namespace bench
