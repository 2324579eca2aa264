// SPDX-License-Identifier: GPL-2.0
// Traces: the file format, synthetic ones, and the offline optimum.
#include "trace.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>

namespace bench {

using namespace std::chrono;
using namespace std::chrono_literals;

static_assert(sizeof(co_trace_header) == 32 && sizeof(co_trace_record) == 24);
static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace {

constexpr std::uint64_t ns(nanoseconds d)
{
	return static_cast<std::uint64_t>(d.count());
}

void sort_by_time(Trace &trace)
{
	std::ranges::stable_sort(trace.records, {}, &co_trace_record::time_ns);
}

} // namespace

std::vector<std::byte> Trace::bytes() const
{
	co_trace_header header{};
	std::vector<std::byte> out(sizeof(header) + records.size() * sizeof(co_trace_record));

	std::memcpy(header.magic, CO_TRACE_MAGIC, sizeof(header.magic));
	header.records = static_cast<std::uint32_t>(records.size());
	header.timers = timers;
	header.duration_ns = ns(duration);
	std::memcpy(out.data(), &header, sizeof(header));
	std::memcpy(out.data() + sizeof(header), records.data(), out.size() - sizeof(header));
	return out;
}

Trace read_trace(const std::filesystem::path &path)
{
	std::ifstream in(path, std::ios::binary);
	const std::string bytes{std::istreambuf_iterator<char>(in), {}};
	co_trace_header header{};
	Trace trace{.name = path.stem().string()};

	if (!in)
		throw std::runtime_error(fmt::format("{}: cannot be read", path.string()));
	if (bytes.size() >= sizeof(header))
		std::memcpy(&header, bytes.data(), sizeof(header));
	if (std::memcmp(header.magic, CO_TRACE_MAGIC, sizeof(header.magic)) != 0 ||
	    bytes.size() != sizeof(header) + header.records * sizeof(co_trace_record))
		throw std::runtime_error(fmt::format("{}: not a callout-trace 1", path.string()));
	trace.timers = header.timers;
	trace.duration = nanoseconds(header.duration_ns);
	trace.records.resize(header.records);
	std::memcpy(trace.records.data(), bytes.data() + sizeof(header),
		    bytes.size() - sizeof(header));
	return trace;
}

void write_trace(const Trace &trace, const std::filesystem::path &path)
{
	const auto bytes = trace.bytes();
	std::ofstream out(path, std::ios::binary);

	out.write(reinterpret_cast<const char *>(bytes.data()),
		  static_cast<std::streamsize>(bytes.size()));
	if (!out.flush())
		throw std::runtime_error(fmt::format("{}: cannot be written", path.string()));
}

Trace tcp_like(unsigned sessions, milliseconds duration, std::uint32_t seed)
{
	Trace trace{.name = "synthetic", .timers = sessions, .duration = duration};
	std::mt19937 random(seed);
	std::exponential_distribution<double> gap(1 / 0.02); // packets of a session, seconds
	std::bernoulli_distribution closes(0.01), lost(0.002);

	for (std::uint32_t id = 0; id < sessions; id++) {
		bool armed = false;
		nanoseconds expiry{};

		for (nanoseconds t{};
		     (t += nanoseconds(static_cast<std::int64_t>(gap(random) * 1e9))) < duration;) {
			if (armed && t >= expiry)
				trace.records.push_back({ns(expiry), 0, id, 0, CO_TRACE_EXPIRED,
							 CO_TRACE_TIMER_LIST});
			armed = !closes(random);
			expiry = t + 200ms;
			if (armed)
				trace.records.push_back({ns(t), ns(expiry), id, 0, CO_TRACE_ARM,
							 CO_TRACE_TIMER_LIST});
			else
				trace.records.push_back(
					{ns(t), 0, id, 0, CO_TRACE_CANCEL, CO_TRACE_TIMER_LIST});
			if (lost(random))
				t += 250ms;
		}
	}
	sort_by_time(trace);
	return trace;
}

Trace one_shots(unsigned per_second, milliseconds duration, microseconds window, microseconds lead,
		std::uint32_t seed)
{
	const auto count = static_cast<std::uint32_t>(per_second * duration / 1s);
	Trace trace{.name = fmt::format("window {} us", window.count()),
		    .timers = count,
		    .duration = duration + lead + window + 10ms};
	std::mt19937_64 random(seed);
	std::uniform_int_distribution<std::uint64_t> at(0, ns(duration));

	for (std::uint32_t id = 0; id < count; id++) {
		const auto armed = at(random);

		trace.records.push_back({armed, armed + ns(lead), id,
					 static_cast<std::uint16_t>(window.count()), CO_TRACE_ARM,
					 CO_TRACE_HRTIMER});
	}
	sort_by_time(trace);
	return trace;
}

// Greedy: wait for the first latest time; whoever's earliest has come by then is served as well.
std::size_t fewest_interrupts(const Trace &trace)
{
	std::vector<std::pair<std::uint64_t, std::uint64_t>> windows; // latest, earliest
	std::optional<std::uint64_t> point;
	std::size_t points = 0;

	for (const auto &r : trace.records)
		if (r.op == CO_TRACE_ARM)
			windows.emplace_back(r.deadline_ns + 1000ULL * r.window_us, r.deadline_ns);
	std::ranges::sort(windows);
	for (const auto &[latest, earliest] : windows) {
		if (point && earliest <= *point)
			continue;
		point = latest;
		points++;
	}
	return points;
}

} // namespace bench
