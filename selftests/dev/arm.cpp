// SPDX-License-Identifier: GPL-2.0
// Arming, cancelling and reading: every arm ends in one event, or in a result that says that there
// will be none.
#include "device.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

namespace {

constexpr std::array clocks{CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME};

// How late one-shot timers of a timerfd are, one after the other: the largest of a few.
u64 lateness_of_timerfd(u64 delay, unsigned count)
{
	Fd fd{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)};
	u64 worst = 0, expirations;

	for (unsigned n = 0; n < count; n++) {
		auto at = now() + delay;
		itimerspec t{};
		t.it_value = to_timespec(at);
		::timerfd_settime(fd.get(), TFD_TIMER_ABSTIME, &t, nullptr);
		if (::read(fd.get(), &expirations, sizeof(expirations)) > 0)
			worst = std::max(worst, now() - at);
	}
	return worst;
}

void check_event(const callout_event &e, u32 id, u64 user_data, u64 deadline)
{
	CHECK_EQ(e.id, id);
	CHECK_EQ(e.flags, CALLOUT_EVENT_EXPIRED);
	CHECK_EQ(e.overruns, 0);
	CHECK_EQ(e.user_data, user_data);
	CHECK_EQ(e.deadline, deadline);
	CHECK(e.fired_at >= e.deadline);
}

} // namespace

CASE(results)
{
	Device d{4, 4};

	CHECK_EQ(d.cancel(1), 0);
	CHECK_EQ(d.arm(timer_in(1, 1000 * sec)), 0);
	CHECK_EQ(d.arm(timer_in(1, 2000 * sec)), 1);
	CHECK_EQ(d.arm(timer_in(2, 1000 * sec)), 0);
	CHECK_EQ(d.cancel(1), 1);
	CHECK_EQ(d.cancel(1), 0);
	CHECK_EQ(d.arm(timer_in(1, 1000 * sec)), 0);
	// It expires at once, and is not armed after that.
	CHECK_EQ(d.arm(timer_at(1, 1)), 1);
	CHECK_EQ(d.arm(timer_at(1, 1)), 0);
	CHECK_EQ(d.cancel(1), 0);
	CHECK_EQ(d.arm(timer_in(3, 5 * ms)), 0);
	CHECK_EQ(d.await(3).size(), 3);
	CHECK_EQ(d.arm(timer_in(3, 5 * ms)), 0);
	CHECK_EQ(d.await(1).size(), 1);
	CHECK_EQ(d.cancel(3), 0);
	CHECK(d.armed(2));
}

CASE(the_same_timer_twice_in_a_vector)
{
	Device d{4, 4};
	std::array t{timer_in(2, 1000 * sec), timer_at(2, 1), timer_at(2, 2),
		     timer_in(2, 3000 * sec)};

	t[1].user_data = 101;
	t[2].user_data = 102;
	REQUIRE_EQ(d.arm(t), 4);
	CHECK_EQ(t[0].result, 0);
	CHECK_EQ(t[1].result, 1);
	CHECK_EQ(t[2].result, 0);
	CHECK_EQ(t[3].result, 0);
	auto e = d.events();
	REQUIRE_EQ(e.size(), 2);
	check_event(e[0], 2, 101, 1);
	check_event(e[1], 2, 102, 2);
	std::array<callout_id, 3> i{{{2, 7}, {2, 7}, {3, 7}}};
	REQUIRE_EQ(d.vector(CALLOUT_IOC_CANCEL, i.data(), 3), 3);
	CHECK_EQ(i[0].result, 1);
	CHECK_EQ(i[1].result, 0);
	CHECK_EQ(i[2].result, 0);
}

CASE(each_clock_fires_in_time_and_never_early)
{
	Device d{1, 1};
	u64 worst = 0, delay = 5 * ms;
	unsigned count = ktap::quick ? 10 : 50;

	for (auto clock : clocks)
		for (unsigned n = 0; n < count; n++) {
			bool relative = n % 2;
			auto begin = now(clock), at = begin + delay;
			auto t = timer_at(0, relative ? delay : at, 0,
					  relative ? CALLOUT_ARM_RELATIVE : 0, clock);
			t.user_data = n * 0x100000001;
			REQUIRE_EQ(d.arm(t), 0);
			auto after = now(clock);
			auto e = d.await(1);
			auto seen = now(clock);
			REQUIRE_EQ(e.size(), 1);
			// What is relative to the real clock is on the monotonic one.
			if (relative && clock == CLOCK_REALTIME) {
				CHECK(seen >= begin + delay);
				CHECK(e[0].fired_at >= e[0].deadline);
				continue;
			}
			if (relative) {
				CHECK(e[0].deadline >= begin + delay &&
				      e[0].deadline <= after + delay);
				at = e[0].deadline;
			}
			check_event(e[0], 0, n * 0x100000001, at);
			CHECK(seen >= e[0].fired_at);
			worst = std::max(worst, e[0].fired_at - at);
		}
	auto peer = lateness_of_timerfd(delay, 3 * count);
	ktap::say("latest: " + std::to_string(worst / us) +
		  " us; of a timerfd: " + std::to_string(peer / us) + " us");
	CHECK(worst < 10 * peer + 50 * ms);
}

