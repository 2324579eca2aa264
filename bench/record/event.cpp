// SPDX-License-Identifier: GPL-2.0
// Parsing of trace-cmd's raw report and of the kernel's histograms.
#include "event.hpp"
#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <fmt/format.h>

namespace record {
namespace {

// Takes the blank-separated words of a line one after the other.
class Words {
public:
	explicit Words(std::string_view text) : rest(text) {}

	std::string_view next()
	{
		const auto from = rest.find_first_not_of(" \t");
		if (from == rest.npos)
			return rest = {};
		rest.remove_prefix(from);
		const auto word = rest.substr(0, rest.find_first_of(" \t"));
		rest.remove_prefix(word.size());
		return word;
	}

private:
	std::string_view rest;
};

std::uint64_t number(std::string_view text)
{
	const bool hex = text.starts_with("0x");
	const auto digits = text.substr(hex ? 2 : 0);
	std::uint64_t value = 0;
	const auto [end, wrong] =
		std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
	if (wrong != std::errc{} || end != digits.data() + digits.size())
		throw Error(fmt::format("'{}' is not a number", text));
	return value;
}

// The fields NAME=VALUE of an event, looked up by name.
class Fields {
public:
	explicit Fields(std::string_view text)
	{
		Words words(text);
		for (auto word = words.next(); !word.empty(); word = words.next())
			if (const auto equals = word.find('='); equals != word.npos)
				fields.emplace_back(word.substr(0, equals),
						    word.substr(equals + 1));
	}

	std::optional<std::string_view> find(std::string_view name) const
	{
		const auto at = std::ranges::find(fields, name, &Field::first);
		return at == fields.end() ? std::nullopt : std::optional(at->second);
	}

	std::string_view text(std::string_view name) const
	{
		const auto found = find(name);
		if (!found || found->empty())
			throw Error(fmt::format("no {}", name));
		return *found;
	}

	std::uint64_t value(std::string_view name) const { return number(text(name)); }

private:
	using Field = std::pair<std::string_view, std::string_view>;
	std::vector<Field> fields;
};

// trace-cmd has no name for some addresses that other events of the same timer do name.
std::string_view handler(std::string_view function)
{
	return function.starts_with("0x") ? std::string_view() : function;
}

void read_fields(Event &event, const Fields &fields)
{
	switch (event.what) {
	case What::timer_start:
		event.expires = fields.value("expires");
		[[fallthrough]];
	case What::timer_expire_entry:
		event.text = handler(fields.text("function"));
		event.now = fields.value("now");
		[[fallthrough]];
	case What::timer_init:
	case What::timer_cancel:
		event.object = fields.value("timer");
		break;
	case What::hrtimer_start:
		event.expires = fields.value("expires");
		event.softexpires = fields.value("softexpires");
		if (const auto was_armed = fields.find("was_armed"))
			event.was_armed = number(*was_armed) != 0;
		[[fallthrough]];
	case What::hrtimer_expire_entry:
		event.text = handler(fields.text("function"));
		event.object = fields.value("hrtimer");
		break;
	case What::hrtimer_init:
		event.text = fields.text("clockid");
		[[fallthrough]];
	case What::hrtimer_cancel:
		event.object = fields.value("hrtimer");
		break;
	case What::mod_timer:
		event.expires = fields.value("expires");
		event.object = fields.value("timer");
		break;
	case What::mark:
		event.text = fields.text("buf");
		break;
	}
	if (event.what == What::hrtimer_start && event.softexpires > event.expires)
		throw Error("softexpires after expires");
}

// Finds "[CPU] TIME: NAME: FIELDS"; the task before it may have any name, blanks and brackets too.
std::size_t find_cpu(std::string_view line)
{
	for (auto at = line.find(" ["); at != line.npos; at = line.find(" [", at + 1)) {
		const auto end = line.find(']', at);
		if (end == at + 5 &&
		    line.substr(at + 2, 3).find_first_not_of("0123456789") == line.npos)
			return at + 1;
	}
	return line.npos;
}

} // namespace

std::optional<Event> parse_line(std::string_view line)
{
	if (line.find("EVENTS DROPPED") != line.npos)
		throw Error("events are missing");
	if (line.empty() || line.starts_with("cpus=") || line.starts_with("CPU "))
		return {};
	const auto cpu = find_cpu(line);
	if (cpu == line.npos)
		throw Error("not an event");
	Words words(line.substr(cpu + 5));
	const auto time = words.next(), name = words.next();
	if (!time.ends_with(':') || !name.ends_with(':'))
		throw Error("not an event");

	Event event;
	event.cpu = static_cast<std::uint32_t>(number(line.substr(cpu + 1, 3)));
	event.time_ns = number(time.substr(0, time.size() - 1));
	const auto bare = name.substr(0, name.size() - 1);
	if (bare == "print") {
		event.what = What::mark;
	} else {
		const auto known = std::ranges::find(event_names, bare);
		if (known == event_names.end())
			throw Error(fmt::format("an event '{}' that was not asked for", bare));
		event.what = static_cast<What>(known - event_names.begin());
	}
	read_fields(event,
		    Fields(line.substr(static_cast<std::size_t>(name.data() - line.data()))));
	return event;
}

std::vector<Event> parse(std::istream &in)
{
	std::vector<Event> events;
	std::string line;
	for (std::size_t lines = 1; std::getline(in, line); lines++) {
		try {
			auto event = parse_line(line);
			if (!event)
				continue;
			if (!events.empty() && event->time_ns < events.back().time_ns)
				throw Error("time goes back");
			events.push_back(std::move(*event));
		} catch (const Error &error) {
			throw Error(fmt::format("line {}: {}: {}", lines, error.what(), line));
		}
	}
	return events;
}

std::uint64_t Counts::at(std::uint64_t start_ns) const
{
	const auto found = steps.find(start_ns);
	return found == steps.end() ? 0 : found->second;
}

Counts parse_counts(std::istream &in)
{
	Counts counts;
	bool complete = false;
	std::string line;
	while (std::getline(in, line)) {
		std::uint64_t from, to, hits;
		if (std::sscanf(line.c_str(), "{ common_timestamp: ~ %" SCNu64 "-%" SCNu64, &from,
				&to) == 2 &&
		    std::sscanf(line.c_str() + std::min(line.find('}'), line.size()),
				"} hitcount: %" SCNu64, &hits) == 1) {
			if (to < from || (counts.step_ns && to - from + 1 != counts.step_ns))
				throw Error(fmt::format("a step of another length: {}", line));
			counts.step_ns = to - from + 1;
			counts.steps[from] += hits;
		} else if (line.starts_with('{')) {
			throw Error(fmt::format("not a step: {}", line));
		} else if (std::sscanf(line.c_str(), " Dropped: %" SCNu64, &hits) == 1) {
			if (hits != 0)
				throw Error(
					fmt::format("the kernel's count lacks {} events", hits));
			complete = true;
		}
	}
	if (!complete)
		throw Error("the kernel's count has no end");
	return counts;
}

} // namespace record
