// SPDX-License-Identifier: GPL-2.0
// Limits: by descriptor, by user, by second; and as many timers as there can be.
#include "device.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>

#include <grp.h>
#include <sys/mount.h>
#include <sys/stat.h>

namespace {

// The mode with which others than root may open the device; as it was when this goes.
class OpenToAll {
public:
	OpenToAll() { ::chmod(path, 0666); }
	OpenToAll(const OpenToAll &) = delete;
	OpenToAll &operator=(const OpenToAll &) = delete;
	~OpenToAll() { ::chmod(path, 0600); }
};

// As such a user, in a child, without privileges.
template <typename F>
bool as_user(uid_t uid, F &&function)
{
	return in_child([&] {
		return ::setgroups(0, nullptr) == 0 && ::setgid(uid) == 0 && ::setuid(uid) == 0 &&
		       function();
	});
}

long setup_new(u32 timers)
{
	Device d;
	return d.setup(timers, 1);
}

bool check(bool condition, const char *what)
{
	if (!condition)
		ktap::say(std::string{"not so: "} + what);
	return condition;
}
#define AND(condition) check(condition, #condition)

// Many timers, each once: what has come of them.
class Tally {
public:
	explicit Tally(u32 timers) : seen_(timers) {}

	void add(const callout_event &e)
	{
		if (e.id >= seen_.size() || e.fired_at < e.deadline || e.overruns ||
		    e.user_data != e.id)
			wrong_++;
		else if (seen_[e.id]++)
			twice_++;
		else
			count_++;
	}
	std::size_t count() const { return count_; }
	std::size_t wrong() const { return wrong_ + twice_; }
	void clear()
	{
		std::fill(seen_.begin(), seen_.end(), 0);
		count_ = 0;
	}

private:
	std::vector<unsigned char> seen_;
	std::size_t count_ = 0, wrong_ = 0, twice_ = 0;
};

u64 number_in(const std::string &file)
{
	u64 n = 0;
	std::ifstream{file} >> n;
	return n;
}

void write_to(const std::string &file, const std::string &text)
{
	std::ofstream{file} << text;
}

} // namespace

CASE(timers_of_a_descriptor)
{
	Parameter most{"dev_max_timers", 100};

	CHECK_EQ(setup_new(101), -EINVAL);
	CHECK_EQ(setup_new(100), 0);
	Device d;
	CHECK_EQ(d.info().max_timers, 100);
	CHECK_EQ(d.info().max_events, 128);
	CHECK_EQ(d.setup(100, 129), -EINVAL);
	CHECK_EQ(d.setup(100, 128), 0);
	Parameter fewer{"dev_max_timers", 10};
	// What is there stays.
	CHECK_EQ(d.arm(timer_at(99, 1)), 0);
	CHECK_EQ(d.events().size(), 1);
}

CASE(no_timers_at_all)
{
	Parameter most{"dev_max_timers", 0};
	Device d;

	CHECK_EQ(d.info().max_timers, 0);
	CHECK_EQ(d.info().max_events, 1);
	CHECK_EQ(d.setup(1, 1), -EINVAL);
	CHECK_EQ(d.setup(0, 1), -EINVAL);
}

CASE(more_than_can_be_numbered)
{
	Parameter most{"dev_max_timers", 0xffffffff};
	Device d;

	CHECK_EQ(d.info().max_timers, 1 << 24);
	CHECK_EQ(d.info().max_events, 1 << 24);
	CHECK_EQ(d.setup(0xffffffff, 1), -EINVAL);
	CHECK_EQ(d.setup((1 << 24) + 1, 1), -EINVAL);
}

CASE(closed_to_others)
{
	struct stat s {};

	REQUIRE_EQ(::stat(path, &s), 0);
	CHECK(S_ISCHR(s.st_mode));
	CHECK_EQ(s.st_mode & 0777, 0600);
	CHECK(as_user(1000, [] { return ::open(path, O_RDWR) < 0 && errno == EACCES; }));
}

