// SPDX-License-Identifier: GPL-2.0
// Shared memory: timers moved by stores, and events taken without a call; and what a program may do
// to both.
#include "device.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>

namespace {

// All there is, by the ring and not by read(); what waits for room is asked for.
std::vector<callout_event> take_all(const Device &d, const Ring &r)
{
	std::vector<callout_event> all;

	do {
		while (auto e = r.take())
			all.push_back(*e);
	} while (d.ready(0));
	return all;
}

} // namespace

CASE(slots_show_deadlines)
{
	Device d{1000, 8};
	Slots s{d};
	auto at = now() + 1000 * sec;

	for (u32 n = 0; n < 1000; n++)
		CHECK_EQ(s[n].load(), 0);
	d.arm(timer_at(999, at));
	CHECK_EQ(s[999].load(), at);
	d.arm(timer_at(999, at + 1));
	CHECK_EQ(s[999].load(), at + 1);
	CHECK_EQ(d.cancel(999), 1);
	CHECK_EQ(s[999].load(), 0);
	d.arm(timer_at(998, 1));
	CHECK_EQ(s[998].load(), 0);
	auto real = now(CLOCK_REALTIME) + 1000 * sec;
	d.arm(timer_at(997, real, 0, 0, CLOCK_REALTIME));
	CHECK_EQ(s[997].load(), real);
	d.arm(timer_in(996, 5 * ms));
	CHECK(s[996].load() > now() - sec);
	CHECK_EQ(d.await(2).size(), 2);
	CHECK_EQ(s[996].load(), 0);
	// Of an interval: the next one.
	auto first = now() - ms;
	d.arm(timer_at(995, first, 1000 * sec));
	CHECK_EQ(s[995].load(), first + 1000 * sec);
}

CASE(moved_later_by_a_store)
{
	Device d{4, 8};
	Slots s{d};
	auto at = now() + 40 * ms;

	d.arm(timer_at(0, at));
	d.arm(timer_at(1, at));
	if (!s.move(0, at, at + 100 * ms))
		ktap::skip("too slow a machine");
	CHECK_EQ(d.look(0).deadline, at + 100 * ms);
	auto e = d.await(2);
	REQUIRE_EQ(e.size(), 2);
	CHECK_EQ(e[0].id, 1);
	CHECK_EQ(e[1].id, 0);
	CHECK_EQ(e[1].deadline, at + 100 * ms);
	CHECK(e[1].fired_at >= at + 100 * ms);
	CHECK_EQ(e[1].overruns, 0);
	CHECK_EQ(s[0].load(), 0);
	CHECK(!d.ready(20));
}

CASE(moved_again_and_again)
{
	Device d{1, 8};
	Slots s{d};
	auto at = now() + 20 * ms, end = at + 300 * ms;

	// An idle timeout: each piece of traffic puts it off.
	d.arm(timer_at(0, at));
	while (at < end) {
		auto next = now() + 20 * ms;
		if (next <= at)
			continue;
		if (!s.move(0, at, next))
			ktap::skip("too slow a machine");
		at = next;
		CHECK(!d.ready(0));
		sleep_ns(300 * us);
	}
	auto e = d.await(1);
	REQUIRE_EQ(e.size(), 1);
	CHECK_EQ(e[0].deadline, at);
	CHECK(e[0].fired_at >= at);
}

CASE(moved_far_and_cancelled)
{
	Device d{2, 8};
	Slots s{d};
	auto at = now() + 20 * ms;

	d.arm(timer_at(0, at));
	if (!s.move(0, at, time_max))
		ktap::skip("too slow a machine");
	CHECK(!d.ready(60));
	CHECK(d.armed(0));
	CHECK_EQ(d.cancel(0), 1);
	CHECK_EQ(s[0].load(), 0);
	// And armed anew after that.
	at = now() + 20 * ms;
	d.arm(timer_at(0, at));
	s.move(0, at, at + 1000 * sec);
	CHECK(!d.ready(40));
	CHECK_EQ(d.arm(timer_at(0, 1)), 1);
	CHECK_EQ(d.events().size(), 1);
}

