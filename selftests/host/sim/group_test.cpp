// SPDX-License-Identifier: GPL-2.0
// group.c by itself, against a list of who sleeps with what note: who is awake looks after all of
// them, each is looked after by one, and no operation takes more locks than the tree is deep.
#include "machine.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>

static bool operator==(const co_due &a, const co_due &b)
{
	return a.latest == b.latest && a.earliest == b.earliest;
}

namespace {

struct Sleeper {
	bool awake = false;
	co_due due = CO_DUE_NEVER;
};

std::set<CpuId> watched_by(CpuId cpu)
{
	std::set<CpuId> found;

	co_group_sleepers(
		cpu, UINT64_MAX - 1,
		[](unsigned sleeper, void *arg) {
			return static_cast<std::set<CpuId> *>(arg)->insert(sleeper).second;
		},
		&found);
	return found;
}

class Model {
public:
	explicit Model(unsigned cpus) : sleepers(cpus) {}

	Sleeper &operator[](CpuId cpu) { return sleepers[cpu]; }
	co_due earliest() const
	{
		return earliest_of([](CpuId) { return true; });
	}
	bool any_awake() const { return std::ranges::any_of(sleepers, &Sleeper::awake); }

	void check() const
	{
		std::set<CpuId> all;

		for (CpuId cpu = 0; cpu < sleepers.size(); cpu++) {
			const bool near = co_group_near(cpu, [](unsigned) { return true; }) >= 0;

			ASSERT_EQ(near, any_awake());
			if (!sleepers[cpu].awake)
				continue;
			const std::set<CpuId> mine = watched_by(cpu);
			ASSERT_EQ(co_group_watch(cpu),
				  earliest_of([&](CpuId id) { return mine.contains(id); }));
			for (const CpuId id : mine)
				ASSERT_TRUE(all.insert(id).second)
					<< id << " is looked after twice";
		}
		if (any_awake())
			ASSERT_EQ(all, with_notes());
	}

private:
	template <class Which>
	co_due earliest_of(Which which) const
	{
		co_due due = CO_DUE_NEVER;

		for (CpuId cpu = 0; cpu < sleepers.size(); cpu++) {
			if (!sleepers[cpu].awake && which(cpu))
				due = co_due_min(due, sleepers[cpu].due);
		}
		return due;
	}

	std::set<CpuId> with_notes() const
	{
		std::set<CpuId> found;

		for (CpuId cpu = 0; cpu < sleepers.size(); cpu++) {
			if (!sleepers[cpu].awake && sleepers[cpu].due.latest != UINT64_MAX)
				found.insert(cpu);
		}
		return found;
	}

	std::vector<Sleeper> sleepers;
};

co_due any_due(std::mt19937 &random)
{
	const u64 latest = 1 + random() % 1000;

	return random() % 4 ? co_due{latest, latest - random() % latest} : CO_DUE_NEVER;
}

// What co_group_put_off() is to find.
co_due put_off_to;

class Groups : public testing::TestWithParam<unsigned> {};

INSTANTIATE_TEST_SUITE_P(, Groups, testing::Values(2, 3, 8, 9, 64, 65, 600, 1024),
			 [](const auto &info) { return fmt::to_string(info.param); });

TEST_P(Groups, LookAfterWhoSleeps)
{
	const unsigned cpus = GetParam();
	unsigned depth = 0;
	// Of one CPU: it has no groups of its own, and its locks are ours.
	Machine m({.cpus = 1});
	Model model(cpus);

	for (unsigned n = cpus; n > 1; n = (n + CO_GROUP_SIZE - 1) / CO_GROUP_SIZE)
		depth++;
	sim_irq_save();
	ASSERT_EQ(co_groups_init(cpus), 0);
	for (unsigned n = 0; n < 3000; n++) {
		const CpuId cpu = m.below(cpus);
		const unsigned long locks = m.counts(0).group_locks;
		const co_due due = any_due(m.random());

		if (!model[cpu].awake) {
			if (m.below(2) || due.latest < model[cpu].due.latest) {
				co_group_awake(cpu);
				model[cpu].awake = true;
			} else {
				put_off_to = due;
				co_group_put_off(cpu, [](unsigned) { return put_off_to; });
				model[cpu].due = due;
			}
		} else {
			co_due left, watched = co_group_watch(cpu);
			const unsigned long before = m.counts(0).group_locks;
			const co_group *told = co_group_asleep(cpu, due, &left);

			ASSERT_LE(m.counts(0).group_locks - before, depth);
			model[cpu] = {false, due};
			ASSERT_EQ(left, co_due_min(due, watched));
			ASSERT_EQ(told != nullptr, model.any_awake());
			if (told && due.latest != UINT64_MAX) {
				const int watcher = co_group_watcher(told);

				ASSERT_GE(watcher, 0);
				ASSERT_TRUE(watched_by(static_cast<CpuId>(watcher)).contains(cpu));
			}
			if (!told)
				ASSERT_EQ(left, model.earliest());
		}
		ASSERT_LE(m.counts(0).group_locks - locks, 2 * depth);
		if (cpus <= 65 || n % 100 == 0)
			ASSERT_NO_FATAL_FAILURE(model.check());
	}
	sim_irq_restore(true);
}

// All at once, a step of one between steps of others. When all are done the tree is to say what is
// so.
TEST_P(Groups, AgreeAfterAnyInterleaving)
{
	const unsigned cpus = GetParam();

	if (cpus > 65)
		return;
	Machine m({.cpus = cpus, .seed = cpus, .torn = 2});
	Model model(cpus);

	for (CpuId cpu = 0; cpu < cpus; cpu++) {
		// Busy, they make no use of the groups themselves.
		m.busy(cpu, true);
		model[cpu].awake = true;
	}
	m.run_until(m.now() + 1);
	for (unsigned round = 0; round < 300; round++) {
		for (CpuId cpu = 0; cpu < cpus; cpu++) {
			m.post(cpu, [&m, &model, cpu] {
				co_due left;

				sim_irq_save();
				for (unsigned n = m.below(4); n; n--) {
					Sleeper &self = model[cpu];

					self.awake = !self.awake;
					self.due = any_due(m.random());
					if (self.awake)
						co_group_awake(cpu);
					else
						co_group_asleep(cpu, self.due, &left);
				}
				sim_irq_restore(true);
			});
		}
		m.run_until(m.now() + 1);
		ASSERT_EQ(m.failure(), "");
		sim_irq_save();
		ASSERT_NO_FATAL_FAILURE(model.check());
		sim_irq_restore(true);
	}
}

} // namespace
