// SPDX-License-Identifier: GPL-2.0
// The kernel's tables, histograms, and times as people write them.
#include "parse.hpp"
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <fmt/format.h>
#include <limits>

namespace ctl {
using std::chrono::nanoseconds;
namespace {

[[noreturn]] void malformed(std::string_view file, std::string_view line)
{
	throw Error(Exit::failed, fmt::format("{}: cannot make sense of '{}'", file, line),
		    "module and calloutctl are of different releases");
}

template <class T>
std::optional<T> convert(std::string_view text)
{
	T value{};
	const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
	if (wrong != std::errc{} || end != text.data() + text.size())
		return {};
	return value;
}

std::string_view trim(std::string_view text)
{
	const auto from = text.find_first_not_of(" \t");
	return from == text.npos ? std::string_view()
				 : text.substr(from, text.find_last_not_of(" \t") + 1 - from);
}

// In ns; none if it does not fit.
std::optional<nanoseconds> to_ns(double seconds)
{
	const double ns = std::round(seconds * 1e9);
	if (!(ns >= 0) || ns >= static_cast<double>(std::numeric_limits<std::int64_t>::max()))
		return {};
	return nanoseconds(static_cast<std::int64_t>(ns));
}

} // namespace

std::vector<std::string> split(std::string_view text)
{
	std::vector<std::string> words;
	for (std::size_t at = 0; (at = text.find_first_not_of(" \t\n", at)) != text.npos;) {
		const auto end = std::min(text.find_first_of(" \t\n", at), text.size());
		words.emplace_back(text.substr(at, end - at));
		at = end;
	}
	return words;
}

std::vector<std::string> lines(std::string_view text)
{
	std::vector<std::string> all;
	for (std::size_t at = 0; at < text.size();) {
		const auto end = std::min(text.find('\n', at), text.size());
		if (end > at)
			all.emplace_back(text.substr(at, end - at));
		at = end + 1;
	}
	return all;
}

std::optional<std::uint64_t> parse_number(std::string_view text)
{
	return convert<std::uint64_t>(text);
}

nanoseconds parse_duration(std::string_view text)
{
	static constexpr std::array<std::pair<std::string_view, double>, 7> units{{
		{"ns", 1e-9},
		{"us", 1e-6},
		{"ms", 1e-3},
		{"s", 1},
		{"m", 60},
		{"min", 60},
		{"h", 3600},
	}};
	const auto number_end = std::min(text.find_first_not_of("0123456789."), text.size());
	const auto unit = text.substr(number_end);
	const auto value = convert<double>(text.substr(0, number_end));
	if (value && unit.empty() && *value == 0)
		return nanoseconds(0);
	for (const auto &[name, seconds] : units)
		if (value && unit == name) {
			// Whole numbers exactly, as a double has no more than 53 bits.
			const auto whole = parse_number(text.substr(0, number_end));
			const auto each = static_cast<std::uint64_t>(std::llround(seconds * 1e9));
			if (whole && *whole <= std::numeric_limits<std::int64_t>::max() / each)
				return nanoseconds(static_cast<std::int64_t>(*whole * each));
			if (const auto ns = to_ns(*value * seconds))
				return *ns;
			throw Error(Exit::usage, fmt::format("'{}' is too long", text),
				    "up to 292 years");
		}
	throw Error(Exit::usage, fmt::format("'{}' is not a duration", text),
		    "a number and a unit: 250us, 100ms, 1.5s, 2m, 1h");
}

nanoseconds parse_time(std::string_view text, bool realtime, nanoseconds now)
{
	const std::string owned(text);
	if (const auto seconds = convert<double>(text)) {
		if (const auto ns = to_ns(*seconds))
			return *ns;
	} else if (realtime) {
		const std::time_t today =
			std::chrono::duration_cast<std::chrono::seconds>(now).count();
		double fraction = 0;
		auto whole = owned;
		if (const auto dot = owned.find('.'); dot != owned.npos) {
			fraction = convert<double>("0" + owned.substr(dot)).value_or(-1);
			whole = owned.substr(0, dot);
		}
		for (const char *const format :
		     {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
		      "%H:%M:%S", "%H:%M"}) {
			const bool dated = format[1] == 'Y';
			std::tm t{};
			if (!dated)
				::localtime_r(&today, &t);
			t.tm_sec = 0;
			const char *const end = ::strptime(whole.c_str(), format, &t);
			if (!end || *end || fraction < 0)
				continue;
			t.tm_isdst = -1;
			auto at = std::mktime(&t);
			if (!dated && nanoseconds(std::chrono::seconds(at)) <= now) {
				t.tm_mday++;
				t.tm_isdst = -1;
				at = std::mktime(&t);
			}
			return nanoseconds(std::chrono::seconds(at)) + *to_ns(fraction);
		}
	}
	throw Error(Exit::usage, fmt::format("'{}' is not a time", text),
		    realtime ? "a time of day (12:30:05), a date and a time (2026-11-30 12:30:00), "
			       "or seconds "
			       "since 1970"
			     : "seconds since the clock's beginning; with --clock realtime also "
			       "12:30:05");
}

Counters parse_counters(std::string_view text)
{
	Counters counters;
	for (const auto &line : lines(text)) {
		const auto words = split(line);
		const auto value = words.size() == 2 ? parse_number(words[1]) : std::nullopt;
		if (!value)
			malformed("callout/stats", line);
		counters[words[0]] = *value;
	}
	return counters;
}

std::vector<CpuRow> parse_cpus(std::string_view text)
{
	const auto all = lines(text);
	if (all.empty() || !all[0].starts_with("cpu class "))
		malformed("callout/cpus", all.empty() ? "" : all[0]);
	const auto headings = split(all[0]);
	std::vector<CpuRow> rows;
	for (std::size_t i = 1; i < all.size(); i++) {
		const auto words = split(all[i]);
		const auto cpu = words.empty() ? std::nullopt : convert<unsigned>(words[0]);
		if (words.size() != headings.size() || !cpu)
			malformed("callout/cpus", all[i]);
		CpuRow row{*cpu, words[1], {}};
		for (std::size_t column = 2; column < words.size(); column++) {
			if (words[column] == "-")
				continue;
			const auto value = parse_number(words[column]);
			if (!value)
				malformed("callout/cpus", all[i]);
			row.values[headings[column]] = *value;
		}
		rows.push_back(std::move(row));
	}
	return rows;
}

std::vector<Pending> parse_timer_list(std::string_view text)
{
	std::vector<Pending> all;
	for (const auto &line : lines(text)) {
		if (line[0] == '#')
			continue;
		const auto words = split(line);
		if (words.size() < 7 || words.size() > 8)
			malformed("callout/timer_list", line);
		const auto cpu = convert<unsigned>(words[0]);
		const auto deadline = parse_number(words[3]), window = parse_number(words[4]);
		if (!cpu || !deadline || !window)
			malformed("callout/timer_list", line);
		Pending p{*cpu, words[1], words[2], words[5], *deadline, *window, words[6], {}};
		if (words.size() == 8) {
			if (words[7].size() < 3 || words[7].front() != '[' ||
			    words[7].back() != ']')
				malformed("callout/timer_list", line);
			p.module = words[7].substr(1, words[7].size() - 2);
		}
		all.push_back(std::move(p));
	}
	return all;
}

// { func: [ffffffffc0a01230] expired [callout]   } hitcount:          5  lat:     123456
Hist parse_hist(std::string_view text, std::string_view value)
{
	Hist hist;
	for (const auto &line : lines(text)) {
		const auto words = split(line);
		if (words[0] == "Dropped:" && words.size() == 2)
			hist.dropped = parse_number(words[1]).value_or(0);
		if (line[0] != '{')
			continue;
		const auto from = line.find("] "), to = line.find('}');
		if (from == line.npos || to == line.npos || from > to)
			malformed("hist", line);
		HistLine entry{.symbol = std::string(trim(line.substr(from + 2, to - from - 2)))};
		const auto after = split(line.substr(to + 1));
		for (std::size_t i = 0; i + 1 < after.size(); i++) {
			if (after[i] == "hitcount:")
				entry.hits = parse_number(after[i + 1]).value_or(0);
			else if (!value.empty() && after[i] == fmt::format("{}:", value))
				entry.sum = parse_number(after[i + 1]).value_or(0);
		}
		hist.lines.push_back(std::move(entry));
	}
	return hist;
}

} // namespace ctl
