// SPDX-License-Identifier: GPL-2.0
// Trace files in the format of bench/trace_format.h.
#pragma once

#include "../trace_format.h"
#include <filesystem>
#include <string>
#include <vector>

namespace record {

struct TraceFile {
	std::uint32_t timers = 0;
	std::uint64_t duration_ns = 0;
	std::vector<co_trace_record> records;
};

// Both throw Error; reading also for a file that breaks a rule of the format.
void write_trace(const std::filesystem::path &path, const TraceFile &trace);
TraceFile read_trace(const std::filesystem::path &path);

// What a trace holds, for people.
std::string describe(const TraceFile &trace);

} // namespace record
