// SPDX-License-Identifier: GPL-2.0
// Single operations: what each takes while many timers are armed for much later.
#include "rounds.hpp"
#include "statistics.hpp"
#include "workloads.hpp"

namespace bench {
namespace {

using nlohmann::json;

constexpr std::uint32_t most_chosen = 1024;

struct Cost {
	std::vector<std::uint64_t> samples;
	std::uint64_t calls = 0;
};

// One operation on a batch.
template <typename F>
void sample(Cost &cost, const Facility &facility, F f)
{
	const auto calls = facility.calls();
	const auto before = instructions();

	f();
	cost.samples.push_back(instructions() - before);
	cost.calls += facility.calls() - calls;
}

class Operations {
public:
	Operations(const Kind &kind, std::uint32_t n, std::uint32_t samples)
		: kind_(kind), n_(n), samples_(samples), facility_(kind.make(n)), base_(now() + 1h)
	{
		for (std::uint32_t id = 0; id < n; id++)
			shots_.push_back({id, base_ + scatter(id) % n * 1us});
	}

	json run()
	{
		json runs = json::array({fill()});

		choose();
		for (const std::size_t batch : {1, 8, 32})
			if (batch <= chosen_.size() && (batch == 1 || kind_.batches))
				for (auto &run : in_batches(batch))
					runs.push_back(run);
		return runs;
	}

private:
	json result(const char *workload, std::size_t batch, json costs) const
	{
		costs.update({{"workload", workload},
			      {"facility", kind_.name},
			      {"n", n_},
			      {"batch", batch}});
		return costs;
	}

	json fill()
	{
		Cost cost;

		sample(cost, *facility_, [&] { arm_all(*facility_, shots_); });
		return result("fill", fill_batch,
			      {{"mean", static_cast<double>(cost.samples[0]) / n_},
			       {"calls", static_cast<double>(cost.calls) / n_}});
	}

	// Some timers, in no order; whole batches of them.
	void choose()
	{
		auto count = std::min({n_, most_chosen, samples_});

		if (count > 32)
			count -= count % 32;

		for (std::uint32_t i = 0; i < count; i++)
			chosen_.push_back(shots_[static_cast<std::uint64_t>(i) * n_ / count]);
		std::ranges::sort(chosen_, {}, [](const Shot &s) { return scatter(s.id); });
		for (const auto &shot : chosen_)
			ids_.push_back(shot.id);
	}

	std::vector<Shot> moved(Time by) const
	{
		auto shots = chosen_;

		for (auto &shot : shots)
			shot.deadline += by;
		return shots;
	}

	json in_batches(std::size_t batch)
	{
		Cost arm, later, earlier, cancel;
		const auto late = moved(n_ * 1us + 1s), early = moved(-1s);
		const auto turns = (samples_ + chosen_.size() - 1) / chosen_.size();

		// The first turn touches memory and code for the first time, and does not count.
		for (std::size_t turn = 0; turn <= turns; turn++) {
			if (turn == 1)
				arm = later = earlier = cancel = {};
			in_parts(ids_, batch, [&](auto part) {
				sample(cancel, *facility_, [&] { facility_->cancel(part); });
			});
			in_parts(chosen_, batch, [&](auto part) {
				sample(arm, *facility_, [&] { facility_->arm(part); });
			});
			in_parts(late, batch, [&](auto part) {
				sample(later, *facility_, [&] { facility_->later(part); });
			});
			in_parts(early, batch, [&](auto part) {
				sample(earlier, *facility_, [&] { facility_->earlier(part); });
			});
		}
		return json::array({told("arm", batch, arm), told("later", batch, later),
				    told("earlier", batch, earlier),
				    told("cancel", batch, cancel)});
	}

	json told(const char *workload, std::size_t batch, const Cost &cost) const
	{
		auto costs = summary(cost.samples, batch);

		costs["calls"] = static_cast<double>(cost.calls) /
				 static_cast<double>(cost.samples.size() * batch);
		return result(workload, batch, costs);
	}

	const Kind &kind_;
	std::uint32_t n_, samples_;
	std::unique_ptr<Facility> facility_;
	Time base_;
	std::vector<Shot> shots_, chosen_;
	std::vector<std::uint32_t> ids_;
};

} // namespace

json measure_create(const Kind &kind, std::uint32_t n)
{
	const auto descriptors = open_descriptors();
	const auto begin = instructions();
	auto facility = kind.make(n);
	const auto made = instructions();
	const auto more = open_descriptors() - descriptors;
	const auto calls = facility->calls();
	const auto end = instructions();
	facility.reset();
	const auto gone = instructions();

	return json::array({{{"workload", "create"},
			     {"facility", kind.name},
			     {"n", n},
			     {"batch", 1},
			     {"mean", static_cast<double>(made - begin) / n},
			     {"destroy", static_cast<double>(gone - end) / n},
			     {"calls", static_cast<double>(calls) / n},
			     {"descriptors", more}}});
}

json measure_operations(const Kind &kind, std::uint32_t n, std::uint32_t samples)
{
	return Operations(kind, n, samples).run();
}

} // namespace bench
