// SPDX-License-Identifier: GPL-2.0
// Memory: what is free less than before, and which part of that is the program's own.
#include "rounds.hpp"
#include "workloads.hpp"

#include <fstream>
#include <unistd.h>

namespace bench {
namespace {

using nlohmann::json;
using Account = std::map<std::string, std::int64_t>;

struct Memory {
	Account info, slabs;
	std::int64_t of_cpus; // bytes that are free, too

	std::int64_t program() const { return info.at("AnonPages"); }
	std::int64_t kernel() const
	{
		return info.at("MemTotal") - info.at("MemFree") - of_cpus - program() -
		       info.at("Cached") - info.at("Buffers");
	}
};

Memory look()
{
	// What is freed by and by is free then, and counters of each CPU are summed up.
	sleep_until(now() + 3s);
	std::ofstream("/proc/sys/vm/stat_refresh") << 1;
	std::ifstream info("/proc/meminfo"), slabs("/proc/slabinfo"), zones("/proc/zoneinfo");
	return {meminfo(info), slabinfo(slabs), pages_of_cpus(zones) * sysconf(_SC_PAGESIZE)};
}

double per_timer(std::int64_t bytes, std::uint32_t n)
{
	return static_cast<double>(bytes) / n;
}

json slabs_grown(const Memory &from, const Memory &to, std::uint32_t n)
{
	json grown = json::object();

	for (const auto &[name, bytes] : to.slabs) {
		const auto was = from.slabs.find(name);
		const auto more = per_timer(bytes - (was == from.slabs.end() ? 0 : was->second), n);

		if (more >= 1)
			grown[name] = more;
	}
	return grown;
}

json difference(const Memory &from, const Memory &to, std::uint32_t n)
{
	json all = {{"kernel", per_timer(to.kernel() - from.kernel(), n)},
		    {"program", per_timer(to.program() - from.program(), n)},
		    {"slabs", slabs_grown(from, to, n)}};

	for (const char *name : {"Slab", "VmallocUsed", "PageTables", "Percpu"})
		all[name] = per_timer(to.info.at(name) - from.info.at(name), n);
	return all;
}

} // namespace

json measure_memory(const Kind &kind, std::uint32_t n)
{
	std::vector<Shot> shots(n);
	const auto base = now() + 1h;

	for (std::uint32_t id = 0; id < n; id++)
		shots[id] = {id, base + scatter(id) % n * 1us};
	const auto before = look();
	const auto descriptors = open_descriptors();
	auto facility = kind.make(n);
	const auto created = look();
	arm_all(*facility, shots);
	const auto armed = look();

	return json::array({{{"workload", "memory"},
			     {"facility", kind.name},
			     {"n", n},
			     {"batch", 1},
			     {"descriptors", open_descriptors() - descriptors},
			     {"created", difference(before, created, n)},
			     {"armed", difference(before, armed, n)}}});
}

} // namespace bench
