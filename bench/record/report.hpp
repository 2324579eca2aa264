// SPDX-License-Identifier: GPL-2.0
// What was recorded and how it was checked, as Markdown.
#pragma once

#include "reduce.hpp"
#include <filesystem>

namespace record {

// Compares the events within the window with the kernel's own counts of them, step by step. Returns
// a table of the sums; throws Error where a step differs.
std::string compare_counts(std::span<const Event> events, Window window,
			   const std::map<std::string_view, Counts> &counts);

// The kernel's counts of each event: a file named like the event in the directory. Throws Error.
std::map<std::string_view, Counts> read_counts(const std::filesystem::path &directory);

// Throws Error where the reckoning contradicts the kernel, or where timers with one of the
// handlers, which are armed by mod_timer() only, were armed without a call: then the probe has
// missed calls.
void check_consistent(const Reduced &reduced, std::span<const std::string> called_handlers);

// Statistics by handler.
std::string table_of_handlers(const Reduced &reduced);

} // namespace record
