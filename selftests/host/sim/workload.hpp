// SPDX-License-Identifier: GPL-2.0
// Callouts that are armed, moved, stopped and drained at random, and what may be relied on: none is
// lost, early, late, or called twice; equal deadlines keep their order; and those that are bound to
// a CPU run there.
#pragma once

#include "machine.hpp"
#include <optional>
#include <vector>

class Workload {
public:
	struct Options {
		unsigned callouts = 32;
		Time grain =
			1'000'000;   // all that is armed, and all that happens, is a multiple of it
		unsigned reach = 50; // the furthest deadline, in grains
		unsigned window = 20;       // the widest window, likewise
		unsigned ops = 4;           // operations per grain
		unsigned percent_idle = 70; // of the time that CPUs are idle
		unsigned switches = 1;      // CPUs per grain that become busy, or stop to be
		unsigned hotplug_every = 0; // grains; 0: never
		bool unlocked = true;       // callouts without a lock too
		Time slack = 0;             // beyond the window
		unsigned check_every = 1;   // quiet times
		bool covered = true;        // not where the clock ticks
	};

	Workload(Machine &m, const Options &o);
	~Workload();
	Workload(const Workload &) = delete;
	Workload &operator=(const Workload &) = delete;

	// For so many grains; then all CPUs come online, and what is pending runs out.
	void run(unsigned grains);

	unsigned long fired() const { return count.fired; }
	unsigned long displaced() const { return count.displaced; }
	unsigned long stores() const { return count.stores; }

private:
	enum class Kind { none, raw, spin, mutex };

	struct Item {
		callout c;
		sim_lock lock{};
		Workload *load = nullptr;
		Kind kind = Kind::none;
		// The handler may arm it.
		bool rearms = false;
		bool in_use = false; // by a job
		bool draining = false;
		bool rearming = false; // by its handler
		int outstanding = 0;   // arms less calls and cancellations
		Time earliest = 0, latest = 0;
		Time armed_at = 0;
		CpuId armer = 0;
		std::optional<CpuId> home; // bound to it
		Time home_set = 0;
		bool irqs_on = true; // before the lock was taken
		unsigned class_ = CALLOUT_AFFINITY_NONE;
	};

	// What must run in the order in which it was armed, if at one time.
	struct Equal {
		CpuId cpu, armer;
		int context;
		Time latest, earliest;
		auto operator<=>(const Equal &) const = default;
	};

	static void handler(void *arg);
	void fire(Item &i);
	void check_home(const Item &i);
	void check_order(const Item &i);
	void check_covered();
	void grain();
	void operate(CpuId cpu);
	void arm(Item &i, std::optional<CpuId> on);
	void stop(Item &i);
	void drain(Item &i);
	void set_affinity(Item &i);
	void hotplug();
	void lock(Item &i);
	void unlock(Item &i);
	void on_every_grain(unsigned left);
	CpuId any_online();
	bool later(unsigned one_of) { return m.below(one_of) == 0; }

	Machine &m;
	Options o;
	std::vector<Item> items;
	std::map<Equal, std::uint32_t> last_order;
	Time order_time = 0;
	unsigned long quiets = 0;
	struct {
		unsigned long fired = 0, displaced = 0, stores = 0;
	} count;
};
