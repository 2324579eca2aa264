// SPDX-License-Identifier: GPL-2.0
// Many timers, of /dev/callout and of timerfd, by the same functions. Times are ns of
// CLOCK_MONOTONIC.
#pragma once

#include "tree.hpp"
#include <callout/device.hpp>
#include <cstdint>
#include <span>
#include <vector>

namespace ctl {

// A timer has expired.
struct Expiry {
	std::uint32_t id;
	std::uint64_t deadline_ns;
	std::uint64_t fired_at_ns; // when the kernel told of that; 0: it does not tell
};

class CalloutTimers {
public:
	static constexpr const char *name = "callout";

	// Throws Error.
	CalloutTimers(const Tree &tree, std::uint32_t timers);

	[[nodiscard]] std::uint32_t size() const { return device_.timers(); }
	void arm(std::uint32_t id, std::uint64_t at_ns, std::uint64_t window_ns = 0);
	// Of an armed one: a store.
	void later(std::uint32_t id, std::uint64_t at_ns, std::uint64_t window_ns = 0)
	{
		if (device_.slot(id).move_later(at_ns))
			stores_++;
		else
			arm(id, at_ns, window_ns);
	}
	void cancel(std::uint32_t id);
	// Timers 0 to @at_ns.size() - 1, so many by one call.
	void arm_all(std::span<const std::uint64_t> at_ns, std::size_t batch);
	void cancel_all(std::size_t batch);

	template <class F>
	void expired(F &&f)
	{
		device_.ring().consume([&](const callout::event &e) {
			f(Expiry{e.id(), e.raw().deadline, e.raw().fired_at});
		});
	}
	[[nodiscard]] int fd() const { return device_.native_handle(); }
	[[nodiscard]] std::uint64_t calls() const { return calls_; }
	[[nodiscard]] std::uint64_t stores() const { return stores_; }

private:
	callout::device device_;
	std::vector<callout::abi::timer> arms_;
	std::vector<callout::abi::timer_id> ids_;
	std::uint64_t calls_ = 0, stores_ = 0;
};

// One descriptor a timer, and an epoll for all. They have no windows.
class TimerfdTimers {
public:
	static constexpr const char *name = "timerfd";

	// Throws Error where the process may not have as many descriptors.
	explicit TimerfdTimers(std::uint32_t timers);

	[[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(fds_.size()); }
	void arm(std::uint32_t id, std::uint64_t at_ns, std::uint64_t window_ns = 0);
	void later(std::uint32_t id, std::uint64_t at_ns, std::uint64_t = 0) { arm(id, at_ns); }
	void cancel(std::uint32_t id) { arm(id, 0); }
	void arm_all(std::span<const std::uint64_t> at_ns, std::size_t);
	void cancel_all(std::size_t);

	template <class F>
	void expired(F &&f)
	{
		for (const auto id : ready())
			f(Expiry{id, at_ns_[id], 0});
	}
	[[nodiscard]] int fd() const { return epoll_.get(); }
	[[nodiscard]] std::uint64_t calls() const { return calls_; }
	[[nodiscard]] static std::uint64_t stores() { return 0; }

private:
	[[nodiscard]] std::span<const std::uint32_t> ready();

	callout::detail::unique_fd epoll_;
	std::vector<callout::detail::unique_fd> fds_;
	std::vector<std::uint64_t> at_ns_;
	std::vector<std::uint32_t> ready_;
	std::uint64_t calls_ = 0;
};

[[nodiscard]] std::uint64_t now_ns();

} // namespace ctl
