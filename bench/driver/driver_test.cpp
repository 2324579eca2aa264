// SPDX-License-Identifier: GPL-2.0
// The driver's arithmetic: optimum, trace files, what is refused, what is taken off.
#include "measure.hpp"
#include "results.hpp"
#include "trace.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <stdexcept>

namespace bench {
namespace {

using namespace std::chrono_literals;

co_trace_record arm(std::uint64_t deadline_us, std::uint16_t window_us)
{
	return {0, deadline_us * 1000, 0, window_us, CO_TRACE_ARM, CO_TRACE_HRTIMER};
}

TEST(Optimum, SharesAPointWhereWindowsMeet)
{
	// [10,20] and [20,30] meet at 20; [21,25] does not; [100,100] is alone.
	EXPECT_EQ(fewest_interrupts({.records = {arm(10, 10), arm(20, 10)}}), 1u);
	EXPECT_EQ(fewest_interrupts({.records = {arm(10, 10), arm(21, 4)}}), 2u);
	EXPECT_EQ(
		fewest_interrupts({.records = {arm(10, 10), arm(20, 10), arm(21, 4), arm(100, 0)}}),
		3u);
	EXPECT_EQ(fewest_interrupts({.records = {arm(0, 1000), arm(5, 1), arm(900, 1)}}), 2u);
}

TEST(Optimum, WithoutWindowsEachTimeCountsOnce)
{
	EXPECT_EQ(fewest_interrupts({.records = {arm(3, 0), arm(1, 0), arm(3, 0), arm(2, 0)}}), 3u);
	EXPECT_EQ(fewest_interrupts({}), 0u);
}

TEST(Trace, IsReadAsWritten)
{
	const auto path = std::filesystem::path(testing::TempDir()) / "driver_test.trc";
	const auto made = tcp_like(10, 500ms, 1);

	ASSERT_FALSE(made.records.empty());
	write_trace(made, path);
	const auto read = read_trace(path);
	EXPECT_EQ(read.name, "driver_test");
	EXPECT_EQ(read.timers, 10u);
	EXPECT_EQ(read.duration, 500ms);
	EXPECT_EQ(read.bytes(), made.bytes());
	std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
	EXPECT_THROW(read_trace(path), std::runtime_error);
}

TEST(Trace, TimeNeverGoesBack)
{
	for (const auto &trace : {tcp_like(50, 1000ms, 1), one_shots(1000, 1000ms, 50us, 10ms, 1)})
		EXPECT_TRUE(std::ranges::is_sorted(trace.records, {}, &co_trace_record::time_ns));
}

nlohmann::json run(const std::string &facility, const Values &values)
{
	return {{"workload", "arm_cancel"},
		{"facility", facility},
		{"control", false},
		{"hold", false},
		{"n", 100},
		{"window_us", 0},
		{"optimum", 0},
		{"trace", ""},
		{"values", values}};
}

TEST(Nonsense, IsRefused)
{
	const Values sane = {{"arm", {10, 12, 1250, 20, 32}},
			     {"fired", {1}},
			     {"early", {0}},
			     {"elsewhere", {0}},
			     {"late_p50_ns", {1}},
			     {"late_p99_ns", {2}},
			     {"late_p999_ns", {2}},
			     {"late_max_ns", {3}}};
	const std::pair<const char *, std::vector<std::uint64_t>> wrong[] = {
		{"arm", {21, 22, 2150, 20, 32}}, // least is above most
		{"arm", {10, 12, 2150, 20, 32}}, // mean is above most
		{"arm", {10, 22, 1250, 20, 32}}, // median is above most
		{"early", {1}},
		{"elsewhere", {1}},
		{"late_p99_ns", {4}},
	};

	EXPECT_NO_THROW(refuse_nonsense(run("callout", sane)));
	for (const auto &[name, value] : wrong) {
		auto values = sane;

		values[name] = value;
		EXPECT_THROW(refuse_nonsense(run("callout", values)), std::runtime_error) << name;
	}
}

std::vector<Results> results_with(std::uint64_t noop, std::uint64_t callout)
{
	const auto path = std::filesystem::path(testing::TempDir()) / "driver_test.json";
	const auto values = [](std::uint64_t v) { return Values{{"arm", {v, v, 100 * v, v, 32}}}; };
	const nlohmann::json j = {
		{"format", "callout-bench 1"},
		{"kernel", "k"},
		{"rig", "icount"},
		{"cpu", "c"},
		{"clock", "hrtimer"},
		{"queue", "heap"},
		{"recorded", ""},
		{"cpus", 1},
		{"unit", "instruction"},
		{"runs", {run("noop", values(noop)), run("callout", values(callout))}}};

	std::ofstream(path) << j.dump();
	return read_results({path.string()});
}

TEST(Net, TakesTheLoopOff)
{
	const Case c{.workload = "arm_cancel", .facility = "callout", .n = 100};

	EXPECT_DOUBLE_EQ(results_with(32, 320).at(0).net(c, "arm"), 9);
	EXPECT_THROW(results_with(64, 32).at(0).net(c, "arm"), std::runtime_error);
}

} // namespace
} // namespace bench
