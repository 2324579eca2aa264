// SPDX-License-Identifier: GPL-2.0
// What the kernel prints, and what people type.
#include "kernel_events.hpp"
#include "kernel_log.hpp"
#include "output.hpp"
#include "parse.hpp"
#include <cstdlib>
#include <gtest/gtest.h>

using namespace ctl;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

TEST(Duration, UnitsAreExact)
{
	EXPECT_EQ(parse_duration("7ns"), 7ns);
	EXPECT_EQ(parse_duration("20us"), 20us);
	EXPECT_EQ(parse_duration("100ms"), 100ms);
	EXPECT_EQ(parse_duration("1.5s"), 1500ms);
	EXPECT_EQ(parse_duration("2m"), 2min);
	EXPECT_EQ(parse_duration("2min"), 2min);
	EXPECT_EQ(parse_duration("3h"), 3h);
	EXPECT_EQ(parse_duration("0"), 0ns);
	EXPECT_EQ(parse_duration("9223372036854775807ns"), nanoseconds::max());
	EXPECT_EQ(parse_duration("9007199254740993ns").count(), 9007199254740993); // not a double
}

TEST(Duration, WhatIsNoneSaysHowToWriteOne)
{
	for (const auto *const text :
	     {"", "100", "ms", "-1ms", "1 ms", "1x", "1e3s", "1.2.3s", "nan", "0x1ms"})
		try {
			(void)parse_duration(text);
			ADD_FAILURE() << text;
		} catch (const Error &error) {
			EXPECT_EQ(error.status(), Exit::usage);
			EXPECT_NE(error.hint().find("100ms"), std::string::npos);
		}
	EXPECT_THROW((void)parse_duration("300000000h"), Error);
}

TEST(Time, SecondsOfAnyClock)
{
	EXPECT_EQ(parse_time("12.5", false, 0ns), 12500ms);
	EXPECT_EQ(parse_time("1800000000", true, 0ns), 1800000000s);
	EXPECT_THROW((void)parse_time("12:30", false, 0ns), Error);
	EXPECT_THROW((void)parse_time("-5", false, 0ns), Error);
}

TEST(Time, OfDayIsTheNextOne)
{
	::setenv("TZ", "UTC", 1);
	::tzset();
	const nanoseconds noon = 1800014400s; // 2027-01-15 12:00:00
	EXPECT_EQ(parse_time("12:30", true, noon), noon + 30min);
	EXPECT_EQ(parse_time("12:00:01.25", true, noon), noon + 1250ms);
	EXPECT_EQ(parse_time("11:59:59", true, noon), noon + 24h - 1s);
	EXPECT_EQ(parse_time("2027-01-15 12:00", true, noon), noon);
	EXPECT_EQ(parse_time("2027-01-15T12:00:07", true, noon), noon + 7s);
	for (const auto *const text : {"25:00", "12:30x", "12:30:05.x", "tomorrow", ""})
		EXPECT_THROW((void)parse_time(text, true, noon), Error) << text;
}

TEST(Counters, Lines)
{
	const auto counters = parse_counters("pending 3\narmed 18446744073709551615\n");
	EXPECT_EQ(counters, (Counters{{"pending", 3}, {"armed", UINT64_MAX}}));
	EXPECT_THROW((void)parse_counters("pending\n"), Error);
	EXPECT_THROW((void)parse_counters("pending x\n"), Error);
	EXPECT_THROW((void)parse_counters("pending 1 2\n"), Error);
}

TEST(Cpus, RowsByHeading)
{
	const auto rows = parse_cpus("cpu class armed home woken\n0 weak 7 5 -\n0 all - - 9\n");
	ASSERT_EQ(rows.size(), 2U);
	EXPECT_EQ(rows[0].klass, "weak");
	EXPECT_EQ(rows[0].values, (Counters{{"armed", 7}, {"home", 5}}));
	EXPECT_EQ(rows[1].values, (Counters{{"woken", 9}}));
	EXPECT_THROW((void)parse_cpus(""), Error);
	EXPECT_THROW((void)parse_cpus("cpu class armed\n0 weak\n"), Error);
	EXPECT_THROW((void)parse_cpus("cpu class armed\nx weak 1\n"), Error);
	EXPECT_THROW((void)parse_cpus("cpu class armed\n0 weak y\n"), Error);
}

