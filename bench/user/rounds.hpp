// SPDX-License-Identifier: GPL-2.0
// What workloads share.
#pragma once

#include "facility.hpp"
#include "ledger.hpp"
#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace bench {

// Ends a wait for an event that does not come, by EINTR.
class Watchdog {
public:
	explicit Watchdog(unsigned seconds)
	{
		struct sigaction action = {};

		action.sa_handler = [](int) {};
		sigaction(SIGALRM, &action, nullptr);
		alarm(seconds);
	}
	Watchdog(const Watchdog &) = delete;
	Watchdog &operator=(const Watchdog &) = delete;
	~Watchdog() { alarm(0); }
};

// Numbers that look like chance, the same in each run.
inline std::int64_t scatter(std::uint64_t x)
{
	x = (x + 1) * 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return static_cast<std::int64_t>((x ^ (x >> 31)) >> 1);
}

constexpr std::size_t fill_batch = 32;

// `f(part)` for each part of `all`, of `size` or fewer elements.
template <typename T, typename F>
void in_parts(const std::vector<T> &all, std::size_t size, F f)
{
	const std::span<const T> span(all);

	for (std::size_t done = 0; done < all.size(); done += size)
		f(span.subspan(done, std::min(size, all.size() - done)));
}

inline void arm_all(Facility &facility, const std::vector<Shot> &shots)
{
	in_parts(shots, fill_batch, [&](auto part) { facility.arm(part); });
}

// Collects until the ledger is complete. Throws std::runtime_error if some do not come in an hour
// of the guest's time, which passes quickly where it waits.
template <typename F>
void collect_all(Facility &facility, Ledger &ledger, F each)
{
	const Watchdog watchdog(3600);
	std::vector<std::uint32_t> ids(4096);

	try {
		while (!ledger.complete()) {
			const auto some = std::span(ids).first(facility.collect(ids, never));

			each(some);
			ledger.seen(some, now());
		}
	} catch (const std::system_error &e) {
		throw std::runtime_error(std::string(e.what()) + ": " + ledger.json().dump());
	}
}

inline void collect_rest(Facility &facility, Ledger &ledger)
{
	std::vector<std::uint32_t> ids(4096);

	while (const auto n = facility.collect(ids, now() + 50ms))
		ledger.seen(std::span(ids).first(n), now());
}

} // namespace bench
