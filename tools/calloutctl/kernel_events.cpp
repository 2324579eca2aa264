// SPDX-License-Identifier: GPL-2.0
// Which events are enabled, and what each says. A callout's become those that an hrtimer would have
// made.
#include "kernel_events.hpp"
#include "parse.hpp"
#include <cmath>
#include <cstdlib>
#include <event-parse.h>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>
#include <unordered_set>

extern "C" {
#include <tracefs.h>
}

namespace ctl {
namespace fs = std::filesystem;
using record::Event;
using record::What;
namespace {

struct Source {
	const char *event;
	What what;
	bool callout, optional;
};

constexpr Source sources[] = {
	{"timer/timer_init", What::timer_init, false, false},
	{"timer/timer_start", What::timer_start, false, false},
	{"timer/timer_cancel", What::timer_cancel, false, false},
	{"timer/timer_expire_entry", What::timer_expire_entry, false, false},
	{"timer/hrtimer_init", What::hrtimer_init, false, true},
	{"timer/hrtimer_setup", What::hrtimer_init, false, true}, // its name from 6.15 on
	{"timer/hrtimer_start", What::hrtimer_start, false, false},
	{"timer/hrtimer_cancel", What::hrtimer_cancel, false, false},
	{"timer/hrtimer_expire_entry", What::hrtimer_expire_entry, false, false},
	{"callout/callout_init", What::hrtimer_init, true, false},
	{"callout/callout_start", What::hrtimer_start, true, false},
	{"callout/callout_cancel", What::hrtimer_cancel, true, false},
	{"callout/callout_expire_entry", What::hrtimer_expire_entry, true, false},
};

std::string_view bare(std::string_view event)
{
	return event.substr(event.find('/') + 1);
}

struct Reader {
	tep_handle *tep;
	std::string probe;
	std::vector<Event> events;
	std::unordered_set<std::uint64_t> pending; // callouts

	static int read(tep_event *event, tep_record *record, int cpu, void *self)
	{
		static_cast<Reader *>(self)->take(event, record, cpu);
		return 0;
	}

	static std::uint64_t field(tep_event *event, tep_record *record, const char *name)
	{
		unsigned long long value = 0;
		if (tep_get_field_val(nullptr, event, name, record, &value, 0) < 0)
			throw Error(
				Exit::unsupported,
				fmt::format("the kernel's event {} has no {}", event->name, name),
				"this kernel is not one that calloutctl knows");
		return value;
	}

	std::string function(tep_event *event, tep_record *record, const char *name) const
	{
		const auto address = field(event, record, name);
		const char *const symbol = tep_find_function(tep, address);
		return symbol ? symbol : fmt::format("{:#x}", address);
	}

	void take(tep_event *event, tep_record *record, int cpu)
	{
		Event e;
		e.time_ns = record->ts;
		e.cpu = static_cast<std::uint32_t>(cpu);
		if (probe == event->name) {
			e.what = What::mod_timer;
			e.object = field(event, record, "timer");
			e.expires = field(event, record, "expires");
			events.push_back(e);
			return;
		}
		for (const auto &source : sources)
			if (bare(source.event) == event->name) {
				e.what = source.what;
				if (source.callout)
					of_callout(e, event, record);
				else
					of_kernel(e, event, record);
				events.push_back(e);
				return;
			}
	}

	void of_kernel(Event &e, tep_event *event, tep_record *record) const
	{
		const bool hrtimer = e.what >= What::hrtimer_init;
		e.object = field(event, record, hrtimer ? "hrtimer" : "timer");
		if (e.what == What::hrtimer_init)
			e.text = std::to_string(field(event, record, "clockid"));
		if (e.what == What::timer_start || e.what == What::hrtimer_start)
			e.expires = field(event, record, "expires");
		if (e.what == What::timer_start || e.what == What::timer_expire_entry)
			e.now = field(event, record, "now");
		if (e.what == What::hrtimer_start) {
			e.softexpires = field(event, record, "softexpires");
			if (tep_find_field(event, "was_armed"))
				e.was_armed = field(event, record, "was_armed") != 0;
		}
		if (tep_find_field(event, "function"))
			e.text = function(event, record, "function");
	}

