// SPDX-License-Identifier: GPL-2.0
// One timerfd, and a heap in the program: what most event loops do. The timerfd is set before the
// program waits, if the first deadline is another one then.
#include "heap.hpp"
#include "facility.hpp"

#include <sys/timerfd.h>

namespace bench {
namespace {

class HeapTimers : public Facility {
public:
	HeapTimers(std::uint32_t n, Moves moves)
		: moves_(moves), fd_(static_cast<int>(check(
					 timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd"))),
		  heap_(n), due_(n)
	{
		called(0, "timerfd_create");
	}

	void arm(std::span<const Shot> shots) override
	{
		for (const auto &shot : shots) {
			due_[shot.id] = shot.deadline;
			heap_.add(shot.id, shot.deadline);
		}
	}

	void later(std::span<const Shot> shots) override
	{
		for (const auto &shot : shots) {
			due_[shot.id] = shot.deadline;
			if (moves_ == Moves::at_once)
				heap_.move(shot.id, shot.deadline);
		}
	}

	void earlier(std::span<const Shot> shots) override
	{
		for (const auto &shot : shots) {
			due_[shot.id] = shot.deadline;
			heap_.move(shot.id, shot.deadline);
		}
	}

	void cancel(std::span<const std::uint32_t> ids) override
	{
		for (const auto id : ids)
			heap_.remove(id);
	}

	std::size_t collect(std::span<std::uint32_t> ids, Time until) override
	{
		for (;;) {
			if (const auto n = take(ids, now()))
				return n;
			set(heap_.empty() ? Time(0) : heap_.first().deadline);
			if (!readable(fd_.get(), until))
				return 0;
			// It stays readable until it is set again, or read.
			set_ = Time(-1);
		}
	}

private:
	std::size_t take(std::span<std::uint32_t> ids, Time at)
	{
		std::size_t n = 0;

		while (n < ids.size() && !heap_.empty() && heap_.first().deadline <= at) {
			const auto id = heap_.first().id;

			if (due_[id] > at) {
				heap_.move(id, due_[id]);
			} else {
				heap_.remove(id);
				ids[n++] = id;
			}
		}
		return n;
	}

	void set(Time deadline)
	{
		const itimerspec t = {.it_interval = {}, .it_value = to_timespec(deadline)};

		if (deadline == set_)
			return;
		called(timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &t, nullptr),
		       "timerfd_settime");
		set_ = deadline;
	}

	Moves moves_;
	FileDescriptor fd_;
	Heap heap_;
	std::vector<Time> due_; // may be later than in the heap
	Time set_{0};
};

} // namespace

std::unique_ptr<Facility> make_heap(std::uint32_t n, Moves moves)
{
	return std::make_unique<HeapTimers>(n, moves);
}

} // namespace bench
