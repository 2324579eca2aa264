// SPDX-License-Identifier: GPL-2.0
// A machine of many CPUs in one thread: who runs, what time it is, and whose interrupt comes.
//
// Each CPU is a fiber that does what a kernel's does: interrupts, then softirqs, then threads and
// work, else the idle loop. Time stands still as long as any CPU has something to do, and then goes
// on to the next event; so nothing takes any time, and an interrupt is served at the time that it
// was armed for.
//
// Steady, a CPU runs until it waits. Torn, another may go on wherever it touches what they share
// (sim_point()): where it takes or releases a lock, and at each READ_ONCE() and its like.
#pragma once

#include "fiber.hpp"
#include "module.hpp"
#include <algorithm>
#include <deque>
#include <map>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <vector>

using Time = std::uint64_t;
using CpuId = unsigned;

constexpr Time never = UINT64_MAX;

class Machine {
public:
	using Job = std::function<void()>;

	struct Config {
		unsigned cpus = 2;
		std::uint32_t seed = 1;
		unsigned torn = 0; // another CPU goes on at one point of so many; 0: never
		std::vector<CpuId> isolated{};
		Time period = 0; // periodic mode
	};

	struct Counts {
		unsigned long timer = 0;      // interrupts of the clock
		unsigned long idle_timer = 0; // of these, while idle
		unsigned long ipi = 0;        // interrupts of other CPUs
		unsigned long sleeps = 0;     // times that it fell idle
		unsigned long group_locks = 0;
		unsigned long base_locks = 0;
	};

	explicit Machine(const Config &config);
	~Machine();
	Machine(const Machine &) = delete;
	Machine &operator=(const Machine &) = delete;

	// Work in process context on a CPU, which wakes for it. None is done while it is offline.
	void post(CpuId cpu, Job job);
	// Outside of all CPUs, at a time.
	void at(Time when, Job job) { events.push({when, order++, std::move(job)}); }
	// Has it something to do other than the callouts, so that it does not fall idle?
	void busy(CpuId cpu, bool is);
	// One CPU at a time comes or goes, as in the kernel.
	bool hotplugging() const
	{
		return std::ranges::any_of(cpus, [](auto &c) { return c.coming || c.going; });
	}
	void offline(CpuId cpu);
	void online(CpuId cpu);
	void run_until(Time end);
	// Called whenever nobody has anything to do, before time goes on.
	void when_quiet(Job job) { quiet = std::move(job); }
	// The first reason counts, and ends the run.
	void fail(std::string why);

	Time now() const { return time; }
	unsigned size() const { return static_cast<unsigned>(cpus.size()); }
	bool is_online(CpuId cpu) const { return cpus[cpu].online; }
	bool is_idle(CpuId cpu) const { return cpus[cpu].idle; }
	bool is_busy(CpuId cpu) const { return cpus[cpu].busy; }
	bool is_isolated(CpuId cpu) const { return cpus[cpu].isolated; }
	// Online from before until now, with no coming or going meanwhile?
	bool steadily_online(CpuId cpu, Time since) const;
	Time armed(CpuId cpu) const { return cpus[cpu].armed; }
	const Counts &counts(CpuId cpu) const { return cpus[cpu].counts; }
	Counts &counts(CpuId cpu) { return cpus[cpu].counts; }
	Counts total() const;
	// The most that falling asleep or waking has taken.
	unsigned long most_locks_per_transition() const { return most_group_locks; }
	const std::string &failure() const { return why; }
	std::mt19937 &random() { return rng; }
	unsigned below(unsigned n) { return static_cast<unsigned>(rng() % n); }

	// For the kernel's functions (kernel.cpp).
	struct Cpu {
		std::unique_ptr<Fiber> fiber;
		bool waiting = false;
		bool online = false, coming = false, going = false;
		Time changed = 0; // when it last came or went
		bool busy = false, idle = false, isolated = false;
		bool irqs_on = true, in_hard = false, in_soft = false, in_thread = false;
		Time armed = never;
		bool rings = false; // it was armed for a time that has come
		std::deque<call_single_data_t *> ipis;
		std::deque<irq_work *> irq_works;
		std::deque<tasklet_struct *> tasklets;
		std::deque<work_struct *> works;
		std::deque<Job> jobs;
		bool thread_woken = false;
		Counts counts;
	};

	Cpu &here() { return cpus[sim_cpu]; }
	Cpu &cpu(CpuId id) { return cpus[id]; }
	void wake(CpuId cpu);
	void arm(Time when);
	void interrupts();
	void softirqs();
	// Let others go on: one of all that can, this one among them.
	void yield();
	// As yield(), now and then. Only where a CPU runs.
	void point();
	bool runs() const { return inside; }

private:
	struct Event {
		Time when;
		std::uint64_t order;
		Job job;
		bool operator<(const Event &other) const
		{
			return when != other.when ? when > other.when : order > other.order;
		}
	};

	[[noreturn]] void run_cpu();
	bool interrupt_pending(const Cpu &c) const;
	bool work_pending(const Cpu &c) const;
	bool one_task(Cpu &c);
	void idle(Cpu &c);
	void transition(Cpu &c, bool begins);
	void wait(Cpu &c);
	void come(Cpu &c);
	void go(Cpu &c);
	void run_ready();
	void pass_time();

	std::vector<Cpu> cpus;
	std::vector<CpuId> ready;
	std::set<std::pair<Time, CpuId>> clocks;
	std::priority_queue<Event> events;
	std::uint64_t order = 0;
	Time time = 1'000'000'000;
	std::mt19937 rng;
	unsigned one_of = 0;
	unsigned long most_group_locks = 0;
	unsigned long interrupts_now = 0; // at this time
	bool inside = false;              // a CPU runs
	Job quiet;
	std::string why;
};

// The one there is.
extern Machine *machine;
