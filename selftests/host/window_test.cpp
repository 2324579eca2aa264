// SPDX-License-Identifier: GPL-2.0
// The dispatcher's rule over each queue, on windows: as few interrupts as there can be.
#include "rig.hpp"
#include <algorithm>
#include <gtest/gtest.h>
#include <random>

namespace {

struct Window {
	std::uint64_t armed, earliest, latest;
};

// The rule of expire.c in short: the interrupt comes at the head's latest time, and calls heads
// until one may not be called yet.
class Dispatcher {
public:
	Dispatcher(const Discipline &d, const std::vector<Window> &w)
		: ops(*d.ops), windows(w), callouts(w.size())
	{
		ops.init(&q);
	}
	~Dispatcher() { ops.fini(&q); }
	Dispatcher(const Dispatcher &) = delete;
	Dispatcher &operator=(const Dispatcher &) = delete;

	// Windows are sorted by the time of arming. Returns the number of interrupts.
	std::size_t run()
	{
		std::size_t next = 0, interrupts = 0;

		while (next < windows.size() || ops.count(&q)) {
			const co_entry head = ops.first(&q);
			if (next < windows.size() && (!head.c || windows[next].armed <= head.key)) {
				arm(next++);
				continue;
			}
			interrupts++;
			interrupt(head.key);
		}
		return interrupts;
	}

private:
	void arm(std::size_t i)
	{
		const Window &w = windows[i];

		callouts[i].c_order =
			std::uint64_t{co_window_pack(w.latest - w.earliest)} << 32 | i;
		if (ops.insert(&q, &callouts[i], w.latest))
			serve(ops, q, memory);
	}

	void interrupt(std::uint64_t now)
	{
		for (co_entry head; (head = ops.first(&q)).c;) {
			const auto packed = static_cast<u32>(head.c->c_order >> 32);
			if (head.key - co_window_unpack(packed) > now)
				break;
			const Window &w =
				windows[static_cast<std::size_t>(head.c - callouts.data())];
			ASSERT_GE(now, w.earliest);
			ASSERT_LE(now, w.latest);
			ops.pop(&q);
		}
	}

	const co_queue_ops &ops;
	Memory memory;
	co_queue q;
	const std::vector<Window> &windows;
	std::vector<callout> callouts;
};

// The most windows of which no two have a time in common. Each needs an interrupt of its own, so no
// way to serve all takes fewer. Found by dynamic programming over the windows as they end, which
// has nothing of the dispatcher's rule.
std::size_t most_disjoint(std::vector<Window> w)
{
	std::sort(w.begin(), w.end(), [](auto &a, auto &b) { return a.latest < b.latest; });
	std::vector<std::size_t> best(w.size() + 1, 0);
	for (std::size_t i = 0; i < w.size(); i++) {
		const auto before = std::partition_point(
			w.begin(), w.begin() + static_cast<long>(i),
			[&](auto &other) { return other.latest < w[i].earliest; });
		best[i + 1] =
			std::max(best[i], best[static_cast<std::size_t>(before - w.begin())] + 1);
	}
	return best.back();
}

class Windows : public testing::TestWithParam<Discipline> {
protected:
	// Windows of up to @widest ns, at up to @spread ns from when they are armed, all within
	// @span ns.
	std::vector<Window> make(std::size_t n, std::uint64_t span, std::uint64_t spread,
				 std::uint64_t widest)
	{
		std::vector<Window> w(n);
		for (Window &x : w) {
			x.armed = random() % span;
			x.earliest = x.armed + random() % spread;
			x.latest = x.earliest + (random() % 4 ? random() % widest : 0);
			// What the module keeps of a window beyond 134 ms is a little less.
			x.earliest =
				x.latest - co_window_unpack(co_window_pack(x.latest - x.earliest));
		}
		std::sort(w.begin(), w.end(), [](auto &a, auto &b) { return a.armed < b.armed; });
		return w;
	}

	std::mt19937_64 random{42};
};

INSTANTIATE_TEST_SUITE_P(, Windows, testing::ValuesIn(disciplines().begin(), disciplines().end()),
			 [](const testing::TestParamInfo<Discipline> &info) {
				 return std::string(info.param.ops->name);
			 });

TEST_P(Windows, SmallSetsTakeTheFewestInterrupts)
{
	for (int round = 0; round < 5000; round++) {
		const auto w = make(1 + random() % 12, 1 + random() % 40, 1 + random() % 20,
				    1 + random() % 20);
		ASSERT_EQ(Dispatcher(GetParam(), w).run(), most_disjoint(w)) << "round " << round;
	}
}

TEST_P(Windows, LargeSetsTakeTheFewestInterrupts)
{
	constexpr std::uint64_t ms = 1000000, s = 1000 * ms;

	for (std::uint64_t widest : {1 * ms, 20 * ms, 500 * ms, 10 * s}) {
		const auto w = make(20000, 10 * s, 2 * s, widest);
		const std::size_t interrupts = Dispatcher(GetParam(), w).run();
		EXPECT_EQ(interrupts, most_disjoint(w)) << "widest " << widest;
		EXPECT_LT(interrupts, w.size());
	}
}

TEST_P(Windows, WithoutWindowsEachTimeIsAnInterrupt)
{
	std::vector<Window> w;
	for (std::uint64_t t = 0; t < 3000; t++)
		w.push_back({0, 10 * (t % 1000), 10 * (t % 1000)});
	EXPECT_EQ(Dispatcher(GetParam(), w).run(), 1000U);
}

} // namespace
