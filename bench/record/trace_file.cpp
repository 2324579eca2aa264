// SPDX-License-Identifier: GPL-2.0
// Writing, checking and describing trace files.
#include "trace_file.hpp"
#include "event.hpp"
#include <bit>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>

namespace record {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is little-endian");
static_assert(sizeof(co_trace_header) == 32 && sizeof(co_trace_record) == 24);

void check(const TraceFile &trace)
{
	std::uint64_t before_ns = 0;
	for (std::size_t i = 0; i < trace.records.size(); i++) {
		const auto &record = trace.records[i];
		const auto wrong = [&]() -> const char * {
			if (record.timer >= trace.timers)
				return "a timer beyond the header's number";
			if (record.time_ns < before_ns)
				return "time goes back";
			if (record.time_ns > trace.duration_ns)
				return "a time after the end";
			if (record.op < CO_TRACE_ARM || record.op > CO_TRACE_EXPIRED)
				return "an unknown operation";
			if (record.kind > CO_TRACE_HRTIMER)
				return "an unknown kind of timer";
			if (record.op != CO_TRACE_ARM && (record.deadline_ns || record.window_us))
				return "a deadline where nothing is armed";
			return nullptr;
		}();
		if (wrong)
			throw Error(fmt::format("record {}: {}", i, wrong));
		before_ns = record.time_ns;
	}
}

struct Summary {
	std::uint64_t arms = 0, moves = 0, later = 0, same = 0, cancels = 0, expired = 0,
		      windows = 0;
	std::uint64_t most_pending = 0;
};

Summary summarise(const TraceFile &trace, co_trace_kind kind)
{
	Summary sum;
	std::vector<const co_trace_record *> pending(trace.timers);
	std::uint64_t now_pending = 0;
	for (const auto &record : trace.records) {
		if (record.kind != kind)
			continue;
		auto &was = pending[record.timer];
		if (record.op == CO_TRACE_ARM) {
			sum.arms++;
			sum.windows += record.window_us != 0;
			sum.moves += was != nullptr;
			sum.later += was && record.deadline_ns > was->deadline_ns;
			sum.same += was && record.deadline_ns == was->deadline_ns;
			now_pending += was == nullptr;
			was = &record;
		} else {
			(record.op == CO_TRACE_CANCEL ? sum.cancels : sum.expired)++;
			now_pending -= was != nullptr;
			was = nullptr;
		}
		sum.most_pending = std::max(sum.most_pending, now_pending);
	}
	return sum;
}

} // namespace

void write_trace(const std::filesystem::path &path, const TraceFile &trace)
{
	check(trace);
	co_trace_header header{};
	std::memcpy(header.magic, CO_TRACE_MAGIC, sizeof(header.magic));
	header.records = static_cast<std::uint32_t>(trace.records.size());
	header.timers = trace.timers;
	header.duration_ns = trace.duration_ns;
	std::ofstream out(path, std::ios::binary);
	out.write(reinterpret_cast<const char *>(&header), sizeof(header));
	out.write(reinterpret_cast<const char *>(trace.records.data()),
		  static_cast<std::streamsize>(trace.records.size() * sizeof(co_trace_record)));
	if (!out.flush())
		throw Error(fmt::format("cannot write {}", path.string()));
}

TraceFile read_trace(const std::filesystem::path &path)
{
	errno = 0;
	std::ifstream in(path, std::ios::binary);
	if (!in)
		throw Error(fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
	co_trace_header header{};
	if (!in.read(reinterpret_cast<char *>(&header), sizeof(header)) ||
	    std::memcmp(header.magic, CO_TRACE_MAGIC, sizeof(header.magic)) != 0)
		throw Error(fmt::format("{} is not a trace", path.string()));
	const auto bytes = std::filesystem::file_size(path);
	if (bytes != sizeof(header) + header.records * std::uint64_t{sizeof(co_trace_record)})
		throw Error(
			fmt::format("{} has not the length that its header tells", path.string()));
	if (header.reserved != 0)
		throw Error(fmt::format("{}: the header's reserved field is not 0", path.string()));
	TraceFile trace{header.timers, header.duration_ns, {}};
	trace.records.resize(header.records);
	in.read(reinterpret_cast<char *>(trace.records.data()),
		static_cast<std::streamsize>(trace.records.size() * sizeof(co_trace_record)));
	if (!in)
		throw Error(fmt::format("cannot read {}", path.string()));
	check(trace);
	return trace;
}

std::string describe(const TraceFile &trace)
{
	auto text = fmt::format("{} records, {} timers, {:.3f} s\n", trace.records.size(),
				trace.timers, static_cast<double>(trace.duration_ns) / 1e9);
	for (const auto &[kind, name] : {std::pair{CO_TRACE_TIMER_LIST, "timer_list"},
					 std::pair{CO_TRACE_HRTIMER, "hrtimer"}}) {
		const Summary sum = summarise(trace, kind);
		text += fmt::format(
			"{}: {} arms ({} of pending timers: {} later, {} to the same time, {} "
			"earlier), {} with a window, {} cancels, {} expired, at most {} pending\n",
			name, sum.arms, sum.moves, sum.later, sum.same,
			sum.moves - sum.later - sum.same, sum.windows, sum.cancels, sum.expired,
			sum.most_pending);
	}
	return text;
}

} // namespace record
