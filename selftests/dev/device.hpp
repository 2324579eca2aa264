// SPDX-License-Identifier: GPL-2.0
// /dev/callout for tests: handles, calls that return -errno, times, and a reader of the ring.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/callout.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "ktap.hpp"

using u32 = __u32;
using u64 = __u64;
using s64 = __s64;

constexpr u64 us = 1000, ms = 1000 * us, sec = 1000 * ms;
constexpr u64 time_max = ~u64{0} >> 1;
constexpr auto path = "/dev/callout";

inline u64 now(clockid_t clock = CLOCK_MONOTONIC)
{
	timespec t{};

	::clock_gettime(clock, &t);
	return static_cast<u64>(t.tv_sec) * sec + static_cast<u64>(t.tv_nsec);
}

inline timespec to_timespec(u64 ns)
{
	timespec t{};

	t.tv_sec = static_cast<time_t>(ns / sec);
	t.tv_nsec = static_cast<long>(ns % sec);
	return t;
}

inline void sleep_ns(u64 ns)
{
	auto t = to_timespec(ns);

	while (::nanosleep(&t, &t) && errno == EINTR) {
	}
}

inline void sleep_until(u64 at)
{
	auto t = to_timespec(at);

	while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == EINTR) {
	}
}

// -errno where a call has failed.
template <typename T>
long result(T r)
{
	return r < 0 ? -errno : static_cast<long>(r);
}