CASE(moved_earlier_is_no_earlier)
{
	Device d{1, 8};
	Slots s{d};
	auto begin = now(), at = begin + 80 * ms;

	d.arm(timer_at(0, at));
	CHECK(s.move(0, at, begin + ms));
	auto e = d.await(1);
	REQUIRE_EQ(e.size(), 1);
	CHECK(e[0].fired_at >= at);
	CHECK(now() >= at);
}

CASE(intervals_are_moved)
{
	Device d{1, 64};
	Slots s{d};
	auto first = now() + 40 * ms, moved = first + 70 * ms;

	d.arm(timer_at(0, first, 10 * ms));
	if (!s.move(0, first, moved))
		ktap::skip("too slow a machine");
	u64 expired = 0;
	for (int n = 0; n < 5; n++)
		for (auto &e : d.await(1)) {
			expired += 1 + e.overruns;
			CHECK_EQ(e.deadline, moved + (expired - 1) * 10 * ms);
			CHECK(e.fired_at >= e.deadline);
		}
}

// Several threads move timers at the very time when these expire. Who wins the word knows what will
// come.
CASE(moves_that_race_with_expiry)
{
	constexpr u32 threads = 3, each = 4;
	Device d{threads * each, 64};
	Slots s{d};
	std::atomic<bool> stop = false;
	std::atomic<u64> arms = 0, moves = 0, lost = 0;
	// By number of arm, what a timer's event is to say.
	std::array<std::atomic<u64>, threads * each> expected{}, events{};

	std::vector<std::thread> all;
	for (u32 thread = 0; thread < threads; thread++)
		all.emplace_back([&, thread] {
			Random random{thread + 1};
			while (!stop) {
				std::array<u64, each> at;
				for (u32 n = 0; n < each; n++) {
					auto id = thread * each + n;
					at[n] = now() + 20 * us + random.below(150 * us);
					expected[id] = at[n];
					CHECK_EQ(d.arm(timer_at(id, at[n])), 0);
					arms++;
				}
				// Until each is over: about its time, some later, a few much later.
				for (u32 n = 0, running = each; running && !stop;
				     n = (n + 1) % each) {
					auto id = thread * each + n;
					if (!at[n])
						continue;
					auto t = now();
					if (t + 2 * us < at[n] && random.below(4))
						continue;
					auto later = at[n] + random.below(60 * us) + 1;
					if (random.below(20) == 0 || !s.move(id, at[n], later)) {
						// Not to be moved any more.
						if (s[id].load() != 0)
							while (!stop && s[id].load() != 0)
								std::this_thread::yield();
						else
							lost++;
						at[n] = 0;
						running--;
					} else {
						at[n] = later;
						expected[id] = later;
						moves++;
					}
				}
				// All their events come, and say the last deadline.
				for (u32 n = 0; n < each; n++)
					for (auto end = now() + 10 * sec;
					     events[thread * each + n] == 0;) {
						if (stop)
							return;
						if (now() > end) {
							CHECK_EQ(n, n + each);
							return;
						}
						std::this_thread::yield();
					}
				for (u32 n = 0; n < each; n++)
					CHECK_EQ(events[thread * each + n].exchange(0), 1);
			}
		});
	u64 end = now() + (ktap::quick ? 3 : 15) * sec;
	while (now() < end) {
		if (!d.ready(100))
			continue;
		for (auto &e : d.events()) {
			CHECK_EQ(e.deadline, expected[e.id].load());
			CHECK(e.fired_at >= e.deadline);
			CHECK_EQ(e.overruns, 0);
			events[e.id]++;
		}
	}
	stop = true;
	for (auto &t : all)
		t.join();
	ktap::say(std::to_string(arms) + " arms, " + std::to_string(moves) + " moves, " +
		  std::to_string(lost) + " that came too late");
	CHECK(arms > 100 && moves > 100 && lost > 10);
}