CASE(timers_of_a_user)
{
	Parameter most{"dev_max_user_timers", 100};
	OpenToAll open;

	CHECK(as_user(1000, [] {
		Device a, b;
		bool fine = AND(a.info().max_user_timers == 100);
		fine &= AND(setup_new(101) == -EDQUOT);
		fine &= AND(a.setup(60, 1) == 0);
		fine &= AND(b.setup(41, 1) == -EDQUOT);
		// That has left nothing behind.
		fine &= AND(b.info().timers == 0);
		fine &= AND(b.setup(40, 1) == 0);
		fine &= AND(setup_new(1) == -EDQUOT);
		b.close();
		fine &= AND(setup_new(41) == -EDQUOT && setup_new(40) == 0);
		a.close();
		fine &= AND(setup_new(100) == 0);
		return fine;
	}));
	// Whatever it left has gone with it.
	CHECK(as_user(1000, [] { return setup_new(100) == 0; }));
}

CASE(users_do_not_share)
{
	Parameter most{"dev_max_user_timers", 100};
	OpenToAll open;
	Device root;

	// Who may have more than his share has it.
	CHECK_EQ(root.setup(1000, 1), 0);
	CHECK(as_user(1000, [] {
		Device d;
		return AND(d.setup(100, 1) == 0) && AND(setup_new(1) == -EDQUOT);
	}));
	Device kept;
	CHECK(as_user(1000, [&] { return AND(kept.setup(100, 1) == 0); }));
	CHECK(as_user(1000, [] { return AND(setup_new(1) == -EDQUOT); }));
	CHECK(as_user(1001, [] { return AND(setup_new(100) == 0); }));
	kept.close();
	CHECK(as_user(1000, [] { return AND(setup_new(100) == 0); }));
}

// Memory is memory: a large ring counts as many timers.
CASE(events_of_a_user)
{
	Parameter most{"dev_max_user_timers", 100};
	OpenToAll open;

	CHECK(as_user(1000, [] {
		Device a, b;
		bool fine = AND(a.setup(1, 101) == -EDQUOT);
		fine &= AND(a.setup(1, 60) == 0);
		fine &= AND(b.setup(1, 41) == -EDQUOT);
		fine &= AND(b.setup(40, 1) == 0);
		a.close();
		return fine & AND(setup_new(60) == 0) & AND(setup_new(61) == -EDQUOT);
	}));
}

CASE(a_mapping_counts_until_it_goes)
{
	Parameter most{"dev_max_user_timers", 100};
	OpenToAll open;

	CHECK(as_user(1000, [] {
		Device d;
		bool fine = AND(d.setup(100, 1) == 0);
		auto map = d.map_slots();
		d.close();
		fine &= AND(setup_new(1) == -EDQUOT);
		map = Mapping{};
		return fine & AND(setup_new(100) == 0);
	}));
}

CASE(users_come_and_go)
{
	Parameter most{"dev_max_user_timers", 10};
	OpenToAll open;

	CHECK(as_user(1000, [] {
		std::vector<std::thread> threads;
		std::atomic<unsigned> wrong = 0;
		for (int n = 0; n < 4; n++)
			threads.emplace_back([&] {
				for (int k = 0; k < 300; k++) {
					auto err = setup_new(5);
					wrong += err && err != -EDQUOT;
				}
			});
		for (auto &t : threads)
			t.join();
		return AND(wrong == 0) && AND(setup_new(10) == 0);
	}));
}

CASE(a_small_budget_delivers_all)
{
	for (u64 budget : {4000, 1, 0}) {
		Parameter p{"dev_budget", budget};
		constexpr u32 timers = 2000;
		Device d{timers, 2048};
		std::vector<callout_timer> t;
		Tally tally{timers};
		auto at = now() + 20 * ms;

		CHECK_EQ(d.info().budget, budget);
		for (u32 n = 0; n < timers; n++)
			t.push_back(timer_at(n, at + n * 5 * us));
		REQUIRE_EQ(d.arm(t), timers);
		for (auto &e : d.await(timers))
			tally.add(e);
		auto took = now() - at;
		CHECK_EQ(tally.count(), timers);
		CHECK_EQ(tally.wrong(), 0);
		for (u32 n = 0; n < timers; n++)
			if (d.armed(n)) {
				CHECK_EQ(d.look(n).deadline, 0);
				break;
			}
		ktap::say("budget " + std::to_string(budget) + ": " + std::to_string(took / ms) +
			  " ms");
		CHECK(!d.ready(5));
	}
}

