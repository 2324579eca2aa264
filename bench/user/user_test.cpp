// SPDX-License-Identifier: GPL-2.0
// The heap, the arithmetic, what is read from the kernel, and what is made of results.
#include "heap.hpp"
#include "ledger.hpp"
#include "report.hpp"
#include "statistics.hpp"
#include "system.hpp"
#include "targets.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <sstream>

namespace bench {
namespace {

using nlohmann::json;

TEST(Heap, AgreesWithAMapUnderRandomOperations)
{
	constexpr std::uint32_t n = 300;
	std::mt19937 random(1);
	Heap heap(n);
	std::map<std::uint32_t, Time> model;

	for (int i = 0; i < 100000; i++) {
		const auto id = static_cast<std::uint32_t>(random() % n);
		const Time deadline(static_cast<long>(random() % 1000));

		ASSERT_EQ(heap.contains(id), model.contains(id));
		if (!model.contains(id)) {
			heap.add(id, deadline);
			model[id] = deadline;
		} else if (random() % 3) {
			heap.move(id, deadline);
			model[id] = deadline;
		} else {
			heap.remove(id);
			model.erase(id);
		}
		ASSERT_EQ(heap.size(), model.size());
		if (model.empty())
			continue;
		const auto least =
			std::ranges::min_element(model, {}, [](const auto &m) { return m.second; });
		ASSERT_EQ(heap.first().deadline, least->second);
		ASSERT_EQ(model.at(heap.first().id), least->second);
	}
}

TEST(Heap, GivesAllInOrder)
{
	Heap heap(1000);
	Time last{0};

	for (std::uint32_t id = 0; id < 1000; id++)
		heap.add(id, Time(id * 7919 % 1000));
	while (!heap.empty()) {
		EXPECT_GE(heap.first().deadline, last);
		last = heap.first().deadline;
		heap.remove(heap.first().id);
	}
	EXPECT_EQ(last, Time(999));
}

TEST(Statistics, QuantilesAreValuesThatWereMeasured)
{
	const std::vector<int> values = {5, 1, 4, 2, 3};

	EXPECT_EQ(quantile(values, 0), 1);
	EXPECT_EQ(quantile(values, 0.5), 3);
	EXPECT_EQ(quantile(values, 0.8), 4);
	EXPECT_EQ(quantile(values, 0.81), 5);
	EXPECT_EQ(quantile(values, 1), 5);
	EXPECT_THROW(quantile(std::vector<int>(), 0.5), std::invalid_argument);
}

TEST(Statistics, BatchesAreDivided)
{
	const auto s = summary(std::vector<int>{32, 64, 96}, 32);

	EXPECT_EQ(s["median"], 2);
	EXPECT_EQ(s["mean"], 2);
	EXPECT_EQ(s["samples"], 3);
}

TEST(Ledger, SeesWhatIsLostDoubledEarlyAndUnknown)
{
	const std::uint32_t none = 3, strange = 9;
	const std::vector<std::uint32_t> first = {0, 1};
	Ledger ledger(4);

	for (std::uint32_t id = 0; id < 3; id++)
		ledger.expect(id, Time(100));
	ledger.seen(first, Time(100));
	EXPECT_FALSE(ledger.complete());
	ledger.seen({&first[0], 1}, Time(99));
	ledger.seen({&none, 1}, Time(200));
	ledger.seen({&strange, 1}, Time(200));
	const auto j = ledger.json();
	EXPECT_EQ(j["lost"], 1);
	EXPECT_EQ(j["doubled"], 1);
	EXPECT_EQ(j["early"], 1);
	EXPECT_EQ(j["unknown"], 2);
	EXPECT_EQ(j["right"], false);
}

TEST(Ledger, IsRightWhenEachCameOnce)
{
	const std::vector<std::uint32_t> ids = {0, 1};
	Ledger ledger(2);

	ledger.expect(0, Time(1));
	ledger.expect(1, Time(2));
	ledger.seen(ids, Time(2));
	EXPECT_TRUE(ledger.right());
}

TEST(System, ReadsTheKernelsAccounts)
{
	std::istringstream info("MemTotal:  1000 kB\nHugePages_Total:  3\n\n");
	std::istringstream slabs("slabinfo - version: 2.1\n"
				 "# name <active_objs> <num_objs> <objsize>\n"
				 "filp 10 20 256 16 1 : tunables 0 0 0\n");
	std::istringstream zones("Node 0, zone DMA\n  pagesets\n    cpu: 0\n      count:    7\n"
				 "      high:   9\n    cpu: 1\n      count:    4\n");

	const auto m = meminfo(info);
	EXPECT_EQ(m.at("MemTotal"), 1024000);
	EXPECT_EQ(m.at("HugePages_Total"), 3);
	EXPECT_EQ(slabinfo(slabs).at("filp"), 2560);
	EXPECT_EQ(pages_of_cpus(zones), 11);
}

TEST(System, AChildsResultOrErrorComesBack)
{
	EXPECT_EQ(in_child([] { return json{{"a", 1}}; }), (json{{"a", 1}}));
	EXPECT_THROW(in_child([]() -> json { throw std::runtime_error("it"); }),
		     std::runtime_error);
}

json run(const char *workload, const char *facility, std::uint64_t n, double median, double calls,
	 std::uint64_t batch = 1)
{
	return {{"workload", workload}, {"facility", facility}, {"n", n},         {"batch", batch},
		{"median", median},     {"p99", median},        {"mean", median}, {"calls", calls}};
}

json file(json runs)
{
	return {{"machine",
		 {{"rig", "icount"},
		  {"kernel", "6"},
		  {"cpus", 1},
		  {"memory_mib", 1},
		  {"cpu", "x"},
		  {"clock", "y"},
		  {"queue", "z"},
		  {"recorded", ""}}},
		{"runs", std::move(runs)},
		{"skipped", json::array()},
		{"errors", json::array()}};
}

TEST(Results, AreNetOfTheEmptyOne)
{
	Results r;

	r.add(file({run("later", "noop", 100, 4, 0), run("later", "callout", 100, 14, 0)}));
	EXPECT_EQ(r.net({"later", "callout", 100}, "median"), 10);
	EXPECT_EQ(r.value({"later", "callout", 100}, "median"), 14);
	EXPECT_FALSE(r.net({"later", "timerfd", 100}, "median"));
}

TEST(Results, NonsenseIsRefused)
{
	auto bad = run("later", "callout", 100, 14, 0);
	Results r;

	bad["p99"] = 13;
	EXPECT_THROW(r.add(file({bad})), std::runtime_error);
	bad = run("later", "callout", 100, 14, -1);
	EXPECT_THROW(r.add(file({bad})), std::runtime_error);
	EXPECT_THROW(r.add(json::object()), std::runtime_error);
}

TEST(Targets, AreMetOrMissed)
{
	Results r;

	r.add(file({run("later", "callout", 100, 10, 0), run("later", "callout", 100, 10, 0, 32),
		    run("later", "timerfd", 100, 500, 1), run("arm", "timerfd", 100, 400, 1),
		    run("arm", "callout", 100, 100, 1, 32)}));
	const auto text = lines(r);
	EXPECT_NE(text.find("MISSED"), std::string::npos); // the arm
	EXPECT_NE(text.find("4 passed, 0 failed, 1 skipped\n"), std::string::npos) << text;
	EXPECT_TRUE(all_right(r));
}

TEST(Verdicts, ALostEventFails)
{
	auto bad = run("expire_burst", "callout", 100, 10, 0);
	Results r;

	bad["events"] = {{"right", false}};
	r.add(file({bad}));
	EXPECT_FALSE(all_right(r));
	EXPECT_NE(lines(r).find("0 passed, 1 failed"), std::string::npos);
	EXPECT_NE(markdown(r).find("## Wrong results"), std::string::npos);
}

TEST(Verdicts, SystemCallsAreComparedWithPtraces)
{
	json calls = {{"workload", "calls"}, {"facility", "heap"}, {"n", 100},    {"batch", 1},
		      {"phase", "arm"},      {"inside", 3},        {"outside", 4}};
	Results r;

	r.add(file({calls}));
	EXPECT_FALSE(all_right(r));
}

} // namespace
} // namespace bench
