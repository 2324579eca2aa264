// SPDX-License-Identifier: GPL-2.0
// Tests of the reduction on small recordings, whole and broken ones.
#include "report.hpp"
#include "trace_file.hpp"
#include <fmt/core.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <unistd.h>

namespace record {
namespace {

constexpr std::uint64_t tick_ns = 4'000'000;
constexpr Window all{0, 1'000'000'000};

// Every recording begins with a timer_start at tick 0 of a timer that no test looks at, so that
// jiffy 1000 is time 0.
std::vector<Event> events_of(const std::string &text)
{
	std::istringstream in(
		"cpus=2\n"
		"   task-1  [001]  0: timer_start: timer=0xdead function=other expires=2000 "
		"bucket_expiry=2000 now=0x3e8 flags=0\n" +
		text);
	return parse(in);
}

Reduced reduce_text(const std::string &text)
{
	return reduce(events_of(text), all, tick_ns);
}

// What a record says, in short: "arm 0@5+1ms" is timer 0 armed at 5 ns for 1 ms.
std::string brief(const Reduced &reduced)
{
	std::string text;
	for (const auto &record : reduced.records) {
		if (record.timer == 0 && record.kind == CO_TRACE_TIMER_LIST && record.time_ns == 0)
			continue;
		static constexpr const char *ops[] = {"", "arm", "cancel", "expired"};
		text += ops[record.op] + (" " + std::to_string(record.timer)) + "@" +
			std::to_string(record.time_ns);
		if (record.op == CO_TRACE_ARM)
			text += "->" + std::to_string(record.deadline_ns);
		text += "; ";
	}
	return text;
}

std::string what_is_wrong(const std::string &line)
{
	try {
		std::istringstream in(line);
		parse(in);
	} catch (const Error &error) {
		return error.what();
	}
	return "";
}

TEST(Parse, ReadsAnEventOfATaskWithAnyName)
{
	const auto event =
		parse_line(" a [x] [12] b-77  [003] 12345: hrtimer_start: hrtimer=0xff10 "
			   "function=tick_nohz_handler expires=500 softexpires=400 mode=10 "
			   "was_armed=1");
	ASSERT_TRUE(event);
	EXPECT_EQ(event->what, What::hrtimer_start);
	EXPECT_EQ(event->cpu, 3u);
	EXPECT_EQ(event->time_ns, 12345u);
	EXPECT_EQ(event->object, 0xff10u);
	EXPECT_EQ(event->text, "tick_nohz_handler");
	EXPECT_EQ(event->expires, 500u);
	EXPECT_EQ(event->softexpires, 400u);
	EXPECT_EQ(event->was_armed, true);
}

TEST(Parse, ReadsMarks)
{
	const auto event = parse_line("sh-1 [000] 7: print: ip=tracing_mark_write buf=begin");
	ASSERT_TRUE(event);
	EXPECT_EQ(event->what, What::mark);
	EXPECT_EQ(event->text, "begin");
}

TEST(Parse, RefusesWhatItCannotUse)
{
	const std::string good = "t-1 [000] 9: timer_cancel: timer=0x1\n";
	EXPECT_EQ(what_is_wrong(good), "");
	EXPECT_NE(what_is_wrong("CPU:1 [17 EVENTS DROPPED]\n").find("missing"), std::string::npos);
	EXPECT_NE(what_is_wrong(good + "t-1 [000] 8: timer_cancel: timer=0x1\n")
			  .find("line 2: time goes back"),
		  std::string::npos);
	for (const char *bad : {
		     "nonsense",
		     "t-1 [000] 9:",
		     "t-1 [000] 9 timer_cancel: timer=0x1",
		     "t-1 [000] x: timer_cancel: timer=0x1",
		     "t-1 [000] 9: sched_switch: prev=1",
		     "t-1 [000] 9: timer_cancel:",
		     "t-1 [000] 9: timer_cancel: timer=",
		     "t-1 [000] 9: timer_cancel: timer=0x1g",
		     "t-1 [000] 9: timer_start: timer=0x1 function=f expires=99999999999999999999 "
		     "now=1",
		     "t-1 [000] 9: timer_start: timer=0x1 expires=9 now=1",
		     "t-1 [000] 9: timer_start: timer=0x1 function=f expires=9",
		     "t-1 [000] 9: hrtimer_start: hrtimer=0x1 function=f expires=9 softexpires=10",
		     "t-1 [000] 9: mod_timer: timer=0x1",
	     })
		EXPECT_NE(what_is_wrong(bad), "") << bad;
}

TEST(Reduce, AMoveIsOneRecord)
{
	const auto reduced = reduce_text(
		"t-1 [000] 10: mod_timer: timer=0x1 expires=1010\n"
		"t-1 [000] 11: timer_start: timer=0x1 function=f expires=1010 now=1000\n"
		"t-1 [000] 20: mod_timer: timer=0x1 expires=1020\n"
		"t-1 [001] 21: timer_cancel: timer=0xdead\n"
		"t-1 [000] 22: timer_cancel: timer=0x1\n"
		"t-1 [000] 23: timer_start: timer=0x1 function=f expires=1020 now=1000\n"
		"t-1 [000] 30: timer_cancel: timer=0x1\n");
	EXPECT_EQ(brief(reduced),
		  "arm 1@11->40000000; cancel 0@21; arm 1@23->80000000; cancel 1@30; ");
	const Tally &f = reduced.timer_lists.at("f");
	EXPECT_EQ(f.timers, 1u);
	EXPECT_EQ(f.arms, 2u);
	EXPECT_EQ(f.pending, 1u);
	EXPECT_EQ(f.later, 1u);
	EXPECT_EQ(f.cancels, 1u);
	EXPECT_EQ(f.uncalled, 0u);
	EXPECT_EQ(reduced.contradictions, 0u);
}

TEST(Reduce, ACallThatTheKernelDoesNotTellOfCounts)
{
	const auto reduced = reduce_text(
		"t-1 [000] 11: timer_start: timer=0x1 function=f expires=1010 now=1000\n"
		"t-1 [000] 20: mod_timer: timer=0x1 expires=1010\n"
		"t-1 [000] 30: mod_timer: timer=0x1 expires=1011\n"
		"t-1 [000] 40: mod_timer: timer=0x1 expires=1009\n");
	EXPECT_EQ(brief(reduced), "arm 1@11->40000000; arm 1@20->40000000; arm 1@30->44000000; "
				  "arm 1@40->36000000; ");
	const Tally &f = reduced.timer_lists.at("f");
	EXPECT_EQ(f.silent, 3u);
	EXPECT_EQ(f.same, 1u);
	EXPECT_EQ(f.later, 1u);
	EXPECT_EQ(f.earlier, 1u);
	EXPECT_EQ(f.uncalled, 1u);
}

TEST(Reduce, ACancelThatIsPartOfAnExpiryIsNone)
{
	const auto reduced = reduce_text(
		"t-1 [000] 11: timer_start: timer=0x1 function=f expires=1001 now=1000\n"
		"t-1 [000] 5000000: timer_cancel: timer=0x1\n"
		"t-1 [000] 5000001: timer_expire_entry: timer=0x1 now=1001 function=f "
		"baseclk=1001\n"
		"t-1 [000] 5000002: timer_start: timer=0x1 function=f expires=1003 now=1001\n");
	EXPECT_EQ(brief(reduced),
		  "arm 1@11->4000000; expired 1@5000000; arm 1@5000002->12000000; ");
	EXPECT_EQ(reduced.timer_lists.at("f").expired, 1u);
	EXPECT_EQ(reduced.timer_lists.at("f").cancels, 0u);
	EXPECT_EQ(reduced.timer_lists.at("f").pending, 0u);
}

// Between taking the timer off and calling its handler nobody keeps another CPU from arming it.
TEST(Reduce, ArmedByAnotherCpuWhileItExpires)
{
	const auto reduced = reduce_text(
		"t-1 [000] 11: timer_start: timer=0x1 function=f expires=1001 now=1000\n"
		"t-1 [000] 20: timer_cancel: timer=0x1\n"
		"t-1 [001] 21: mod_timer: timer=0x1 expires=1005\n"
		"t-1 [001] 22: timer_start: timer=0x1 function=f expires=1005 now=1000\n"
		"t-1 [000] 23: timer_expire_entry: timer=0x1 now=1000 function=f baseclk=1001\n"
		"t-1 [001] 24: timer_cancel: timer=0x1\n");
	EXPECT_EQ(brief(reduced),
		  "arm 1@11->4000000; expired 1@20; arm 1@22->20000000; cancel 1@24; ");
	EXPECT_EQ(reduced.contradictions, 0u);
}

TEST(Reduce, ATimerThatExpiresDuringTheCallIsArmedAfterIt)
{
	const auto reduced = reduce_text(
		"t-1 [000] 11: timer_start: timer=0x1 function=f expires=1001 now=1000\n"
		"t-1 [000] 20: mod_timer: timer=0x1 expires=1005\n"
		"t-1 [000] 21: timer_cancel: timer=0x1\n"
		"t-1 [000] 22: timer_expire_entry: timer=0x1 now=1000 function=f baseclk=1001\n"
		"t-1 [000] 23: timer_start: timer=0x1 function=f expires=1005 now=1000\n");
	EXPECT_EQ(brief(reduced), "arm 1@11->4000000; expired 1@21; arm 1@23->20000000; ");
	EXPECT_EQ(reduced.contradictions, 0u);
	EXPECT_EQ(reduced.timer_lists.at("f").silent, 0u);
}

TEST(Reduce, AnInitialisedTimerIsAnother)
{
	const auto reduced = reduce_text(
		"t-1 [000] 11: timer_start: timer=0x1 function=f expires=1001 now=1000\n"
		"t-1 [000] 12: timer_cancel: timer=0x1\n"
		"t-1 [000] 13: timer_init: timer=0x1\n"
		"t-1 [000] 14: timer_init: timer=0x2\n"
		"t-1 [000] 15: timer_start: timer=0x1 function=f expires=1001 now=1000\n"
		"t-1 [000] 16: hrtimer_start: hrtimer=0x1 function=h expires=99 softexpires=98\n");
	EXPECT_EQ(brief(reduced),
		  "arm 1@11->4000000; cancel 1@12; arm 2@15->4000000; arm 3@16->98; ");
	EXPECT_EQ(reduced.timers, 4u);
	EXPECT_EQ(reduced.timer_lists.at("f").timers, 2u);
}

TEST(Reduce, AnotherHandlerIsAnotherTimer)
{
	const auto reduced = reduce_text(
		"t-1 [000] 1: hrtimer_start: hrtimer=0x1 function=g expires=9 softexpires=9\n"
		"t-1 [000] 2: hrtimer_cancel: hrtimer=0x1\n"
		"t-1 [000] 3: hrtimer_start: hrtimer=0x1 function=h expires=9 softexpires=9 "
		"was_armed=0\n");
	EXPECT_EQ(brief(reduced), "arm 1@1->9; cancel 1@2; arm 2@3->9; ");
}

TEST(Reduce, HrtimersOfKernelsThatTellWhetherTheyWereArmed)
{
	const auto reduced =
		reduce_text("t-1 [000] 1: hrtimer_init: hrtimer=0x1 clockid=1 mode=1\n"
			    "t-1 [000] 2: hrtimer_start: hrtimer=0x1 function=h expires=9009 "
			    "softexpires=5009 was_armed=0\n"
			    "t-1 [000] 3: hrtimer_start: hrtimer=0x1 function=h expires=9999999999 "
			    "softexpires=10 was_armed=1\n"
			    "t-1 [000] 4: hrtimer_expire_entry: hrtimer=0x1 now=4 function=0x99\n"
			    "t-1 [000] 5: hrtimer_start: hrtimer=0x1 function=h expires=20 "
			    "softexpires=20 was_armed=0\n");
	EXPECT_EQ(reduced.records.at(1).window_us, 4);
	EXPECT_EQ(reduced.records.at(2).window_us, 65535);
	EXPECT_EQ(reduced.contradictions, 0u);
}

TEST(Reduce, HrtimersOfOlderKernels)
{
	const auto reduced =
		reduce_text("t-1 [000] 2: hrtimer_start: hrtimer=0x1 function=h expires=9 "
			    "softexpires=9 mode=0\n"
			    "t-1 [000] 3: hrtimer_cancel: hrtimer=0x1\n"
			    "t-1 [000] 4: hrtimer_start: hrtimer=0x1 function=h expires=19 "
			    "softexpires=19 mode=0\n"
			    "t-1 [000] 19: hrtimer_cancel: hrtimer=0x1\n"
			    "t-1 [000] 20: hrtimer_expire_entry: hrtimer=0x1 now=19 function=h\n");
	EXPECT_EQ(brief(reduced), "arm 1@2->9; arm 1@4->19; expired 1@20; ");
	EXPECT_EQ(reduced.hrtimers.at("h").later, 1u);
	EXPECT_EQ(reduced.contradictions, 0u);
}

TEST(Reduce, LeavesOutWhatItCannotPlace)
{
	const auto reduced = reduce_text(
		"t-1 [000] 1: timer_cancel: timer=0x5\n"
		"t-1 [000] 2: hrtimer_init: hrtimer=0x1 clockid=0 mode=0\n"
		"t-1 [000] 3: hrtimer_start: hrtimer=0x1 function=h expires=9 softexpires=9\n"
		"t-1 [000] 4: hrtimer_start: hrtimer=0x2 function=h expires=1790000000000000000 "
		"softexpires=1790000000000000000\n"
		"t-1 [000] 5: hrtimer_start: hrtimer=0x3 function=h expires=9223372036854775807 "
		"softexpires=9223372036854775807\n");
	EXPECT_EQ(brief(reduced), "arm 1@5->9223372036854775807; ");
	EXPECT_EQ(reduced.early, 1u);
	EXPECT_EQ(reduced.other_clock, 2u);
}

TEST(Reduce, OnlyTheWindow)
{
	const auto events = events_of(
		"t-1 [000] 100: timer_start: timer=0x1 function=f expires=1000 now=1000\n"
		"t-1 [000] 4000100: timer_start: timer=0x1 function=f expires=1002 now=1001\n"
		"t-1 [000] 4000200: timer_start: timer=0x2 function=f expires=1000 now=1001\n"
		"t-1 [000] 5000000: timer_cancel: timer=0x2\n");
	const auto reduced = reduce(events, {4'000'000, 5'000'000}, tick_ns);
	ASSERT_EQ(reduced.records.size(), 2u);
	EXPECT_EQ(reduced.records[0].time_ns, 100u);
	EXPECT_EQ(reduced.records[0].deadline_ns, 4'000'000u);
	EXPECT_EQ(reduced.records[1].deadline_ns, 0u) << "due before the window began";
}

TEST(Reduce, FindsContradictions)
{
	const auto reduced = reduce_text(
		"t-1 [000] 11: timer_start: timer=0x1 function=f expires=1010 now=1000\n"
		"t-1 [000] 12: timer_start: timer=0x1 function=f expires=1020 now=1000\n"
		"t-1 [000] 13: timer_cancel: timer=0x1\n"
		"t-1 [000] 14: hrtimer_init: hrtimer=0x8 clockid=1 mode=1\n"
		"t-1 [000] 15: timer_cancel: timer=0x1\n");
	EXPECT_EQ(reduced.contradictions, 2u);
	EXPECT_THROW(check_consistent(reduced, {}), Error);
}

TEST(Report, MissedCallsAreFound)
{
	const std::vector<std::string> handlers{"f", "never"};
	const std::string start =
		"t-1 [000] 11: timer_start: timer=0x1 function=f expires=1010 now=1000\n";
	EXPECT_THROW(check_consistent(reduce_text(start), handlers), Error);
	EXPECT_NO_THROW(check_consistent(
		reduce_text("t-1 [000] 10: mod_timer: timer=0x1 expires=1010\n" + start),
		handlers));
	EXPECT_THROW(
		check_consistent(
			reduce_text("t-1 [000] 10: mod_timer: timer=0x1 expires=1011\n" + start),
			handlers),
		Error);
}

TEST(Jiffies, TheEarliestEventDecides)
{
	std::istringstream in(
		"t-1 [000] 4000900: timer_start: timer=0x1 function=f expires=9 now=1001\n"
		"t-1 [000] 8000020: timer_expire_entry: timer=0x1 function=f now=1002\n"
		"t-1 [000] 15000000: timer_expire_entry: timer=0x1 function=f now=1003\n");
	EXPECT_EQ(jiffies_epoch_ns(parse(in), tick_ns), 20 - 1000 * 4'000'000LL);
	EXPECT_THROW(jiffies_epoch_ns({}, tick_ns), Error);
}

TEST(Jiffies, DoNotMatterWithoutTheWheel)
{
	std::istringstream in(
		"t-1 [000] 10: hrtimer_start: hrtimer=0x1 function=f expires=30 softexpires=20 "
		"was_armed=0\n"
		"t-1 [000] 25: hrtimer_expire_entry: hrtimer=0x1 function=f\n");
	const auto reduced = reduce(parse(in), {0, 100}, tick_ns);
	ASSERT_EQ(reduced.records.size(), 2U);
	EXPECT_EQ(reduced.records[0].deadline_ns, 20U);
	EXPECT_EQ(reduced.records[1].op, CO_TRACE_EXPIRED);
	std::istringstream wheel("t-1 [000] 10: timer_init: timer=0x1\n");
	EXPECT_THROW(reduce(parse(wheel), {0, 100}, tick_ns), Error);
}

TEST(Window, WholeStepsBetweenTheMarks)
{
	const auto marks = [](const char *begin, const char *end) {
		std::istringstream in(std::string("t-1 [000] ") + begin +
				      ": print: ip=x buf=begin\nt-1 [000] " + end +
				      ": print: ip=x buf=end\n");
		return parse(in);
	};
	const auto window = whole_steps(marks("150", "499"), 100);
	EXPECT_EQ(window.begin_ns, 200u);
	EXPECT_EQ(window.end_ns, 400u);
	EXPECT_THROW(whole_steps(marks("150", "299"), 100), Error);
	EXPECT_THROW(whole_steps({}, 100), Error);
}

// ---- the kernel's counts -----------------------------------------------------------------------

Counts counts_of(const std::string &text)
{
	std::istringstream in(text);
	return parse_counts(in);
}

constexpr auto totals = "\nTotals:\n    Hits: 3\n    Entries: 1\n    Dropped: 0\n";

TEST(Counts, SumsTheCpus)
{
	const auto counts = counts_of(
		std::string(
			"# event histogram\n\n"
			"{ common_timestamp: ~ 100-199, common_cpu:          0 } hitcount:  1\n"
			"{ common_timestamp: ~ 300-399, common_cpu:          0 } hitcount:  5\n"
			"{ common_timestamp: ~ 100-199, common_cpu:          1 } hitcount:  2\n") +
		totals);
	EXPECT_EQ(counts.step_ns, 100u);
	EXPECT_EQ(counts.at(100), 3u);
	EXPECT_EQ(counts.at(200), 0u);
	EXPECT_EQ(counts.at(300), 5u);
}

TEST(Counts, RefusesWhatItCannotUse)
{
	const std::string step = "{ common_timestamp: ~ 100-199, common_cpu: 0 } hitcount: 1\n";
	EXPECT_NO_THROW(counts_of(step + totals));
	EXPECT_THROW(counts_of(step), Error) << "cut off";
	EXPECT_THROW(counts_of(step + "    Dropped: 2\n"), Error);
	EXPECT_THROW(counts_of(step +
			       "{ common_timestamp: ~ 200-399, common_cpu: 0 } hitcount: 1\n" +
			       totals),
		     Error);
	EXPECT_THROW(counts_of("{ common_pid: 1 } hitcount: 1\n" + std::string(totals)), Error);
}

TEST(Counts, OneEventLessIsFound)
{
	const auto events = events_of("t-1 [000] 110: timer_cancel: timer=0x1\n"
				      "t-1 [000] 199: timer_cancel: timer=0x1\n"
				      "t-1 [000] 200: timer_cancel: timer=0x1\n"
				      "t-1 [000] 300: timer_cancel: timer=0x1\n");
	std::map<std::string_view, Counts> counts;
	for (const auto name : event_names)
		counts[name] = {100, {}};
	counts["timer_cancel"].steps = {{200, 1}, {100, 2}, {300, 77}};
	EXPECT_NE(compare_counts(events, {100, 300}, counts).find("| timer_cancel | 3 | 3 |"),
		  std::string::npos);
	counts["timer_cancel"].steps = {{200, 2}, {100, 1}};
	EXPECT_THROW(compare_counts(events, {100, 300}, counts), Error) << "the sum alone is right";
	counts["timer_cancel"].steps = {{200, 1}, {100, 2}};
	counts["mod_timer"].steps = {{100, 1}};
	EXPECT_THROW(compare_counts(events, {100, 300}, counts), Error);
}

// ---- trace files -------------------------------------------------------------------------------

class File : public ::testing::Test {
protected:
	// Tests run side by side, a process each.
	File()
		: path(std::filesystem::path(::testing::TempDir()) /
		       fmt::format("record_test.{}.trace", getpid()))
	{
	}
	~File() override { std::filesystem::remove(path); }

	static TraceFile sample()
	{
		return {2,
			1000,
			{{10, 500, 0, 7, CO_TRACE_ARM, CO_TRACE_TIMER_LIST},
			 {20, 600, 0, 0, CO_TRACE_ARM, CO_TRACE_TIMER_LIST},
			 {30, 50, 1, 0, CO_TRACE_ARM, CO_TRACE_HRTIMER},
			 {1000, 0, 1, 0, CO_TRACE_EXPIRED, CO_TRACE_HRTIMER}}};
	}

	// Writes the sample with one byte changed.
	void write_with(std::size_t at, char byte)
	{
		write_trace(path, sample());
		std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
		file.seekp(static_cast<std::streamoff>(at));
		file.put(byte);
	}

	std::filesystem::path path;
};

TEST_F(File, ReadsBackWhatItWrote)
{
	write_trace(path, sample());
	EXPECT_EQ(std::filesystem::file_size(path), 32u + 4 * 24);
	const auto trace = read_trace(path);
	EXPECT_EQ(trace.timers, 2u);
	EXPECT_EQ(trace.duration_ns, 1000u);
	ASSERT_EQ(trace.records.size(), 4u);
	EXPECT_EQ(trace.records[0].window_us, 7);
	EXPECT_EQ(trace.records[3].op, CO_TRACE_EXPIRED);
	EXPECT_NE(describe(trace).find("timer_list: 2 arms (1 of pending timers: 1 later"),
		  std::string::npos);
	EXPECT_NE(describe(trace).find("hrtimer: 1 arms (0 of pending"), std::string::npos);
}

TEST_F(File, RefusesBrokenFiles)
{
	try {
		(void)read_trace(path);
		ADD_FAILURE() << "there is none";
	} catch (const Error &error) {
		EXPECT_EQ(std::string(error.what()),
			  "cannot open " + path.string() + ": No such file or directory");
	}
	constexpr std::size_t record = 32;
	for (const auto &[at, byte] : {std::pair<std::size_t, char>{0, 'X'}, // magic
				       {8, 5},                               // number of records
				       {12, 1},                              // timers
				       {17, 0},                              // duration
				       {24, 1},                              // reserved
				       {record + 1, 1},  // a time later than the next
				       {record + 16, 2}, // timer
				       {record + 22, 0},
				       {record + 22, 4},            // operation
				       {record + 23, 2},            // kind
				       {record + 3 * 24 + 8, 1}}) { // an expiry's deadline
		write_with(at, byte);
		EXPECT_THROW(read_trace(path), Error) << "byte " << at;
	}
	write_trace(path, sample());
	std::filesystem::resize_file(path, 32 + 4 * 24 - 1);
	EXPECT_THROW(read_trace(path), Error) << "cut off";
}

TEST_F(File, RefusesToWriteNonsense)
{
	auto trace = sample();
	trace.records[1].timer = 2;
	EXPECT_THROW(write_trace(path, trace), Error);
	EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Cut, KeepsTheFirstRecordsAndTheirTimers)
{
	Reduced reduced;
	reduced.window = {100, 900};
	reduced.timers = 9;
	for (std::uint32_t i = 0; i < 9; i++)
		reduced.records.push_back({i * 10, 0, i, 0, CO_TRACE_ARM, CO_TRACE_TIMER_LIST});
	cut(reduced, 20);
	EXPECT_EQ(reduced.records.size(), 9u);
	EXPECT_EQ(reduced.window.end_ns, 900u);
	cut(reduced, 3);
	EXPECT_EQ(reduced.timers, 3u);
	EXPECT_EQ(reduced.records.size(), 3u);
	EXPECT_EQ(reduced.window.end_ns, 120u);
}

} // namespace
} // namespace record