CASE(events_without_a_call)
{
	Device d{16, 16};
	Ring r{d};
	auto at = now() + 20 * ms;

	CHECK_EQ(r.raw().size, 16);
	CHECK_EQ(r.head(), 0);
	for (u32 n = 0; n < 10; n++)
		d.arm(timer_at(n, at + n * 100 * us));
	for (auto end = now() + 5 * sec; r.head() < 10 && now() < end;)
		sleep_ns(ms);
	REQUIRE_EQ(r.head(), 10);
	CHECK_EQ(r.tail(), 0);
	CHECK(!r.backlog());
	// In no order, if this program went from one CPU to another as it armed them.
	std::array<unsigned, 16> seen{};
	while (auto e = r.take()) {
		REQUIRE(e->id < 10);
		CHECK_EQ(seen[e->id]++, 0);
		CHECK_EQ(e->user_data, e->id);
		CHECK_EQ(e->flags, CALLOUT_EVENT_EXPIRED);
		CHECK_EQ(e->deadline, at + e->id * 100 * us);
		CHECK(e->fired_at >= e->deadline);
	}
	CHECK_EQ(std::count(seen.begin(), seen.end(), 1U), 10);
	CHECK(!d.ready(0));
	callout_event e;
	CHECK_EQ(d.read({&e, 1}), -EAGAIN);
}

CASE(the_ring_wraps)
{
	for (u32 size : {1U, 2U, 8U, 256U}) {
		Device d{300, size};
		Ring r{d};
		u32 sent = 0, taken = 0;
		Random random{size};

		while (sent < 5000) {
			auto batch = 1 + random.below(size);
			std::vector<callout_timer> t;
			for (u64 n = 0; n < batch; n++) {
				t.push_back(timer_at(static_cast<u32>(n), 1));
				t.back().user_data = sent++;
			}
			d.arm(t);
			CHECK_EQ(r.head(), sent);
			while (auto e = r.take())
				CHECK_EQ(e->user_data, taken++);
			CHECK_EQ(taken, sent);
		}
	}
}

CASE(read_and_ring_take_from_the_same)
{
	Device d{16, 16};
	Ring r{d};
	u32 sent = 0, taken = 0;
	Random random{3};
	std::array<callout_event, 16> e;

	for (int round = 0; round < 2000; round++) {
		for (auto n = random.below(17 - (sent - taken)); n; n--) {
			auto t = timer_at(static_cast<u32>(n - 1), 1);
			t.user_data = sent++;
			d.arm(t);
		}
		if (random.below(2)) {
			auto most = 1 + random.below(8);
			auto n = d.read({e.data(), most});
			if (sent == taken)
				CHECK_EQ(n, -EAGAIN);
			else
				CHECK_EQ(n, std::min<u64>(most, sent - taken));
			for (long k = 0; k < n; k++)
				CHECK_EQ(e[static_cast<std::size_t>(k)].user_data, taken++);
		} else if (auto one = r.take()) {
			CHECK_EQ(one->user_data, taken++);
		}
		CHECK_EQ(r.tail(), taken);
	}
}

CASE(a_full_ring_loses_nothing)
{
	constexpr u32 timers = 200;
	for (u32 size : {1U, 4U, 64U}) {
		Device d{timers, size};
		Ring r{d};
		std::vector<callout_timer> t;

		for (u32 n = 0; n < timers; n++) {
			t.push_back(timer_at(timers - 1 - n, n + 1));
			t.back().user_data = n;
		}
		REQUIRE_EQ(d.arm(t), timers);
		CHECK_EQ(r.head(), size);
		CHECK(r.backlog());
		// What has not been asked for does not come.
		u32 taken = 0;
		while (auto e = r.take())
			CHECK_EQ(e->user_data, taken++);
		CHECK_EQ(taken, size);
		CHECK(r.backlog());
		CHECK_EQ(r.head(), size);
		// Each once; in no order.
		std::vector<unsigned> seen(timers);
		auto look = [&](const callout_event &e) {
			REQUIRE(e.user_data < timers);
			seen[e.user_data]++;
			CHECK_EQ(e.id, timers - 1 - e.user_data);
			CHECK_EQ(e.deadline, e.user_data + 1);
			CHECK_EQ(e.overruns, 0);
		};
		auto once = [&] {
			return std::count(seen.begin() + size, seen.end(), 1U) == timers - size;
		};
		for (auto &e : take_all(d, r))
			look(e);
		CHECK(once());
		CHECK(!r.backlog());

		// The same by read(), a few at once.
		std::fill(seen.begin(), seen.end(), 0);
		REQUIRE_EQ(d.arm(t), timers);
		std::array<callout_event, 7> some;
		for (long got; (got = d.read(some)) > 0;)
			for (long k = 0; k < got; k++)
				look(some[static_cast<std::size_t>(k)]);
		CHECK(once());
		CHECK_EQ(std::count(seen.begin(), seen.begin() + size, 1U), size);
		CHECK(!r.backlog());
	}
}

