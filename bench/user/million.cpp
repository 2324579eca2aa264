// SPDX-License-Identifier: GPL-2.0
// Very many timers on one descriptor: each is armed, moved, and expires, once.
#include "rounds.hpp"
#include "workloads.hpp"

namespace bench {

using nlohmann::json;

json measure_million(std::uint32_t n)
{
	const auto descriptors = open_descriptors();
	const auto facility = make_callout(n, Events::ring, Later::store);
	const auto used = open_descriptors() - descriptors;
	Ledger ledger(n);
	std::vector<Shot> shots(n);
	const auto spread = 2s;
	const auto start = now(), base = start + 1h;

	for (std::uint32_t id = 0; id < n; id++)
		shots[id] = {id, base + scatter(id) % n * 1us};
	in_parts(shots, 1024, [&](auto part) { facility->arm(part); });
	const auto armed = now();
	for (auto &shot : shots)
		shot.deadline += 1h;
	in_parts(shots, 1024, [&](auto part) { facility->later(part); });
	const auto moved = now();

	// So that they expire in this life, after having been moved once more when that is near.
	auto first = moved + (armed - start) * 2 + 5s;
	for (auto &shot : shots)
		shot.deadline = first + Time(spread) * (scatter(shot.id) % n) / n;
	in_parts(shots, 1024, [&](auto part) { facility->earlier(part); });
	for (auto &shot : shots) {
		shot.deadline += 1s;
		ledger.expect(shot.id, shot.deadline);
	}
	in_parts(shots, 1024, [&](auto part) { facility->later(part); });
	const auto again = now();

	collect_all(*facility, ledger, [](auto) {});
	const auto end = now();
	collect_rest(*facility, ledger);
	const auto ms = [](Time t) { return t / 1ms; };
	return json::array({{{"workload", "million"},
			     {"facility", "callout_ring"},
			     {"n", n},
			     {"batch", 1024},
			     {"descriptors", used},
			     {"in_time", again < first + 1s},
			     {"arm_ms", ms(armed - start)},
			     {"move_ms", ms(moved - armed)},
			     {"expire_ms", ms(end - first - 1s)},
			     {"events", ledger.json()}}});
}

} // namespace bench
