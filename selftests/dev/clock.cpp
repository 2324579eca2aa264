// SPDX-License-Identifier: GPL-2.0
// Clocks, and what becomes of timers when they are set. Sets the clock of the machine, and puts it
// right again.
#include "device.hpp"

#include <array>

#include <sys/timex.h>

namespace {

constexpr u64 hour = 3600 * sec;

// The real clock, and the way back to what it showed.
class Wall {
public:
	Wall() : offset_{now(CLOCK_REALTIME) - now()} {}
	Wall(const Wall &) = delete;
	Wall &operator=(const Wall &) = delete;
	~Wall() { set(now() + offset_); }

	static void set(u64 to)
	{
		auto t = to_timespec(to);
		REQUIRE_EQ(::clock_settime(CLOCK_REALTIME, &t), 0);
	}
	static void step(s64 by) { set(now(CLOCK_REALTIME) + static_cast<u64>(by)); }

private:
	u64 offset_;
};

void check_expired(const callout_event &e, u32 id, u64 deadline)
{
	CHECK_EQ(e.id, id);
	CHECK(e.flags & CALLOUT_EVENT_EXPIRED);
	CHECK_EQ(e.deadline, deadline);
	CHECK(e.fired_at >= e.deadline);
}

constexpr u32 set_only = CALLOUT_EVENT_CLOCK_SET;

} // namespace

CASE(forward_past_the_deadline)
{
	Wall wall;
	Device d{4, 8};
	auto at = now(CLOCK_REALTIME) + hour;

	d.arm(timer_at(0, at, 0, 0, CLOCK_REALTIME));
	d.arm(timer_at(1, at + hour, 0, 0, CLOCK_REALTIME));
	CHECK(!d.ready(20));
	wall.step(hour + sec);
	auto e = d.await(1, 5 * sec);
	REQUIRE_EQ(e.size(), 1);
	check_expired(e[0], 0, at);
	CHECK_EQ(e[0].flags, CALLOUT_EVENT_EXPIRED);
	CHECK(e[0].fired_at < at + 10 * sec);
	CHECK(d.armed(1));
	CHECK(!d.ready(20));
}

CASE(forward_to_just_before_it)
{
	Wall wall;
	Device d{4, 8};
	auto at = now(CLOCK_REALTIME) + hour;

	d.arm(timer_at(0, at, 0, 0, CLOCK_REALTIME));
	wall.set(at - 100 * ms);
	auto e = d.await(1, 5 * sec);
	REQUIRE_EQ(e.size(), 1);
	check_expired(e[0], 0, at);
	CHECK(now(CLOCK_REALTIME) >= at);
	CHECK(e[0].fired_at < at + 2 * sec);
}

CASE(back_keeps_it_waiting)
{
	Wall wall;
	Device d{4, 8};
	auto at = now(CLOCK_REALTIME) + 100 * ms;

	d.arm(timer_at(0, at, 0, 0, CLOCK_REALTIME));
	wall.step(-static_cast<s64>(10 * sec));
	CHECK(!d.ready(300));
	CHECK(d.armed(0));
	CHECK_EQ(d.look(0).deadline, at);
	wall.step(static_cast<s64>(10 * sec));
	auto e = d.await(1, 5 * sec);
	REQUIRE_EQ(e.size(), 1);
	check_expired(e[0], 0, at);
}

CASE(adjtimex_sets_it_too)
{
	Wall wall;
	Device d{4, 8};
	auto at = now(CLOCK_REALTIME) + 1000 * sec;
	timex t{};

	d.arm(timer_at(0, at, 0, CALLOUT_ARM_CLOCK_SET, CLOCK_REALTIME));
	t.modes = ADJ_SETOFFSET | ADJ_NANO;
	t.time.tv_sec = 1001;
	REQUIRE(::adjtimex(&t) >= 0);
	auto e = d.await(2, 5 * sec);
	u32 flags = 0;
	for (auto &one : e)
		flags |= one.flags;
	CHECK_EQ(flags, CALLOUT_EVENT_CLOCK_SET | CALLOUT_EVENT_EXPIRED);
}

CASE(others_are_not_moved)
{
	Wall wall;
	Device d{8, 8};
	auto begin = now();

	d.arm(timer_at(0, begin + 200 * ms));
	d.arm(timer_at(1, now(CLOCK_BOOTTIME) + 200 * ms, 0, 0, CLOCK_BOOTTIME));
	d.arm(timer_in(2, 200 * ms, 0, CLOCK_REALTIME));
	d.arm(timer_in(3, 200 * ms, 0, CLOCK_BOOTTIME));
	for (s64 by : {static_cast<s64>(hour), -static_cast<s64>(2 * hour), static_cast<s64>(hour)})
		wall.step(by);
	CHECK(!d.ready(50) || now() - begin >= 200 * ms);
	auto e = d.await(4, 10 * sec);
	REQUIRE_EQ(e.size(), 4);
	CHECK(now() - begin >= 200 * ms);
	auto peer = now();
	CHECK(peer - begin < 5 * sec);
	for (auto &one : e)
		CHECK_EQ(one.flags, CALLOUT_EVENT_EXPIRED);
}

