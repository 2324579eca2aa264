// SPDX-License-Identifier: GPL-2.0
// Locks that see when they are taken twice, in the wrong order, or with interrupts on.
//
// The order is that of module/internal.h and module/group.h: associated locks, group locks upwards,
// base locks by their CPUs. Bases are an array, and groups are one whose levels follow each other,
// so that upwards is also by address.
#include "kernel.hpp"
#include <algorithm>
#include <array>

namespace {

enum Rank { associated, group, base };

// Of each CPU, in the order in which they were taken. What an interrupt takes is on top of what it
// cut.
std::array<std::vector<const sim_lock *>, SIM_MAX_CPUS> held;
unsigned group_locks_nested;

Rank rank(const sim_lock *l)
{
	if (!l->name)
		return associated;
	if (!std::strcmp(l->name, "&g->lock"))
		return group;
	return std::strcmp(l->name, "&b->lock") ? associated : base;
}

const char *name(const sim_lock *l)
{
	return l->name ? l->name : "an associated lock";
}

void check_order(const sim_lock *l)
{
	const Rank r = rank(l);

	if (r != associated && !irqs_disabled())
		sim_fatal("%s is taken with interrupts on", name(l));
	for (const sim_lock *h : held[sim_cpu]) {
		const Rank before = rank(h);

		if (before > r || (before == r && r != associated && h > l))
			sim_fatal("%s is taken under %s, out of order", name(l), name(h));
	}
}

void take(sim_lock *l)
{
	auto &mine = held[sim_cpu];
	Machine::Counts &counts = machine->counts(sim_cpu);

	l->owner = sim_cpu + 1;
	mine.push_back(l);
	if (rank(l) == base && sim_torn)
		note_step("  locks base", static_cast<int>(sim_base_of(l)));
	if (rank(l) == group) {
		counts.group_locks++;
		group_locks_nested =
			std::max(group_locks_nested,
				 static_cast<unsigned>(std::ranges::count(mine, group, rank)));
	} else if (rank(l) == base) {
		counts.base_locks++;
	}
}

} // namespace

extern "C" {

void sim_take(struct sim_lock *l)
{
	unsigned long spins = 0;

	sim_point();
	if (l->owner == sim_cpu + 1)
		sim_fatal("%s is taken twice", name(l));
	check_order(l);
	while (l->owner) {
		if (++spins > 1'000'000)
			sim_fatal("%s is never released", name(l));
		sim_relax();
	}
	take(l);
}

bool sim_trylock(struct sim_lock *l)
{
	sim_point();
	if (l->owner)
		return false;
	take(l);
	return true;
}

void sim_unlock(struct sim_lock *l)
{
	auto &mine = held[sim_cpu];
	const auto at = std::ranges::find(mine, l);

	if (l->owner != sim_cpu + 1 || at == mine.end())
		sim_fatal("%s is released by who does not hold it", name(l));
	mine.erase(at);
	l->owner = 0;
	sim_point();
}

void sim_assert_held(const struct sim_lock *l)
{
	if (l->owner != sim_cpu + 1)
		sim_fatal("%s is not held", name(l));
}

void sim_locks_reset()
{
	for (auto &h : held)
		h.clear();
	group_locks_nested = 0;
}

bool sim_locks_held()
{
	return !held[sim_cpu].empty();
}

unsigned sim_group_locks_nested()
{
	return group_locks_nested;
}
}
