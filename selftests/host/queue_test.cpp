// SPDX-License-Identifier: GPL-2.0
// Every discipline against the model: random sequences, the order of equal keys, and memory.
#include "rig.hpp"
#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <memory>
#include <random>

namespace {

using Id = Rig::Id;
using Key = Rig::Key;

std::string name_of(const testing::TestParamInfo<Discipline> &info)
{
	return info.param.ops->name;
}

class Queue : public testing::TestWithParam<Discipline> {};

INSTANTIATE_TEST_SUITE_P(, Queue, testing::ValuesIn(disciplines().begin(), disciplines().end()),
			 name_of);

// ---- random sequences ---------------------------------------------------------------

struct Mix {
	const char *name;
	Key keys;                // how many different ones there are about "now"
	std::uint32_t first_seq; // where the order of arming begins
	std::size_t callouts;
	std::uint32_t slots; // memory is granted while there are fewer
	bool sawtooth;       // fill up and empty, else hover
};

constexpr std::uint32_t no_limit = 1 << 24;

void PrintTo(const Mix &mix, std::ostream *out)
{
	*out << mix.name;
}

constexpr Mix mixes[] = {
	{"EqualKeys", 1, 0, 1500, no_limit, false},
	{"EqualKeysScarce", 2, 0xffffff00, 3000, 1, true},
	{"FewKeys", 5, 0x7fffff00, 3000, no_limit, true},
	{"FewKeysScarce", 5, 0x7fffff00, 3000, 1, true},
	{"FewKeysNoMemory", 8, 1, 300, 0, true},
	{"ManyKeys", 1000, 0xfffff000, 1500, no_limit, false},
	{"ManyKeysScarce", 1000, 0x7ffff000, 3000, 1, true},
	{"AllKeys", CO_KEY_MAX, 0, 3000, 3000, true},
};

class RandomRun {
public:
	RandomRun(const Discipline &d, const Mix &m, unsigned seed)
		: mix(m), rig(d, m.callouts, m.first_seq), random(seed)
	{
	}

	void run(unsigned steps)
	{
		for (unsigned i = 0; i < steps; i++) {
			filling =
				mix.sawtooth ? i / 4500 % 2 == 0 : rig.size() < rig.capacity() / 2;
			one_step();
		}
		while (rig.size())
			rig.pop();
	}

	// Which of what can happen did: a run that never spills proves nothing of spilling.
	unsigned spills = 0, moves = 0;
	std::uint32_t slots() const { return rig.slots(); }

private:
	std::uint64_t below(std::uint64_t n) { return random() % n; }
	Id any() { return static_cast<Id>(below(rig.capacity())); }

	// Time goes on slowly, so that keys are equal to some that are queued.
	Key any_key()
	{
		if (mix.keys == CO_KEY_MAX)
			return below(20) ? random() >> 1 : below(2) ? 0 : CO_KEY_MAX;
		return now / 64 + below(mix.keys);
	}

	void one_step()
	{
		const Id id = any();
		const unsigned what = static_cast<unsigned>(below(100));

		now++;
		if (!rig.queued(id)) {
			if (filling || what < 30)
				rig.arm(id, any_key());
			else if (rig.size())
				rig.pop();
			spills += rig.queued(id) && rig.spilled(id);
		} else if (what < 15) {
			rig.arm(id, any_key());
		} else if (what < 40) {
			const Key to =
				mix.keys == CO_KEY_MAX ? CO_KEY_MAX : rig.latest(id) + below(3);
			moves += rig.move(id, to);
		} else if (what < 50) {
			rig.settle_moved(id);
		} else if (what < 55) {
			rig.rekey(id, any_key());
		} else if (what < 60) {
			rig.hand_over(id);
		} else if (what < 65) {
			work();
		} else if (what < (filling ? 75 : 95)) {
			rig.remove(id);
		} else {
			rig.settle_moved(rig.first());
		}
	}

