// SPDX-License-Identifier: GPL-2.0
// From the kernel's events to what the workload did with its timers.
//
// The kernel tells more than one thing of an operation, and nothing of some:
//
//   mod_timer() that moves a pending timer    mod_timer, timer_cancel, timer_start
//   mod_timer() that finds it where it should be (the same tick, or the same slot of the wheel)
//                                             mod_timer, and no more
//   a timer_list timer expires                timer_cancel, timer_expire_entry
//   an hrtimer is moved or expires            hrtimer_start, hrtimer_expire_entry; on kernels whose
//                                             hrtimer_start has no was_armed, an hrtimer_cancel
//                                             before
//
// Each becomes one record. Between the timer_cancel and the timer_start of a move the kernel has
// interrupts off, so the two are neighbours among the events of their CPU. Between the call and
// those two an interrupt may come, in which the timer may even expire: a call that a timer_start
// answers counts at the time of that.
#pragma once

#include "../trace_format.h"
#include "event.hpp"
#include <map>
#include <span>
#include <string>

namespace record {

// How many times something was done to the timers with one handler.
struct Tally {
	std::uint64_t timers = 0;
	std::uint64_t arms = 0;
	std::uint64_t pending = 0; // of the arms: moves of a pending timer
	std::uint64_t later =
		0; // of those, where the deadline before is known: later, the same, earlier
	std::uint64_t same = 0;
	std::uint64_t earlier = 0;
	std::uint64_t silent = 0;   // of the arms: mod_timer() that did not touch the wheel
	std::uint64_t uncalled = 0; // of the arms: timer_start without a mod_timer()
	std::uint64_t cancels = 0;
	std::uint64_t expired = 0;

	Tally &operator+=(const Tally &other);
};

struct Window {
	std::uint64_t begin_ns, end_ns; // on CLOCK_MONOTONIC
};

struct Reduced {
	Window window{};
	std::uint32_t timers = 0;
	std::vector<co_trace_record> records;
	std::map<std::string, Tally> timer_lists, hrtimers; // by the handler's name
	std::uint64_t early = 0; // cancels and expiries of timers armed before the window: left out
	std::uint64_t other_clock = 0; // arms on CLOCK_REALTIME or CLOCK_TAI: left out
	std::uint64_t contradictions =
		0; // pending by our reckoning and not by the kernel's, or the reverse
};

// When jiffy 0 would have begun: the earliest that any event's `now` allows. Throws Error without
// any.
std::int64_t jiffies_epoch_ns(std::span<const Event> events, std::uint64_t tick_ns);

// The whole steps between the marks `begin` and `end`. Throws Error where there is none.
Window whole_steps(std::span<const Event> events, std::uint64_t step_ns);

Reduced reduce(std::span<const Event> events, Window window, std::uint64_t tick_ns);

// Keeps the first `limit` records, the timers that these have, and the time that they take.
void cut(Reduced &reduced, std::size_t limit);

} // namespace record