CASE(told_that_it_was_set)
{
	Wall wall;
	Device d{4, 8};
	auto at = now(CLOCK_REALTIME) + 10 * hour;
	auto t = timer_at(0, at, 0, CALLOUT_ARM_CLOCK_SET, CLOCK_REALTIME);

	t.user_data = 55;
	d.arm(t);
	d.arm(timer_at(1, at, 0, 0, CLOCK_REALTIME));
	for (s64 by : {static_cast<s64>(hour), -static_cast<s64>(hour), static_cast<s64>(sec)}) {
		wall.step(by);
		auto e = d.await(1, 5 * sec);
		REQUIRE_EQ(e.size(), 1);
		CHECK_EQ(e[0].id, 0);
		CHECK_EQ(e[0].flags, set_only);
		CHECK_EQ(e[0].user_data, 55);
		CHECK_EQ(e[0].overruns, 0);
		CHECK_EQ(e[0].deadline, at);
		CHECK(d.armed(0));
		CHECK_EQ(d.look(0).deadline, at);
		CHECK(!d.ready(10));
	}
	// To the time after it: it is told of both.
	wall.set(at + sec);
	u32 flags = 0;
	for (auto &e : d.await(3, 5 * sec)) {
		if (e.id == 0)
			flags |= e.flags;
		else
			CHECK_EQ(e.flags, CALLOUT_EVENT_EXPIRED);
	}
	CHECK_EQ(flags, CALLOUT_EVENT_CLOCK_SET | CALLOUT_EVENT_EXPIRED);
	CHECK(!d.armed(0));
	// And of nothing more, then.
	wall.step(static_cast<s64>(hour));
	CHECK(!d.ready(100));
}

CASE(told_as_a_timerfd_is)
{
	Wall wall;
	Device d{1, 8};
	Fd peer{::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK)};
	auto at = now(CLOCK_REALTIME) + 10 * hour;
	itimerspec t{};
	u64 n;

	t.it_value = to_timespec(at);
	::timerfd_settime(peer.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &t, nullptr);
	d.arm(timer_at(0, at, 0, CALLOUT_ARM_CLOCK_SET, CLOCK_REALTIME));
	for (s64 by : {s64{1000000}, -s64{1000000}, static_cast<s64>(hour)}) {
		wall.step(by);
		CHECK_EQ(d.await(1, 5 * sec).size(), 1);
		CHECK_EQ(result(::read(peer.get(), &n, sizeof(n))), -ECANCELED);
	}
}

CASE(told_no_more_once_cancelled_or_armed_without)
{
	Wall wall;
	Device d{4, 8};
	auto at = now(CLOCK_REALTIME) + 10 * hour;

	for (u32 id = 0; id < 3; id++)
		d.arm(timer_at(id, at, 0, CALLOUT_ARM_CLOCK_SET, CLOCK_REALTIME));
	d.cancel(0);
	d.arm(timer_at(1, at, 0, 0, CLOCK_REALTIME));
	d.arm(timer_in(2, 1000 * sec));
	wall.step(static_cast<s64>(hour));
	CHECK(!d.ready(100));
}

CASE(moved_by_a_store_and_by_the_clock)
{
	Wall wall;
	Device d{2, 8};
	Slots s{d};
	auto at = now(CLOCK_REALTIME) + hour;

	d.arm(timer_at(0, at, 0, 0, CLOCK_REALTIME));
	CHECK(s.move(0, at, at + hour));
	wall.set(at + sec);
	CHECK(!d.ready(100));
	CHECK(d.armed(0));
	wall.set(at + hour - 100 * ms);
	auto e = d.await(1, 5 * sec);
	REQUIRE_EQ(e.size(), 1);
	check_expired(e[0], 0, at + hour);
}

CASE(intervals_count_what_was_skipped)
{
	Wall wall;
	Device d{1, 16};
	auto first = now(CLOCK_REALTIME) + 50 * ms;
	u64 expired = 0;

	d.arm(timer_at(0, first, 10 * sec, 0, CLOCK_REALTIME));
	auto add = [&](const std::vector<callout_event> &events) {
		for (auto &e : events) {
			expired += 1 + e.overruns;
			check_expired(e, 0, first + (expired - 1) * 10 * sec);
		}
	};
	add(d.await(1, 5 * sec));
	CHECK_EQ(expired, 1);
	wall.step(static_cast<s64>(hour));
	add(d.await(1, 5 * sec));
	CHECK_EQ(expired, 361);
	// Back: nothing comes twice.
	wall.step(-static_cast<s64>(hour));
	CHECK(!d.ready(100));
	CHECK_EQ(d.look(0).deadline, first + expired * 10 * sec);
	wall.step(static_cast<s64>(hour + 10 * sec));
	add(d.await(1, 5 * sec));
	CHECK_EQ(expired, 362);
}

