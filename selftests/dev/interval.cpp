// SPDX-License-Identifier: GPL-2.0
// Intervals: deadlines do not drift, and events and overruns together are the periods that have
// passed.
#include "device.hpp"

#include <array>

namespace {

// What all events of a timer say together.
class Account {
public:
	Account(u64 first, u64 interval) : first_{first}, interval_{interval} {}

	void add(const callout_event &e)
	{
		CHECK_EQ(e.flags, CALLOUT_EVENT_EXPIRED);
		CHECK(e.fired_at >= e.deadline);
		CHECK(e.fired_at >= last_);
		last_ = e.fired_at;
		expired_ += 1 + e.overruns;
		events_++;
		// All periods until then have been told of, and that is the last that was over.
		CHECK_EQ(e.deadline, first_ + (expired_ - 1) * interval_);
	}
	u64 expired() const { return expired_; }
	u64 events() const { return events_; }
	u64 last() const { return last_; }
	u64 next() const { return first_ + expired_ * interval_; }

private:
	u64 first_, interval_, expired_ = 0, events_ = 0, last_ = 0;
};

u64 min_interval()
{
	return Parameter::get("dev_min_interval_us") * us;
}

} // namespace

CASE(deadlines_do_not_drift)
{
	Device d{1, 64};
	auto first = now() + 20 * ms;
	Account account{first, 3 * ms};

	REQUIRE_EQ(d.arm(timer_at(0, first, 3 * ms)), 0);
	while (account.events() < 50)
		for (auto &e : d.await(1))
			account.add(e);
	CHECK(d.armed(0));
	CHECK_EQ(d.look(0).interval, 3 * ms);
	CHECK_EQ(d.cancel(0), 1);
	for (auto &e : d.events())
		account.add(e);
	CHECK(!d.ready(20));
}

CASE(each_clock_has_intervals)
{
	for (int clock : {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME}) {
		Device d{1, 64};
		auto first = now(clock) + 5 * ms;
		Account account{first, 2 * ms};

		d.arm(timer_at(0, first, 2 * ms, 0, clock));
		while (account.events() < 20)
			for (auto &e : d.await(1))
				account.add(e);
	}
}

CASE(relative_first)
{
	Device d{1, 64};
	auto begin = now();

	d.arm(timer_in(0, 10 * ms, 4 * ms));
	auto first = d.look(0).deadline;
	if (first > begin + 10 * ms + 3 * ms)
		ktap::skip("too slow a machine");
	CHECK(first >= begin + 10 * ms);
	Account account{first, 4 * ms};
	while (account.events() < 10)
		for (auto &e : d.await(1))
			account.add(e);
}

CASE(as_many_as_a_timerfd)
{
	constexpr u64 interval = 700 * us;
	Device d{1, 1024};
	Fd peer{::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)};
	auto first = now() + 20 * ms;
	itimerspec t{};
	Account account{first, interval};
	u64 expirations = 0;

	t.it_value = to_timespec(first);
	t.it_interval = to_timespec(interval);
	::timerfd_settime(peer.get(), TFD_TIMER_ABSTIME, &t, nullptr);
	d.arm(timer_at(0, first, interval));
	sleep_ns(500 * ms);
	// After this, but not after that, all that this tells of has expired.
	auto before = now();
	d.cancel(0);
	for (auto &e : d.events())
		account.add(e);
	auto n = ::read(peer.get(), &expirations, sizeof(expirations));
	REQUIRE_EQ(n, 8);
	ktap::say(std::to_string(account.expired()) + "; timerfd: " + std::to_string(expirations));
	CHECK(account.expired() <= expirations);
	// Late by no more than a few of them.
	CHECK(account.expired() + 100 * ms / interval > (before - first) / interval);
}

CASE(of_a_nanosecond)
{
	Device d{1, 1 << 16};
	auto first = now() + 10 * ms;
	Account account{first, 1};

	REQUIRE_EQ(d.arm(timer_at(0, first, 1)), 0);
	sleep_ns(500 * ms);
	CHECK_EQ(d.cancel(0), 1);
	auto end = now();
	for (auto &e : d.events())
		account.add(e);
	ktap::say(std::to_string(account.events()) + " events of " +
		  std::to_string(account.expired()) + " periods");
	CHECK(account.events() > 10);
	CHECK(account.events() <= (end - first) / min_interval() + 2);
	CHECK(account.expired() > 300 * ms);
	CHECK(account.last() <= end);
}

CASE(below_the_floor_and_at_it)
{
	auto floor = min_interval();

	for (u64 interval : {floor / 3, floor - 1, floor, floor + 1, floor * 2}) {
		Device d{1, 1 << 14};
		auto first = now() + 5 * ms;
		Account account{first, interval};

		REQUIRE_EQ(d.arm(timer_at(0, first, interval)), 0);
		sleep_ns(200 * ms);
		d.cancel(0);
		auto end = now();
		for (auto &e : d.events())
			account.add(e);
		CHECK(account.events() > 10);
		CHECK(account.events() <= (end - first) / floor + 2);
		CHECK(account.expired() <= (end - first) / interval + 1);
	}
}

CASE(without_a_floor)
{
	Parameter floor{"dev_min_interval_us", 0};
	Device d{1, 1 << 16};
	auto first = now() + 5 * ms;
	Account account{first, 10 * us};

	CHECK_EQ(d.info().min_interval_ns, 0);
	REQUIRE_EQ(d.arm(timer_at(0, first, 10 * us)), 0);
	sleep_ns(100 * ms);
	d.cancel(0);
	for (auto &e : d.events())
		account.add(e);
	CHECK(account.events() > 10);
	// One nanosecond, and nothing to hold it back but the budget: the machine lives.
	first = now() + 5 * ms;
	Account fast{first, 1};
	REQUIRE_EQ(d.arm(timer_at(0, first, 1)), 0);
	sleep_ns(300 * ms);
	CHECK_EQ(d.cancel(0), 1);
	for (;;) {
		auto events = d.events();
		if (events.empty())
			break;
		for (auto &e : events)
			fast.add(e);
	}
	CHECK(fast.events() > 10);
}

