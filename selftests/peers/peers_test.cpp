// SPDX-License-Identifier: GPL-2.0
// What is read out of the tests' output, the verdicts, and the arithmetic of latencies.
#include "report.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <stdexcept>

namespace peers {
namespace {

namespace fs = std::filesystem;

constexpr auto passed = Outcome::passed, failed = Outcome::failed, skipped = Outcome::skipped;

TEST(Cases, AreReadFromKtap)
{
	const auto cases = cases_of("TAP version 13\n1..5\n"
				    "ok 1 CLOCK_REALTIME                 \n"
				    "ok 2 # SKIP CLOCK_THREAD_CPUTIME_ID  \n"
				    "not ok 3 - a name, 5 of them\n"
				    "ok 4 another # SKIP no such thing\n"
				    "# ok 5 not a result\n",
				    1);

	EXPECT_EQ(cases, (Cases{{"", failed},
				{"CLOCK_REALTIME", passed},
				{"CLOCK_THREAD_CPUTIME_ID", skipped},
				{"a name, 5 of them", failed},
				{"another", skipped}}));
}

TEST(Cases, MayFollowTheReasonOnItsLine)
{
	EXPECT_EQ(cases_of("Diff too high: 5270944..not ok 1 ITIMER_VIRTUAL\n", 1)
			  .at("ITIMER_VIRTUAL"),
		  failed);
}

TEST(Cases, OfOneNameTheWorstCounts)
{
	EXPECT_EQ(cases_of("ok 1 a\nnot ok 2 a\nok 3 a\n", 0).at("a"), failed);
	EXPECT_EQ(cases_of("ok 1 a\nok 2 # SKIP a\n", 0).at("a"), skipped);
}

TEST(Cases, AProgramIsJudgedByStatusAndText)
{
	EXPECT_EQ(cases_of("latency [OK]\n", 0).at(""), passed);
	EXPECT_EQ(cases_of("latency [FAILED]\n", 0).at(""), failed);
	EXPECT_EQ(cases_of("Check itimer real... [FAIL]\n", 0).at(""), failed);
	EXPECT_EQ(cases_of("", 4).at(""), skipped);
	EXPECT_EQ(cases_of("", 137).at(""), failed);
}

Verdict judge(std::vector<Outcome> without, std::vector<Outcome> with)
{
	return verdict({without, with, 2, 2});
}

TEST(Verdict, WhatPassedWithoutHasToPassWith)
{
	EXPECT_EQ(judge({passed, passed}, {passed, passed}), Verdict::passed);
	EXPECT_EQ(judge({passed, passed}, {passed, failed}), Verdict::failed);
	EXPECT_EQ(judge({passed, passed}, {passed, skipped}), Verdict::failed);
	EXPECT_EQ(judge({passed, passed}, {passed}), Verdict::failed);
	EXPECT_EQ(judge({}, {failed, failed}), Verdict::failed);
	EXPECT_EQ(judge({skipped, skipped}, {skipped, failed}), Verdict::failed);
}

TEST(Verdict, WhatFailsWithoutSaysNothing)
{
	EXPECT_EQ(judge({failed, failed}, {passed, failed}), Verdict::fails);
	EXPECT_EQ(judge({passed, failed}, {failed, failed}), Verdict::unreliable);
	EXPECT_EQ(judge({passed, skipped}, {passed, passed}), Verdict::unreliable);
	EXPECT_EQ(judge({passed}, {passed, passed}), Verdict::unreliable);
	EXPECT_EQ(judge({skipped, skipped}, {skipped, passed}), Verdict::skipped);
}

TEST(Verdict, OfAnUnreliableTestWantsMore)
{
	const auto of = [](std::vector<Outcome> with) {
		return verdict({{passed, passed}, with, 2, 2, true});
	};

	EXPECT_EQ(of({passed, passed}), Verdict::passed);
	EXPECT_EQ(of({passed, failed}), Verdict::unreliable);
	EXPECT_EQ(of({failed, failed}), Verdict::failed);
	EXPECT_EQ(of({passed}), Verdict::failed);
}

TEST(Verdict, IsByCase)
{
	const auto all = compare(std::vector<Cases>{{{"", passed}, {"a", passed}}, {{"", passed}}},
				 {{{"", passed}, {"a", passed}}});

	EXPECT_EQ(verdict(all.at("")), Verdict::passed);
	EXPECT_EQ(verdict(all.at("a")), Verdict::unreliable);
}

nlohmann::json thread(const std::map<std::string, int> &histogram, int cycles, int max)
{
	return {{"histogram", histogram}, {"cycles", cycles}, {"max", max}};
}

Histogram histogram(const std::map<std::string, int> &at, int cycles, int max)
{
	return Histogram::of({{"thread", {{"0", thread(at, cycles, max)}}}});
}

TEST(Histogram, SumsThreads)
{
	const auto h = Histogram::of({{"thread",
				       {{"0", thread({{"3", 50}, {"9", 1}}, 51, 9)},
					{"1", thread({{"3", 40}, {"10", 9}}, 49, 10)}}}});

	EXPECT_EQ(h.count(), 100u);
	EXPECT_EQ(h.max(), 10u);
	EXPECT_EQ(h.quantile(0.5), 3u);
	EXPECT_EQ(h.quantile(0.90), 3u);
	EXPECT_EQ(h.quantile(0.91), 9u);
	EXPECT_EQ(h.quantile(0.99), 10u);
}

TEST(Histogram, WhatDidNotFitCountsAsTheMost)
{
	const auto h = histogram({{"3", 90}}, 100, 5000);

	EXPECT_EQ(h.count(), 100u);
	EXPECT_EQ(h.quantile(0.9), 3u);
	EXPECT_EQ(h.quantile(0.95), 5000u);
}

TEST(Histogram, NonsenseIsRefused)
{
	EXPECT_THROW(histogram({{"3", 90}}, 80, 3), std::runtime_error);
	EXPECT_THROW(histogram({{"30", 90}}, 90, 3), std::runtime_error);
	EXPECT_THROW(histogram({}, 0, 0), std::runtime_error);
	EXPECT_THROW(Histogram::of({{"thread", nlohmann::json::object()}}), std::runtime_error);
}

TEST(Latency, IsComparedAsFarAsTheControlAllows)
{
	const auto at = [](int latency) {
		return histogram({{std::to_string(latency), 100}}, 100, latency);
	};

	EXPECT_EQ(compare({at(100), at(100)}, {at(105)}).answer(), Latency::Answer::met);
	EXPECT_EQ(compare({at(100), at(100)}, {at(106)}).answer(), Latency::Answer::missed);
	// The halves without differ by a tenth: 1.06 is not told from nothing, 1.2 is.
	EXPECT_DOUBLE_EQ(compare({at(110), at(100)}, {at(100)}).control, 1.1);
	EXPECT_DOUBLE_EQ(compare({at(100), at(110)}, {at(100)}).control, 1.1);
	EXPECT_EQ(compare({at(110), at(100)}, {at(117)}).answer(), Latency::Answer::unknown);
	EXPECT_EQ(compare({at(110), at(100)}, {at(132)}).answer(), Latency::Answer::missed);
	// One that differs by more does not tell that a target is met, either.
	EXPECT_EQ(compare({at(130), at(100)}, {at(100)}).answer(), Latency::Answer::unknown);
	EXPECT_EQ(compare({at(130), at(100)}, {at(200)}).answer(), Latency::Answer::missed);
	// Nor do blocks that are not all on one side tell that it is missed.
	EXPECT_EQ(compare({at(100), at(100)}, {at(120), at(90)}).answer(),
		  Latency::Answer::unknown);
	EXPECT_THROW(compare({at(100)}, {at(100)}), std::runtime_error);
}

TEST(Stress, OperationsAreReadFromYaml)
{
	EXPECT_DOUBLE_EQ(operations_per_second("metrics:\n    - stressor: timer\n"
					       "      bogo-ops: 29592\n"
					       "      bogo-ops-per-second-real-time: 29297.5\n"),
			 29297.5);
	EXPECT_DOUBLE_EQ(operations_per_second(""), 0);
}

class Guests : public testing::Test {
protected:
	void SetUp() override
	{
		fs::remove_all(dir_);
		write("facts", "kernel=k\ncpus=2\nclock=lapic\nknob=yes\n");
		for (const auto *block : {"timers/10-off", "timers/11-on"}) {
			const std::string at = block;

			write(at + "/device", at.ends_with("on") ? "callout\n" : "lapic\n");
			write(at + "/nanosleep.log", "ok 1 CLOCK_TAI\n");
			write(at + "/nanosleep.status", "0\n");
		}
	}
	void TearDown() override { fs::remove_all(dir_); }

