// SPDX-License-Identifier: GPL-2.0
// Contract 3: the steps of each operation are bounded at any length of the queue. The queues are
// compiled with their comparisons instrumented; a step is a comparison of two 64-bit keys.
#include "rig.hpp"
#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <random>

namespace {
unsigned long comparisons;
}

// Called by the compiler's instrumentation. Those with a constant, or of less than a key, do not
// count.
extern "C" {
void __sanitizer_cov_trace_cmp8(std::uint64_t, std::uint64_t)
{
	comparisons++;
}
void __sanitizer_cov_trace_cmp4(std::uint32_t, std::uint32_t) {}
void __sanitizer_cov_trace_cmp2(std::uint16_t, std::uint16_t) {}
void __sanitizer_cov_trace_cmp1(std::uint8_t, std::uint8_t) {}
void __sanitizer_cov_trace_const_cmp8(std::uint64_t, std::uint64_t) {}
void __sanitizer_cov_trace_const_cmp4(std::uint32_t, std::uint32_t) {}
void __sanitizer_cov_trace_const_cmp2(std::uint16_t, std::uint16_t) {}
void __sanitizer_cov_trace_const_cmp1(std::uint8_t, std::uint8_t) {}
void __sanitizer_cov_trace_pc() {}
void __sanitizer_cov_trace_switch(std::uint64_t, std::uint64_t *) {}
}

namespace {

// A queue with all the memory that it wants, whose operations are held to their bound.
class Counted {
public:
	Counted(const Discipline &discipline, std::size_t n)
		: d(discipline), ops(*discipline.ops), callouts(std::make_unique<callout[]>(n))
	{
		ops.init(&q);
	}
	~Counted() { ops.fini(&q); }
	Counted(const Counted &) = delete;
	Counted &operator=(const Counted &) = delete;

	void insert(std::size_t i, std::uint64_t key)
	{
		bool asks = false;

		callouts[i].c_order = ++armed;
		hold(Op::insert, size() + 1, [&] { asks = ops.insert(&q, &callouts[i], key); });
		if (asks)
			serve(ops, q, memory);
	}

	void rekey(std::size_t i, std::uint64_t key)
	{
		callouts[i].c_order = ++armed;
		hold(Op::rekey, size(), [&] { ops.rekey(&q, &callouts[i], key); });
	}

	void remove(std::size_t i)
	{
		hold(Op::remove, size(), [&] { ops.remove(&q, &callouts[i]); });
	}

	std::uint64_t pop()
	{
		const std::uint64_t key = ops.first(&q).key;

		hold(Op::pop, size(), [&] { ops.pop(&q); });
		return key;
	}

	std::size_t size() const { return ops.count(&q); }

	// The most comparisons that an operation has taken since.
	unsigned long worst(Op op) const { return most[static_cast<std::size_t>(op)]; }

private:
	template <class Operation>
	void hold(Op op, std::size_t length, Operation operation)
	{
		comparisons = 0;
		operation();
		const unsigned long took = comparisons;
		unsigned long &most_yet = most[static_cast<std::size_t>(op)];

		most_yet = std::max(most_yet, took);
		ASSERT_LE(took, d.bound(op, length))
			<< "operation " << static_cast<int>(op) << " of " << length;
	}

	const Discipline &d;
	const co_queue_ops &ops;
	Memory memory;
	co_queue q;
	std::unique_ptr<callout[]> callouts;
	std::uint32_t armed = 0;
	unsigned long most[4] = {};
};

class Bounds : public testing::TestWithParam<std::tuple<Discipline, std::size_t>> {
protected:
	const Discipline &discipline() const { return std::get<0>(GetParam()); }
	std::size_t length() const { return std::get<1>(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(
	, Bounds,
	testing::Combine(testing::ValuesIn(disciplines().begin(), disciplines().end()),
			 testing::Values(1, 2, 5, 6, 100, 1365, 10000, 100000, 1400000)),
	[](const auto &info) {
		return fmt::format("{}_{}", std::get<0>(info.param).ops->name,
				   std::get<1>(info.param));
	});

// Each new one goes to the front, and is taken out in the worst order for what takes its place.
TEST_P(Bounds, DescendingKeys)
{
	Counted q(discipline(), length());

	for (std::size_t i = 0; i < length(); i++)
		q.insert(i, length() - i);
	for (std::size_t i = 0; i < length(); i++)
		ASSERT_EQ(q.pop(), i + 1);
	if (length() > 1000)
		EXPECT_GT(q.worst(Op::insert), 2U) << "comparisons are not counted";
}

TEST_P(Bounds, AscendingKeys)
{
	Counted q(discipline(), length());

	for (std::size_t i = 0; i < length(); i++)
		q.insert(i, i);
	for (std::size_t i = 0; i < length(); i++)
		ASSERT_EQ(q.pop(), i);
}

// Equal keys take two comparisons each.
TEST_P(Bounds, EqualKeys)
{
	Counted q(discipline(), length());

	for (std::size_t i = 0; i < length(); i++)
		q.insert(i, 1);
	for (std::size_t i = 0; i < length(); i++)
		q.rekey(i, 1);
	for (std::size_t i = 0; i < length(); i++)
		q.remove(length() - 1 - i);
	EXPECT_EQ(q.size(), 0U);
}

TEST_P(Bounds, FromOneEndToTheOther)
{
	Counted q(discipline(), length());

	for (std::size_t i = 0; i < length(); i++)
		q.insert(i, length() + i);
	for (std::size_t i = 0; i < length(); i++)
		q.rekey(i, 3 * length() + i);
	for (std::size_t i = length(); i--;)
		q.rekey(i, i);
	for (std::size_t i = 0; i < length(); i++)
		q.remove(i);
	EXPECT_EQ(q.size(), 0U);
}

TEST_P(Bounds, RandomSteps)
{
	Counted q(discipline(), length());
	std::mt19937_64 random(length());

	for (std::size_t i = 0; i < length(); i++)
		q.insert(i, random() >> 1);
	for (std::size_t i = 0; i < length(); i++)
		q.rekey(random() % length(), random() >> 1);
	for (std::size_t i = 0; i < length(); i++) {
		q.remove(i);
		q.insert(i, random() >> 1);
	}
	std::uint64_t last = 0;
	while (q.size()) {
		const std::uint64_t key = q.pop();
		ASSERT_LE(last, key);
		last = key;
	}
}

} // namespace
