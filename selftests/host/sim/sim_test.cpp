// SPDX-License-Identifier: GPL-2.0
// The module's core on simulated machines.
#include "workload.hpp"
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace {

TEST(Sim, Steady)
{
	for (unsigned cpus : {2, 8, 64, 1024}) {
		Machine m({.cpus = cpus, .seed = 1});
		Workload w(m, {.callouts = 4 * cpus, .ops = cpus, .switches = 1 + cpus / 8});
		w.run(500);
		EXPECT_EQ(m.failure(), "") << cpus;
		fmt::print("{} CPUs: fired {} displaced {} stores {}\n", cpus, w.fired(), w.displaced(), w.stores());
	}
}

TEST(Sim, Torn)
{
	for (unsigned cpus : {2, 8, 64}) {
		Machine m({.cpus = cpus, .seed = 1, .torn = 3});
		Workload w(m, {.callouts = 4 * cpus, .ops = cpus, .switches = 1 + cpus / 8, .slack = 200'000});
		w.run(500);
		EXPECT_EQ(m.failure(), "") << cpus;
		fmt::print("{} CPUs: fired {} displaced {} stores {}\n", cpus, w.fired(), w.displaced(), w.stores());
	}
}

} // namespace
