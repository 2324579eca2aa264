// SPDX-License-Identifier: GPL-2.0
// Results as a picture, by gnuplot.
#pragma once

#include "results.hpp"
#include <string>
#include <vector>

namespace bench {

// Makes base.svg and base.png, and leaves the script in base.gnuplot. Throws std::runtime_error.
void draw(const std::vector<Results> &results, const std::string &base);

} // namespace bench