CASE(what_is_beyond_the_budget_can_be_cancelled_and_moved)
{
	Parameter p{"dev_budget", 0};
	constexpr u32 timers = 64;
	Device d{timers, 1024};
	Slots s{d};
	std::atomic<u64> arms = 0, gone = 0, fired = 0;
	Random random{4};

	for (auto end = now() + (ktap::quick ? 1 : 5) * sec; now() < end;) {
		auto id = static_cast<u32>(random.below(timers));
		switch (random.below(4)) {
		case 0:
			gone += static_cast<u64>(d.cancel(id));
			break;
		case 1:
			if (u64 was = s[id].load(); was)
				s.move(id, was, was + random.below(100 * us));
			break;
		default:
			arms++;
			gone += static_cast<u64>(d.arm(timer_in(id, random.below(100 * us))));
		}
		for (auto &e : d.events()) {
			fired += 1 + e.overruns;
			CHECK(e.fired_at >= e.deadline);
		}
	}
	while (d.ready(100))
		fired += d.events().size();
	CHECK_EQ(gone + fired, arms.load());
	ktap::say(std::to_string(arms) + " arms, " + std::to_string(fired) + " fired");
	CHECK(fired > 100);
}

CASE(intervals_with_a_small_budget)
{
	Parameter p{"dev_budget", 2};
	constexpr u32 timers = 50;
	Device d{timers, 4096};
	std::array<u64, timers> expired{};
	auto first = now() + 20 * ms, interval = 3 * ms;

	for (u32 n = 0; n < timers; n++)
		d.arm(timer_at(n, first, interval));
	for (auto end = now() + sec; now() < end;)
		for (auto &e : d.await(10)) {
			expired[e.id] += 1 + e.overruns;
			CHECK_EQ(e.deadline, first + (expired[e.id] - 1) * interval);
			CHECK(e.fired_at >= e.deadline);
		}
	u64 least = *std::min_element(expired.begin(), expired.end());
	ktap::say("least: " + std::to_string(least) + " of " + std::to_string(980 * ms / interval));
	CHECK(least > 50);
}

// One descriptor with as many as it can have: armed, armed anew, moved by stores, expired, each
// once.
CASE_WITHIN(a_million_timers, 280)
{
	u32 timers = ktap::quick ? 100000 : 1000000;
	u64 memory = static_cast<u64>(::sysconf(_SC_AVPHYS_PAGES)) * page_size();
	if (memory < timers * u64{600})
		ktap::skip("too little memory");
	Device d{timers, timers};
	Slots s{d};
	Ring r{d};
	Tally tally{timers};
	std::vector<callout_timer> t;
	Random random{9};
	auto begin = now();
	auto lap = [&](const char *what) {
		auto t1 = now();
		ktap::say(std::string{what} + ": " + std::to_string((t1 - begin) / timers) +
			  " ns each");
		begin = t1;
	};

	for (u32 n = 0; n < timers; n++)
		t.push_back(timer_in(n, 1000 * sec + random.below(sec)));
	REQUIRE_EQ(d.arm(t), timers);
	lap("armed");
	CHECK(std::all_of(t.begin(), t.end(), [](auto &e) { return e.result == 0; }));
	for (auto &e : t)
		e.deadline = 300 * sec + random.below(sec);
	auto arming = now();
	REQUIRE_EQ(d.arm(t), timers);
	arming = now() - arming;
	lap("armed anew");
	CHECK(std::all_of(t.begin(), t.end(), [](auto &e) { return e.result == 1; }));
	for (u32 n = 0; n < timers; n++) {
		auto was = s[n].load();
		REQUIRE(was != 0);
		REQUIRE(s.move(n, was, was + sec));
	}
	lap("moved");
	auto at = now() + 4 * arming;
	for (u32 n = 0; n < timers; n++) {
		t[n] = timer_at(n, at + random.below(sec));
		t[n].result = 0;
	}
	REQUIRE_EQ(d.arm(t), timers);
	lap("armed for soon");
	for (u32 n = 0; n < timers; n++) // those that are in time
		if (auto was = s[n].load(); was && n % 2)
			s.move(n, was, was + 500 * ms);
	for (auto end = now() + 200 * sec; tally.count() < timers && now() < end;) {
		while (auto e = r.take())
			tally.add(*e);
		d.ready(10);
	}
	lap("expired");
	CHECK_EQ(tally.count(), timers);
	CHECK_EQ(tally.wrong(), 0);
	CHECK(!d.ready(100));

	// All over already.
	tally.clear();
	for (auto &e : t)
		e.deadline = 1;
	REQUIRE_EQ(d.arm(t), timers);
	lap("armed for the past");
	while (auto e = r.take())
		tally.add(*e);
	CHECK_EQ(tally.count(), timers);
	CHECK_EQ(tally.wrong(), 0);
	lap("taken");
}

