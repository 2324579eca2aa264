// SPDX-License-Identifier: MIT
// Taking events out of the ring: wrap-around, overflow, backlog. The kernel's side is imitated.
#include <algorithm>
#include <atomic>
#include <callout/ring.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <gtest/gtest.h>
#include <memory>
#include <new>
#include <thread>
#include <vector>

namespace {

constexpr std::uint32_t size = 8;

// As module/dev; what waits follows in order here, which the kernel does not promise.
class producer {
public:
	explicit producer(std::uint32_t first = 0)
		: memory_(sizeof(callout::abi::ring) + size * sizeof(callout::abi::event), 64)
	{
		shared = new (memory_.at) callout::abi::ring{};
		shared->size = size;
		shared->head = shared->tail = first;
	}
	void put(std::uint64_t number)
	{
		flush();
		if (used() < size && held_.empty()) {
			store(number);
		} else {
			held_.push_back(number);
			std::atomic_ref(shared->flags).store(CALLOUT_RING_BACKLOG);
		}
	}
	void flush()
	{
		while (used() < size && !held_.empty()) {
			store(held_.front());
			held_.pop_front();
			if (held_.empty())
				std::atomic_ref(shared->flags).store(0);
		}
	}

	callout::abi::ring *shared;

private:
	struct block {
		block(std::size_t bytes, std::size_t align)
			: at(::operator new(bytes, std::align_val_t(align))), a(align)
		{
		}
		block(const block &) = delete;
		~block() { ::operator delete(at, std::align_val_t(a)); }
		void *at;
		std::size_t a;
	};

	[[nodiscard]] std::uint32_t used() const
	{
		return std::min(
			shared->head -
				std::atomic_ref(shared->tail).load(std::memory_order_acquire),
			size);
	}
	void store(std::uint64_t number)
	{
		callout::abi::event &e = shared->event[shared->head % size];

		e = {};
		e.user_data = number;
		std::atomic_ref(shared->head).store(shared->head + 1, std::memory_order_release);
	}

	block memory_;
	std::deque<std::uint64_t> held_;
};

struct teller {
	producer *to = nullptr;
	int *told = nullptr;
	void operator()() const
	{
		++*told;
		to->flush();
	}
};

class ring : public testing::TestWithParam<std::uint32_t> {
protected:
	[[nodiscard]] std::vector<std::uint64_t> take(std::size_t most)
	{
		std::vector<callout::event> events(most);
		std::vector<std::uint64_t> numbers;

		events.resize(r.pop(events));
		for (const callout::event &e : events)
			numbers.push_back(e.user_data());
		return numbers;
	}
	void put(std::uint64_t from, std::uint64_t to)
	{
		for (; from < to; from++)
			kernel.put(from);
	}
	static std::vector<std::uint64_t> range(std::uint64_t from, std::uint64_t to)
	{
		std::vector<std::uint64_t> v;
		for (; from < to; from++)
			v.push_back(from);
		return v;
	}