CASE(past_deadlines_are_there_when_the_call_returns)
{
	Device d{1000, 1024};
	std::vector<callout_timer> t;

	for (auto clock : clocks)
		for (u64 deadline : {u64{0}, u64{1}, now(clock) - 1}) {
			t.clear();
			for (u32 n = 0; n < 1000; n++) {
				t.push_back(timer_at(999 - n, deadline, 0, 0, clock));
				t.back().user_data = n;
			}
			REQUIRE_EQ(d.arm(t), 1000);
			// In the order of the vector.
			auto e = d.events();
			REQUIRE_EQ(e.size(), 1000);
			for (u32 n = 0; n < 1000; n++) {
				CHECK_EQ(t[n].result, 0);
				check_event(e[n], 999 - n, n, deadline);
			}
		}
	// A delay of nothing is over, too.
	CHECK_EQ(d.arm(timer_in(0, 0)), 0);
	CHECK_EQ(d.events().size(), 1);
}

CASE(vectors_expire_whole)
{
	Device d{5000, 8192};
	std::vector<callout_timer> t;
	std::vector<unsigned> seen(5000);
	Random random{1};
	auto begin = now();

	for (u32 n = 0; n < 5000; n++)
		t.push_back(timer_at(n, begin + 20 * ms + random.below(200 * ms)));
	REQUIRE_EQ(d.arm(t), 5000);
	auto events = d.await(5000);
	CHECK_EQ(events.size(), 5000);
	for (auto &e : events) {
		check_event(e, e.id, e.id, t[e.id].deadline);
		CHECK_EQ(seen[e.id]++, 0);
	}
	CHECK(!d.ready(20));
}

CASE(replaced_by_a_later_one)
{
	Device d{1, 4};
	auto begin = now();

	d.arm(timer_at(0, begin + 30 * ms));
	auto t = timer_at(0, begin + 120 * ms);
	t.user_data = 77;
	if (d.arm(t) == 0)
		ktap::skip("too slow a machine");
	auto e = d.await(1);
	REQUIRE_EQ(e.size(), 1);
	check_event(e[0], 0, 77, begin + 120 * ms);
	CHECK(!d.ready(20));
}

CASE(replaced_by_an_earlier_one)
{
	Device d{1, 4};
	auto begin = now();

	d.arm(timer_at(0, begin + 1000 * sec));
	auto t = timer_at(0, begin + 30 * ms);
	t.user_data = 78;
	CHECK_EQ(d.arm(t), 1);
	auto e = d.await(1);
	REQUIRE_EQ(e.size(), 1);
	check_event(e[0], 0, 78, begin + 30 * ms);
}

CASE(cancelled_ones_do_not_fire)
{
	Device d{1000, 1024};
	std::vector<callout_timer> t;
	std::vector<callout_id> id;
	auto begin = now();

	for (u32 n = 0; n < 1000; n++) {
		t.push_back(timer_at(n, begin + 300 * ms + n * us));
		if (n % 3)
			id.push_back({n, 0});
	}
	REQUIRE_EQ(d.arm(t), 1000);
	REQUIRE_EQ(d.vector(CALLOUT_IOC_CANCEL, id.data(), id.size()), id.size());
	for (auto &i : id)
		CHECK_EQ(i.result, 1);
	auto events = d.await(334);
	CHECK_EQ(events.size(), 334);
	for (auto &e : events)
		CHECK_EQ(e.id % 3, 0);
	CHECK(!d.ready(50));
}

CASE(events_from_before_are_delivered_all_the_same)
{
	Device d{2, 4};

	d.arm(timer_at(0, 5));
	CHECK_EQ(d.cancel(0), 0);
	auto t = timer_in(0, 1000 * sec);
	t.user_data = 99;
	CHECK_EQ(d.arm(t), 0);
	CHECK_EQ(d.cancel(0), 1);
	auto e = d.events();
	REQUIRE_EQ(e.size(), 1);
	check_event(e[0], 0, 0, 5);
}

CASE(user_data_is_opaque)
{
	Device d{64, 64};

	for (u32 bit = 0; bit < 64; bit++) {
		auto t = timer_at(bit, 1);
		t.user_data = u64{1} << bit;
		d.arm(t);
	}
	auto e = d.events();
	REQUIRE_EQ(e.size(), 64);
	for (u32 bit = 0; bit < 64; bit++)
		CHECK_EQ(e[bit].user_data, u64{1} << bit);
}

