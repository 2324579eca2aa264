// SPDX-License-Identifier: GPL-2.0
// Signals that ask the program to end, so that what it has set up is taken down.
#pragma once

#include <chrono>
#include <csignal>
#include <vector>

namespace ctl {

// While it is there SIGINT, SIGTERM, SIGHUP and SIGPIPE only make requested() true, and waiting
// end.
class Interrupt {
public:
	Interrupt();
	Interrupt(const Interrupt &) = delete;
	Interrupt &operator=(const Interrupt &) = delete;
	~Interrupt();

	[[nodiscard]] static bool requested() noexcept;
	// Readable once it is requested.
	[[nodiscard]] static int fd() noexcept;
	// Until the time is over, @also can be read (unless -1), or an end is requested. Returns
	// whether @also can be read. Negative: no limit.
	static bool wait(std::chrono::nanoseconds most, int also = -1);

private:
	struct Saved {
		int number;
		struct sigaction action;
	};
	std::vector<Saved> saved_;
};

} // namespace ctl
