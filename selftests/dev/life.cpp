// SPDX-License-Identifier: GPL-2.0
// Descriptors that go while their timers are armed, and calls that race with all of that.
#include "device.hpp"

#include <algorithm>
#include <array>

#include <sys/epoll.h>
#include <sys/syscall.h>

namespace {

std::vector<callout_timer> many(u32 timers, u64 from_now, u64 spread, u64 interval = 0)
{
	std::vector<callout_timer> t;
	auto at = now() + from_now;

	for (u32 n = 0; n < timers; n++)
		t.push_back(timer_at(n, at + n * spread / timers, interval));
	return t;
}

} // namespace

CASE(closed_with_many_armed)
{
	constexpr u32 timers = 100000;

	for (u64 from_now : {1000 * sec, 100 * ms, u64{0}}) {
		Device d{timers, 1024};
		auto t = many(timers, from_now, 200 * ms, 10 * ms);
		REQUIRE_EQ(d.arm(t), timers);
		auto begin = now();
		d.close();
		ktap::say("closed in " + std::to_string((now() - begin) / us) + " us");
	}
	// Nothing comes of them any more.
	sleep_ns(100 * ms);
}

CASE(closed_as_they_expire)
{
	for (auto end = now() + (ktap::quick ? 1 : 10) * sec; now() < end;) {
		Device d{300, 64};
		auto t = many(300, 100 * us, ms, 50 * us);
		d.arm(t);
		sleep_ns(700 * us);
	}
}

CASE(closed_with_some_waiting_for_the_thread)
{
	Parameter p{"dev_budget", 1};

	for (auto end = now() + (ktap::quick ? 1 : 10) * sec; now() < end;) {
		Device d{300, 64};
		auto t = many(300, 100 * us, ms, 50 * us);
		d.arm(t);
		sleep_ns(900 * us);
	}
}

CASE(killed)
{
	for (int n = 0; n < 20; n++) {
		std::array<int, 2> ready;
		REQUIRE_EQ(::pipe(ready.data()), 0);
		auto child = ::fork();
		if (child == 0) {
			Device d{5000, 64, O_RDWR};
			Slots s{d};
			auto t = many(5000, ms, 20 * ms, ms);
			callout_event e;
			d.arm(t);
			[[maybe_unused]] auto w = ::write(ready[1], "x", 1);
			for (;;)
				d.read({&e, 1});
		}
		char c;
		CHECK_EQ(::read(ready[0], &c, 1), 1);
		sleep_ns(10 * ms);
		::kill(child, SIGKILL);
		::waitpid(child, nullptr, 0);
		::close(ready[0]);
		::close(ready[1]);
	}
}

CASE(close_on_exec)
{
	for (bool kept : {false, true}) {
		Device d{4, 4, kept ? O_RDWR : O_RDWR | O_CLOEXEC};
		d.arm(timer_in(0, 10 * ms, 5 * ms));
		auto name = "/proc/self/fd/" + std::to_string(d.get());
		auto child = ::fork();
		if (child == 0) {
			::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
			::execl("/bin/busybox", "readlink", name.c_str(), nullptr);
			::_exit(99);
		}
		int status = 0;
		::waitpid(child, &status, 0);
		CHECK_EQ(WEXITSTATUS(status), kept ? 0 : 1);
		CHECK(d.armed(0));
	}
}

CASE(a_mapping_outlives_the_descriptor)
{
	Device d{1000, 1024};
	Slots s{d};
	Ring r{d};
	auto at = now() + 60 * ms;
	auto t = many(1000, 60 * ms, 10 * ms);

	d.arm(t);
	d.close();
	// It is the same file still: its timers expire, can be moved, and the events come.
	auto was = s[0].load();
	auto moved = was + 50 * ms;
	bool late = !s.move(0, was, moved);
	for (auto end = now() + 10 * sec; r.head() < 1000 && now() < end;)
		sleep_ns(ms);
	CHECK_EQ(r.head(), 1000);
	u32 count = 0;
	while (auto e = r.take()) {
		CHECK(e->fired_at >= e->deadline);
		CHECK(e->deadline >= at);
		if (e->id == 0 && !late)
			CHECK_EQ(e->deadline, moved);
		count++;
	}
	CHECK_EQ(count, 1000);
	s[5] = 17;
	CHECK_EQ(s[5].load(), 17);
}

CASE(a_mapping_is_there_when_the_process_ends)
{
	for (int n = 0; n < 10; n++) {
		auto child = ::fork();
		if (child == 0) {
			Device d{5000, 1024};
			Slots s{d};
			Ring r{d};
			auto t = many(5000, ms, 20 * ms, 100 * us);
			d.arm(t);
			d.close();
			sleep_ns(5 * ms);
			::_exit(0);
		}
		::waitpid(child, nullptr, 0);
	}
}

