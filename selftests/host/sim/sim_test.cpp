// SPDX-License-Identifier: GPL-2.0
// Who is interrupted for what, on simulated machines of 2 to 1024 CPUs.
//
// Nothing takes time there and interrupts come when they were armed for, so "late" begins with the
// first nanosecond.
#include "shots.hpp"
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace {

constexpr Time ms = 1'000'000;

// ---- who is interrupted
// --------------------------------------------------------------------------------

class Cpus : public testing::TestWithParam<unsigned> {
protected:
	// Each CPU arms some at random, and then all but one, or all, have nothing to do. Nobody
	// sleeps before: whose clock is armed, as he was the last, is not told when another wakes,
	// as that would wake him.
	void arm_everywhere(Machine &m, Shots &shots, unsigned each, Time window, CpuId awake)
	{
		for (CpuId id = 0; id < m.size(); id++)
			m.busy(id, true);
		m.run_until(m.now() + 1);
		for (CpuId id = 0; id < m.size(); id++) {
			for (unsigned n = 0; n < each; n++) {
				const Time earliest = m.now() + ms + m.below(100 * ms);

				shots.arm(id, earliest, earliest + (window ? m.below(window) : 0));
			}
		}
		m.run_until(m.now() + 1);
		for (CpuId id = 0; id < m.size(); id++)
			m.busy(id, id == awake);
	}

	static unsigned few(const Machine &m) { return m.size() > 64 ? 1 : 3; }

	static constexpr CpuId nobody = SIM_MAX_CPUS;
};

INSTANTIATE_TEST_SUITE_P(, Cpus, testing::Values(2, 8, 64, 1024),
			 [](const auto &info) { return fmt::to_string(info.param); });

TEST_P(Cpus, ThatSleepAreSparedWhileOneIsAwake)
{
	Machine m({.cpus = GetParam()});
	Shots shots(m);
	const CpuId awake = m.size() / 2;

	arm_everywhere(m, shots, few(m), 0, awake);
	m.run_until(m.now() + 200 * ms);
	EXPECT_EQ(shots.wrong(), nullptr);
	EXPECT_EQ(m.total().idle_timer, 0);
	EXPECT_EQ(m.total().timer, m.counts(awake).timer);
	for (const auto &s : shots.all())
		ASSERT_EQ(s.fired_on, awake);
}

// The watch goes from one to the other, and each sleeps for good after its turn.
TEST_P(Cpus, ThatSleepAreSparedWhoeverIsAwake)
{
	Machine m({.cpus = GetParam()});
	Shots shots(m);

	arm_everywhere(m, shots, few(m), 0, 0);
	for (unsigned turn = 1; turn < 100; turn++) {
		m.at(m.now() + turn * ms, [&m] {
			const CpuId next = m.below(m.size());

			// First wakes one, then may the other sleep.
			for (CpuId id = 0; id < m.size(); id++) {
				if (m.is_busy(id) && id != next)
					m.at(m.now() + 1, [&m, id] { m.busy(id, false); });
			}
			m.busy(next, true);
		});
	}
	m.run_until(m.now() + 200 * ms);
	EXPECT_EQ(shots.wrong(), nullptr);
	EXPECT_EQ(m.total().idle_timer, 0);
}

TEST_P(Cpus, ThatAllSleepWakeOneAtATime)
{
	Machine m({.cpus = GetParam()});
	Shots shots(m);
	std::map<Time, unsigned> woken;

	arm_everywhere(m, shots, few(m), 0, nobody);
	m.run_until(m.now() + 200 * ms);
	EXPECT_EQ(shots.wrong(), nullptr);
	for (const auto &s : shots.all())
		woken[s.fired_at]++;
	EXPECT_EQ(m.total().idle_timer, woken.size());
	EXPECT_EQ(m.total().timer, woken.size());
}

TEST_P(Cpus, ShareInterruptsWhereWindowsOverlap)
{
	for (const bool one_is_awake : {true, false}) {
		Machine m({.cpus = GetParam()});
		Shots shots(m);

		arm_everywhere(m, shots, few(m), 20 * ms, one_is_awake ? m.size() - 1 : nobody);
		m.run_until(m.now() + 200 * ms);
		EXPECT_EQ(shots.wrong(), nullptr);
		// One interrupt takes 64 at most from those who sleep; then the next comes at once.
		EXPECT_GE(m.total().timer, shots.optimum());
		EXPECT_LE(m.total().timer, shots.optimum() + shots.all().size() / 1000);
		EXPECT_EQ(m.total().idle_timer > 0, !one_is_awake);
	}
}

TEST_P(Cpus, WakeForWhatIsBoundToThem)
{
	Machine m({.cpus = GetParam()});
	Shots shots(m);

	m.busy(0, true);
	for (CpuId id = 0; id < m.size(); id++)
		shots.arm(0, m.now() + ms * (1 + id), m.now() + ms * (1 + id),
			  CALLOUT_AFFINITY_STRONG, static_cast<int>(id));
	m.run_until(m.now() + ms * (10 + m.size()));
	EXPECT_EQ(shots.wrong(), nullptr);
	for (CpuId id = 0; id < m.size(); id++) {
		ASSERT_EQ(shots.all()[id].fired_on, id);
		ASSERT_EQ(m.counts(id).timer, 1);
	}
}

TEST_P(Cpus, RunWeakOnesWhileTheyAreAwake)
{
	Machine m({.cpus = GetParam()});
	Shots shots(m);
	const CpuId home = m.size() - 1;

	m.busy(0, true);
	m.busy(home, true);
	m.run_until(m.now() + ms);
	// Soon, and too far away to be likely in its cache still.
	const auto &soon = shots.arm(0, m.now() + 50 * ms, m.now() + 50 * ms, CALLOUT_AFFINITY_WEAK,
				     static_cast<int>(home));
	const auto &far = shots.arm(0, m.now() + 150 * ms, m.now() + 150 * ms,
				    CALLOUT_AFFINITY_WEAK, static_cast<int>(home));
	m.run_until(m.now() + 60 * ms);
	m.busy(home, false);
	m.run_until(m.now() + ms);
	const auto &asleep = shots.arm(0, m.now() + 50 * ms, m.now() + 50 * ms,
				       CALLOUT_AFFINITY_WEAK, static_cast<int>(home));
	m.run_until(m.now() + 200 * ms);
	EXPECT_EQ(shots.wrong(), nullptr);
	EXPECT_EQ(soon.fired_on, home);
	EXPECT_EQ(far.fired_on, 0);
	EXPECT_EQ(asleep.fired_on, 0);
	EXPECT_EQ(m.counts(home).idle_timer, 0);
}

TEST_P(Cpus, MovedLaterByAStoreWhileTheySleep)
{
	Machine m({.cpus = GetParam()});
	Shots shots(m);
	const CpuId sleeper = m.size() - 1;
	const Time begin = m.now(), step = 10 * ms;

	m.busy(0, true);
	m.run_until(begin + 1);
	auto &s = shots.arm(sleeper, begin + step, begin + step);
	for (unsigned n = 1; n < 20; n++) {
		m.at(begin + n * step / 2, [&] {
			m.post(0, [&] {
				s.latest = s.earliest = m.now() + step;
				callout_set_within(&s.c, static_cast<ktime_t>(s.earliest),
						   static_cast<ktime_t>(s.latest), s.c.c_func, &s);
			});
		});
	}
	m.run_until(begin + 100 * step);
	EXPECT_EQ(shots.wrong(), nullptr);
	EXPECT_EQ(m.total().idle_timer, 0);
	// A clock that was armed before a move comes once for nothing.
	EXPECT_LE(m.total().timer, 20);
}

// ---- CPUs that come and go, or are not to be used
// ------------------------------------------------------

TEST_P(Cpus, HandOnWhatTheyHaveWhenTheyGo)
{
	Machine m({.cpus = GetParam()});
	Shots shots(m);
	const CpuId goes = m.size() - 1;
	const Time begin = m.now();

	m.busy(0, true);
	for (Time t = 10; t < 20; t++) {
		shots.arm(goes, begin + t * ms, begin + t * ms);
		shots.arm(goes, begin + t * ms, begin + t * ms, CALLOUT_AFFINITY_STRONG,
			  static_cast<int>(goes));
	}
	m.at(begin + 12 * ms + 1, [&] { m.offline(goes); });
	m.at(begin + 15 * ms + 1, [&] { m.online(goes); });
	m.run_until(begin + 100 * ms);
	EXPECT_EQ(shots.wrong(), nullptr);
	for (const auto &s : shots.all()) {
		const bool away = s.fired_at > begin + 12 * ms && s.fired_at <= begin + 15 * ms;

		if (away)
			EXPECT_NE(s.fired_on, goes);
		else if (s.affinity == CALLOUT_AFFINITY_STRONG)
			EXPECT_EQ(s.fired_on, goes);
	}
}

TEST_P(Cpus, IsolatedGetNothingThatIsNotBoundToThem)
{
	const CpuId isolated = GetParam() - 1;
	Machine m({.cpus = GetParam(), .isolated = {isolated}});
	Shots shots(m);

	arm_everywhere(m, shots, 5, 0, isolated);
	const auto &bound = shots.arm(isolated, m.now() + ms, m.now() + ms, CALLOUT_AFFINITY_STRONG,
				      static_cast<int>(isolated));
	m.run_until(m.now() + 200 * ms);
	EXPECT_EQ(shots.wrong(), nullptr);
	EXPECT_EQ(bound.fired_on, isolated);
	EXPECT_EQ(m.counts(isolated).timer, 1);
	for (const auto &s : shots.all())
		EXPECT_TRUE(&s == &bound || s.fired_on != isolated);
}

} // namespace
