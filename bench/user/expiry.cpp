// SPDX-License-Identifier: GPL-2.0
// Timers that expire: one by one, all at once, and after they have been moved again and again.
#include "rounds.hpp"
#include "spinner.hpp"
#include "statistics.hpp"
#include "workloads.hpp"

namespace bench {
namespace {

using nlohmann::json;

json run_of(const char *workload, const Kind &kind, std::uint32_t n, const Ledger &ledger)
{
	return {{"workload", workload},
		{"facility", kind.name},
		{"n", n},
		{"batch", 1},
		{"events", ledger.json()}};
}

// Time for all to be armed before the first one expires.
Time lead(std::uint32_t n)
{
	return n * 20us + 100ms;
}

} // namespace

json measure_single_expiries(const Kind &kind, std::uint32_t n, std::uint32_t count)
{
	auto facility = kind.make(n);
	Ledger ledger(n);
	std::vector<Shot> shots;
	std::vector<Time> deadlines(n, never);
	std::vector<std::int64_t> late;
	const auto begin = now() + lead(n), last = begin + count * 100us;

	for (std::uint32_t id = 0; id < n; id++) {
		const auto due = id < count;

		shots.push_back({id, due ? begin + id * 100us : last + 1h + scatter(id) % n * 1us});
		deadlines[id] = shots.back().deadline;
		if (due && kind.name != "noop")
			ledger.expect(id, shots.back().deadline);
	}
	arm_all(*facility, shots);

	Spinner spinner;
	sleep_until(begin - 10ms);
	const auto calls = facility->calls();
	const auto before = spinner.others();
	if (kind.name == "noop")
		sleep_until(last);
	else
		collect_all(*facility, ledger, [&](auto ids) {
			const auto at = now();

			for (const auto id : ids)
				late.push_back((at - deadlines[id]).count());
		});
	const auto busy = static_cast<double>(spinner.others() - before);
	const auto made = static_cast<double>(facility->calls() - calls);

	auto run = run_of("expire_single", kind, n, ledger);
	run["mean"] = busy / count;
	run["calls"] = made / count;
	if (!late.empty())
		run["late"] = summary(late, 1);
	return json::array({run});
}

json measure_burst(const Kind &kind, std::uint32_t n)
{
	auto facility = kind.make(n);
	Ledger ledger(n);
	std::vector<Shot> shots;
	const auto begin = now() + lead(n);

	for (std::uint32_t id = 0; id < n; id++) {
		shots.push_back({id, begin + Time(scatter(id) % n)});
		ledger.expect(id, shots.back().deadline);
	}
	arm_all(*facility, shots);

	Spinner spinner;
	sleep_until(begin - 10ms);
	const auto calls = facility->calls();
	const auto before = spinner.others();
	collect_all(*facility, ledger, [](auto) {});
	const auto busy = static_cast<double>(spinner.others() - before);
	const auto made = static_cast<double>(facility->calls() - calls);
	collect_rest(*facility, ledger);

	auto run = run_of("expire_burst", kind, n, ledger);
	run["mean"] = busy / n;
	run["calls"] = made / n;
	return json::array({run});
}

json measure_churn(const Kind &kind, std::uint32_t n, unsigned rounds, unsigned rearms)
{
	constexpr auto round = 1s;
	const auto timeout = rearms * round;
	auto facility = kind.make(n);
	Ledger ledger(n);
	std::vector<std::uint32_t> ids(4096);
	std::vector<Shot> shots(n);
	const auto begin = now() + lead(n);
	const auto set = [&](Time at) {
		for (std::uint32_t id = 0; id < n; id++)
			shots[id] = {id, at + timeout + id * Time(round) / n};
	};
	// None is to come until then.
	const auto quietly = [&](Time until) {
		const auto told = facility->collect(ids, until);

		ledger.seen(std::span(ids).first(told), now());
	};

	set(begin - 1s);
	arm_all(*facility, shots);

	Spinner spinner;
	std::uint64_t moving = 0, preparing = 0;
	std::uint64_t calls = 0;
	sleep_until(begin - 10ms);
	const auto before = spinner.others();
	for (unsigned i = 0; i < rounds; i++) {
		const auto start = begin + i * Time(round);

		quietly(start);
		const auto a = spinner.others();
		set(start);
		const auto b = spinner.others();
		const auto made = facility->calls();
		in_parts(shots, 1, [&](auto part) { facility->later(part); });
		calls += facility->calls() - made;
		const auto c = spinner.others();
		preparing += b - a;
		moving += c - b;
	}
	for (std::uint32_t id = 0; id < n && kind.name != "noop"; id++)
		ledger.expect(id, shots[id].deadline);
	const auto waited = facility->calls();
	const auto moved = spinner.others();
	// poll() may sleep a thousandth longer than it is told to.
	quietly(shots[0].deadline - 200ms);
	const auto quiet = spinner.others();
	if (kind.name == "noop")
		sleep_until(shots[n - 1].deadline);
	else
		collect_all(*facility, ledger, [](auto) {});
	const auto end = spinner.others();
	const auto collected = facility->calls() - waited;
	collect_rest(*facility, ledger);

	const auto ops = static_cast<double>(n) * rounds;
	auto run = run_of(("churn_" + std::to_string(rearms)).c_str(), kind, n, ledger);
	run["rounds"] = rounds;
	run["rearms"] = rearms;
	run["moving"] = static_cast<double>(moving) / ops;
	run["between"] =
		static_cast<double>(moved - before - moving - preparing + quiet - moved) / ops;
	run["expiring"] = static_cast<double>(end - quiet) / ops;
	run["mean"] = static_cast<double>(end - before - preparing) / ops;
	run["calls"] = static_cast<double>(calls) / ops;
	run["calls_collecting"] = static_cast<double>(collected) / n;
	return json::array({run});
}

} // namespace bench
