// SPDX-License-Identifier: MIT
// A device without a kernel: memory in the place of the tables, and the calls answered by a
// function. Time does not pass: the test expires timers by hand.
#pragma once

#include <callout/callout.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

class fake_kernel {
public:
	fake_kernel(std::uint32_t timers, std::uint32_t events);
	fake_kernel(const fake_kernel &) = delete;
	fake_kernel &operator=(const fake_kernel &) = delete;
	~fake_kernel();

	// Set up, or not yet.
	[[nodiscard]] callout::device device(bool set_up = true);

	int call(unsigned long command, void *argument);
	void expire(std::uint32_t id);

	static constexpr std::uint64_t now = 1'000'000'000;

	struct timer {
		callout::abi::timer arming{};
		std::uint64_t *slot = nullptr;
	};
	std::vector<timer> timers;
	callout::abi::ring *ring = nullptr;
	std::vector<std::pair<unsigned long, std::uint32_t>>
		calls;                     // command and count of each vector
	std::uint32_t at_most = 1'000'000; // elements that a call deals with
	int interrupts = 0;                // calls that fail with EINTR
	int error = 0;                     // of every call, if not 0

private:
	int vector(unsigned long command, callout::abi::vector &v);
	int arm(callout::abi::timer &t);
	int cancel(callout::abi::timer_id &t);
	int get(callout::abi::timer &t);

	int fd_;
	std::uint32_t events_;
	bool set_up_ = false;
	char *memory_;
	std::size_t size_;
};
