// SPDX-License-Identifier: GPL-2.0
// Which facilities there are, and the one that does nothing: what measuring costs.
#include "facility.hpp"

#include <map>

namespace bench {
namespace {

class Noop : public Facility {
public:
	void arm(std::span<const Shot>) override {}
	void later(std::span<const Shot>) override {}
	void earlier(std::span<const Shot>) override {}
	void cancel(std::span<const std::uint32_t>) override {}
	std::size_t collect(std::span<std::uint32_t>, Time until) override
	{
		sleep_until(until);
		return 0;
	}
};

std::map<std::string, Kind> all_kinds()
{
	const std::string posix = "the kernel finds a timer by a walk along N / 512 of them";
	const std::string uring = "the kernel finds a timeout by a walk along all N of them";
	std::map<std::string, Kind> kinds;

	for (Kind k : {
		     Kind{"noop", make_noop, true},
		     Kind{"callout",
			  [](auto n) { return make_callout(n, Events::read, Later::store); }, true,
			  1'000'000, 1'000'000},
		     Kind{"callout_ring",
			  [](auto n) { return make_callout(n, Events::ring, Later::store); }, true,
			  1'000'000, 1'000'000},
		     Kind{"callout_ioctl",
			  [](auto n) { return make_callout(n, Events::read, Later::ioctl); }, true},
		     Kind{"callout_window",
			  [](auto n) { return make_callout(n, Events::ring, Later::store, 10ms); },
			  true, 1'000'000, 1'000'000},
		     Kind{"timerfd", [](auto n) { return make_timerfd(n, Registered::yes); }},
		     Kind{"timerfd_bare", [](auto n) { return make_timerfd(n, Registered::no); }},
		     Kind{"posix", make_posix, false, 100'000, 100'000, posix},
		     Kind{"io_uring", make_uring, true, 100'000, 1000, uring},
		     Kind{"heap", [](auto n) { return make_heap(n, Moves::at_once); }, true,
			  1'000'000, 1'000'000},
		     Kind{"heap_lazy", [](auto n) { return make_heap(n, Moves::when_due); }, true,
			  1'000'000, 1'000'000},
	     })
		kinds.emplace(k.name, k);
	return kinds;
}

} // namespace

std::unique_ptr<Facility> make_noop(std::uint32_t)
{
	return std::make_unique<Noop>();
}

const Kind &kind(const std::string &name)
{
	static const auto kinds = all_kinds();

	return kinds.at(name);
}

} // namespace bench