	producer kernel{GetParam()};
	int told = 0;
	callout::basic_ring<teller> r{kernel.shared, size, teller{&kernel, &told}};
};

// Numbers of events begin at 0, and pass 2^32.
INSTANTIATE_TEST_SUITE_P(first, ring, testing::Values(0U, 5U, ~0U, ~0U - 6));

TEST_P(ring, empty)
{
	EXPECT_EQ(r.capacity(), size);
	EXPECT_TRUE(r.empty());
	EXPECT_EQ(take(4).size(), 0U);
	EXPECT_EQ(r.consume([](const callout::event &) { FAIL(); }), 0U);
	EXPECT_EQ(told, 0);
}

TEST_P(ring, in_order_around_the_end)
{
	std::uint64_t next = 0;

	for (unsigned n = 0; n < 100; n++) {
		const unsigned some = 1 + n % size;

		put(next, next + some);
		EXPECT_EQ(r.size(), some);
		EXPECT_EQ(take(size), range(next, next + some));
		EXPECT_TRUE(r.empty());
		next += some;
	}
	EXPECT_EQ(told, 0);
}

TEST_P(ring, less_than_there_is)
{
	put(0, 7);
	EXPECT_EQ(take(3), range(0, 3));
	EXPECT_EQ(r.size(), 4U);
	EXPECT_EQ(take(0).size(), 0U);
	put(7, 11);
	EXPECT_EQ(take(20), range(3, 11));
}

TEST_P(ring, full_is_not_empty)
{
	put(0, size);
	EXPECT_EQ(r.size(), size);
	EXPECT_FALSE(r.backlog());
	EXPECT_EQ(take(20), range(0, size));
	EXPECT_EQ(told, 0);
}

TEST_P(ring, what_waits_for_room_follows)
{
	put(0, 30);
	EXPECT_TRUE(r.backlog());
	EXPECT_EQ(take(40), range(0, 30));
	EXPECT_FALSE(r.backlog());
	EXPECT_EQ(told, 3); // 22 by eights
}

TEST_P(ring, backlog_is_fetched_when_the_ring_is_empty)
{
	put(0, 12);
	EXPECT_EQ(take(5), range(0, 5));
	EXPECT_EQ(told, 0); // there are three more, before the backlog
	EXPECT_EQ(take(3), range(5, 8));
	EXPECT_TRUE(r.empty());
	EXPECT_EQ(take(1), range(8, 9));
	EXPECT_EQ(told, 1);
	EXPECT_EQ(take(9), range(9, 12));
	EXPECT_EQ(told, 1);
}

TEST_P(ring, backlog_that_does_not_come_is_not_waited_for)
{
	put(0, 1);
	kernel.shared->flags = CALLOUT_RING_BACKLOG; // by somebody else who writes there
	EXPECT_EQ(take(9), range(0, 1));
	EXPECT_EQ(take(9).size(), 0U);
	EXPECT_EQ(told, 2);
}

TEST_P(ring, tail_that_cannot_be)
{
	put(0, 3);
	kernel.shared->tail = kernel.shared->head - 1000;
	EXPECT_EQ(r.size(), size);
	EXPECT_EQ(take(100).size(), size);
	EXPECT_TRUE(r.empty());
	kernel.shared->tail = kernel.shared->head + 5;
	EXPECT_EQ(take(100).size(), size);
	EXPECT_TRUE(r.empty());
}

TEST_P(ring, consume_what_comes_meanwhile)
{
	std::vector<std::uint64_t> seen;
	std::uint64_t next = 2;

	put(0, 2);
	const std::size_t n = r.consume([&](const callout::event &e) {
		seen.push_back(e.user_data());
		if (next < 5)
			put(next, next + 1), next++;
	});
	EXPECT_EQ(n, 5U);
	EXPECT_EQ(seen, range(0, 5));
}

TEST_P(ring, consume_comes_to_an_end)
{
	std::uint64_t next = 1;

	put(0, 1);
	EXPECT_EQ(r.consume([&](const callout::event &) { put(next, next + 1), next++; }), size);
	EXPECT_EQ(r.size(), 1U);
}

TEST_P(ring, consumer_that_throws_loses_nothing)
{
	put(0, 3);
	EXPECT_THROW(r.consume([](const callout::event &) { throw 1; }), int);
	EXPECT_EQ(take(9), range(1, 3));
}

TEST_P(ring, consumer_that_takes_itself)
{
	std::vector<std::uint64_t> seen;

	put(0, 4);
	EXPECT_EQ(r.consume([&](const callout::event &e) {
		seen.push_back(e.user_data());
		for (const std::uint64_t n : take(2))
			seen.push_back(n);
	}),
		  2U);
	EXPECT_EQ(seen, range(0, 4));
}

// Another thread is the kernel; nobody tells it of room, it looks itself.
TEST_P(ring, two_threads)
{
	constexpr std::uint64_t events = 200'000;
	struct nobody {
		void operator()() const noexcept {}
	};
	callout::basic_ring<nobody> mine(kernel.shared, size, {});
	std::uint64_t next = 0;
	std::thread t([&] {
		for (std::uint64_t n = 0; n < events; n++) {
			while (mine.size() == size)
				std::this_thread::yield();
			kernel.put(n);
		}
	});

	while (next < events) {
		if (!mine.consume(
			    [&](const callout::event &e) { ASSERT_EQ(e.user_data(), next++); }))
			std::this_thread::yield();
		if (HasFatalFailure())
			std::abort(); // the thread would wait for room
	}
	t.join();
}

} // namespace