// What waits for room is armed still: it can be replaced and cancelled, and the results say so.
CASE(what_finds_no_room_is_the_last_event)
{
	Device d{4, 1};
	Ring r{d};

	d.arm(timer_at(0, 1));
	for (u64 n = 1; n <= 3; n++) {
		auto t = timer_at(1, 10 + n);
		t.user_data = 100 + n;
		CHECK_EQ(d.arm(t), n == 1 ? 0 : 1);
		CHECK_EQ(d.look(1).deadline, 10 + n);
	}
	d.arm(timer_at(2, 20));
	auto events = take_all(d, r);
	REQUIRE_EQ(events.size(), 3);
	CHECK_EQ(events[0].id, 0);
	CHECK_EQ(events[1].id, 1);
	CHECK_EQ(events[1].overruns, 0);
	CHECK_EQ(events[1].user_data, 103);
	CHECK_EQ(events[1].deadline, 13);
	CHECK_EQ(events[2].id, 2);
	CHECK(!d.armed(1));
}

// One that waits since an earlier element of the same call.
CASE(twice_in_a_vector_without_room)
{
	Device d{4, 1};
	Ring r{d};
	std::array<callout_timer, 3> past{timer_at(1, 11), timer_at(1, 12), timer_at(1, 13)};
	std::array<callout_timer, 2> future{timer_at(2, 14), timer_in(2, 20 * ms)};

	d.arm(timer_at(0, 1));
	REQUIRE_EQ(d.arm(past), 3);
	CHECK_EQ(past[0].result, 0);
	CHECK_EQ(past[1].result, 1);
	REQUIRE_EQ(d.arm(future), 2);
	CHECK_EQ(future[1].result, 1);
	CHECK_EQ(r.take()->id, 0);
	CHECK(d.ready(1000));
	CHECK_EQ(r.take()->deadline, 13);
	CHECK(d.ready(1000));
	CHECK_EQ(r.take()->id, 2);
	CHECK(!d.ready(50));
	CHECK(!r.backlog());
	CHECK(!d.armed(1) && !d.armed(2));
	// Nor does a store bring one back that is not armed.
	Slots s{d};
	s[2] = now() + 10 * ms;
	CHECK(!d.ready(50));
	CHECK_EQ(d.cancel(2), 0);
}

CASE(what_waits_for_room_can_be_cancelled_and_armed)
{
	Device d{4, 1};
	Ring r{d};

	d.arm(timer_at(0, 1));
	CHECK_EQ(d.arm(timer_at(1, 11)), 0);
	CHECK_EQ(d.arm(timer_in(1, 1000 * sec)), 1);
	CHECK_EQ(d.cancel(1), 1);
	CHECK_EQ(d.cancel(1), 0);
	CHECK_EQ(d.arm(timer_at(2, 12)), 0);
	CHECK_EQ(d.cancel(2), 1);
	auto events = take_all(d, r);
	REQUIRE_EQ(events.size(), 1);
	CHECK_EQ(events[0].id, 0);
	CHECK(!r.backlog());
}

// A full ring costs a period nothing: what was missed is counted when there is room.
CASE(periods_wait_for_room)
{
	Device d{4, 1};
	Ring r{d};
	auto first = now() + ms;

	d.arm(timer_at(0, 1));
	d.arm(timer_at(1, first, ms));
	sleep_ns(20 * ms);
	CHECK(r.backlog());
	CHECK_EQ(d.look(1).deadline, first);
	CHECK_EQ(r.take()->id, 0);
	CHECK(d.ready(1000));
	auto e = r.take();
	REQUIRE(e.has_value());
	CHECK_EQ(e->id, 1);
	CHECK(e->overruns >= 18);
	CHECK_EQ(e->deadline, first + e->overruns * ms);
	CHECK_EQ(d.cancel(1), 1);
	CHECK(!r.backlog());
}

