// SPDX-License-Identifier: GPL-2.0
// Reading what the kernel prints, and what people type. No files, no clock.
#pragma once

#include "tree.hpp"
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctl {

[[nodiscard]] std::vector<std::string> split(std::string_view text); // at blanks and newlines
[[nodiscard]] std::vector<std::string> lines(std::string_view text); // without empty ones
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);

// "100ms", "1.5s", "20us", "7ns", "3m", "2h", "0". Throws Error (usage) for anything else.
[[nodiscard]] std::chrono::nanoseconds parse_duration(std::string_view text);

// A time of day or date for CLOCK_REALTIME ("12:30", "12:30:05.25", "2026-11-30 12:30:00", local
// time), or for any clock seconds since its beginning ("1234.5"). @now is the clock's; a time of
// day is the next one.
[[nodiscard]] std::chrono::nanoseconds parse_time(std::string_view text, bool realtime,
						  std::chrono::nanoseconds now);

// Lines "name value".
[[nodiscard]] Counters parse_counters(std::string_view text);

// callout/cpus in debugfs: a line of headings, then a row for each CPU and class; "-" is nothing.
struct CpuRow {
	unsigned cpu = 0;
	std::string klass; // none, weak, strong, on; all
	Counters values;   // by heading
};
[[nodiscard]] std::vector<CpuRow> parse_cpus(std::string_view text);

// callout/timer_list in debugfs.
struct Pending {
	unsigned cpu = 0;
	std::string context, affinity, lock;
	std::uint64_t deadline_ns = 0; // on CLOCK_MONOTONIC: when it may run
	std::uint64_t window_ns = 0;
	std::string function, module; // the module may be empty
};
[[nodiscard]] std::vector<Pending> parse_timer_list(std::string_view text);

// One line of a histogram with a symbol as its key.
struct HistLine {
	std::string symbol; // "expired [callout]"
	std::uint64_t hits = 0;
	std::uint64_t sum = 0; // of the value, if it has one
};
struct Hist {
	std::vector<HistLine> lines;
	std::uint64_t dropped = 0;
};
[[nodiscard]] Hist parse_hist(std::string_view text, std::string_view value = {});

} // namespace ctl