class Fd {
public:
	explicit Fd(int fd = -1) : fd_{fd} {}
	Fd(Fd &&other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
	Fd &operator=(Fd &&other) noexcept
	{
		close();
		fd_ = std::exchange(other.fd_, -1);
		return *this;
	}
	~Fd() { close(); }

	int get() const { return fd_; }
	int release() { return std::exchange(fd_, -1); }
	void close()
	{
		if (fd_ >= 0)
			::close(std::exchange(fd_, -1));
	}

private:
	int fd_;
};

class Mapping {
public:
	Mapping() = default;
	Mapping(void *at, std::size_t size) : at_{at}, size_{size} {}
	// Of ordinary memory.
	explicit Mapping(std::size_t size, int protection = PROT_READ | PROT_WRITE)
		: Mapping(::mmap(nullptr, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			  size)
	{
	}
	Mapping(Mapping &&other) noexcept
		: at_{std::exchange(other.at_, MAP_FAILED)}, size_{other.size_}
	{
	}
	Mapping &operator=(Mapping &&other) noexcept
	{
		std::swap(at_, other.at_);
		std::swap(size_, other.size_);
		return *this;
	}
	~Mapping()
	{
		if (at_ != MAP_FAILED)
			::munmap(at_, size_);
	}

	explicit operator bool() const { return at_ != MAP_FAILED; }
	std::size_t size() const { return size_; }
	std::byte *bytes() const { return static_cast<std::byte *>(at_); }
	template <typename T>
	T *as() const
	{
		return static_cast<T *>(at_);
	}

private:
	void *at_ = MAP_FAILED;
	std::size_t size_ = 0;
};

inline std::size_t page_size()
{
	return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

inline std::size_t whole_pages(std::size_t size)
{
	return (size + page_size() - 1) / page_size() * page_size();
}

// Memory that ends where nothing is mapped any more.
class Edge {
public:
	explicit Edge(std::size_t size, int beyond = PROT_NONE)
		: pages_{whole_pages(size) + page_size()}
	{
		last_ = pages_.bytes() + whole_pages(size);
		::mprotect(last_, page_size(), beyond);
	}
	// The last @size bytes.
	template <typename T = std::byte>
	T *before(std::size_t size) const
	{
		return reinterpret_cast<T *>(last_ - size);
	}

private:
	Mapping pages_;
	std::byte *last_;
};

inline callout_timer timer_at(u32 id, u64 deadline, u64 interval = 0, u32 flags = 0,
			      int clock = CLOCK_MONOTONIC)
{
	callout_timer t{};

	t.id = id;
	t.flags = flags;
	t.clockid = clock;
	t.deadline = deadline;
	t.interval = interval;
	t.user_data = id;
	t.result = -12345;
	return t;
}

inline callout_timer timer_in(u32 id, u64 from_now, u64 interval = 0, int clock = CLOCK_MONOTONIC)
{
	return timer_at(id, from_now, interval, CALLOUT_ARM_RELATIVE, clock);
}

inline u64 address_of(const void *p)
{
	return reinterpret_cast<std::uintptr_t>(p);
}

class Device : public Fd {
public:
	explicit Device(int flags = O_RDWR | O_CLOEXEC) : Fd{::open(path, flags)}
	{
		if (get() < 0)
			throw std::runtime_error{std::string{path} + ": " + ::strerror(errno)};
	}
	Device(u32 timers, u32 events, int flags = O_RDWR | O_CLOEXEC | O_NONBLOCK) : Device{flags}
	{
		if (auto err = setup(timers, events))
			throw std::runtime_error{std::string{"SETUP: "} +
						 ::strerror(static_cast<int>(-err))};
	}
	// One that was had by other ways.
	explicit Device(Fd &&fd) : Fd{std::move(fd)} {}

	long call(unsigned long command, void *argument) const
	{
		return result(::ioctl(get(), command, argument));
	}

	long setup(u32 timers, u32 events) const
	{
		callout_setup s{sizeof(s), 0, timers, events};
		return call(CALLOUT_IOC_SETUP, &s);
	}

	callout_info info() const
	{
		callout_info i{};
		i.size = sizeof(i);
		REQUIRE_EQ(call(CALLOUT_IOC_INFO, &i), 0);
		return i;
	}

	long vector(unsigned long command, void *entries, std::size_t count) const
	{
		callout_vector v{};
		v.size = sizeof(v);
		v.entries = address_of(entries);
		v.count = static_cast<u32>(count);
		return call(command, &v);
	}

	long arm(std::span<callout_timer> t) const
	{
		return vector(CALLOUT_IOC_ARM, t.data(), t.size());
	}
	// One: its result, or that of the call.
	int arm(callout_timer t) const { return one(CALLOUT_IOC_ARM, t); }
	int cancel(u32 id) const
	{
		callout_id i{id, -12345};
		return one(CALLOUT_IOC_CANCEL, i);
	}
	callout_timer look(u32 id) const
	{
		callout_timer t{};
		t.id = id;
		one(CALLOUT_IOC_GET, t);
		return t;
	}
	bool armed(u32 id) const { return look(id).result == 1; }

	long read(std::span<callout_event> to) const
	{
		auto n = result(::read(get(), to.data(), to.size_bytes()));
		return n < 0 ? n : n / static_cast<long>(sizeof(callout_event));
	}

	// What is there now.
	std::vector<callout_event> events(std::size_t most = 1 << 16) const
	{
		thread_local std::vector<callout_event> buffer(1 << 16);
		auto n = ready(0) ? read(std::span{buffer}.first(most)) : 0;
		return {buffer.begin(), buffer.begin() + std::max(n, 0L)};
	}

	// As many as that, or what there is at the latest then.
	std::vector<callout_event> await(std::size_t count, u64 at_most = 20 * sec) const
	{
		std::vector<callout_event> all;
		for (auto end = now() + at_most; all.size() < count;) {
			auto t = now();
			if (t >= end || !ready((end - t + ms) / ms))
				break;
			auto more = events();
			all.insert(all.end(), more.begin(), more.end());
		}
		return all;
	}

	// Is there something to read, within so many ms?
	bool ready(u64 timeout_ms) const { return poll(timeout_ms) & POLLIN; }
	int poll(u64 timeout_ms) const
	{
		pollfd p{get(), POLLIN, 0};
		return ::poll(&p, 1, static_cast<int>(timeout_ms)) > 0 ? p.revents : 0;
	}

	Mapping map(off_t offset, std::size_t size, int protection = PROT_READ | PROT_WRITE,
		    int flags = MAP_SHARED) const
	{
		return {::mmap(nullptr, size, protection, flags, get(), offset), size};
	}
	Mapping map_slots() const
	{
		return map(CALLOUT_MMAP_SLOTS, whole_pages(info().timers * sizeof(u64)));
	}
	Mapping map_ring() const
	{
		return map(CALLOUT_MMAP_EVENTS, whole_pages(sizeof(callout_ring) +
							    info().events * sizeof(callout_event)));
	}

private:
	template <typename T>
	int one(unsigned long command, T &element) const
	{
		auto n = vector(command, &element, 1);
		return n == 1 ? element.result : static_cast<int>(n);
	}
};

// The deadlines in shared memory.
class Slots {
public:
	explicit Slots(const Device &d) : map_{d.map_slots()} { REQUIRE(map_); }

	std::atomic_ref<u64> operator[](u32 id) const
	{
		return std::atomic_ref<u64>{map_.as<u64>()[id]};
	}
	// The compare-and-swap of a program that re-arms.
	bool move(u32 id, u64 from, u64 to) const
	{
		return (*this)[id].compare_exchange_strong(from, to);
	}
	const Mapping &mapping() const { return map_; }

private:
	Mapping map_;
};

// The events in shared memory, and who takes them.
class Ring {
public:
	explicit Ring(const Device &d) : map_{d.map_ring()} { REQUIRE(map_); }

	u32 head() const { return std::atomic_ref{raw().head}.load(std::memory_order_acquire); }
	u32 tail() const { return std::atomic_ref{raw().tail}.load(std::memory_order_relaxed); }
	bool backlog() const { return std::atomic_ref{raw().flags}.load() & CALLOUT_RING_BACKLOG; }
	std::optional<callout_event> take() const
	{
		auto at = tail();
		if (at == head())
			return std::nullopt;
		auto e = raw().event[at & (raw().size - 1)];
		std::atomic_ref{raw().tail}.store(at + 1, std::memory_order_release);
		return e;
	}
	callout_ring &raw() const { return *map_.as<callout_ring>(); }
	const Mapping &mapping() const { return map_; }

private:
	Mapping map_;
};

// A parameter of the module; as it was before when this goes.
class Parameter {
public:
	Parameter(std::string name, u64 value) : name_{std::move(name)}, before_{get(name_)}
	{
		REQUIRE(set(name_, std::to_string(value)));
	}
	Parameter(const Parameter &) = delete;
	Parameter &operator=(const Parameter &) = delete;
	~Parameter() { set(name_, std::to_string(before_)); }

	static std::string file(const std::string &name)
	{
		return "/sys/module/callout/parameters/" + name;
	}
	static u64 get(const std::string &name)
	{
		u64 value = 0;
		std::ifstream{file(name)} >> value;
		return value;
	}
	static bool set(const std::string &name, const std::string &value)
	{
		Fd f{::open(file(name).c_str(), O_WRONLY | O_CLOEXEC)};
		return ::write(f.get(), value.data(), value.size()) ==
		       static_cast<ssize_t>(value.size());
	}

private:
	std::string name_;
	u64 before_;
};

inline void pin_to(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	::sched_setaffinity(0, sizeof(set), &set);
}

// A fast one, that is the same each time.
class Random {
public:
	explicit Random(u64 seed) : state_{seed * 0x9e3779b97f4a7c15 + 1} {}
	u64 operator()()
	{
		state_ ^= state_ << 13;
		state_ ^= state_ >> 7;
		return state_ ^= state_ << 17;
	}
	u64 below(u64 n) { return (*this)() % n; }

private:
	u64 state_;
};

// Runs a function in a child; true if that returns true.
template <typename F>
bool in_child(F &&function)
{
	auto child = ::fork();
	int status = 0;

	if (child == 0) {
		bool fine = false;
		try {
			fine = function();
		} catch (const std::exception &e) {
			ktap::say(e.what());
		} catch (const ktap::Stop &) {
		}
		::_exit(fine ? 0 : 1);
	}
	::waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
