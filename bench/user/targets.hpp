// SPDX-License-Identifier: GPL-2.0
// What the results are held against.
#pragma once

#include "results.hpp"
#include <string>
#include <vector>

namespace bench {

struct Target {
	std::string what;
	double value, limit;

	bool met() const { return value <= limit; }
};

// Those that there are results for.
std::vector<Target> targets_of(const Results &r);

// Something that is right or wrong, however fast it is.
struct Verdict {
	std::string what;
	bool right;
	std::string details;
};

std::vector<Verdict> verdicts_of(const Results &r);

} // namespace bench