TEST(TimerList, WithAndWithoutModule)
{
	const auto all =
		parse_timer_list("# cpu context affinity deadline_ns window_ns lock function\n"
				 "0 soft none 123456789012 0 spin expired [callout]\n"
				 "3 thread weak 5 1000 none-thread do_it\n");
	ASSERT_EQ(all.size(), 2U);
	EXPECT_EQ(all[0].cpu, 0U);
	EXPECT_EQ(all[0].context, "soft");
	EXPECT_EQ(all[0].affinity, "none");
	EXPECT_EQ(all[0].deadline_ns, 123456789012U);
	EXPECT_EQ(all[0].lock, "spin");
	EXPECT_EQ(all[0].function, "expired");
	EXPECT_EQ(all[0].module, "callout");
	EXPECT_EQ(all[1].window_ns, 1000U);
	EXPECT_EQ(all[1].lock, "none-thread");
	EXPECT_EQ(all[1].module, "");
	EXPECT_TRUE(parse_timer_list("# only the heading\n").empty());
	for (const auto *const line :
	     {"0 soft none 1 0 spin", "x soft none 1 0 spin f", "0 soft none y 0 spin f",
	      "0 soft none 1 z spin f", "0 soft none 1 0 spin f g", "0 soft none 1 0 spin f []"})
		EXPECT_THROW((void)parse_timer_list(line), Error) << line;
}

TEST(Hist, SymbolsAndValues)
{
	const auto hist = parse_hist("# event histogram\n#\n"
				     "{ func: [ffffffffc0213180] expired [callout]          } "
				     "hitcount:          5  ns:    8313815\n"
				     "{ func: [ffffffff81000000] tcp_x                      } "
				     "hitcount:          1  ns:         12\n"
				     "\nTotals:\n    Hits: 6\n    Entries: 2\n    Dropped: 3\n",
				     "ns");
	ASSERT_EQ(hist.lines.size(), 2U);
	EXPECT_EQ(hist.lines[0].symbol, "expired [callout]");
	EXPECT_EQ(hist.lines[0].hits, 5U);
	EXPECT_EQ(hist.lines[0].sum, 8313815U);
	EXPECT_EQ(hist.lines[1].symbol, "tcp_x");
	EXPECT_EQ(hist.dropped, 3U);
	EXPECT_THROW((void)parse_hist("{ func: nothing\n"), Error);
	EXPECT_TRUE(parse_hist("").lines.empty());
}

TEST(KernelLogRecord, OnlyCalloutsText)
{
	EXPECT_EQ(callouts_message("3,812,123456,-;callout: no clock \"x\"\n SUBSYSTEM=misc\n"),
		  "no clock \"x\"");
	EXPECT_FALSE(callouts_message("3,812,123456,-;usb: callout: x\n"));
	EXPECT_FALSE(callouts_message("nonsense"));
}

TEST(Numbers, ForPeople)
{
	EXPECT_EQ(format_ns(12.0), "12 ns");
	EXPECT_EQ(format_ns(-1500.0), "-1.5 us");
	EXPECT_EQ(format_ns(999.7e3), "999.7 us");
	EXPECT_EQ(format_ns(999.99e3), "1.0 ms");
	EXPECT_EQ(format_ns(1500ms), "1.50 s");
	EXPECT_EQ(format_ns(3h), "3.0 h");
	EXPECT_EQ(format_ns(72h), "3.0 d");
	EXPECT_EQ(format_count(0), "0");
	EXPECT_EQ(format_count(999), "999");
	EXPECT_EQ(format_count(1000), "1,000");
	EXPECT_EQ(format_count(1234567), "1,234,567");
	EXPECT_EQ(format_rate(0), "0");
	EXPECT_EQ(format_rate(0.25), "0.25");
	EXPECT_EQ(format_rate(1234.4), "1,234");
}

TEST(Numbers, Quantiles)
{
	const auto q = quantiles({5, 1, 4, 2, 3});
	EXPECT_EQ(q.min, 1);
	EXPECT_EQ(q.median, 3);
	EXPECT_EQ(q.max, 5);
	EXPECT_EQ(quantiles({}).count, 0U);
}

record::Event at(std::uint64_t time_ns, std::uint64_t jiffies)
{
	record::Event e;
	e.what = record::What::timer_start;
	e.time_ns = time_ns;
	e.now = jiffies;
	return e;
}

TEST(Tick, IsToldByJiffies)
{
	EXPECT_EQ(tick_ns({at(0, 100), at(1'003'000'000, 350)}), 4'000'000U);
	EXPECT_EQ(tick_ns({at(0, 100), at(1'003'000'000, 1101)}), 1'000'000U);
	EXPECT_EQ(tick_ns({at(0, 100), at(200'000'000, 119)}), 10'000'000U);
	EXPECT_THROW((void)tick_ns({at(0, 100), at(9'000'000, 102)}), Error);
	EXPECT_THROW((void)tick_ns({}), Error);
}

} // namespace
