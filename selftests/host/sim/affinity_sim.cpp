// SPDX-License-Identifier: GPL-2.0
// What affinity costs and saves, on simulated machines: tables for affinity.gnuplot.
//
//   affinity_sim wakeups   timer interrupts of idle CPUs, by how many are idle, for each class
//   affinity_sim cost      locks per idle transition, by the number of CPUs
#include "machine.hpp"
#include <fmt/format.h>
#include <string_view>

namespace {

constexpr Time ms = 1'000'000, second = 1000 * ms;

// A callout that is armed anew each time that it is called, as a retransmit timer or a watchdog is.
struct Timer {
	callout c;
	Machine *m = nullptr;
	Time mean = 0;

	void arm()
	{
		const Time latest = m->now() + mean / 2 + m->below(static_cast<unsigned>(mean));

		callout_set_within(&c, static_cast<ktime_t>(latest - mean / 20),
				   static_cast<ktime_t>(latest), run, this);
	}

	static void run(void *arg) { static_cast<Timer *>(arg)->arm(); }
};

// Each CPU is busy and idle in turn, for times about these; or always one of the two.
void alternate(Machine &m, CpuId id, double idle_share)
{
	constexpr Time cycle = 50 * ms;
	const bool busy = !m.is_busy(id);
	const double share = busy ? 1 - idle_share : idle_share;
	const double mean = static_cast<double>(cycle) * share;
	const Time until =
		m.now() + static_cast<Time>(mean / 2) + m.below(static_cast<unsigned>(mean) + 1);

	m.busy(id, busy);
	m.at(until, [&m, id, idle_share] { alternate(m, id, idle_share); });
}

// Four timers are armed on each CPU; their mean interval is 100 ms, their window 5 % of it.
double wakeups_per_second(callout_affinity affinity, unsigned cpus, double idle_share)
{
	constexpr unsigned each = 4, seconds = 10;
	Machine m({.cpus = cpus});
	std::deque<Timer> timers;

	for (CpuId id = 0; id < cpus; id++)
		m.busy(id, true);
	m.run_until(m.now() + 1);
	for (CpuId id = 0; id < cpus; id++) {
		for (unsigned n = 0; n < each; n++) {
			Timer &t = timers.emplace_back();

			t.m = &m;
			t.mean = 100 * ms;
			__callout_init(&t.c, CO_LOCK_NONE, nullptr, 0);
			m.post(id, [&t, affinity, id] {
				callout_set_affinity(&t.c, affinity, static_cast<int>(id));
				t.arm();
			});
		}
	}
	m.run_until(m.now() + 1);
	for (CpuId id = 0; id < cpus; id++) {
		if (idle_share == 1)
			m.busy(id, false);
		else if (idle_share > 0)
			alternate(m, id, idle_share);
	}
	// Not the beginning.
	m.run_until(m.now() + second);
	const unsigned long before = m.total().idle_timer;
	m.run_until(m.now() + seconds * second);
	return static_cast<double>(m.total().idle_timer - before) / seconds;
}

void wakeups()
{
	constexpr unsigned cpus = 64;

	fmt::print("# timer interrupts of idle CPUs per second; {} CPUs, 4 timers each\n"
		   "# idle_percent strong weak none\n",
		   cpus);
	for (const double idle : {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92,
				  0.94, 0.96, 0.98, 0.99, 1.0})
		fmt::print("{} {:.1f} {:.1f} {:.1f}\n", 100 * idle,
			   wakeups_per_second(CALLOUT_AFFINITY_STRONG, cpus, idle),
			   wakeups_per_second(CALLOUT_AFFINITY_WEAK, cpus, idle),
			   wakeups_per_second(CALLOUT_AFFINITY_NONE, cpus, idle));
}

// All CPUs fall asleep and wake at random, half of them asleep at any time.
void cost()
{
	fmt::print("# locks per idle transition\n# cpus group_mean group_most scan\n");
	for (unsigned cpus = 2; cpus <= SIM_MAX_CPUS; cpus *= 2) {
		Machine m({.cpus = cpus});
		const unsigned switches = 20 * cpus;
		unsigned long sleeps = 0;

		for (unsigned n = 1; n <= switches; n++) {
			m.at(m.now() + n * ms, [&m, &sleeps] {
				const CpuId id = m.below(m.size());

				sleeps += 1;
				m.busy(id, !m.is_busy(id));
			});
		}
		const unsigned long before = m.total().group_locks;
		m.run_until(m.now() + (switches + 1) * ms);
		// Who looks at each CPU for one that is awake, or for what is due, locks each base.
		fmt::print("{} {:.2f} {} {}\n", cpus,
			   static_cast<double>(m.total().group_locks - before) /
				   static_cast<double>(sleeps),
			   m.most_locks_per_transition(), cpus);
	}
}

} // namespace

int main(int argc, char **argv)
{
	const std::string_view what = argc == 2 ? argv[1] : "";

	if (what == "wakeups") {
		wakeups();
	} else if (what == "cost") {
		cost();
	} else {
		fmt::print(stderr, "usage: affinity_sim wakeups|cost\n");
		return 2;
	}
}