CASE(first_in_the_past)
{
	Device d{1, 64};
	auto begin = now(), first = begin - 10 * 50 * ms - 20 * ms;
	Account account{first, 50 * ms};

	REQUIRE_EQ(d.arm(timer_at(0, first, 50 * ms)), 0);
	// There when the call returns, and it tells of all that were missed.
	auto e = d.events();
	REQUIRE(!e.empty());
	for (auto &one : e)
		account.add(one);
	CHECK(e[0].overruns >= 10);
	CHECK(e[0].fired_at - e[0].deadline < 50 * ms);
	while (account.events() < 5)
		for (auto &more : d.await(1))
			account.add(more);
}

CASE(since_the_beginning_of_time)
{
	for (int clock : {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME})
		for (u64 interval : {u64{1}, u64{3}, 10 * ms}) {
			Device d{1, 64};
			auto begin = now(clock);
			Account account{0, interval};

			REQUIRE_EQ(d.arm(timer_at(0, 0, interval, 0, clock)), 0);
			auto e = d.events(1);
			REQUIRE_EQ(e.size(), 1);
			account.add(e[0]);
			CHECK(e[0].overruns >= begin / interval - 1);
			CHECK(e[0].fired_at - e[0].deadline < interval);
			while (account.events() < 5)
				for (auto &more : d.await(1))
					account.add(more);
		}
}

CASE(as_long_as_can_be)
{
	Device d{1, 8};

	for (u64 interval : {time_max, time_max - 1, time_max / 2}) {
		d.arm(timer_at(0, 1, interval));
		auto e = d.events();
		REQUIRE_EQ(e.size(), 1);
		CHECK_EQ(e[0].overruns, 0);
		CHECK_EQ(e[0].deadline, 1);
		CHECK(d.armed(0));
		CHECK_EQ(d.look(0).deadline, interval == time_max ? time_max : 1 + interval);
		CHECK(!d.ready(10));
		CHECK_EQ(d.cancel(0), 1);
	}
}

CASE(overruns_of_a_ring_that_is_full)
{
	// One event has room; the timers' other ones wait, and count.
	constexpr u32 timers = 8;
	Device d{timers, 1};
	std::vector<Account> account;
	auto first = now() + 10 * ms;

	for (u32 n = 0; n < timers; n++) {
		auto interval = (n + 1) * 2 * ms;
		account.emplace_back(first, interval);
		d.arm(timer_at(n, first, interval));
	}
	for (int round = 0; round < 20; round++) {
		sleep_ns(15 * ms);
		for (auto &e : d.events(5))
			account[e.id].add(e);
	}
	sleep_ns(50 * ms);
	auto end = now();
	for (u32 n = 0; n < timers; n++)
		CHECK_EQ(d.cancel(n), 1);
	for (auto left = d.events(); !left.empty(); left = d.events())
		for (auto &e : left)
			account[e.id].add(e);
	for (u32 n = 0; n < timers; n++) {
		// None is lost, the last ones included.
		auto passed = (end - first) / ((n + 1) * 2 * ms) + 1;
		CHECK(account[n].expired() <= passed + 1);
		CHECK(account[n].next() + 100 * ms > end);
	}
}

CASE(armed_anew_begins_anew)
{
	Device d{1, 1};

	d.arm(timer_at(0, now(), 1 * ms));
	sleep_ns(30 * ms);
	d.cancel(0);
	while (d.ready(0))
		d.events();
	auto at = now() + 20 * ms;
	d.arm(timer_at(0, at));
	auto e = d.await(1);
	REQUIRE_EQ(e.size(), 1);
	CHECK_EQ(e[0].overruns, 0);
	CHECK_EQ(e[0].deadline, at);
	CHECK(!d.armed(0));
}

CASE(a_thousand_of_them)
{
	constexpr u32 timers = 1000;
	Device d{timers, 2048};
	std::vector<Account> account;
	std::vector<callout_timer> t;
	std::vector<callout_id> id;
	auto first = now() + 50 * ms;

	for (u32 n = 0; n < timers; n++) {
		auto interval = (20 + n % 37) * ms + n * 17;
		account.emplace_back(first + n * us, interval);
		t.push_back(timer_at(n, first + n * us, interval));
		id.push_back({n, 0});
	}
	REQUIRE_EQ(d.arm(t), timers);
	for (auto end = now() + (ktap::quick ? 1 : 5) * sec; now() < end;)
		for (auto &e : d.await(100))
			account[e.id].add(e);
	REQUIRE_EQ(d.vector(CALLOUT_IOC_CANCEL, id.data(), timers), timers);
	auto end = now();
	for (auto left = d.events(); !left.empty(); left = d.events())
		for (auto &e : left)
			account[e.id].add(e);
	for (auto &i : id)
		CHECK_EQ(i.result, 1);
	u64 behind = 0;
	for (auto &a : account)
		behind = std::max(behind, end > a.next() ? end - a.next() : 0);
	ktap::say("furthest behind: " + std::to_string(behind / us) + " us");
	CHECK(behind < (ktap::quick ? 900 * ms : 2 * sec));
}

int main(int argc, char **argv)
{
	return ktap::run(argc, argv);
}
