// SPDX-License-Identifier: GPL-2.0
// How late a program sees its timers: /dev/callout and timerfds, each twice, in one epoll set, by
// turns of chance. What disturbs the machine disturbs all of them alike.
#include "rounds.hpp"
#include "statistics.hpp"
#include "workloads.hpp"

#include <array>
#include <fcntl.h>
#include <linux/callout.h>
#include <random>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace bench {
namespace {

using nlohmann::json;

constexpr std::uint32_t per_block = 250; // timers of each group

class Group {
public:
	virtual ~Group() = default;
	virtual void arm(std::uint32_t id, Time deadline) = 0;
	// After the epoll set has told of it: calls f(id) for each that has expired.
	virtual void collect(std::uint32_t told, const std::function<void(std::uint32_t)> &f) = 0;
};

void watch(const FileDescriptor &epoll, int fd, std::uint32_t group, std::uint32_t id)
{
	epoll_event event = {.events = EPOLLIN,
			     .data = {.u64 = static_cast<std::uint64_t>(group) << 32 | id}};

	check(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

class CalloutGroup : public Group {
public:
	CalloutGroup(const FileDescriptor &epoll, std::uint32_t group, std::uint32_t pending)
		: fd_(static_cast<int>(
			  check(open("/dev/callout", O_RDWR | O_NONBLOCK), "/dev/callout")))
	{
		callout_setup setup = {.size = sizeof(setup),
				       .flags = 0,
				       .timers = per_block + pending,
				       .events = per_block};

		check(ioctl(fd_.get(), CALLOUT_IOC_SETUP, &setup), "CALLOUT_IOC_SETUP");
		for (std::uint32_t i = 0; i < pending; i++)
			arm(per_block + i, now() + 10h + scatter(i) % pending * 1us);
		watch(epoll, fd_.get(), group, 0);
	}

	void arm(std::uint32_t id, Time deadline) override
	{
		callout_timer timer = {};
		callout_vector v = {.size = sizeof(v),
				    .flags = 0,
				    .entries = reinterpret_cast<std::uintptr_t>(&timer),
				    .count = 1,
				    .reserved = 0};

		timer.id = id;
		timer.clockid = CLOCK_MONOTONIC;
		timer.deadline = static_cast<std::uint64_t>(deadline.count());
		check(ioctl(fd_.get(), CALLOUT_IOC_ARM, &v), "CALLOUT_IOC_ARM");
		check(timer.result, "CALLOUT_IOC_ARM");
	}

	void collect(std::uint32_t, const std::function<void(std::uint32_t)> &f) override
	{
		callout_event events[64];
		const auto n = read(fd_.get(), events, sizeof(events));

		for (long i = 0; i < n / static_cast<long>(sizeof(events[0])); i++)
			f(events[i].id);
	}

private:
	FileDescriptor fd_;
};

class TimerfdGroup : public Group {
public:
	TimerfdGroup(const FileDescriptor &epoll, std::uint32_t group, std::uint32_t pending)
	{
		for (std::uint32_t id = 0; id < per_block + pending; id++) {
			fds_.emplace_back(static_cast<int>(
				check(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), "timerfd")));
			watch(epoll, fds_.back().get(), group, id);
			if (id >= per_block)
				arm(id, now() + 10h + scatter(id) % pending * 1us);
		}
	}

	void arm(std::uint32_t id, Time deadline) override
	{
		const itimerspec t = {.it_interval = {}, .it_value = to_timespec(deadline)};

		check(timerfd_settime(fds_[id].get(), TFD_TIMER_ABSTIME, &t, nullptr),
		      "timerfd_settime");
	}

	void collect(std::uint32_t told, const std::function<void(std::uint32_t)> &f) override
	{
		std::uint64_t times;

		if (read(fds_[told].get(), &times, sizeof(times)) == sizeof(times))
			f(told);
	}

private:
	std::vector<FileDescriptor> fds_;
};

constexpr std::array names = {"callout", "callout again", "timerfd", "timerfd again"};

struct Block {
	std::array<std::vector<std::int64_t>, names.size()> late;
	std::size_t early = 0, doubled = 0;
};

class Lateness {
public:
	explicit Lateness(std::uint32_t pending)
		: epoll_(static_cast<int>(check(epoll_create1(0), "epoll_create1")))
	{
		groups_[0] = std::make_unique<CalloutGroup>(epoll_, 0, pending);
		groups_[1] = std::make_unique<CalloutGroup>(epoll_, 1, pending);
		groups_[2] = std::make_unique<TimerfdGroup>(epoll_, 2, pending);
		groups_[3] = std::make_unique<TimerfdGroup>(epoll_, 3, pending);
	}

	Block block()
	{
		Block block;
		const auto deadlines = arm();
		const auto last = now() + 10s;
		std::array<std::vector<bool>, names.size()> seen;

		for (auto &s : seen)
			s.resize(per_block);
		for (std::size_t left = per_block * names.size(); left && now() < last;) {
			std::array<epoll_event, 64> events;
			const auto n = check(epoll_wait(epoll_.get(), events.data(), 64, 1000),
					     "epoll_wait");
			const auto at = now();

			for (long i = 0; i < n; i++) {
				const auto group = events[i].data.u64 >> 32;

				groups_[group]->collect(
					static_cast<std::uint32_t>(events[i].data.u64),
					[&](std::uint32_t id) {
						const auto late = at - deadlines[group][id];

						// It may have come since, and is no sign then.
						block.late[group].push_back(
							std::max(late, Time(0)).count());
						block.early += now() < deadlines[group][id];
						block.doubled += seen[group][id];
						seen[group][id] = true;
						left--;
					});
			}
		}
		return block;
	}

private:
	using Deadlines = std::array<std::vector<Time>, names.size()>;

	// A deadline every 0.2 to 1.8 ms, for a timer of a group of chance.
	Deadlines arm()
	{
		Deadlines deadlines;
		std::vector<std::uint32_t> groups;
		std::uniform_int_distribution<> gap(200'000, 1'800'000);
		auto at = now() + 50ms;

		for (std::uint32_t group = 0; group < names.size(); group++)
			groups.insert(groups.end(), per_block, group);
		std::ranges::shuffle(groups, random_);
		for (const auto group : groups) {
			at += Time(gap(random_));
			groups_[group]->arm(static_cast<std::uint32_t>(deadlines[group].size()),
					    at);
			deadlines[group].push_back(at);
		}
		return deadlines;
	}

	FileDescriptor epoll_;
	std::array<std::unique_ptr<Group>, names.size()> groups_;
	std::mt19937 random_{1};
};

json quantiles(const std::vector<std::int64_t> &late)
{
	return {{"p50", quantile(late, 0.5)},
		{"p99", quantile(late, 0.99)},
		{"p999", quantile(late, 0.999)},
		{"max", quantile(late, 1)},
		{"samples", late.size()}};
}

} // namespace

json measure_lateness(unsigned blocks, std::uint32_t pending)
{
	Lateness lateness(pending);
	Block all;

	lateness.block(); // for the caches
	for (unsigned i = 0; i < blocks; i++) {
		const auto block = lateness.block();

		all.early += block.early;
		all.doubled += block.doubled;
		for (std::size_t g = 0; g < names.size(); g++)
			all.late[g].insert(all.late[g].end(), block.late[g].begin(),
					   block.late[g].end());
	}
	const std::size_t expected = static_cast<std::size_t>(blocks) * per_block;
	json runs = json::array();
	for (std::size_t g = 0; g < names.size(); g++) {
		const auto came = all.late[g].size();

		runs.push_back({{"workload", "lateness"},
				{"facility", g < 2 ? "callout" : "timerfd"},
				{"control", g % 2 == 1},
				{"n", pending},
				{"batch", 1},
				{"late", quantiles(all.late[g])},
				{"values", all.late[g]},
				{"events",
				 {{"expected", expected},
				  {"lost", expected - std::min(came, expected)},
				  {"early", all.early},
				  {"doubled", all.doubled},
				  {"right", came == expected && !all.early && !all.doubled}}}});
	}
	return runs;
}

} // namespace bench
