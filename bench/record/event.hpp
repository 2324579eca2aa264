// SPDX-License-Identifier: GPL-2.0
// The kernel's timer events, read from the text that `trace-cmd report -R -t -N --raw-ts` prints.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace record {

// Whatever makes a recording unfit for use; what() says where and why.
struct Error : std::runtime_error {
	using std::runtime_error::runtime_error;
};

enum class What : std::uint8_t {
	timer_init,
	timer_start,
	timer_cancel,
	timer_expire_entry,
	hrtimer_init,
	hrtimer_start,
	hrtimer_cancel,
	hrtimer_expire_entry,
	mod_timer, // the call, whether or not it changed anything
	mark,      // a word that the recorder wrote
};
inline constexpr std::array<std::string_view, 9> event_names{
	"timer_init",         "timer_start",          "timer_cancel",
	"timer_expire_entry", "hrtimer_init",         "hrtimer_start",
	"hrtimer_cancel",     "hrtimer_expire_entry", "mod_timer",
};

struct Event {
	std::uint64_t time_ns = 0;     // on CLOCK_MONOTONIC
	std::uint64_t object = 0;      // the timer's address
	std::uint64_t expires = 0;     // jiffies, or for an hrtimer ns: not later than this
	std::uint64_t softexpires = 0; // hrtimers: not earlier than this
	std::uint64_t now = 0;         // timer_start, timer_expire_entry: the kernel's jiffies
	std::string text; // the handler's name, if told; a mark's word; hrtimer_init: the clock
	std::uint32_t cpu = 0;
	What what{};
	std::optional<bool> was_armed; // hrtimer_start, on kernels that tell
};

// Reads one line; nothing for one without an event of ours. Throws Error for a line it cannot make
// sense of, and where events are missing.
std::optional<Event> parse_line(std::string_view line);

// Reads them all; an Error names the line. Times that go back are an Error too.
std::vector<Event> parse(std::istream &in);

// What the kernel counted of each event by itself, in steps of equal length: start of step ->
// number.
struct Counts {
	std::uint64_t step_ns = 0;
	std::map<std::uint64_t, std::uint64_t> steps;

	std::uint64_t at(std::uint64_t start_ns) const;
};

// Reads an event's `hist` file whose first key is common_timestamp.buckets=STEP; what the other
// keys tell apart is added up.
Counts parse_counts(std::istream &in);

} // namespace record