// A program that does not look at the flags: the kernel sees that there is room when the next timer
// expires.
CASE(room_made_by_a_program_is_found_by_the_next_event)
{
	Device d{4, 2};
	Ring r{d};
	std::array<unsigned, 4> seen{};

	for (u32 n = 0; n < 3; n++)
		d.arm(timer_at(n, n + 1));
	CHECK(r.backlog());
	CHECK_EQ(r.take()->id, 0);
	CHECK_EQ(r.take()->id, 1);
	d.arm(timer_at(3, 9));
	for (auto end = now() + 10 * sec; now() < end && (!seen[2] || !seen[3]);)
		if (auto e = r.take())
			seen[e->id]++;
	CHECK_EQ(seen[2], 1);
	CHECK_EQ(seen[3], 1);
	CHECK(!r.backlog());
}

CASE(two_readers)
{
	constexpr u32 total = 20000;
	Device d{64, 64, O_RDWR};
	std::vector<std::atomic<unsigned>> seen(total);
	std::atomic<u64> taken = 0;
	std::vector<std::thread> readers;

	for (int n = 0; n < 2; n++)
		readers.emplace_back([&] {
			std::array<callout_event, 5> e;
			while (taken < total) {
				auto got = d.read(e);
				for (long k = 0; k < got; k++)
					if (auto data = e[static_cast<std::size_t>(k)].user_data;
					    data < total)
						seen[data]++;
				taken += static_cast<u64>(std::max(got, 0L));
			}
		});
	for (u32 n = 0; n < total; n++) {
		auto t = timer_at(n % 64, 1);
		t.user_data = n;
		while (n - taken > 32)
			std::this_thread::yield();
		d.arm(t);
	}
	for (auto end = now() + 10 * sec; taken < total && now() < end;)
		sleep_ns(ms);
	CHECK_EQ(taken.load(), total);
	// For who waits still.
	auto last = timer_at(0, 1);
	last.user_data = total;
	d.arm(last);
	d.arm(last);
	for (auto &t : readers)
		t.join();
	for (auto &s : seen)
		CHECK_EQ(s.load(), 1);
}

CASE(a_tail_that_cannot_be)
{
	Device d{8, 8};
	Ring r{d};

	for (u32 n = 0; n < 5; n++)
		d.arm(timer_at(n, n + 1));
	for (u32 wrong : {r.head() + 1, r.head() + 8, r.head() - 9, r.head() + (1U << 31), ~0U}) {
		r.raw().tail = wrong;
		// The ring is full, as far as the kernel knows.
		auto head = r.head();
		d.arm(timer_at(7, 1));
		CHECK_EQ(r.head(), head);
		CHECK(r.backlog());
		CHECK(d.ready(0));
		// read() makes it well.
		auto all = d.events();
		CHECK(all.size() >= 1 && all.size() <= 9);
		CHECK_EQ(all.back().id, 7);
		CHECK_EQ(r.tail(), r.head());
		CHECK(!r.backlog());
		d.arm(timer_at(3, 77));
		all = d.events();
		REQUIRE_EQ(all.size(), 1);
		CHECK_EQ(all[0].deadline, 77);
	}
}

CASE(what_else_is_in_the_ring_does_not_matter)
{
	Device d{8, 8};
	Ring r{d};
	auto head = r.head();

	auto scribble = [&](u32 value) {
		auto *words = reinterpret_cast<u32 *>(r.mapping().bytes());
		for (std::size_t n = 0; n < r.mapping().size() / sizeof(u32); n++)
			if (n != offsetof(callout_ring, tail) / sizeof(u32))
				words[n] = value;
	};
	for (u32 value : {0U, 1U, ~0U, 0x80000000U}) {
		scribble(value);
		for (u32 n = 0; n < 6; n++)
			d.arm(timer_at(n, n + 1));
		CHECK_EQ(r.head(), head += 6);
		CHECK(d.ready(0));
		auto e = d.events();
		REQUIRE_EQ(e.size(), 6);
		for (u32 n = 0; n < 6; n++) {
			CHECK_EQ(e[n].id, n);
			CHECK_EQ(e[n].deadline, n + 1);
		}
	}
}