CASE(a_window_makes_later_and_never_earlier)
{
	Device d{64, 64};
	auto begin = now();

	for (u32 n = 0; n < 64; n++) {
		auto t = timer_at(n, begin + 50 * ms + n * ms);
		t.window = 40 * ms;
		d.arm(t);
	}
	auto events = d.await(64);
	REQUIRE_EQ(events.size(), 64);
	u64 worst = 0;
	for (auto &e : events) {
		check_event(e, e.id, e.id, begin + 50 * ms + e.id * ms);
		worst = std::max(worst, e.fired_at - e.deadline);
	}
	auto peer = lateness_of_timerfd(2 * ms, 50);
	ktap::say("latest: " + std::to_string(worst / us) +
		  " us; of a timerfd: " + std::to_string(peer / us) + " us");
	CHECK(worst < 40 * ms + 10 * peer + 50 * ms);
}

CASE(a_blocking_read_waits)
{
	Device d{1, 1, O_RDWR | O_CLOEXEC};
	std::array<callout_event, 4> e;

	for (int n = 0; n < 10; n++) {
		auto at = now() + 20 * ms;
		d.arm(timer_at(0, at));
		CHECK_EQ(d.read(e), 1);
		CHECK(now() >= at);
		check_event(e[0], 0, 0, at);
	}
}

CASE(get_after_it_has_fired)
{
	Device d{1, 1};
	auto t = timer_at(0, 1);

	t.user_data = 5;
	t.window = 6;
	d.arm(t);
	auto g = d.look(0);
	CHECK_EQ(g.result, 0);
	CHECK_EQ(g.flags, 0);
	CHECK_EQ(g.deadline, 0);
	CHECK_EQ(g.user_data, 5);
}

// Each arm has a number, which is its user_data. What is known of it: armed; replaced or cancelled,
// with a result of 1; or over, and then there is one event.
CASE(every_arm_ends_once)
{
	constexpr u32 timers = 64;
	Device d{timers, timers};
	Random random{7};
	struct Arm {
		u64 deadline;
		bool gone;
		unsigned events;
	};
	std::vector<Arm> arms;
	std::array<std::optional<std::size_t>, timers> last;
	auto take = [&] {
		for (auto &e : d.events()) {
			REQUIRE(e.user_data < arms.size());
			auto &a = arms[static_cast<std::size_t>(e.user_data)];
			CHECK_EQ(e.deadline, a.deadline);
			CHECK(e.fired_at >= e.deadline);
			CHECK_EQ(e.overruns, 0);
			CHECK(!a.gone);
			CHECK_EQ(a.events++, 0);
		}
	};
	auto over = [&](u32 id, int result) {
		if (!last[id])
			CHECK_EQ(result, 0);
		else if (result == 1)
			arms[*last[id]].gone = true;
	};

	for (auto end = now() + (ktap::quick ? 2 : 10) * sec; now() < end;) {
		auto id = static_cast<u32>(random.below(timers));
		if (random.below(4) == 0) {
			auto r = d.cancel(id);
			over(id, r);
			last[id].reset();
		} else {
			auto t = timer_at(id, now() + random.below(400 * us) - 50 * us);
			t.user_data = arms.size();
			arms.push_back({t.deadline, false, 0});
			over(id, d.arm(t));
			last[id] = t.user_data;
		}
		if (random.below(8) == 0)
			take();
	}
	for (auto end = now() + 5 * sec; now() < end;) {
		take();
		bool armed = false;
		for (u32 id = 0; id < timers; id++)
			armed |= d.armed(id);
		if (!armed)
			break;
		sleep_ns(ms);
	}
	take();
	std::size_t fired = 0;
	for (auto &a : arms) {
		CHECK_EQ(a.events, a.gone ? 0 : 1);
		fired += a.events;
	}
	ktap::say(std::to_string(arms.size()) + " arms, " + std::to_string(fired) + " fired");
	CHECK(fired > 100 && fired < arms.size());
}

CASE(every_arm_ends_once_with_threads)
{
	constexpr u32 timers = 32;
	Device d{timers, timers};
	std::atomic<u64> arms = 0, gone = 0, fired = 0;
	std::atomic<bool> stop = false;
	std::vector<std::thread> threads;

	// All arm and cancel the same timers.
	for (u64 n = 0; n < 3; n++)
		threads.emplace_back([&, n] {
			Random random{n + 1};
			while (!stop) {
				auto id = static_cast<u32>(random.below(timers));
				if (random.below(4) == 0) {
					gone += static_cast<u64>(d.cancel(id));
				} else {
					arms++;
					gone += static_cast<u64>(
						d.arm(timer_in(id, random.below(200 * us))));
				}
			}
		});
	std::thread reader{[&] {
		while (!stop || d.ready(50))
			for (auto &e : d.events()) {
				fired += 1 + e.overruns;
				CHECK(e.fired_at >= e.deadline);
			}
	}};
	sleep_ns((ktap::quick ? 2 : 10) * sec);
	stop = true;
	for (auto &t : threads)
		t.join();
	reader.join();
	ktap::say(std::to_string(arms) + " arms, " + std::to_string(fired) + " fired");
	for (u32 id = 0; id < timers; id++)
		CHECK(!d.armed(id));
	CHECK_EQ(gone + fired, arms.load());
	CHECK(fired > 100);
}

int main(int argc, char **argv)
{
	return ktap::run(argc, argv);
}
