// SPDX-License-Identifier: GPL-2.0
// Random loads on simulated machines of 1 to 1024 CPUs that sleep, wake, come and go.
//
// Nothing takes time there and interrupts come when they were armed for, so "late" begins with the
// first nanosecond.
#include "workload.hpp"
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace {

constexpr Time ms = 1'000'000;

unsigned depth(unsigned cpus)
{
	unsigned levels = 0;

	for (unsigned n = cpus; n > 1; n = (n + CO_GROUP_SIZE - 1) / CO_GROUP_SIZE)
		levels++;
	return levels;
}

struct Load {
	const char *name;
	unsigned cpus;
	unsigned grains;
	std::vector<CpuId> isolated;
	Workload::Options options;
};

void PrintTo(const Load &l, std::ostream *out)
{
	*out << l.name;
}

class Random : public testing::TestWithParam<Load> {};

INSTANTIATE_TEST_SUITE_P(
	, Random,
	testing::Values(
		Load{"One", 1, 2000, {}, {}}, Load{"Two", 2, 4000, {}, {}},
		Load{"TwoAndHotplug", 2, 4000, {}, {.hotplug_every = 20}},
		Load{"Eight", 8, 2000, {}, {.ops = 4, .switches = 2}},
		Load{"EightAndHotplug", 8, 2000, {}, {.switches = 2, .hotplug_every = 10}},
		Load{"EightIsolated", 8, 2000, {2, 5}, {.switches = 2, .hotplug_every = 50}},
		Load{"SixtyFour", 64, 500, {}, {.callouts = 200, .ops = 24, .switches = 8}},
		Load{"SixtyFourAndHotplug",
		     64,
		     500,
		     {63},
		     {.callouts = 200,
		      .ops = 24,
		      .percent_idle = 95,
		      .switches = 8,
		      .hotplug_every = 5}},
		Load{"Thousand",
		     1024,
		     120,
		     {},
		     {.callouts = 2000,
		      .ops = 150,
		      .percent_idle = 95,
		      .switches = 100,
		      .hotplug_every = 5,
		      .check_every = 8}}),
	[](const auto &info) { return info.param.name; });

TEST_P(Random, NothingIsLostEarlyLateOrTwice)
{
	const Load &l = GetParam();
	Machine m({.cpus = l.cpus, .seed = l.cpus, .isolated = l.isolated});
	Workload w(m, l.options);

	w.run(l.grains);
	ASSERT_EQ(m.failure(), "");
	EXPECT_GT(w.fired(), l.grains / 2);
	EXPECT_GT(w.stores(), l.grains / 4);
	EXPECT_EQ(w.displaced() > 0, l.options.hotplug_every > 0);
	// To wake is to go up the tree once, and to look once more at what is watched.
	EXPECT_LE(m.most_locks_per_transition(), 2 * depth(l.cpus));
	EXPECT_LE(sim_group_locks_nested(), depth(l.cpus));
}

TEST_P(Random, PeriodicMode)
{
	const Load &l = GetParam();

	if (l.cpus > 64)
		return;
	Machine m({.cpus = l.cpus, .seed = l.cpus + 1, .isolated = l.isolated, .period = ms / 2});
	Workload::Options o = l.options;

	o.slack = ms / 2;
	o.covered = false;
	Workload w(m, o);
	w.run(l.grains / 4);
	ASSERT_EQ(m.failure(), "");
	EXPECT_GT(w.fired(), l.grains / 16);
}

} // namespace