CASE(memory_is_the_groups)
{
	namespace fs = std::filesystem;
	const fs::path root{"/tmp/cgroup"};
	constexpr u32 timers = 100000;

	fs::create_directory(root);
	if (::mount("none", root.c_str(), "cgroup2", 0, nullptr) && errno != EBUSY)
		ktap::skip("no cgroup2 in this kernel");
	write_to(root / "cgroup.subtree_control", "+memory");
	auto group = root / "dev";
	fs::create_directory(group);
	if (!fs::exists(group / "memory.current"))
		ktap::skip("no memory controller in this kernel");
	CHECK(in_child([&] {
		write_to(group / "cgroup.procs", std::to_string(::getpid()));
		auto before = number_in(group / "memory.current");
		Device d{timers, timers};
		auto with = number_in(group / "memory.current");
		ktap::say(std::to_string((with - before) / timers) +
			  " bytes for a timer and an event");
		bool fine = AND(with > before + timers * (sizeof(callout) + sizeof(callout_event)));
		d.close();
		auto after = number_in(group / "memory.current");
		return fine & AND(after < before + (with - before) / 4);
	}));
	fs::remove(group);
	::umount(root.c_str());
}

CASE(memory_that_is_not_to_be_had)
{
	// Where the kernel can be made to fail.
	const std::string inject = "/sys/kernel/debug/fail_page_alloc/";
	if (::access((inject + "times").c_str(), W_OK) || ::access("/proc/self/make-it-fail", W_OK))
		ktap::skip("no fault injection in this kernel");
	write_to(inject + "task-filter", "Y");
	write_to(inject + "ignore-gfp-wait", "N");
	write_to(inject + "ignore-gfp-highmem", "N");
	write_to(inject + "min-order", "0");
	write_to(inject + "verbose", "0");
	write_to(inject + "probability", "100");
	unsigned failed = 0;
	CHECK(in_child([&] {
		for (int space = 0; space < 60; space++) {
			Device d;
			// One more succeeds each time before it fails.
			write_to(inject + "space", std::to_string(space * 4096 * 2));
			write_to(inject + "times", "1");
			write_to("/proc/self/make-it-fail", "1");
			auto err = d.setup(5000, 5000);
			write_to("/proc/self/make-it-fail", "0");
			if (err && err != -ENOMEM)
				return false;
			failed += err == -ENOMEM;
			if (err && (d.info().timers || d.setup(5000, 5000)))
				return false;
			if (d.arm(timer_at(4999, 1)) || Ring{d}.take()->id != 4999)
				return false;
		}
		ktap::say(std::to_string(failed) + " of 60 failed");
		return failed > 0;
	}));
	write_to(inject + "probability", "0");
	write_to(inject + "times", "0");
}

int main(int argc, char **argv)
{
	return ktap::run(argc, argv);
}
