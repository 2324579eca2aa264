// SPDX-License-Identifier: GPL-2.0
// How many instructions are executed while a program waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace bench {

// A thread that runs when nothing else does, and counts what it executes itself; all else is
// somebody's work. For the rig icount, where an idle CPU's clock would jump.
class Spinner {
public:
	Spinner();

	// Instructions that others have executed, up to some thousand too many. Only differences
	// mean something.
	std::uint64_t others() const;

private:
	void run(const std::stop_token &stop);

	std::atomic<std::uint64_t> own_ = 0;
	std::jthread thread_;
};

} // namespace bench