CASE(any_word_in_a_slot)
{
	constexpr std::array<u64, 9> words{
		0, 1, time_max, time_max + 1, ~u64{0}, u64{1} << 62, ~u64{0} - 1, sec, 5};
	constexpr std::array clocks{CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME};
	Device d{256, 1024};
	Slots s{d};

	u32 id = 0;
	for (auto clock : clocks)
		for (u64 interval : {u64{0}, u64{1}, 10 * ms, time_max})
			for (auto word : words) {
				d.arm(timer_at(id, now(clock) + 10 * ms, interval, 0, clock));
				s[id] = word;
				id++;
			}
	sleep_ns(100 * ms);
	// Those that were not armed, too.
	for (u32 n = id; n < 256; n++)
		s[n] = n;
	// Whatever came of it, they obey.
	for (u32 n = 0; n < 256; n++)
		d.cancel(n);
	while (!d.events().empty()) {
	}
	for (u32 n = 0; n < 256; n++) {
		CHECK(!d.armed(n));
		auto at = now() + 5 * ms;
		CHECK_EQ(d.arm(timer_at(n, at)), 0);
		if (n % 32)
			CHECK_EQ(d.cancel(n), 1);
	}
	auto e = d.await(8);
	CHECK_EQ(e.size(), 8);
	for (auto &one : e)
		CHECK_EQ(one.id % 32, 0);
}

// Two threads write what they like into all that is shared, while others use the device. It goes
// on, and so does a descriptor of someone else.
CASE(scribbled_over)
{
	constexpr u32 timers = 600;
	Device d{timers, 64}, victim{1, 4};
	Slots s{d};
	Ring r{d};
	std::atomic<bool> stop = false;
	std::vector<std::thread> threads;

	for (u64 n = 0; n < 2; n++)
		threads.emplace_back([&, n] {
			Random random{n + 10};
			auto *slots = reinterpret_cast<std::atomic<u64> *>(s.mapping().bytes());
			auto *ring = reinterpret_cast<std::atomic<u32> *>(r.mapping().bytes());
			while (!stop) {
				auto base = random.below(2) ? now() : random();
				slots[random.below(s.mapping().size() / 8)] =
					base + random.below(100 * us);
				if (random.below(4) == 0)
					ring[random.below(r.mapping().size() / 4)] =
						static_cast<u32>(random());
				if (random.below(4) == 0)
					ring[offsetof(callout_ring, tail) / 4] =
						r.head() - static_cast<u32>(random.below(70));
			}
		});
	threads.emplace_back([&] {
		Random random{20};
		std::vector<callout_timer> t;
		while (!stop) {
			t.clear();
			for (u64 n = 0; n < 40; n++)
				t.push_back(timer_in(
					static_cast<u32>(random.below(timers)), random.below(ms),
					random.below(2) * random.below(ms),
					random.below(2) ? CLOCK_MONOTONIC : CLOCK_BOOTTIME));
			d.arm(t);
			d.cancel(static_cast<u32>(random.below(timers)));
			d.look(static_cast<u32>(random.below(timers)));
			d.events(random.below(40) + 1);
		}
	});
	for (auto end = now() + (ktap::quick ? 2 : 10) * sec; now() < end;) {
		auto at = now() + 2 * ms;
		victim.arm(timer_at(0, at));
		auto e = victim.await(1);
		REQUIRE_EQ(e.size(), 1);
		CHECK_EQ(e[0].deadline, at);
		CHECK(e[0].fired_at >= at);
		CHECK_EQ(e[0].overruns, 0);
	}
	stop = true;
	for (auto &t : threads)
		t.join();
	for (u32 n = 0; n < timers; n++)
		d.cancel(n);
	for (int n = 0; n < 1000 && !d.events().empty(); n++) {
	}
	// As new.
	auto at = now() + 5 * ms;
	CHECK_EQ(d.arm(timer_at(5, at)), 0);
	auto e = d.await(1);
	REQUIRE_EQ(e.size(), 1);
	CHECK_EQ(e[0].deadline, at);
	CHECK_EQ(e[0].id, 5);
}

int main(int argc, char **argv)
{
	return ktap::run(argc, argv);
}
