// SPDX-License-Identifier: GPL-2.0
// Many CPUs' steps in between each other: random interleavings of all that the core does at one
// time.
//
// Time stands still until nobody has anything to do, so a wake-up that is lost shows at once:
// something is pending and no clock is armed for it. SIM_SEED=n begins with another seed,
// SIM_RUNS=n does more of them.
#include "shots.hpp"
#include "workload.hpp"
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace {

unsigned from_env(const char *name, unsigned otherwise)
{
	const char *value = std::getenv(name);

	return value ? static_cast<unsigned>(std::strtoul(value, nullptr, 10)) : otherwise;
}

// The others get a step between any two, or all that they do at this time.
unsigned torn(unsigned seed)
{
	static constexpr unsigned one_of[] = {2, 5, 15, 40};

	return one_of[seed % 4];
}

struct Shape {
	const char *name;
	unsigned cpus;
	unsigned runs;
	std::vector<CpuId> isolated;
	Workload::Options load;
};

void PrintTo(const Shape &s, std::ostream *out)
{
	*out << s.name;
}

// Few grains between now and the furthest deadline, so that much is due at once. A busy lock is
// tried again for 100 us.
Workload::Options busy_instants(unsigned cpus, unsigned percent_idle, unsigned hotplug_every)
{
	return {.callouts = 3 * cpus,
		.grain = 1'000'000,
		.reach = 6,
		.window = 4,
		.ops = cpus,
		.percent_idle = percent_idle,
		.switches = 1 + cpus / 2,
		.hotplug_every = hotplug_every,
		.slack = 200'000};
}

class Race : public testing::TestWithParam<Shape> {};

INSTANTIATE_TEST_SUITE_P(, Race,
			 testing::Values(Shape{"Two", 2, 60, {}, busy_instants(2, 70, 0)},
					 Shape{"TwoAndHotplug", 2, 60, {}, busy_instants(2, 70, 4)},
					 Shape{"Three", 3, 100, {}, busy_instants(3, 80, 10)},
					 Shape{"OneIsolated", 4, 40, {2}, busy_instants(4, 80, 15)},
					 Shape{"Nine", 9, 30, {}, busy_instants(9, 90, 15)},
					 Shape{"Seventeen", 17, 15, {}, busy_instants(17, 95, 20)},
					 Shape{"SixtyFive", 65, 4, {}, busy_instants(65, 98, 10)}),
			 [](const auto &info) { return info.param.name; });

TEST_P(Race, NothingIsLost)
{
	const Shape &s = GetParam();
	const unsigned first = from_env("SIM_SEED", 1), runs = from_env("SIM_RUNS", 1) * s.runs;

	for (unsigned seed = first; seed < first + runs; seed++) {
		Machine m(
			{.cpus = s.cpus, .seed = seed, .torn = torn(seed), .isolated = s.isolated});
		Workload w(m, s.load);

		w.run(100);
		ASSERT_EQ(m.failure(), "") << "seed " << seed;
		ASSERT_GT(w.fired(), 50);
	}
}

// See the title in module/migrate.c.
TEST(Races, OnlineVersusDisplaced)
{
	for (unsigned seed = 1; seed <= 500; seed++) {
		Machine m({.cpus = 2, .seed = seed, .torn = torn(seed)});
		Shots shots(m);

		m.busy(0, true);
		m.offline(1);
		m.run_until(m.now() + 1);
		m.online(1);
		const auto &s =
			shots.arm(0, m.now() + 1000, m.now() + 1000, CALLOUT_AFFINITY_STRONG, 1);
		m.run_until(m.now() + 2000);
		ASSERT_EQ(shots.wrong(), nullptr);
		ASSERT_EQ(s.fired_on, 1) << "seed " << seed;
	}
}

} // namespace
