// SPDX-License-Identifier: GPL-2.0
// A program that does its worst, on one CPU: how much work others can still do, beside what it
// would be beside a plain busy loop; and whether a descriptor of someone else notices.
#include "device.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace {

struct Shared {
	std::atomic<bool> stop;
	std::atomic<bool> ready;
	std::atomic<u64> work;
};

// Memory that parent and children have in common.
class Common {
public:
	Common()
		: map_{::mmap(nullptr, page_size(), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		       page_size()}
	{
	}
	Shared *operator->() const { return map_.as<Shared>(); }

private:
	Mapping map_;
};

class Child {
public:
	Child(unsigned cpu, const std::function<void()> &body) : pid_{::fork()}
	{
		if (pid_ == 0) {
			::prctl(PR_SET_PDEATHSIG, SIGKILL);
			pin_to(cpu);
			try {
				body();
			} catch (...) {
				ktap::fail("hostile", 0, "a child has failed");
			}
			::_exit(0);
		}
	}
	Child(const Child &) = delete;
	Child &operator=(const Child &) = delete;
	~Child()
	{
		::kill(pid_, SIGKILL);
		::waitpid(pid_, nullptr, 0);
	}

private:
	pid_t pid_;
};

using Body = std::function<void(const Common &)>;

void busy(const Common &c)
{
	c->ready = true;
	for (;;)
		std::atomic_signal_fence(std::memory_order_seq_cst);
}

u32 timers()
{
	return ktap::quick ? 100000 : 1000000;
}

std::vector<callout_timer> all_of(const std::function<callout_timer(u32)> &make, u32 count)
{
	std::vector<callout_timer> t;
	for (u32 n = 0; n < count; n++)
		t.push_back(make(n));
	return t;
}

void arms_in_the_past(const Common &c)
{
	Device d{timers(), 1024};
	auto t = all_of([](u32 n) { return timer_at(n, 1); }, timers());
	c->ready = true;
	for (;;)
		d.arm(t);
}

void short_intervals(const Common &c)
{
	Device d{timers(), 1024};
	auto t = all_of([](u32 n) { return timer_at(n, 1, 1); }, timers());
	d.arm(t);
	c->ready = true;
	for (;;)
		::pause();
}

// As one program with many descriptors.
void short_intervals_of_many(const Common &c)
{
	constexpr u32 descriptors = 100;
	std::vector<Device> all;
	for (u32 k = 0; k < descriptors; k++) {
		all.emplace_back(timers() / descriptors, 16);
		auto t = all_of([](u32 n) { return timer_at(n, 1, 1); }, timers() / descriptors);
		all.back().arm(t);
	}
	c->ready = true;
	for (;;)
		::pause();
}

void random_stores(const Common &c)
{
	Device d{timers(), 16};
	Slots s{d};
	Ring r{d};
	auto t = all_of(
		[](u32 n) {
			return timer_in(n, 1000 * us, n % 2 * 1000,
					n % 3 ? CLOCK_MONOTONIC : CLOCK_BOOTTIME);
		},
		timers());
	auto *slots = s.mapping().as<u64>();
	auto *ring = r.mapping().as<u32>();
	Random random{3};
	d.arm(t);
	c->ready = true;
	for (u64 n = 0;; n++) {
		slots[random.below(timers())] = n % 8 ? now() + random.below(ms) : random();
		ring[16] = static_cast<u32>(random());
		if (n % 1000 == 0)
			d.arm(std::span{t}.first(100));
	}
}

// One timer that is looked at again and again: its word is never what it was.
void stores_to_one(const Common &c)
{
	Device d{64, 16};
	Slots s{d};
	auto t = all_of([](u32 n) { return timer_at(n, 1, 1); }, 64);
	d.arm(t);
	c->ready = true;
	for (u64 n = 0;; n++)
		s[n % 64] = n % 3 ? 1 : now();
}

// How much a loop on that CPU does in half a second meanwhile.
u64 work_beside(const Body &hostile, unsigned victim_cpu)
{
	Common bad, good;
	Child attacker{0, [&] { hostile(bad); }};

	for (auto end = now() + 60 * sec; !bad->ready && now() < end;)
		sleep_ns(ms);
	REQUIRE(bad->ready.load());
	Child worker{victim_cpu, [&] {
			     for (u64 x = 1;;) {
				     for (int k = 0; k < 1000; k++)
					     x = x * 6364136223846793005 + 1;
				     good->work += x ? 1 : 2;
			     }
		     }};
	while (!good->work)
		sleep_ns(ms);
	sleep_ns(50 * ms);
	auto before = good->work.load();
	sleep_ns(500 * ms);
	return good->work - before;
}

u64 median(std::vector<u64> of)
{
	std::nth_element(of.begin(), of.begin() + of.size() / 2, of.end());
	return of[of.size() / 2];
}

// How much another program does, of what it does beside a busy loop, in percent. In turns, as
// machines have moods.
unsigned percent_of_busy(const Body &hostile, unsigned victim_cpu)
{
	std::vector<u64> beside_busy, beside_hostile;

	for (unsigned n = 0; n < (ktap::quick ? 3 : 7); n++) {
		beside_busy.push_back(work_beside(busy, victim_cpu));
		beside_hostile.push_back(work_beside(hostile, victim_cpu));
	}
	return static_cast<unsigned>(median(beside_hostile) * 100 /
				     std::max<u64>(median(beside_busy), 1));
}

// On a machine that counts instructions, as the run script takes: on any other this measures what
// that has to do besides, too.
void spares_others(const char *name, const Body &hostile)
{
	if (!::getenv("COUNTS_INSTRUCTIONS"))
		ktap::skip("no machine that counts instructions");
	for (unsigned cpu = 0; cpu < 2 && cpu < ::sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
		unsigned percent = 0;
		// Two CPUs have turns of no fixed length: what comes out once is so.
		for (int n = 0; n < (cpu ? 6 : 1) && percent < 90; n++)
			percent = percent_of_busy(hostile, cpu);
		ktap::say(std::string{name} + ": work on " + (cpu ? "another" : "the same") +
			  " CPU " + std::to_string(percent) + " % of that beside a busy loop");
		CHECK(percent >= 90);
	}
}

// A victim's timers: on the hostile's CPU or another.
void does_not_disturb(const Body &hostile, unsigned victim_cpu)
{
	if (victim_cpu >= ::sysconf(_SC_NPROCESSORS_ONLN))
		ktap::skip("one CPU");
	Common bad;
	Child attacker{0, [&] { hostile(bad); }};
	constexpr u32 count = 16;
	Device d{count, 64};
	u64 worst = 0, peer_worst = 0, events = 0;
	Fd peer{::timerfd_create(CLOCK_MONOTONIC, 0)};

	pin_to(victim_cpu);
	for (auto end = now() + 60 * sec; !bad->ready && now() < end;)
		sleep_ns(ms);
	REQUIRE(bad->ready.load());
	for (auto end = now() + (ktap::quick ? 1 : 5) * sec; now() < end;) {
		auto at = now() + 2 * ms;
		std::array<unsigned, count> seen{};
		itimerspec t{};
		u64 n;
		t.it_value = to_timespec(at);
		::timerfd_settime(peer.get(), TFD_TIMER_ABSTIME, &t, nullptr);
		for (u32 id = 0; id < count; id++)
			CHECK_EQ(d.arm(timer_at(id, at + id)), 0);
		if (::read(peer.get(), &n, sizeof(n)) > 0)
			peer_worst = std::max(peer_worst, now() - at);
		for (auto &e : d.await(count)) {
			CHECK_EQ(e.deadline, at + e.id);
			CHECK(e.fired_at >= e.deadline);
			CHECK_EQ(e.overruns, 0);
			CHECK_EQ(e.user_data, e.id);
			CHECK_EQ(seen[e.id]++, 0);
			worst = std::max(worst, e.fired_at - e.deadline);
			events++;
		}
		CHECK_EQ(std::accumulate(seen.begin(), seen.end(), 0U), count);
	}
	ktap::say(std::to_string(events) + " events, latest " + std::to_string(worst / us) +
		  " us; a timerfd's reader " + std::to_string(peer_worst / us) + " us");
	CHECK(worst < 10 * peer_worst + 200 * ms);
}

} // namespace