CASE(a_full_ring_and_a_clock_that_is_set)
{
	Wall wall;
	Device d{3, 1};
	auto at = now(CLOCK_REALTIME) + 10 * hour;

	d.arm(timer_at(0, 1));
	// It has no room, and then the clock is set, twice.
	d.arm(timer_at(1, at, 0, CALLOUT_ARM_CLOCK_SET, CLOCK_REALTIME));
	wall.step(static_cast<s64>(sec));
	sleep_ns(100 * ms);
	wall.step(static_cast<s64>(sec));
	sleep_ns(100 * ms);
	auto e = d.await(2, 5 * sec);
	REQUIRE_EQ(e.size(), 2);
	CHECK_EQ(e[1].id, 1);
	CHECK_EQ(e[1].flags, set_only);
	CHECK_EQ(e[1].overruns, 0);
}

CASE(an_event_that_waits_for_room_and_a_clock_that_is_set)
{
	Wall wall;
	Device d{3, 1};
	auto first = now(CLOCK_REALTIME) - sec;

	// It has expired, and waits. What is told then is when that was, not when it is to be
	// again.
	d.arm(timer_at(0, 1));
	d.arm(timer_at(1, first, hour, CALLOUT_ARM_CLOCK_SET, CLOCK_REALTIME));
	wall.step(static_cast<s64>(sec));
	sleep_ns(100 * ms);
	auto e = d.await(2, 5 * sec);
	REQUIRE_EQ(e.size(), 2);
	check_expired(e[1], 1, first);
	CHECK_EQ(e[1].flags, CALLOUT_EVENT_CLOCK_SET | CALLOUT_EVENT_EXPIRED);
	CHECK_EQ(e[1].overruns, 0);
	CHECK_EQ(d.look(1).deadline, first + hour);
}

CASE(many_timers_when_it_is_set)
{
	Wall wall;
	constexpr u32 timers = 20000;
	Device d{timers, 32768};
	std::vector<callout_timer> t;
	auto at = now(CLOCK_REALTIME) + hour;

	for (u32 n = 0; n < timers; n++)
		t.push_back(
			timer_at(n, at + n * ms, 0, 0, n % 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC));
	REQUIRE_EQ(d.arm(t), timers);
	wall.set(at + timers * ms);
	auto e = d.await(timers / 2, 10 * sec);
	CHECK_EQ(e.size(), timers / 2);
	for (auto &one : e) {
		CHECK_EQ(one.id % 2, 1);
		check_expired(one, one.id, at + one.id * ms);
	}
	CHECK(!d.ready(20));
}

// Arms that race with the clock. What is armed for a time of the old clock and of the new one is
// right either way; it is never early by the clock that it is told by, and never lost.
CASE(set_versus_arm)
{
	Wall wall;
	constexpr u32 timers = 64;
	Device d{timers, 256};
	std::atomic<bool> stop = false;
	auto base = now(CLOCK_REALTIME);
	std::thread setter{[&] {
		Random random{5};
		while (!stop) {
			wall.step(static_cast<s64>(random.below(2 * sec)) - static_cast<s64>(sec));
			sleep_ns(random.below(500 * us));
		}
	}};
	std::array<u64, timers> deadline{};
	std::array<bool, timers> armed{};
	u64 fired = 0;
	Random random{6};
	auto take = [&] {
		for (auto &e : d.events()) {
			CHECK_EQ(e.deadline, deadline[e.id]);
			CHECK(e.fired_at >= e.deadline);
			CHECK(armed[e.id]);
			armed[e.id] = false;
			fired++;
		}
	};
	for (auto end = now() + (ktap::quick ? 2 : 10) * sec; now() < end;) {
		for (u32 id = 0; id < timers; id++)
			if (!armed[id]) {
				deadline[id] = now(CLOCK_REALTIME) + random.below(2 * ms);
				armed[id] = true;
				CHECK_EQ(d.arm(timer_at(id, deadline[id], 0, 0, CLOCK_REALTIME)),
					 0);
			}
		take();
	}
	stop = true;
	setter.join();
	// All deadlines are over then.
	wall.set(base + 24 * hour);
	for (auto end = now() + 5 * sec; now() < end && d.ready(200);)
		take();
	for (u32 id = 0; id < timers; id++) {
		CHECK(!armed[id]);
		CHECK(!d.armed(id));
	}
	ktap::say(std::to_string(fired) + " fired");
	CHECK(fired > timers);
}

CASE(descriptors_that_come_and_go_as_it_is_set)
{
	Wall wall;
	std::atomic<bool> stop = false;
	std::thread setter{[&] {
		while (!stop) {
			wall.step(static_cast<s64>(sec));
			wall.step(-static_cast<s64>(sec));
		}
	}};
	for (auto end = now() + (ktap::quick ? 1 : 5) * sec; now() < end;) {
		Device d{100, 128};
		std::vector<callout_timer> t;
		for (u32 n = 0; n < 100; n++)
			t.push_back(timer_at(n, now(CLOCK_REALTIME) + n * us, 0,
					     n % 2 ? CALLOUT_ARM_CLOCK_SET : 0, CLOCK_REALTIME));
		d.arm(t);
		d.events();
	}
	stop = true;
	setter.join();
}

int main(int argc, char **argv)
{
	return ktap::run(argc, argv);
}
