// SPDX-License-Identifier: MIT
// Re-arming by a store: who wins.
#include <atomic>
#include <callout/slot.hpp>
#include <chrono>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

constexpr auto last = std::numeric_limits<std::int64_t>::max();

TEST(slot, later)
{
	std::uint64_t word = 5;
	const callout::slot s(word);

	EXPECT_TRUE(s.move_later(9));
	EXPECT_EQ(word, 9U);
	EXPECT_TRUE(s.move_later(9)); // it is armed for then
	EXPECT_TRUE(s.move_later(last));
	EXPECT_EQ(s.load(), static_cast<std::uint64_t>(last));
}

TEST(slot, earlier_is_left_to_the_kernel)
{
	std::uint64_t word = 5;
	const callout::slot s(word);

	EXPECT_FALSE(s.move_later(4));
	EXPECT_FALSE(s.move_later(0));
	EXPECT_EQ(word, 5U);
}

TEST(slot, not_armed)
{
	std::uint64_t word = 0;
	const callout::slot s(word), nobodys;

	EXPECT_FALSE(s.move_later(1));
	EXPECT_FALSE(s.move_later(0));
	EXPECT_FALSE(s.move_later(~std::uint64_t{0}));
	EXPECT_EQ(word, 0U);
	EXPECT_FALSE(nobodys.move_later(last));
	EXPECT_EQ(nobodys.load(), 0U);
}

// Threads that move the slot, and one that expires it as the kernel does. A deadline that a thread
// has been told is stored is one that the kernel sees, or another thread replaces with a later one:
// the claims see no time before it.
TEST(slot, one_wins)
{
	constexpr int threads = 4;
	unsigned wrong = 0;
	std::uint64_t word = 1;
	std::atomic<std::uint64_t> stored{1};
	std::atomic<bool> done = false;
	std::vector<std::thread> all;

	for (int i = 0; i < threads; i++)
		all.emplace_back([&, i] {
			std::mt19937_64 random(static_cast<unsigned>(i));

			while (!done) {
				const std::uint64_t was = callout::slot(word).load();
				const std::uint64_t to = was + random() % 4;

				if (was && callout::slot(word).move_later(to)) {
					std::uint64_t before = stored;
					while (before < to &&
					       !stored.compare_exchange_weak(before, to))
						;
				}
			}
		});
	const auto end = std::chrono::steady_clock::now() + 1s;
	do {
		const std::uint64_t told = stored;
		std::uint64_t was = callout::slot(word).load();

		while (!std::atomic_ref(word).compare_exchange_weak(was, 0))
			;
		EXPECT_GE(was, told);
		for (int i = 0; i < 100; i++)
			wrong += callout::slot(word).load() != 0; // nobody moves what is not armed
		std::this_thread::yield();
		wrong += callout::slot(word).load() != 0;
		std::atomic_ref(word).store(was + 1);
	} while (std::chrono::steady_clock::now() < end && !HasFailure() && !wrong);
	done = true;
	for (std::thread &t : all)
		t.join();
	EXPECT_EQ(wrong, 0U);
}
