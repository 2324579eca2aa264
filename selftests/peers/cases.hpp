// SPDX-License-Identifier: GPL-2.0
// What a test said, case by case, and how that compares without and with the clock.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace peers {

enum class Outcome { passed, skipped, failed };

// By name, in order; the program itself has the empty name.
using Cases = std::map<std::string, Outcome>;

// The cases in a test's output, and the program's own outcome: by its exit status, and failed, too,
// where its text says so, for some of them exit with 0 all the same. Of cases with one name the
// worst counts.
Cases cases_of(const std::string &log, int status);

// Outcomes of one case: one element a block, in which it may be missing.
struct Comparison {
	std::vector<Outcome> without{}, with{};
	std::size_t blocks_without = 0, blocks_with = 0;
	bool unreliable =
		false; // known to fail without at times, though it may not have done so here
};

enum class Verdict {
	passed,     // without, always, and with, always
	failed,     // not always with, though always without; of an unreliable one: never with
	skipped,    // never passed without, either: it skips itself
	fails,      // fails without, always
	unreliable, // fails without, at times: says nothing
};

Verdict verdict(const Comparison &c);

// All blocks of a test: by case.
std::map<std::string, Comparison> compare(const std::vector<Cases> &without,
					  const std::vector<Cases> &with);

const char *name(Outcome outcome);
const char *name(Verdict verdict);

} // namespace peers
