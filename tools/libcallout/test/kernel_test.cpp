// SPDX-License-Identifier: MIT
// The library against the device, as root in a guest: see ../../run. "Not early" is demanded
// strictly; how late something may be is not, but for hours.
#include <algorithm>
#include <array>
#include <atomic>
#include <callout/callout.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;
using callout::device;
using callout::errc;
using callout::event;
using callout::rearmed;
using callout::task;
using callout::timer;
using std::chrono::steady_clock;
using std::chrono::system_clock;

namespace {

std::error_code code_of(auto &&f)
{
	try {
		f();
	} catch (const std::system_error &e) {
		return e.code();
	}
	return {};
}

// The next event; none after @most.
std::optional<event> next(const device &d, std::chrono::nanoseconds most = 20s)
{
	event e;

	while (!d.ring().pop(e))
		if (!d.wait(most))
			return std::nullopt;
	return e;
}

void nothing_for(const device &d, std::chrono::nanoseconds t)
{
	EXPECT_FALSE(next(d, t));
}

// Runs f in a process of user nobody. 0 if it returned true.
int as_nobody(auto &&f)
{
	const pid_t pid = ::fork();

	if (pid == 0) {
		if (::setgid(65534) || ::setuid(65534))
			::_exit(2);
		::_exit(f() ? 0 : 1);
	}
	int status = -1;
	EXPECT_EQ(::waitpid(pid, &status, 0), pid);
	return status;
}

void set_parameter(const char *name, unsigned value)
{
	std::ofstream f(std::string("/sys/module/callout/parameters/") + name);

	f << value << std::flush;
	ASSERT_TRUE(f) << name;
}

// ---- the device -------------------------------------------------------------------------------

TEST(device, info)
{
	device d = device::open();
	const callout::device_info i = d.info();

	EXPECT_FALSE(i.clock.empty());
	EXPECT_EQ(i.mode, "deadline");
	EXPECT_GT(i.resolution, 0ns);
	EXPECT_EQ(i.min_interval, 100us);
	EXPECT_EQ(i.max_timers, 1U << 20);
	EXPECT_EQ(i.max_user_timers, 1U << 20);
	EXPECT_EQ(i.max_events, 1U << 20);
	EXPECT_EQ(i.timers, 0U);
	EXPECT_EQ(i.budget, 10000U);
	d.setup(100, 33);
	EXPECT_EQ(d.info().timers, 100U);
	EXPECT_EQ(d.info().events, 64U);
	EXPECT_EQ(d.ring().capacity(), 64U);
	EXPECT_EQ(d.timers(), 100U);
}

TEST(device, setup_errors)
{
	device d = device::open();
	event e;

	EXPECT_EQ(code_of([&] { (void)d.make_timer(); }), errc::not_set_up);
	EXPECT_EQ(code_of([&] { (void)d.read({&e, 1}); }), errc::not_set_up);
	EXPECT_EQ(code_of([&] { (void)d.wait(1s); }), errc::not_set_up);
	EXPECT_EQ(code_of([&] { d.setup(0); }), errc::bad_setup);
	EXPECT_EQ(code_of([&] { d.setup((1U << 20) + 1); }), errc::bad_setup);
	EXPECT_EQ(code_of([&] { d.setup(1, (1U << 20) + 1); }), errc::bad_setup);
	d.setup(1);
	EXPECT_EQ(code_of([&] { d.setup(1); }), errc::already_set_up);
	EXPECT_EQ(code_of([&] { (void)d.read({&e, 0}); }), errc::buffer_too_small);
}

TEST(device, permission)
{
	EXPECT_EQ(as_nobody([] {
			  std::error_code ec;
			  return !device::open(ec) && ec == errc::no_permission &&
				 ec == std::errc::permission_denied;
		  }),
		  0);
}

TEST(device, limit_of_a_user)
{
	ASSERT_EQ(::chmod(callout::default_path, 0666), 0);
	set_parameter("dev_max_user_timers", 1000);
	EXPECT_EQ(as_nobody([] {
			  std::error_code ec;
			  device a(600, 1), b = device::open();
			  b.setup(600, 1, ec);
			  const bool refused = ec == errc::too_many_timers;
			  b.setup(400, 1, ec);
			  return refused && !ec;
		  }),
		  0);
	device root(1001, 1); // CAP_SYS_RESOURCE
	set_parameter("dev_max_user_timers", 1 << 20);
	ASSERT_EQ(::chmod(callout::default_path, 0600), 0);
}

TEST(device, adopted)
{
	device d(4);
	device same = device::adopt(::dup(d.native_handle()));
	auto t = d.make_timer();

	EXPECT_EQ(same.timers(), 4U);
	t.arm_after(1ms, {.user_data = 5});
	EXPECT_EQ(next(same)->user_data(), 5U);
	EXPECT_EQ(code_of([] { (void)device::adopt(::open("/dev/null", O_RDWR)); }),
		  errc::not_callout);
}

// ---- timers -----------------------------------------------------------------------------------

TEST(timer, after)
{
	device d(1);
	auto t = d.make_timer();
	const auto begin = steady_clock::now();

	EXPECT_FALSE(t.arm_after(20ms, {.user_data = 99}));
	EXPECT_TRUE(t.armed());
	const auto e = next(d);
	ASSERT_TRUE(e);
	EXPECT_EQ(e->id(), t.id());
	EXPECT_EQ(e->user_data(), 99U);
	EXPECT_TRUE(e->expired());
	EXPECT_FALSE(e->clock_set());
	EXPECT_EQ(e->overruns(), 0U);
	EXPECT_GE(e->deadline(), begin + 20ms);
	EXPECT_GE(e->fired_at(), e->deadline());
	EXPECT_GE(e->lateness(), 0ns);
	EXPECT_LE(e->fired_at(), steady_clock::now());
	EXPECT_FALSE(t.armed());
	nothing_for(d, 50ms);
}

TEST(timer, what_is_over_is_there_at_once)
{
	device d(3);
	auto t = d.make_timer();
	auto b = d.make_timer<callout::boot_clock>();
	auto s = d.make_timer<system_clock>();
	event e;

	EXPECT_FALSE(t.arm_at(steady_clock::now() - 1ns));
	EXPECT_TRUE(d.ring().pop(e));
	EXPECT_FALSE(t.arm_at(steady_clock::time_point()));
	EXPECT_TRUE(d.ring().pop(e));
	EXPECT_FALSE(t.arm_after(0ns));
	EXPECT_TRUE(d.ring().pop(e));
	EXPECT_FALSE(t.arm_after(-5s));
	EXPECT_TRUE(d.ring().pop(e));
	b.arm_at(callout::boot_clock::now());
	EXPECT_TRUE(d.ring().pop(e));
	s.arm_at(system_clock::now());
	EXPECT_TRUE(d.ring().pop(e));
	EXPECT_EQ(e.id(), s.id());
	nothing_for(d, 20ms);
}

TEST(timer, status)
{
	device d(2);
	auto t = d.make_timer();
	auto s = d.make_timer<system_clock>();
	const auto at = steady_clock::now() + 1h;

	EXPECT_FALSE(t.status().armed);
	t.arm_at(at, {.interval = 3s, .window = 1ms, .user_data = 12});
	const auto status = t.status();
	EXPECT_TRUE(status.armed);
	EXPECT_EQ(status.deadline, at);
	EXPECT_EQ(status.interval, 3s);
	EXPECT_EQ(status.window, 1ms);
	EXPECT_EQ(status.user_data, 12U);
	EXPECT_FALSE(status.clock_set_events);
	s.arm_at(system_clock::now() + 1h, {.clock_set_events = true});
	EXPECT_TRUE(s.status().clock_set_events);
	EXPECT_TRUE(t.cancel());
	EXPECT_FALSE(t.cancel());
	EXPECT_FALSE(t.status().armed);
}

TEST(timer, refused)
{
	device d(1);
	auto t = d.make_timer();

	EXPECT_EQ(code_of([&] { t.arm_after(1s, {.interval = -1ns}); }), errc::bad_time);
	EXPECT_EQ(code_of([&] { t.arm_after(1s, {.clock_set_events = true}); }), errc::bad_time);
	EXPECT_FALSE(t.armed());
	t.arm_after(std::chrono::hours::max(),
		    {.interval = std::chrono::hours::max(), .window = std::chrono::hours::max()});
	EXPECT_TRUE(t.armed());
	t.arm_at(steady_clock::time_point::max());
	EXPECT_EQ(t.deadline(), steady_clock::time_point::max());
	nothing_for(d, 20ms);
}

TEST(timer, periods_do_not_drift)
{
	device d(1);
	auto t = d.make_timer();
	const auto begin = steady_clock::now() + 5ms;
	std::uint64_t expiries = 0;

	t.arm_at(begin, {.interval = 3ms});
	while (expiries < 40) {
		const auto e = next(d);
		ASSERT_TRUE(e);
		expiries += e->expiries();
		EXPECT_EQ(e->deadline(), begin + (expiries - 1) * 3ms);
		EXPECT_GE(e->fired_at(), e->deadline());
	}
	EXPECT_TRUE(t.cancel());
	while (next(d, 20ms))
		;
	nothing_for(d, 30ms);
}

TEST(timer, short_periods_are_counted)
{
	device d(1);
	auto t = d.make_timer();
	const auto begin = steady_clock::now();
	std::uint64_t expiries = 0, events = 0;
	event e;

	t.arm_at(begin, {.interval = 1us});
	while (steady_clock::now() < begin + 200ms) {
		if (const auto one = next(d)) {
			expiries += one->expiries();
			e = *one;
			events++;
		}
	}
	t.cancel();
	while (d.ring().pop(e)) {
		expiries += e.expiries();
		events++;
	}
	EXPECT_EQ(e.deadline(), begin + (expiries - 1) * 1us);
	EXPECT_GE(expiries, 190'000U);
	EXPECT_LE(events, (e.fired_at() - begin) / 100us + 2);
}

TEST(timer, rearm)
{
	device d(1);
	auto t = d.make_timer();
	const auto begin = steady_clock::now();

	t.arm_at(begin + 40ms, {.user_data = 3});
	EXPECT_EQ(t.rearm_at(begin + 80ms), rearmed::moved);
	EXPECT_EQ(t.status().deadline, begin + 80ms);
	EXPECT_EQ(t.rearm_at(begin + 120ms), rearmed::moved);
	auto e = next(d);
	ASSERT_TRUE(e);
	EXPECT_EQ(e->deadline(), begin + 120ms);
	EXPECT_GE(steady_clock::now(), begin + 120ms);
	EXPECT_EQ(e->user_data(), 3U);
	EXPECT_EQ(e->overruns(), 0U);

	EXPECT_EQ(t.rearm_after(1h), rearmed::anew);
	EXPECT_EQ(t.rearm_after(10ms), rearmed::replaced); // earlier
	e = next(d);
	ASSERT_TRUE(e);
	EXPECT_EQ(e->user_data(), 3U);
	nothing_for(d, 50ms);
}

TEST(timer, boot_clock)
{
	device d(1);
	auto t = d.make_timer<callout::boot_clock>();
	const auto begin = callout::boot_clock::now();

	t.arm_at(begin + 10ms);
	EXPECT_EQ(t.rearm_at(begin + 30ms), rearmed::moved);
	auto e = next(d);
	ASSERT_TRUE(e);
	EXPECT_EQ(e->deadline<callout::boot_clock>(), begin + 30ms);
	EXPECT_GE(callout::boot_clock::now(), begin + 30ms);
	t.arm_after(5ms);
	e = next(d);
	ASSERT_TRUE(e);
	EXPECT_GE(e->fired_at<callout::boot_clock>(), e->deadline<callout::boot_clock>());
}

TEST(timer, destroyed_while_armed)
{
	device d(64);
	event e;

	for (int n = 0; n < 200; n++) {
		std::vector<timer> timers;
		for (int i = 0; i < 64; i++) {
			timers.push_back(d.make_timer());
			timers.back().arm_after(std::chrono::microseconds(100 + i * 37));
		}
		std::this_thread::sleep_for(1ms);
		timers.clear();
		// What was on its way is there; and no more comes.
		while (d.ring().pop(e))
			;
		std::this_thread::sleep_for(3ms);
		ASSERT_TRUE(d.ring().empty());
		for (std::uint32_t id = 0; id < 64; id++)
			ASSERT_EQ(d.slot(id).load(), 0U);
	}
	nothing_for(d, 50ms);
}

TEST(timer, moved)
{
	device d(2);
	auto a = d.make_timer(), b = d.make_timer();

	a.arm_after(10ms, {.user_data = 1});
	b.arm_after(20ms, {.user_data = 2});
	b = std::move(a); // what b was is cancelled
	const auto e = next(d);
	ASSERT_TRUE(e);
	EXPECT_EQ(e->user_data(), 1U);
	nothing_for(d, 50ms);
	// NOLINTNEXTLINE(bugprone-use-after-move)
	EXPECT_EQ(code_of([&] { (void)a.rearm_after(1s); }), errc::no_timer);
	EXPECT_EQ(b.rearm_after(1ms), rearmed::anew);
	EXPECT_TRUE(next(d));
}

TEST(timer, keeps_the_descriptor)
{
	std::optional<device> d(2);
	auto t = d->make_timer();
	const callout::ring r = d->ring();
	event e;

	d.reset();
	t.arm_after(0s);
	EXPECT_TRUE(r.size() == 1);
}

// ---- CLOCK_REALTIME is set --------------------------------------------------------------------

class clock_step : public testing::Test {
protected:
	static void set(std::chrono::nanoseconds by)
	{
		timespec t{};
		ASSERT_EQ(::clock_gettime(CLOCK_REALTIME, &t), 0);
		t.tv_sec += std::chrono::duration_cast<std::chrono::seconds>(by).count();
		ASSERT_EQ(::clock_settime(CLOCK_REALTIME, &t), 0);
	}
};

TEST_F(clock_step, forward)
{
	device d(4);
	auto t = d.make_timer();
	auto s = d.make_timer<system_clock>(), later = d.make_timer<system_clock>();
	const auto at = system_clock::now() + 1h;

	t.arm_after(1h);
	s.arm_at(at, {.user_data = 7});
	later.arm_at(at + 3h);
	nothing_for(d, 20ms);
	set(2h);
	const auto e = next(d);
	ASSERT_TRUE(e);
	EXPECT_EQ(e->user_data(), 7U);
	EXPECT_TRUE(e->expired());
	EXPECT_FALSE(e->clock_set());
	EXPECT_EQ(e->deadline<system_clock>(), at);
	EXPECT_GE(e->fired_at<system_clock>(), at + 50min);
	EXPECT_TRUE(t.armed());
	EXPECT_TRUE(later.armed());
	set(-2h);
	nothing_for(d, 20ms);
}

TEST_F(clock_step, backward)
{
	device d(1);
	auto s = d.make_timer<system_clock>();

	s.arm_at(system_clock::now() + 100ms);
	set(-1h);
	nothing_for(d, 300ms);
	EXPECT_TRUE(s.armed());
	set(1h);
	const auto e = next(d);
	ASSERT_TRUE(e);
	EXPECT_GE(e->fired_at<system_clock>(), e->deadline<system_clock>());
}

TEST_F(clock_step, moved_by_a_store)
{
	device d(1);
	auto s = d.make_timer<system_clock>();
	const auto now = system_clock::now();

	s.arm_at(now + 1h);
	EXPECT_EQ(s.rearm_at(now + 3h), rearmed::moved);
	set(2h);
	nothing_for(d, 50ms);
	set(2h);
	const auto e = next(d);
	ASSERT_TRUE(e);
	EXPECT_EQ(e->deadline<system_clock>(), now + 3h);
	set(-4h);
}

TEST_F(clock_step, is_told)
{
	device d(2);
	auto s = d.make_timer<system_clock>(), quiet = d.make_timer<system_clock>();

	s.arm_at(system_clock::now() + 10h, {.user_data = 8, .clock_set_events = true});
	quiet.arm_at(system_clock::now() + 10h);
	set(1h);
	const auto e = next(d);
	ASSERT_TRUE(e);
	EXPECT_EQ(e->user_data(), 8U);
	EXPECT_TRUE(e->clock_set());
	EXPECT_FALSE(e->expired());
	EXPECT_EQ(e->expiries(), 0U);
	EXPECT_TRUE(s.armed());
	nothing_for(d, 20ms);
	set(-1h);
	EXPECT_TRUE(next(d));
}

// ---- events -----------------------------------------------------------------------------------

TEST(events, backlog_comes_by_ring)
{
	constexpr std::uint32_t n = 1000;
	device d(n, 8);
	std::vector<timer> timers;
	callout::batch b(d);

	for (std::uint32_t i = 0; i < n; i++) {
		timers.push_back(d.make_timer());
		b.arm_at(timers.back(), steady_clock::time_point(1ns), {.user_data = i});
	}
	EXPECT_EQ(b.submit(), 0U);
	EXPECT_EQ(d.ring().size(), 8U);
	EXPECT_TRUE(d.ring().backlog());
	std::vector<event> events(n + 1);
	ASSERT_EQ(d.ring().pop(events), n);
	std::vector<bool> seen(n);
	for (std::uint32_t i = 0; i < n; i++)
		seen.at(events[i].user_data()) = true;
	EXPECT_EQ(std::count(seen.begin(), seen.end(), true), n);
	EXPECT_FALSE(d.ring().backlog());
	EXPECT_FALSE(d.wait(0s));
}

TEST(events, backlog_comes_by_read)
{
	constexpr std::uint32_t n = 1000;
	device d(n, 8);
	std::vector<timer> timers;
	std::array<event, 37> events;
	std::vector<unsigned> seen(n);

	d.set_nonblocking();
	EXPECT_EQ(d.read(events), 0U);
	for (std::uint32_t i = 0; i < n; i++) {
		timers.push_back(d.make_timer());
		timers.back().arm_after(0s, {.user_data = i});
	}
	while (const std::size_t got = d.read(events))
		for (std::size_t i = 0; i < got; i++)
			seen.at(events[i].user_data())++;
	EXPECT_EQ(std::count(seen.begin(), seen.end(), 1U), n);
}

TEST(events, read_waits)
{
	device d(1);
	auto t = d.make_timer();
	event e;
	const auto begin = steady_clock::now();

	t.arm_after(30ms);
	EXPECT_EQ(d.read({&e, 1}), 1U);
	EXPECT_GE(steady_clock::now(), begin + 30ms);
}

TEST(events, wait)
{
	device d(1);
	auto t = d.make_timer();
	const auto begin = steady_clock::now();

	EXPECT_FALSE(d.wait(0s));
	EXPECT_FALSE(d.wait(30ms));
	EXPECT_GE(steady_clock::now(), begin + 30ms);
	t.arm_after(10ms);
	EXPECT_TRUE(d.wait());
	EXPECT_TRUE(d.wait()); // until it is taken
	EXPECT_TRUE(next(d));
	EXPECT_FALSE(d.wait(0s));
}

TEST(events, epoll_is_quiet_when_the_ring_has_been_emptied)
{
	device d(4, 2);
	std::vector<timer> timers;
	const callout::detail::unique_fd ep(::epoll_create1(EPOLL_CLOEXEC));
	epoll_event want{.events = EPOLLIN, .data = {}}, got{};

	ASSERT_EQ(::epoll_ctl(ep.get(), EPOLL_CTL_ADD, d.native_handle(), &want), 0);
	EXPECT_EQ(::epoll_wait(ep.get(), &got, 1, 0), 0);
	for (int i = 0; i < 4; i++) {
		timers.push_back(d.make_timer());
		timers.back().arm_after(i * 5ms);
	}
	std::size_t seen = 0;
	while (seen < 4) {
		ASSERT_EQ(::epoll_wait(ep.get(), &got, 1, 20'000), 1);
		seen += d.ring().consume([](const event &) {});
	}
	EXPECT_EQ(::epoll_wait(ep.get(), &got, 1, 50), 0);
}

// ---- batches ----------------------------------------------------------------------------------

TEST(batch, some_fail)
{
	device d(100), other(1);
	std::vector<timer> timers;
	auto foreign = other.make_timer();
	callout::batch b(d);

	for (unsigned i = 0; i < 99; i++) {
		timers.push_back(d.make_timer());
		b.arm_after(timers.back(), 1h,
			    {.interval = i % 10 == 3 ? -1ns : 0ns, .user_data = i});
	}
	b.arm_after(foreign, 1h);
	EXPECT_EQ(b.submit(), 11U);
	for (unsigned i = 0; i < 99; i++) {
		EXPECT_EQ(b.result(i).error,
			  i % 10 == 3 ? std::error_code(errc::bad_time) : std::error_code());
		EXPECT_EQ(timers[i].armed(), i % 10 != 3);
	}
	EXPECT_EQ(b.result(99).error, errc::no_such_timer);
	EXPECT_FALSE(foreign.armed());

	b.clear();
	for (timer &t : timers)
		b.cancel(t);
	b.arm_after(timers[0], 1ms, {.user_data = 77});
	EXPECT_EQ(b.submit(), 0U);
	for (unsigned i = 0; i < 99; i++)
		EXPECT_EQ(b.result(i).was_armed, i % 10 != 3);
	EXPECT_EQ(next(d)->user_data(), 77U);
	nothing_for(d, 20ms);
}

TEST(batch, many)
{
	constexpr std::uint32_t n = 50'000;
	device d(n);
	std::vector<timer> timers;
	callout::batch b(d);
	const auto begin = steady_clock::now();

	b.reserve(n);
	timers.reserve(n);
	for (std::uint32_t i = 0; i < n; i++) {
		timers.push_back(d.make_timer());
		b.arm_at(timers.back(), begin + 200ms + (i % 100) * 1ms,
			 {.window = 5ms, .user_data = i});
	}
	EXPECT_EQ(b.submit(), 0U);
	std::vector<bool> seen(n);
	for (std::uint32_t i = 0; i < n; i++) {
		const auto e = next(d);
		ASSERT_TRUE(e);
		ASSERT_GE(e->fired_at(), begin + 200ms + (e->user_data() % 100) * 1ms);
		ASSERT_FALSE(seen[e->user_data()]);
		seen[e->user_data()] = true;
	}
	nothing_for(d, 20ms);
}

// ---- threads ----------------------------------------------------------------------------------

// Threads re-arm timers by stores, and mostly too late, so that they expire meanwhile; each time
// that one was armed when it had not been is answered by one expiry.
// The deadline of an event is one that was asked for.
TEST(threads, each_expiry_is_accounted_for)
{
	constexpr unsigned timers = 64, threads = 4;
	device d(timers, 16); // so that there is a backlog
	std::vector<timer> all;
	std::array<std::atomic<std::uint64_t>, timers> armed{};
	std::array<std::uint64_t, timers> expired{};
	std::atomic<std::uint64_t> moved = 0, replaced = 0;
	std::atomic<bool> done = false;

	for (unsigned i = 0; i < timers; i++) {
		all.push_back(d.make_timer());
		all[i].arm_after(1ms, {.user_data = i});
		armed[i] = 1;
	}

	const auto rearm = [&](unsigned seed) {
		std::mt19937 random(seed);

		while (!done) {
			const unsigned i = random() % timers;

			switch (all[i].rearm_after(std::chrono::microseconds(random() % 2000))) {
			case rearmed::anew:
				armed[i]++;
				break;
			case rearmed::replaced:
				replaced++;
				break;
			case rearmed::moved:
				moved++;
			}
		}
	};
	const auto take = [&](const event &e) {
		ASSERT_EQ(e.id(), all[e.user_data()].id());
		ASSERT_GE(e.fired_at(), e.deadline());
		expired[e.user_data()] += e.expiries();
	};
	std::vector<std::thread> workers;
	for (unsigned i = 0; i < threads; i++)
		workers.emplace_back(rearm, i);
	const auto end = steady_clock::now() + 5s;
	while (steady_clock::now() < end)
		if (!d.ring().consume(take))
			(void)d.wait(100ms);
	done = true;
	for (std::thread &t : workers)
		t.join();

	// What was stored is what the kernel goes by: all come to expire.
	const auto any_armed = [&] {
		return std::any_of(all.begin(), all.end(),
				   [](const timer &t) { return t.armed(); });
	};
	const auto limit = steady_clock::now() + 20s;
	while (any_armed() && steady_clock::now() < limit)
		if (!d.ring().consume(take))
			(void)d.wait(10ms);
	EXPECT_FALSE(any_armed());
	for (timer &t : all)
		EXPECT_FALSE(t.cancel());
	while (d.ring().consume(take))
		;
	std::uint64_t total = 0;
	for (unsigned i = 0; i < timers; i++) {
		EXPECT_EQ(expired[i], armed[i]) << "timer " << i;
		total += expired[i];
	}
	nothing_for(d, 20ms);
	// Each has happened, and often.
	EXPECT_GT(total, 100U);
	EXPECT_GT(moved, 1000U);
	EXPECT_GT(replaced, 100U);
	RecordProperty("expired", std::to_string(total));
	std::cout << total << " expired, " << moved << " moved, " << replaced << " replaced\n";
}

// Each thread moves a timer of its own, always to a later time, and always to one that is about to
// come. A store that won though the timer had expired would never be seen by the kernel, nor mended
// by a call: the timer would be armed for good.
TEST(threads, store_versus_expiry)
{
	constexpr unsigned threads = 2;
	device d(threads);
	std::vector<timer> all;
	std::array<std::uint64_t, threads> armed{}, moved{}, expired{};
	std::vector<std::thread> workers;
	std::atomic<unsigned> running = threads;

	for (unsigned i = 0; i < threads; i++)
		all.push_back(d.make_timer());
	for (unsigned i = 0; i < threads; i++) {
		all[i].arm_after(0s, {.user_data = i});
		armed[i] = 1;
		workers.emplace_back([&, i] {
			const auto end = steady_clock::now() + 4s;
			auto to = steady_clock::now();
			std::mt19937 random(i);

			while (steady_clock::now() < end) {
				to = std::max(to, steady_clock::now() +
							  std::chrono::microseconds(random() % 60));
				const rearmed how = all[i].rearm_at(to);
				armed[i] += how == rearmed::anew;
				moved[i] += how == rearmed::moved;
			}
			running--;
		});
	}
	const auto take = [&](const event &e) { expired[e.user_data()] += e.expiries(); };
	while (running)
		if (!d.ring().consume(take))
			(void)d.wait(10ms);
	for (std::thread &t : workers)
		t.join();
	while (d.wait(200ms))
		d.ring().consume(take);
	for (unsigned i = 0; i < threads; i++) {
		EXPECT_FALSE(all[i].armed());
		EXPECT_EQ(expired[i], armed[i]);
		EXPECT_GT(expired[i], 100U);
		EXPECT_GT(moved[i], 1000U);
		std::cout << expired[i] << " expired, " << moved[i] << " moved\n";
	}
}

TEST(threads, make_and_destroy)
{
	device d(32);
	std::vector<std::thread> workers;

	for (unsigned i = 0; i < 4; i++)
		workers.emplace_back([&, i] {
			std::mt19937 random(i);
			for (int n = 0; n < 3000; n++) {
				std::vector<timer> mine;
				for (unsigned k = random() % 8; k; k--) {
					mine.push_back(d.make_timer());
					mine.back().arm_after(
						std::chrono::microseconds(random() % 300));
				}
			}
		});
	for (std::thread &t : workers)
		t.join();
	event e;
	while (d.ring().pop(e))
		;
	nothing_for(d, 20ms);
	std::vector<timer> all;
	for (int i = 0; i < 32; i++)
		all.push_back(d.make_timer());
}

// ---- the loop ---------------------------------------------------------------------------------

task<int> naps(device &d, int n, std::chrono::milliseconds each)
{
	for (int i = 0; i < n; i++) {
		const auto begin = steady_clock::now();
		co_await d.sleep_for(each);
		EXPECT_GE(steady_clock::now(), begin + each);
	}
	co_return n;
}

TEST(loop, sleep)
{
	device d(10);
	callout::loop l(d);

	EXPECT_EQ(l.run(naps(d, 10, 2ms)), 10);
}

TEST(loop, sleep_until_each_clock)
{
	device d(10);
	callout::loop l(d);
	const auto all = [](device &dev) -> task<> {
		const auto mono = steady_clock::now() + 10ms;
		co_await dev.sleep_until(mono);
		EXPECT_GE(steady_clock::now(), mono);
		const auto boot = callout::boot_clock::now() + 10ms;
		co_await dev.sleep_until(boot);
		EXPECT_GE(callout::boot_clock::now(), boot);
		const auto real = system_clock::now() + 10ms;
		co_await dev.sleep_until(real);
		EXPECT_GE(system_clock::now(), real);
		co_await dev.sleep_until(mono); // is over
	};

	l.run(all(d));
}

TEST(loop, many_sleepers)
{
	constexpr int n = 2000;
	device d(n, 64);
	callout::loop l(d);
	int woken = 0;
	const auto one = [](device &dev, int i, int &w) -> task<> {
		for (int k = 0; k < 5; k++)
			co_await dev.sleep_for(std::chrono::microseconds(i * 7 % 5000));
		w++;
	};

	for (int i = 0; i < n; i++)
		l.spawn(one(d, i, woken));
	l.run();
	EXPECT_EQ(woken, n);
	EXPECT_EQ(l.pending(), 0U);
}

// Destroyed at any time: before it expires, when its event is there, after.
TEST(loop, destroyed_while_asleep)
{
	device d(64);
	int woken = 0, gone = 0;

	for (int n = 0; n < 100; n++) {
		callout::loop l(d);
		struct counter {
			int &c;
			~counter() { c++; }
		};
		const auto one = [](device &dev, int i, int &w, int &g) -> task<> {
			const counter c{g};
			const auto at = steady_clock::now() + std::chrono::microseconds(i * 50);
			co_await dev.sleep_for(std::chrono::microseconds(i * 50));
			EXPECT_GE(steady_clock::now(), at); // and not by an earlier loop's event
			w++;
		};
		for (int i = 0; i < 64; i++)
			l.spawn(one(d, i, woken, gone));
		std::this_thread::sleep_for(1ms);
		if (n % 2) // every other time the events are left to the next loop
			while (l.poll())
				;
	}
	EXPECT_EQ(gone, 6400);
	EXPECT_GT(woken, 0);
	EXPECT_LT(woken, 6400);
	event e;
	while (d.ring().pop(e))
		;
	nothing_for(d, 20ms);
}

TEST(loop, driven_by_epoll)
{
	device d(10);
	callout::loop l(d);
	int n = 0;
	auto h = l.every(2ms, [&](const event &e) { n += static_cast<int>(e.expiries()); });
	const callout::detail::unique_fd ep(::epoll_create1(EPOLL_CLOEXEC));
	epoll_event want{.events = EPOLLIN, .data = {}}, got{};

	ASSERT_EQ(::epoll_ctl(ep.get(), EPOLL_CTL_ADD, l.native_handle(), &want), 0);
	while (n < 20) {
		ASSERT_EQ(::epoll_wait(ep.get(), &got, 1, 20'000), 1);
		l.poll();
	}
}

TEST(loop, idle_timeouts)
{
	device d(10);
	callout::loop l(d);
	int timeouts = 0, packets = 0;
	auto idle = l.after(30ms, [&](const event &) { timeouts++; });
	callout::handler traffic = l.every(5ms, [&](const event &) {
		idle.rearm_after(30ms);
		if (++packets == 20)
			traffic.cancel();
	});

	l.run();
	EXPECT_EQ(packets, 20);
	EXPECT_GE(timeouts, 1); // more if the machine was late by 25 ms
}

TEST(loop, stopped_by_another_thread)
{
	device d(1);
	callout::loop l(d);
	auto h = l.after(1h, [](const event &) {});
	std::thread t([&] {
		std::this_thread::sleep_for(20ms);
		l.stop();
	});

	l.run();
	t.join();
	EXPECT_EQ(l.pending(), 1U);
}

} // namespace
