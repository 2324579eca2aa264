// SPDX-License-Identifier: MIT
// The loop, without a kernel: who runs, who does not, and what goes away when. Best under a
// sanitizer.
#include "fake_kernel.hpp"
#include <callout/callout.hpp>
#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using callout::errc;
using callout::task;

namespace {

class loop : public testing::Test {
protected:
	// Of the timer that was armed last of all.
	std::uint32_t latest()
	{
		std::uint32_t id = 0;
		for (std::uint32_t i = 0; i < k.timers.size(); i++)
			if (k.timers[i].arming.user_data > k.timers[id].arming.user_data)
				id = i;
		return id;
	}
	void expire_latest() { k.expire(latest()); }
	unsigned armed()
	{
		unsigned n = 0;
		for (const auto &t : k.timers)
			n += *t.slot != 0;
		return n;
	}

	fake_kernel k{16, 64};
	callout::device d = k.device();
	std::optional<callout::loop> l{std::in_place, d};
};

// Says when it goes.
struct witness {
	explicit witness(bool &g) : gone(&g) {}
	witness(const witness &) = delete;
	~witness() { *gone = true; }
	bool *gone;
};

task<> sleeper(callout::device &d, std::vector<int> &order, int number, bool &gone)
{
	const witness w(gone);

	co_await d.sleep_for(1s);
	order.push_back(number);
}

task<int> answer(callout::device &d)
{
	co_await d.sleep_for(1s);
	co_return 42;
}

task<> thrower(callout::device &d, bool wait)
{
	if (wait)
		co_await d.sleep_for(1s);
	throw std::runtime_error("thrown");
}

TEST_F(loop, sleep)
{
	std::vector<int> order;
	bool gone[2]{};

	l->spawn(sleeper(d, order, 0, gone[0]));
	const auto first = latest();
	l->spawn(sleeper(d, order, 1, gone[1]));
	EXPECT_EQ(l->pending(), 2U);
	EXPECT_EQ(armed(), 2U);
	EXPECT_EQ(l->poll(), 0U);
	expire_latest();
	EXPECT_EQ(l->poll(), 1U);
	EXPECT_EQ(order, std::vector{1});
	EXPECT_TRUE(gone[1]);
	EXPECT_FALSE(gone[0]);
	k.expire(first);
	l->run();
	EXPECT_EQ(order, (std::vector{1, 0}));
	EXPECT_TRUE(gone[0]);
	EXPECT_EQ(l->pending(), 0U);
}

TEST_F(loop, sleep_until_has_the_clock_of_its_time)
{
	const auto f = [](callout::device &dev) -> task<> {
		co_await dev.sleep_until(std::chrono::system_clock::time_point(7s));
	};

	l->spawn(f(d));
	EXPECT_EQ(k.timers[latest()].arming.clockid, CLOCK_REALTIME);
	EXPECT_EQ(k.timers[latest()].arming.deadline, 7'000'000'000U);
	EXPECT_EQ(k.timers[latest()].arming.flags, 0U);
}

TEST_F(loop, ids_are_used_again)
{
	std::vector<int> order;
	bool gone{};

	for (int i = 0; i < 100; i++) {
		l->spawn(sleeper(d, order, i, gone));
		EXPECT_EQ(latest(), 0U);
		expire_latest();
		l->run();
	}
	EXPECT_EQ(order.size(), 100U);
}

TEST_F(loop, more_sleepers_than_timers)
{
	std::vector<int> order;
	std::vector<std::unique_ptr<bool>> gone;

	for (int i = 0; i < 17; i++)
		l->spawn(sleeper(d, order, i, *gone.emplace_back(std::make_unique<bool>())));
	EXPECT_TRUE(*gone[16]); // it has thrown
	try {
		l->poll();
		FAIL();
	} catch (const std::system_error &e) {
		EXPECT_EQ(e.code(), errc::no_free_timer);
	}
	EXPECT_EQ(l->poll(), 0U);
	l.reset(); // before what the sleepers refer to
}

TEST_F(loop, destroyed_coroutine_does_not_run)
{
	std::vector<int> order;
	bool gone[2]{};

	std::optional<task<>> t(sleeper(d, order, 1, gone[0]));
	// Awaited by a coroutine that is destroyed with it.
	const auto outer = [](task<> inner) -> task<> { co_await std::move(inner); };
	l->spawn(outer(std::move(*t)));
	l->spawn(sleeper(d, order, 2, gone[1]));
	const auto last = latest();
	// Both have expired, and the events are there, when the loop goes.
	k.expire(last);
	k.expire(1 - last);
	l.reset();
	EXPECT_TRUE(gone[0]);
	EXPECT_TRUE(gone[1]);
	EXPECT_TRUE(order.empty());
	EXPECT_EQ(armed(), 0U);
}

TEST_F(loop, loop_that_goes_cancels)
{
	std::vector<int> order;
	bool gone{};

	l->spawn(sleeper(d, order, 1, gone));
	EXPECT_EQ(armed(), 1U);
	l.reset();
	EXPECT_TRUE(gone);
	EXPECT_EQ(armed(), 0U);
	EXPECT_EQ(d.make_timer().id(), 0U); // given back
}

TEST_F(loop, one_destroys_the_other_whose_event_is_there)
{
	std::vector<int> order;
	std::optional<callout::handler> victim;
	auto killer = l->after(1s, [&](const callout::event &) {
		victim.reset();
		order.push_back(1);
	});
	const auto first = latest();

	victim = l->after(1s, [&](const callout::event &) { order.push_back(2); });
	const auto second = latest();
	k.expire(first);
	k.expire(second);
	EXPECT_EQ(l->poll(), 2U);
	EXPECT_EQ(order, std::vector{1});
	EXPECT_EQ(l->pending(), 0U);
}

TEST_F(loop, late_event_is_not_the_next_ones)
{
	std::vector<int> order;
	std::optional<callout::handler> one =
		l->after(1s, [&](const callout::event &) { order.push_back(1); });
	const auto id = latest();

	k.expire(id);
	one.reset();
	auto two = l->after(1s, [&](const callout::event &) { order.push_back(2); });
	ASSERT_EQ(latest(), id);
	EXPECT_EQ(l->poll(), 1U);
	EXPECT_TRUE(order.empty());
	k.expire(id);
	l->run();
	EXPECT_EQ(order, std::vector{2});
}

TEST_F(loop, late_event_is_not_the_next_loops)
{
	std::vector<int> order;
	bool gone[2]{};

	l->spawn(sleeper(d, order, 1, gone[0]));
	const auto id = latest();
	k.expire(id);
	l.reset();
	l.emplace(d);
	l->spawn(sleeper(d, order, 2, gone[1]));
	ASSERT_EQ(latest(), id);
	EXPECT_EQ(l->poll(), 1U);
	EXPECT_TRUE(order.empty());
	EXPECT_EQ(l->pending(), 1U);
	l.reset();
}

TEST_F(loop, handler_again_and_again)
{
	int n = 0;
	std::optional<callout::handler> h = l->every(1s, [&](const callout::event &) { n++; });

	for (int i = 1; i <= 3; i++) {
		expire_latest();
		EXPECT_EQ(l->poll(), 1U);
		EXPECT_EQ(n, i);
		EXPECT_EQ(l->pending(), 1U);
	}
	expire_latest();
	h.reset();
	EXPECT_EQ(l->poll(), 1U);
	EXPECT_EQ(n, 3);
	EXPECT_EQ(l->pending(), 0U);
	EXPECT_EQ(armed(), 0U);
}

TEST_F(loop, handler_again_and_again_rearmed)
{
	int n = 0;
	auto h = l->every(1s, [&](const callout::event &) { n++; });

	// Its event is there, and the next period is armed.
	expire_latest();
	h.rearm_after(3600s);
	EXPECT_EQ(l->poll(), 1U);
	EXPECT_EQ(n, 0);
	expire_latest();
	EXPECT_EQ(l->poll(), 1U);
	EXPECT_EQ(n, 1);
}

TEST_F(loop, one_of_a_device)
{
	EXPECT_THROW(callout::loop{d}, std::system_error);
	EXPECT_NO_THROW(l->spawn(thrower(d, true)));
	l.reset();
	EXPECT_NO_THROW(callout::loop{d});
}

TEST_F(loop, first_of_two_that_throw)
{
	const auto throws = [](const char *what) -> task<> {
		throw std::runtime_error(what);
		co_return;
	};

	l->spawn(throws("first"));
	l->spawn(throws("second"));
	try {
		l->poll();
		FAIL();
	} catch (const std::runtime_error &e) {
		EXPECT_STREQ(e.what(), "first");
	}
}

TEST_F(loop, id_that_cannot_be)
{
	*k.timers[0].slot = 1;
	k.expire(0);
	k.ring->event[0].id = 1000000;
	EXPECT_EQ(l->poll(), 1U);
}

TEST_F(loop, handler_that_destroys_itself)
{
	bool gone{};
	std::optional<callout::handler> h;
	auto w = std::make_shared<witness>(gone);

	h = l->after(1s, [&, w](const callout::event &) {
		h.reset();
		EXPECT_FALSE(gone); // what it captured is there still
	});
	w.reset();
	expire_latest();
	l->run();
	EXPECT_TRUE(gone);
}

TEST_F(loop, handler_rearmed)
{
	int n = 0;
	auto h = l->after(1s, [&](const callout::event &) { n++; });

	k.calls.clear();
	*k.timers[latest()].slot = 1; // long before now
	h.rearm_after(2s);
	EXPECT_TRUE(k.calls.empty());
	h.rearm_after(1s);
	EXPECT_EQ(k.calls.size(), 1U);
	// It has expired, and is armed anew before that was seen.
	expire_latest();
	h.rearm_after(1s);
	EXPECT_EQ(l->poll(), 1U);
	EXPECT_EQ(n, 0);
	EXPECT_EQ(l->pending(), 1U);
	expire_latest();
	l->run();
	EXPECT_EQ(n, 1);
	h.rearm_after(1s);
	EXPECT_EQ(l->pending(), 1U);
	h.cancel();
	h.cancel();
	EXPECT_EQ(l->pending(), 0U);
	EXPECT_THROW(callout::handler().rearm_after(1s), std::system_error);
}

TEST_F(loop, handler_cancelled_though_its_event_is_there)
{
	int n = 0;
	auto h = l->after(1s, [&](const callout::event &) { n++; });

	expire_latest();
	h.cancel();
	EXPECT_EQ(l->poll(), 1U);
	EXPECT_EQ(n, 0);
	EXPECT_EQ(l->pending(), 0U);
}

TEST_F(loop, handler_outlives_loop)
{
	auto waiting = l->after(1s, [](const callout::event &) { FAIL(); });
	auto fired = l->after(1s, [](const callout::event &) {});

	expire_latest();
	l->poll();
	l.reset();
	EXPECT_EQ(armed(), 0U);
	try {
		fired.rearm_after(1s);
		FAIL();
	} catch (const std::system_error &e) {
		EXPECT_EQ(e.code(), errc::no_loop);
	}
}

TEST_F(loop, run_a_task)
{
	const auto both = [](callout::device &dev) -> task<int> {
		const int a = co_await answer(dev), b = co_await answer(dev);

		co_return a + b;
	};
	// Nothing expires by itself here. This timer's events come one after the other, and each
	// expires all others.
	auto time = d.make_timer();
	const auto pass = [&] {
		*k.timers[time.id()].slot = 1;
		k.expire(time.id());
	};
	l->set_other([&](const callout::event &) {
		for (std::uint32_t i = 0; i < k.timers.size(); i++)
			if (*k.timers[i].slot)
				k.expire(i);
		pass();
	});
	pass();
	EXPECT_EQ(l->run(both(d)), 84);
	EXPECT_THROW(l->run(thrower(d, true)), std::runtime_error);
	EXPECT_THROW(l->run(thrower(d, false)), std::runtime_error);
}

TEST_F(loop, run_that_is_stopped_destroys_the_task)
{
	std::vector<int> order;
	bool gone{};

	l->stop();
	try {
		l->run(sleeper(d, order, 1, gone));
		FAIL();
	} catch (const std::system_error &e) {
		EXPECT_EQ(e.code(), std::errc::operation_canceled);
	}
	EXPECT_TRUE(gone);
	EXPECT_EQ(armed(), 0U);
	EXPECT_EQ(l->pending(), 0U);
}

TEST_F(loop, stop_from_elsewhere)
{
	auto h = l->after(1s, [](const callout::event &) {});
	std::thread t([&] { l->stop(); });

	l->run();
	t.join();
	EXPECT_EQ(l->pending(), 1U);
}

TEST_F(loop, exceptions_come_out)
{
	l->spawn(thrower(d, false));
	EXPECT_THROW(l->run(), std::runtime_error);
	l->spawn(thrower(d, true));
	expire_latest();
	EXPECT_THROW(l->run(), std::runtime_error);
	auto h = l->after(1s, [](const callout::event &) { throw 5; });
	expire_latest();
	EXPECT_THROW(l->run(), int);
	l->run();
	EXPECT_EQ(l->pending(), 0U);
}

TEST_F(loop, others_events)
{
	auto mine = d.make_timer();
	std::vector<std::uint64_t> seen;

	mine.arm_after(1s, {.user_data = 5});
	k.expire(mine.id());
	EXPECT_EQ(l->poll(), 1U); // nobody wants it
	l->set_other([&](const callout::event &e) { seen.push_back(e.user_data()); });
	mine.arm_after(1s, {.user_data = 6});
	k.expire(mine.id());
	l->poll();
	EXPECT_EQ(seen, std::vector<std::uint64_t>{6});
}

TEST(no_loop, sleep)
{
	fake_kernel k(1, 8);
	callout::device d = k.device(), bare = k.device(false);

	EXPECT_THROW((void)d.sleep_for(1s), std::system_error);
	{
		callout::loop l(d);
	}
	EXPECT_THROW((void)d.sleep_for(1s), std::system_error);
	EXPECT_THROW(callout::loop l(bare), std::system_error);
}

TEST_F(loop, task_that_never_begins)
{
	bool gone{};
	std::vector<int> order;
	{
		const auto t = sleeper(d, order, 1, gone);
	}
	EXPECT_FALSE(gone);
	EXPECT_EQ(l->pending(), 0U);
}

} // namespace
