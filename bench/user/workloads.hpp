// SPDX-License-Identifier: GPL-2.0
// What is measured. Each gives an array of runs, of which one is an object.
#pragma once

#include "facility.hpp"
#include <nlohmann/json.hpp>

namespace bench {

// Making n timers, and all of them going.
nlohmann::json measure_create(const Kind &kind, std::uint32_t n);
// Arming all; then arm, re-arm for later and for earlier, and cancel while n are armed, in batches
// of 1, 8 and 32. No less than `samples` of each.
nlohmann::json measure_operations(const Kind &kind, std::uint32_t n, std::uint32_t samples);
// Each of n timers re-armed in each of the rounds, a second long, for `rearms` rounds later, until
// all have expired.
nlohmann::json measure_churn(const Kind &kind, std::uint32_t n, unsigned rounds, unsigned rearms);
// `count` of n expire one by one, 100 us apart.
nlohmann::json measure_single_expiries(const Kind &kind, std::uint32_t n, std::uint32_t count);
// All n expire at once.
nlohmann::json measure_burst(const Kind &kind, std::uint32_t n);
// What the kernel's memory and the program's are when n timers are there, and when they are armed.
nlohmann::json measure_memory(const Kind &kind, std::uint32_t n);
// System calls as the kernel sees them, and as the facility counts them.
nlohmann::json count_calls(const Kind &kind);
// A million on one descriptor are armed, re-armed by a store, and expire.
nlohmann::json measure_million(std::uint32_t n);
// How late expiries of /dev/callout and of timerfds are that come in turns.
nlohmann::json measure_lateness(unsigned blocks, std::uint32_t pending);

} // namespace bench