CASE_WITHIN(a_control_measures_the_same, 120)
{
	spares_others("busy loop", busy);
}
CASE_WITHIN(arms_in_the_past_spare_others, 200)
{
	spares_others("arms in the past", arms_in_the_past);
}
CASE_WITHIN(short_intervals_spare_others, 200)
{
	spares_others("intervals of 1 ns", short_intervals);
}
CASE_WITHIN(descriptors_with_short_intervals_spare_others, 200)
{
	spares_others("intervals of 1 ns on 100 descriptors", short_intervals_of_many);
}
CASE_WITHIN(random_stores_spare_others, 200)
{
	spares_others("random stores", random_stores);
}
CASE_WITHIN(stores_to_one_spare_others, 200)
{
	spares_others("stores to a few", stores_to_one);
}

CASE_WITHIN(arms_in_the_past_do_not_disturb, 90)
{
	does_not_disturb(arms_in_the_past, 1);
}
CASE_WITHIN(short_intervals_do_not_disturb, 90)
{
	does_not_disturb(short_intervals, 1);
}
CASE_WITHIN(short_intervals_do_not_disturb_the_same_cpu, 90)
{
	does_not_disturb(short_intervals, 0);
}
CASE_WITHIN(random_stores_do_not_disturb, 90)
{
	does_not_disturb(random_stores, 1);
}
CASE_WITHIN(random_stores_do_not_disturb_the_same_cpu, 90)
{
	does_not_disturb(random_stores, 0);
}

int main(int argc, char **argv)
{
	return ktap::run(argc, argv);
}