	void of_callout(Event &e, tep_event *event, tep_record *record)
	{
		e.object = field(event, record, "c");
		if (e.what == What::hrtimer_init)
			e.text = "1"; // CLOCK_MONOTONIC
		else if (e.what != What::hrtimer_cancel)
			e.text = function(event, record, "func");
		if (e.what == What::hrtimer_start) {
			e.expires = field(event, record, "latest");
			e.softexpires = e.expires - field(event, record, "window");
			e.was_armed = !pending.insert(e.object).second;
		} else {
			pending.erase(e.object);
		}
	}
};

struct Free {
	void operator()(tep_handle *tep) const { tep_free(tep); }
	void operator()(tracefs_instance *instance) const { tracefs_instance_free(instance); }
};

} // namespace

Recording::Recording(const Tree &tree, Of of, std::uint64_t buffer_kb)
	: of_(of), probe_(fmt::format("mod_timer_{}", ::getpid())), instance_(tree, "record")
{
	instance_.write("tracing_on", "0");
	instance_.write("trace_clock", "mono");
	instance_.write("options/overwrite", "0");
	instance_.write("buffer_size_kb", std::to_string(buffer_kb));
	if (of == Of::kernel)
		add_probe();
	else
		pin_.emplace(tree.pin_module());
	for (const auto &source : sources) {
		if (source.callout != (of == Of::callouts))
			continue;
		if (instance_.has(fmt::format("events/{}", source.event)))
			names_.emplace_back(source.event);
		else if (!source.optional)
			throw Error(Exit::unsupported,
				    fmt::format("the kernel has no event {}", source.event));
	}
	for (const auto &name : names_)
		instance_.enable(name);
}

Recording::~Recording()
{
	for (const auto &name : names_)
		try {
			instance_.write(fmt::format("events/{}/enable", name), "0");
		} catch (const std::exception &) { // there is nobody to tell
		}
}

// A call that leaves a timer in its slot of the wheel makes no event of the kernel's.
void Recording::add_probe()
{
	const auto name = "calloutctl/" + probe_;
	for (const char kind : {'f', 'p'})
		try {
			event_.emplace(instance_.top() / "dynamic_events",
				       fmt::format("{}:{} mod_timer timer=$arg1 expires=$arg2",
						   kind, name),
				       "-:" + name);
			names_.push_back(name);
			if (kind == 'p')
				note_ = "calls of mod_timer() in an interrupt that came during "
					"another are missing: "
					"this kernel has no fprobe events";
			return;
		} catch (const std::system_error &) {
		}
	note_ = "moves of a wheel timer to the same time are missing: this kernel has neither "
		"fprobe nor kprobe events";
}

void Recording::start()
{
	instance_.write("tracing_on", "1");
}

void Recording::stop()
{
	instance_.write("tracing_on", "0");
}

void Recording::check_dropped() const
{
	std::uint64_t dropped = 0;
	for (const auto &cpu :
	     fs::directory_iterator(instance_.top() / "instances" / instance_.name() / "per_cpu"))
		for (const auto &line : lines(read_file(cpu.path() / "stats"))) {
			const auto colon = line.find(": ");
			const auto what = line.substr(0, colon);
			if (what == "overrun" || what == "commit overrun" ||
			    what == "dropped events")
				dropped += parse_number(line.substr(colon + 2)).value_or(0);
		}
	if (dropped)
		throw Error(Exit::failed, fmt::format("{} events found no room", dropped),
			    "record for a shorter time, or with a larger --buffer");
}

std::vector<Event> Recording::events() const
{
	check_dropped();
	const char *const systems[] = {"timer", "callout", "calloutctl", nullptr};
	const std::unique_ptr<tep_handle, Free> tep(
		tracefs_local_events_system(instance_.top().c_str(), systems));
	const std::unique_ptr<tracefs_instance, Free> instance(
		tracefs_instance_alloc(instance_.top().c_str(), instance_.name().c_str()));
	if (!tep || !instance)
		throw Error(Exit::failed, "cannot read the formats of the kernel's events");
	tep_parse_kallsyms(tep.get(), read_file("/proc/kallsyms").c_str());
	Reader reader{tep.get(), of_ == Of::kernel ? probe_ : std::string(), {}, {}};
	if (tracefs_iterate_raw_events(tep.get(), instance.get(), nullptr, 0, Reader::read,
				       &reader) < 0)
		throw Error(Exit::failed, "cannot read the recorded events");
	return std::move(reader.events);
}

std::uint64_t tick_ns(const std::vector<Event> &events)
{
	const Event *first = nullptr, *last = nullptr;
	for (const auto &e : events)
		if (e.what == What::timer_start || e.what == What::timer_expire_entry) {
			first = first ? first : &e;
			last = &e;
		}
	const auto ticks = first ? last->now - first->now : 0;
	if (ticks < 10)
		throw Error(Exit::failed, "too short to tell the length of a tick",
			    "record for a second or longer");
	const double hz = static_cast<double>(ticks) * 1e9 /
			  static_cast<double>(last->time_ns - first->time_ns);
	std::uint64_t best = 100;
	for (const std::uint64_t one : {100, 250, 300, 1000})
		if (std::abs(std::log(hz / static_cast<double>(one))) <
		    std::abs(std::log(hz / static_cast<double>(best))))
			best = one;
	return 1'000'000'000 / best;
}

} // namespace ctl
