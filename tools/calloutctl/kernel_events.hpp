// SPDX-License-Identifier: GPL-2.0
// The kernel's timer events, and callout's, out of the ring buffers of a trace instance.
#pragma once

#include "record/event.hpp"
#include "tracing.hpp"
#include <vector>

namespace ctl {

enum class Of { kernel, callouts };

// Records from start() to stop().
class Recording {
public:
	// Room of @buffer_kb on each CPU. Throws Error.
	Recording(const Tree &tree, Of of, std::uint64_t buffer_kb);
	// The probe goes when nothing uses it any more.
	~Recording();
	Recording(const Recording &) = delete;
	Recording &operator=(const Recording &) = delete;

	void start();
	void stop();
	// In their order. Throws Error where some have found no room.
	[[nodiscard]] std::vector<record::Event> events() const;
	// What is less than exact, in words; empty if nothing is.
	[[nodiscard]] const std::string &note() const { return note_; }

private:
	void add_probe();
	void check_dropped() const;

	Of of_;
	std::string probe_;
	std::optional<callout::device> pin_;
	std::optional<DynamicEvent> event_;
	TraceInstance instance_;
	std::vector<std::string> names_;
	std::string note_;
};

// The length of a tick, by the times and the jiffies of events; one of 100, 250, 300 or 1000 Hz.
// Throws Error.
[[nodiscard]] std::uint64_t tick_ns(const std::vector<record::Event> &events);

} // namespace ctl