	// The worker's round, also one that is cut short for want of memory.
	void work()
	{
		if (rig.slots() < mix.slots && !below(5)) {
			if (below(2))
				rig.serve();
			else
				rig.grow();
		}
		for (auto n = below(10); n; n--)
			rig.settle();
	}

	const Mix &mix;
	Rig rig;
	std::mt19937_64 random;
	Key now = 0;
	bool filling = true;
};

using RandomParam = std::tuple<Discipline, Mix>;
class RandomSteps : public testing::TestWithParam<RandomParam> {};

INSTANTIATE_TEST_SUITE_P(, RandomSteps,
			 testing::Combine(testing::ValuesIn(disciplines().begin(),
							    disciplines().end()),
					  testing::ValuesIn(mixes)),
			 [](const testing::TestParamInfo<RandomParam> &info) {
				 return fmt::format("{}_{}", std::get<0>(info.param).ops->name,
						    std::get<1>(info.param).name);
			 });

TEST_P(RandomSteps, AgreeWithTheModel)
{
	const auto &[discipline, mix] = GetParam();

	for (unsigned seed = 1; seed <= 2; seed++) {
		SCOPED_TRACE(fmt::format("seed {}", seed));
		RandomRun run(discipline, mix, seed);
		run.run(18000);
		EXPECT_GT(run.spills, 10U);
		if (mix.slots > 0) {
			EXPECT_GT(run.moves, 100U);
			EXPECT_GT(run.slots(), 0U);
		}
	}
}

// ---- the order of equal keys --------------------------------------------------------

// Pops all, which are 0..n-1, and expects that order.
void expect_in_order(Rig &rig)
{
	for (Id id = 0; rig.size(); id++)
		ASSERT_EQ(rig.pop(), id);
}

TEST_P(Queue, EqualKeysComeOutAsArmed)
{
	Rig rig(GetParam(), 3000, 0xfffffff0);

	for (Id id = 0; id < 3000; id++) {
		rig.arm(id, 7);
		rig.serve();
	}
	expect_in_order(rig);
}

TEST_P(Queue, EqualKeysComeOutAsArmedWithoutMemory)
{
	Rig rig(GetParam(), 1000, 0x7ffffff0);

	for (Id id = 0; id < 1000; id++)
		rig.arm(id, 7);
	expect_in_order(rig);
}

TEST_P(Queue, EqualKeysComeOutAsArmedThroughSpillAndGrowth)
{
	for (Id interval : {1U, 7U, 253U, 1100U}) {
		Rig rig(GetParam(), 2000);

		for (Id id = 0; id < 2000; id++) {
			rig.arm(id, 7);
			if (id % interval == 0)
				rig.grow();
			if (id % 3 == 0)
				rig.settle();
		}
		expect_in_order(rig);
	}
}

TEST_P(Queue, ReArmedForTheSameTimeGoesLast)
{
	for (bool memory : {true, false}) {
		Rig rig(GetParam(), 500);

		for (Id id = 0; id < 500; id++) {
			rig.arm((id + 250) % 500, id % 2 ? 7 : 9);
			if (memory)
				rig.serve();
		}
		for (Id id = 0; id < 500; id++)
			rig.arm(id, 7);
		expect_in_order(rig);
	}
}

// A was moved to a time before B was armed for it: A runs first, though it is put there later.
TEST_P(Queue, MovedInPlaceCountsFromTheMove)
{
	for (bool memory : {true, false}) {
		Rig rig(GetParam(), 2);

		if (memory) {
			rig.arm(0, 0);
			rig.serve();
			rig.remove(0);
		}
		rig.arm(0, 5);
		if (!rig.move(0, 9))
			rig.arm(0, 9);
		EXPECT_EQ(rig.latest(0), 9U);
		rig.arm(1, 9);
		rig.settle_moved(0);
		expect_in_order(rig);
	}
}

// ... also where A's place is in the array, and B found none there.
TEST_P(Queue, MovedInPlaceComesBeforeSpilled)
{
	Rig rig(GetParam(), 3000);

	rig.arm(0, 5);
	rig.serve();
	ASSERT_TRUE(rig.move(0, 9));
	for (Id id = 1; id < 3000; id++)
		rig.arm(id, 9);
	rig.settle_moved(0);
	expect_in_order(rig);
}

// ... while one that is armed anew for the time of those that found no place comes after them.
TEST_P(Queue, ReArmedComesAfterSpilled)
{
	Rig rig(GetParam(), 3000);

	rig.arm(2999, 5);
	rig.serve();
	for (Id id = 0; id < 2999; id++)
		rig.arm(id, 9);
	rig.arm(2999, 9);
	expect_in_order(rig);
}

// What the dispatcher puts off, and what a dying CPU hands over, is not armed anew.
TEST_P(Queue, PutOffAndHandedOverKeepTheirTurn)
{
	for (bool memory : {true, false}) {
		Rig rig(GetParam(), 600);

		for (Id id = 0; id < 600; id++) {
			rig.arm(id, id % 3 ? 9 : 5);
			if (memory)
				rig.serve();
		}
		for (Id id = 0; id < 600; id += 3)
			rig.rekey(id, 9);
		for (Id id = 1; id < 600; id += 5)
			rig.hand_over(id);
		expect_in_order(rig);
	}
}

// A whole queue of equal keys handed to another CPU's: for each of the two, arming order.
TEST_P(Queue, HandedOverQueueKeepsItsOrder)
{
	const co_queue_ops &ops = *GetParam().ops;
	std::vector<callout> theirs(400), ours(400);
	co_queue from, to;
	Memory memory;

	ops.init(&from);
	ops.init(&to);
	for (u32 i = 0; i < 400; i++) {
		theirs[i].c_order = 1000 + i;
		ops.insert(&from, &theirs[i], 7);
		ours[i].c_order = 1200 + i;
		ops.insert(&to, &ours[i], 7);
		if (i == 100 && ops.wanted(&to))
			memory.grow(ops, to, ops.wanted(&to));
		if (i > 100 && i < 250)
			ops.settle(&to);
	}
	while (ops.count(&from)) {
		callout *c = ops.first(&from).c;
		ops.remove(&from, c);
		ops.insert(&to, c, 7);
		GetParam().check(to);
	}
	std::size_t their_next = 0, our_next = 0;
	while (ops.count(&to)) {
		const callout *c = ops.pop(&to);
		const bool mine = c >= ours.data() && c < ours.data() + ours.size();
		ASSERT_EQ(c, mine ? &ours[our_next++] : &theirs[their_next++]);
	}
	EXPECT_EQ(their_next, 400U);
	ops.fini(&from);
	ops.fini(&to);
}

// ---- memory -------------------------------------------------------------------------

TEST_P(Queue, WantsNothingOnceServed)
{
	Rig rig(GetParam(), 5000);

	for (Id id = 0; id < 5000; id++) {
		rig.arm(id, id * 7919 % 1000);
		if (id % 300 == 0) {
			rig.serve();
			EXPECT_EQ(GetParam().ops->wanted(&rig.queue()), 0U);
			EXPECT_FALSE(rig.settle());
			for (Id i = 0; i <= id; i++)
				ASSERT_FALSE(rig.spilled(i));
		}
	}
}

// However many were spilled, the worker's work is growing by a factor and a step for each of them.
TEST_P(Queue, ComesToRestInFewRounds)
{
	const co_queue_ops &ops = *GetParam().ops;

	for (std::size_t n : {1, 500, 1000, 5000, 20000}) {
		std::vector<callout> callouts(n);
		Memory memory;
		co_queue q;

		ops.init(&q);
		for (callout &c : callouts)
			ops.insert(&q, &c, 1);
		EXPECT_LE(serve(ops, q, memory), static_cast<unsigned>(std::bit_width(n)));
		EXPECT_EQ(ops.wanted(&q), 0U);
		while (ops.count(&q))
			ops.pop(&q);
		ops.fini(&q);
	}
}

TEST_P(Queue, WantsNoMoreThanItsLengthJustifies)
{
	const co_queue_ops &ops = *GetParam().ops;
	std::vector<callout> callouts(100000);
	Memory memory;
	co_queue q;
	u32 most = 0, inserted = 0;

	ops.init(&q);
	for (callout &c : callouts) {
		inserted++;
		if (!ops.insert(&q, &c, inserted))
			continue;
		most = std::max(most, ops.wanted(&q));
		EXPECT_LE(most,
			  inserted < 50000 ? std::max(4096U, 3 * inserted) : 17 * inserted / 10);
		serve(ops, q, memory);
	}
	while (ops.count(&q))
		ops.pop(&q);
	ops.fini(&q);
}

// The memory is freed by then: what a finished queue does with it the sanitizer sees.
TEST_P(Queue, FinishedItCanBeUsedAgain)
{
	const co_queue_ops &ops = *GetParam().ops;
	std::vector<callout> callouts(1000);
	co_queue q;

	ops.init(&q);
	for (int round = 0; round < 3; round++) {
		Memory memory;

		EXPECT_EQ(ops.count(&q), 0U);
		EXPECT_EQ(ops.first(&q).c, nullptr);
		for (callout &c : callouts)
			if (ops.insert(&q, &c, 1) && round)
				serve(ops, q, memory);
		while (ops.count(&q))
			ops.pop(&q);
		ops.fini(&q);
	}
}

TEST_P(Queue, LeavesCalloutsAloneOnceRemoved)
{
	const co_queue_ops &ops = *GetParam().ops;
	co_queue q;

	ops.init(&q);
	{
		auto c = std::make_unique<callout>();
		ops.insert(&q, c.get(), 1);
		ops.remove(&q, c.get());
		EXPECT_FALSE(c->c_gate & CO_GATE_SPILL);
		ops.insert(&q, c.get(), 1);
		EXPECT_EQ(ops.pop(&q), c.get());
	}
	// Had anything kept a pointer, the sanitizer would see it used now.
	auto other = std::make_unique<callout>();
	ops.insert(&q, other.get(), 2);
	EXPECT_EQ(ops.pop(&q), other.get());
	ops.fini(&q);
}

TEST_P(Queue, TakesTheSmallestAndTheLargestKey)
{
	Rig rig(GetParam(), 6);

	rig.arm(0, CO_KEY_MAX);
	rig.serve();
	rig.arm(1, 0);
	rig.arm(2, CO_KEY_MAX);
	rig.arm(3, CO_KEY_MAX - 1);
	rig.arm(4, 0);
	rig.arm(5, 1);
	for (Id id : {1U, 4U, 5U, 3U, 0U, 2U})
		EXPECT_EQ(rig.pop(), id);
}

// Takes out each one of a full tree in turn, from a tree of each size about where levels end.
TEST_P(Queue, AnyOneCanBeTakenOutOrMoved)
{
	for (std::size_t n : {1, 2, 3, 5, 6, 21, 22, 85, 86, 253, 254, 341, 342, 1021, 1022}) {
		for (std::size_t victim = 0; victim < n; victim += 1 + n / 20) {
			Rig rig(GetParam(), n);
			std::mt19937 random(static_cast<unsigned>(n));

			for (Id id = 0; id < n; id++)
				rig.arm(id, random() % (2 * n));
			rig.serve();
			const Id id = static_cast<Id>(victim);
			rig.arm(id, 0);
			rig.arm(id, CO_KEY_MAX);
			rig.arm(id, n);
			rig.remove(id);
			while (rig.size())
				rig.pop();
		}
	}
}

} // namespace