	void write(const std::string &name, const std::string &text) const
	{
		fs::create_directories((dir_ / name).parent_path());
		std::ofstream(dir_ / name) << text;
	}

	bool good(int status = 0) const
	{
		Report report("");

		report.add({.rig = "qemu", .status = status, .dir = dir_});
		return report.good();
	}

	fs::path dir_ = fs::path(testing::TempDir()) /
			testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(Guests, PassAsTheyAre)
{
	EXPECT_TRUE(good());
}

TEST_F(Guests, FailWhenTheKernelReports)
{
	EXPECT_FALSE(good(99));
}

TEST_F(Guests, FailWhenATestDoes)
{
	write("timers/11-on/nanosleep.log", "not ok 1 CLOCK_TAI\n");
	write("timers/11-on/nanosleep.status", "1\n");
	EXPECT_FALSE(good());
}

TEST_F(Guests, FailWhenATestDidNotEnd)
{
	fs::remove(dir_ / "timers/11-on/nanosleep.status");
	EXPECT_FALSE(good());
}

TEST_F(Guests, FailWhenTheClockIsNotInUse)
{
	write("timers/11-on/device", "lapic\n");
	EXPECT_FALSE(good());
}

TEST_F(Guests, FailWhenCyclictestDoes)
{
	const auto *measured =
		R"({"thread": {"0": {"histogram": {"3": 9}, "cycles": 9, "max": 3}}})";

	for (const auto *block : {"latency/10-off", "latency/11-on", "latency/12-off"}) {
		const std::string at = block;

		write(at + "/device", at.ends_with("on") ? "callout\n" : "lapic\n");
		write(at + "/histogram.json", measured);
		write(at + "/cyclictest.status", "0\n");
	}
	EXPECT_TRUE(good());
	write("latency/11-on/cyclictest.status", "1\n");
	EXPECT_FALSE(good());
	write("latency/11-on/cyclictest.status", "0\n");
	write("latency/11-on/histogram.json", "{");
	EXPECT_FALSE(good());
}

TEST_F(Guests, AreNamedWithTheirStatus)
{
	const auto guest = guest_of("icount=99=/tmp/a=b");

	EXPECT_EQ(guest.rig, "icount");
	EXPECT_EQ(guest.status, 99);
	EXPECT_EQ(guest.dir, "/tmp/a=b");
	EXPECT_THROW(guest_of("/tmp/a"), std::runtime_error);
}

} // namespace
} // namespace peers