CASE(parts_of_a_mapping_go)
{
	Device d{4096, 4096};
	Slots s{d};
	auto *bytes = s.mapping().bytes();

	for (std::size_t n = 0; n < s.mapping().size() / 8; n++)
		s[static_cast<u32>(n)] = n;
	// Unmapped, forgotten, locked and protected: the words are where they were.
	::madvise(bytes, s.mapping().size(), MADV_DONTNEED);
	for (u32 n = 0; n < 4096; n++)
		CHECK_EQ(s[n].load(), n);
	::mlock(bytes, s.mapping().size());
	::munmap(bytes + page_size(), page_size());
	CHECK_EQ(s[4095].load(), 4095);
	::mprotect(bytes, page_size(), PROT_READ);
	CHECK_EQ(s[5].load(), 5);
	auto again = d.map_slots();
	CHECK_EQ(again.as<u64>()[page_size() / 8 + 1], page_size() / 8 + 1);
}

CASE(system_calls_into_the_mapping)
{
	// The kernel writes to it for other calls, and reads vectors from it.
	Device d{4096, 4096};
	auto ring = d.map_ring();
	std::array<int, 2> pipe;

	REQUIRE_EQ(::pipe(pipe.data()), 0);
	CHECK_EQ(::write(pipe[1], "abcdefgh", 8), 8);
	auto *at = ring.bytes() + page_size();
	CHECK_EQ(::read(pipe[0], at, 8), 8);
	CHECK_EQ(std::memcmp(at, "abcdefgh", 8), 0);
	auto *t = reinterpret_cast<callout_timer *>(at);
	for (u32 n = 0; n < 20; n++)
		t[n] = timer_at(n, n + 1);
	CHECK_EQ(d.vector(CALLOUT_IOC_ARM, t, 20), 20);
	CHECK_EQ(t[19].result, 0);
	// read() from the ring into the ring.
	CHECK_EQ(result(::read(d.get(), at, 800)), 800);
	CHECK_EQ(reinterpret_cast<callout_event *>(at)[19].id, 19);
}

// All calls at once, and the descriptor is closed under them, again and again.
CASE_WITHIN(calls_that_race_with_close, 120)
{
	constexpr u32 timers = 2000;
	std::atomic<bool> stop = false;
	std::atomic<int> current = -1;
	std::atomic<u64> calls = 0, descriptors = 0;
	std::vector<std::thread> threads;

	for (u64 n = 0; n < 4; n++)
		threads.emplace_back([&, n] {
			Random random{n + 1};
			std::vector<callout_timer> t;
			std::array<callout_event, 16> e;
			while (!stop) {
				int fd = current;
				if (fd < 0)
					continue;
				// Whatever it is by now; never closed here.
				Device d{Fd{fd}};
				switch (random.below(9)) {
				case 0:
					d.setup(timers, 256);
					break;
				case 1:
				case 2:
					t.clear();
					for (u64 k = random.below(50); k; k--)
						t.push_back(timer_in(
							static_cast<u32>(random.below(timers)),
							random.below(ms),
							random.below(2) * random.below(ms),
							random.below(2) ? CLOCK_MONOTONIC
									: CLOCK_REALTIME));
					d.arm(t);
					break;
				case 3:
					d.cancel(static_cast<u32>(random.below(timers)));
					break;
				case 4: {
					callout_timer one{};
					one.id = static_cast<u32>(random.below(timers));
					d.vector(CALLOUT_IOC_GET, &one, 1);
					break;
				}
				case 5:
					::read(fd, e.data(), sizeof(e));
					break;
				case 6:
					d.poll(0);
					break;
				case 7: {
					auto m = d.map(0, page_size());
					if (m)
						m.as<u64>()[random.below(512)] =
							random.below(2) ? now() : random();
					break;
				}
				case 8: {
					Fd copy{::dup(fd)};
					auto m = d.map(CALLOUT_MMAP_EVENTS, page_size());
					if (m && random.below(2))
						m.as<u32>()[random.below(1024)] =
							static_cast<u32>(random());
					break;
				}
				}
				calls++;
				d.release();
			}
		});
	const auto enough = [&] { return calls > 1000 && descriptors > 50; };
	for (auto end = now() + (ktap::quick ? 3 : 20) * sec;
	     now() < end || (!enough() && now() < end + 20 * sec);) {
		auto fd = ::open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		REQUIRE(fd >= 0);
		current = fd;
		sleep_ns(3 * ms);
		current = -1;
		::close(fd);
		descriptors++;
	}
	stop = true;
	for (auto &t : threads)
		t.join();
	ktap::say(std::to_string(calls) + " calls, " + std::to_string(descriptors) +
		  " descriptors");
	CHECK(enough());
}

CASE(many_descriptors)
{
	constexpr u32 count = 500;
	std::vector<Device> all;
	std::size_t events = 0;
	auto at = now() + 200 * ms;

	for (u32 n = 0; n < count; n++) {
		all.emplace_back(4, 4);
		for (u32 id = 0; id < 4; id++)
			all.back().arm(timer_at(id, at + n * 100 * us));
	}
	for (auto &d : all)
		for (auto &e : d.await(4)) {
			CHECK(e.fired_at >= e.deadline);
			events++;
		}
	CHECK_EQ(events, 4 * count);
}

int main(int argc, char **argv)
{
	return ktap::run(argc, argv);
}
