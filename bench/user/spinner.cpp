// SPDX-License-Identifier: GPL-2.0
#include "spinner.hpp"

#include "clock.hpp"
#include "system.hpp"
#include <algorithm>
#include <csignal>
#include <sched.h>

namespace bench {
namespace {

// Some thousand instructions, of a kind that the emulator is quick at.
void spin()
{
	unsigned n = 8;

	asm volatile("1:\n\t.rept 500\n\tnop\n\t.endr\n\tdec %0\n\tjnz 1b" : "+r"(n));
}

} // namespace

Spinner::Spinner()
{
	sigset_t all, was;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	thread_ = std::jthread([this](const std::stop_token &stop) { run(stop); });
	pthread_sigmask(SIG_SETMASK, &was, nullptr);
	while (!own_)
		sleep_until(now() + 10ms);
}

void Spinner::run(const std::stop_token &stop)
{
	const sched_param none = {};
	std::uint64_t turn = ~0ULL, own = 0, last;

	check(sched_setscheduler(0, SCHED_IDLE, &none), "SCHED_IDLE");
	// What a turn takes when nothing comes between is the least of many.
	last = instructions();
	for (int i = 0; i < 1000; i++) {
		spin();
		own_.store(own, std::memory_order_relaxed);
		const auto at = instructions();
		turn = std::min(turn, at - last);
		last = at;
	}
	while (!stop.stop_requested()) {
		spin();
		own += turn;
		own_.store(own, std::memory_order_relaxed);
		last = instructions();
	}
}

std::uint64_t Spinner::others() const
{
	return instructions() - own_.load(std::memory_order_relaxed);
}

} // namespace bench
