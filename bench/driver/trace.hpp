// SPDX-License-Identifier: GPL-2.0
// Traces in memory: read, made up, and the least number of interrupts that serves one.
#pragma once

#include "../trace_format.h"
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bench {

struct Trace {
	std::string name{};
	std::uint32_t timers = 0;
	std::chrono::nanoseconds duration{};
	std::vector<co_trace_record> records{};

	std::vector<std::byte> bytes() const;
};

// Throws std::runtime_error if the file is not a trace.
Trace read_trace(const std::filesystem::path &path);
void write_trace(const Trace &trace, const std::filesystem::path &path);

// What a busy TCP server does: sessions whose timer is moved later again and again and seldom
// expires.
Trace tcp_like(unsigned sessions, std::chrono::milliseconds duration, std::uint32_t seed);

// One-shot timers, `per_second` of them at random times, each armed `lead` ahead.
Trace one_shots(unsigned per_second, std::chrono::milliseconds duration,
		std::chrono::microseconds window, std::chrono::microseconds lead,
		std::uint32_t seed);

// The least number of points in time that has one in the window of each arm.
std::size_t fewest_interrupts(const Trace &trace);

} // namespace bench
