// SPDX-License-Identifier: GPL-2.0
// Histograms of cyclictest, summed over threads and blocks.
#include "latency.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace peers {
namespace {

double p99(const Histogram &h)
{
	return static_cast<double>(std::max<std::uint64_t>(h.quantile(0.99), 1));
}

} // namespace

Histogram Histogram::of(const nlohmann::json &j)
{
	Histogram all;

	for (const auto &thread : j.at("thread")) {
		Histogram one;

		for (const auto &[latency, times] : thread.at("histogram").items()) {
			const auto n = times.get<std::uint64_t>();

			one.at_[std::stoull(latency)] += n;
			one.count_ += n;
		}
		const auto cycles = thread.at("cycles").get<std::uint64_t>();
		// The longest of all is told though it does not fit in the histogram.
		one.max_ = thread.at("max").get<std::uint64_t>();
		if (one.at_.empty() || one.count_ > cycles || one.at_.rbegin()->first > one.max_)
			throw std::runtime_error("a histogram that cannot be");
		if (one.count_ < cycles && one.max_ > one.at_.rbegin()->first) {
			one.at_[one.max_] += cycles - one.count_;
			one.count_ = cycles;
		}
		all.add(one);
	}
	if (!all.count_)
		throw std::runtime_error("nothing was measured");
	return all;
}

void Histogram::add(const Histogram &other)
{
	for (const auto &[latency, times] : other.at_)
		at_[latency] += times;
	count_ += other.count_;
	max_ = std::max(max_, other.max_);
}

std::uint64_t Histogram::quantile(double part) const
{
	const auto wanted = std::ceil(part * static_cast<double>(count_));
	std::uint64_t seen = 0;

	for (const auto &[latency, times] : at_) {
		seen += times;
		if (static_cast<double>(seen) >= wanted)
			return latency;
	}
	return max_;
}

Latency compare(const std::vector<Histogram> &without, const std::vector<Histogram> &with)
{
	Latency result;
	Histogram halves[2];

	if (without.size() < 2 || with.empty())
		throw std::runtime_error("too few blocks to compare");
	for (std::size_t i = 0; i < without.size(); i++) {
		result.without.add(without[i]);
		halves[i % 2].add(without[i]);
	}
	for (const auto &block : with)
		result.with.add(block);
	result.apart =
		p99(std::ranges::min(with, {}, p99)) > p99(std::ranges::max(without, {}, p99));
	result.ratio = p99(result.with) / p99(result.without);
	result.control = p99(halves[0]) / p99(halves[1]);
	result.control = std::max(result.control, 1 / result.control);
	return result;
}

Latency::Answer Latency::answer() const
{
	if (ratio > target * control && apart)
		return Answer::missed;
	return ratio <= target && control <= quiet ? Answer::met : Answer::unknown;
}

const char *name(Latency::Answer answer)
{
	switch (answer) {
	case Latency::Answer::met:
		return "met";
	case Latency::Answer::missed:
		return "MISSED";
	case Latency::Answer::unknown:
		return "cannot be told, as the control differs";
	}
	return "";
}

} // namespace peers
