// SPDX-License-Identifier: GPL-2.0
// Timers of a program, whatever is behind them.
#pragma once

#include "clock.hpp"
#include "system.hpp"
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bench {

struct Shot {
	std::uint32_t id;
	Time deadline;
};

// Timers 0 to n - 1. Made and gone with the object.
class Facility {
public:
	virtual ~Facility() = default;

	// Those that are not armed; in as few system calls as it can.
	virtual void arm(std::span<const Shot> shots) = 0;
	// Those that are, to a time that is later, or earlier.
	virtual void later(std::span<const Shot> shots) { arm(shots); }
	virtual void earlier(std::span<const Shot> shots) { arm(shots); }
	virtual void cancel(std::span<const std::uint32_t> ids) = 0;
	// Waits until some have expired; tells which, and how many. 0 if it is `until` before that.
	virtual std::size_t collect(std::span<std::uint32_t> ids, Time until) = 0;

	// System calls that it has made.
	std::uint64_t calls() const { return calls_; }

protected:
	// Of one that was made.
	long called(long result, const char *what)
	{
		calls_++;
		return result >= 0 ? result : check(result, what);
	}
	bool readable(int fd, Time until)
	{
		calls_++;
		return wait_readable(fd, until);
	}

private:
	std::uint64_t calls_ = 0;
};

// A facility that can be measured.
struct Kind {
	std::string name{};
	std::function<std::unique_ptr<Facility>(std::uint32_t)> make{};
	bool batches = false;             // a call can take several timers
	std::uint64_t most = 1'000'000;   // timers, when single operations are measured
	std::uint64_t most_all = 100'000; // likewise, when all of them are used many times
	std::string why{};                // no more
};

// By name; throws std::out_of_range.
const Kind &kind(const std::string &name);

std::unique_ptr<Facility> make_noop(std::uint32_t n);
enum class Events { read, ring };
enum class Later { store, ioctl };
// With a window timers may be that much later, so that interrupts are shared.
std::unique_ptr<Facility> make_callout(std::uint32_t n, Events events, Later later,
				       Time window = {});
enum class Registered { no, yes };
std::unique_ptr<Facility> make_timerfd(std::uint32_t n, Registered registered);
std::unique_ptr<Facility> make_posix(std::uint32_t n);
std::unique_ptr<Facility> make_uring(std::uint32_t n);
enum class Moves { at_once, when_due };
std::unique_ptr<Facility> make_heap(std::uint32_t n, Moves moves);

} // namespace bench
