// SPDX-License-Identifier: GPL-2.0
// Callouts that are armed once each, for tests that say where and when.
#pragma once

#include "machine.hpp"
#include <algorithm>
#include <deque>
#include <vector>

class Shots {
public:
	explicit Shots(Machine &machine) : m(machine) {}

	struct Shot {
		callout c;
		Machine *m = nullptr;
		callout_affinity affinity = CALLOUT_AFFINITY_NONE;
		Time earliest = 0, latest = 0;
		unsigned fired = 0;
		Time fired_at = 0;
		CpuId fired_on = 0;
	};

	// Armed by a CPU, as soon as it can.
	Shot &arm(CpuId by, Time earliest, Time latest,
		  callout_affinity affinity = CALLOUT_AFFINITY_NONE, int home = -1)
	{
		Shot &s = shots.emplace_back();

		s.m = &m;
		s.affinity = affinity;
		s.earliest = earliest;
		s.latest = latest;
		__callout_init(&s.c, CO_LOCK_NONE, nullptr, 0);
		m.post(by, [&s, home] {
			callout_set_affinity(&s.c, s.affinity, home);
			callout_set_within(&s.c, static_cast<ktime_t>(s.earliest),
					   static_cast<ktime_t>(s.latest), fire, &s);
		});
		return s;
	}

	// The first that was not called once and in its window, or nullptr.
	const Shot *wrong() const
	{
		for (const Shot &s : shots) {
			if (s.fired != 1 || s.fired_at < s.earliest || s.fired_at > s.latest)
				return &s;
		}
		return nullptr;
	}

	// The least number of points in time that touch each window.
	unsigned optimum() const
	{
		std::vector<std::pair<Time, Time>> by_end;
		unsigned points = 0;
		Time last = 0;

		for (const Shot &s : shots)
			by_end.emplace_back(s.latest, s.earliest);
		std::sort(by_end.begin(), by_end.end());
		for (const auto &[latest, earliest] : by_end) {
			if (earliest <= last)
				continue;
			last = latest;
			points++;
		}
		return points;
	}

	const std::deque<Shot> &all() const { return shots; }

private:
	static void fire(void *arg)
	{
		auto &s = *static_cast<Shot *>(arg);

		s.fired++;
		s.fired_at = s.m->now();
		s.fired_on = sim_cpu;
	}

	Machine &m;
	std::deque<Shot> shots;
};
