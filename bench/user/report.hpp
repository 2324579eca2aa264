// SPDX-License-Identifier: GPL-2.0
// Tables in Markdown, the targets in lines, and a picture.
#pragma once

#include "results.hpp"
#include <string>

namespace bench {

std::string markdown(const Results &r);

// "... met" or "... MISSED", what is wrong, and at the end "N passed, N failed, N skipped", where a
// missed target is one that was skipped.
std::string lines(const Results &r);
bool all_right(const Results &r);

// Writes BASE.gnuplot and BASE.png. Throws std::runtime_error.
void draw(const Results &r, const std::string &base);

// What a reader calls it.
std::string title(const std::string &facility);

} // namespace bench
