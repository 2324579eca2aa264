// SPDX-License-Identifier: GPL-2.0
// What a guest has left behind: a directory a block, PART/NN-STATE, with STATE off or on.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace peers {

struct Block {
	std::filesystem::path dir{};
	bool with = false; // the clock

	// The names of the tests that ran.
	std::vector<std::string> tests() const;
	// A file's text; empty where there is none.
	std::string text(const std::string &name) const;
	// A test's exit status; that of one that was killed if it never ended.
	int status(const std::string &test) const;
};

struct Guest {
	std::string rig{};
	int status = 0; // of `selftests/vm/run`
	std::filesystem::path dir{};

	// In order; none where that part did not run.
	std::vector<Block> blocks(const std::string &part) const;
	std::map<std::string, std::string> facts() const;
};

// From RIG=STATUS=DIRECTORY. Throws std::runtime_error on anything else.
Guest guest_of(const std::string &argument);

// What `stress-ng --yaml` says of operations a second, over all workers.
double operations_per_second(const std::string &yaml);

} // namespace peers
