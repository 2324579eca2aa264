// SPDX-License-Identifier: GPL-2.0
// Deciding what each event was part of, then following every timer through its lives.
#include "reduce.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <unordered_map>

namespace record {
namespace {

// What an event turned out to be.
struct Role {
	bool absorbed = false; // told by another event
	bool expiry = false;   // a cancel: the timer is taken off to run
	bool move = false;     // a start: the timer was pending
	bool called = false;   // a start: mod_timer() did it
};

using Index = std::size_t;

class Roles {
public:
	explicit Roles(std::span<const Event> all) : events(all), roles(all.size())
	{
		for (Index i = 0; i < events.size(); i++) {
			const Event &event = events[i];
			if (event.what == What::mark)
				continue;
			Cpu &cpu = cpus[event.cpu];
			if (event.what == What::mod_timer)
				cpu.calls[event.object] = i;
			else if (event.what == What::timer_cancel)
				cpu.cancels[event.object] = i;
			else if (event.what == What::timer_start ||
				 event.what == What::hrtimer_start)
				start(i, cpu);
			else if (event.what == What::timer_expire_entry)
				expiry(i, cpu);
			else if (event.what == What::hrtimer_expire_entry)
				hrtimer_expiry(i);
			cpu.last = i;
			if (is_hrtimer(event.what))
				hrtimer_last[event.object] = i;
		}
	}

	const Role &operator[](Index i) const { return roles[i]; }

	static bool is_hrtimer(What what)
	{
		return what >= What::hrtimer_init && what <= What::hrtimer_expire_entry;
	}

private:
	struct Cpu {
		std::optional<Index> last;
		std::unordered_map<std::uint64_t, Index> calls, cancels; // the latest of each timer
	};

	bool is(std::optional<Index> i, What what, const Event &of) const
	{
		return i && events[*i].what == what && events[*i].object == of.object;
	}

	void start(Index i, Cpu &cpu)
	{
		const Event &event = events[i];
		const bool timer = event.what == What::timer_start;
		if (!event.was_armed &&
		    is(cpu.last, timer ? What::timer_cancel : What::hrtimer_cancel, event)) {
			roles[*cpu.last].absorbed = true;
			roles[i].move = true;
			if (timer)
				cpu.cancels.erase(event.object);
		}
		const auto call = cpu.calls.find(event.object);
		if (timer && call != cpu.calls.end() &&
		    events[call->second].expires == event.expires) {
			roles[call->second].absorbed = true;
			roles[i].called = true;
			cpu.calls.erase(call);
		}
	}

	// The handler is called some time after the timer is taken off: by then another CPU may
	// have armed it again.
	void expiry(Index i, Cpu &cpu)
	{
		const auto cancel = cpu.cancels.find(events[i].object);
		if (cancel == cpu.cancels.end())
			return;
		roles[cancel->second].expiry = true;
		roles[i].absorbed = true;
		cpu.cancels.erase(cancel);
	}

	void hrtimer_expiry(Index i)
	{
		const auto last = hrtimer_last.find(events[i].object);
		if (last == hrtimer_last.end() ||
		    !is(last->second, What::hrtimer_cancel, events[i]) ||
		    events[last->second].cpu != events[i].cpu)
			return;
		roles[last->second].absorbed = true;
	}

	std::span<const Event> events;
	std::vector<Role> roles;
	std::unordered_map<std::uint32_t, Cpu> cpus;
	std::unordered_map<std::uint64_t, Index> hrtimer_last;
};

// A timer from its initialisation to the next at the same address.
struct Life {
	std::optional<std::uint32_t> id; // once it has been armed
	bool pending = false;
	bool other_clock = false;
	std::int64_t deadline_ns = 0; // of the last arm
	std::string handler;
};

class Follower {
public:
	Follower(const Roles &all_roles, Window window, std::int64_t epoch, std::uint64_t tick)
		: roles(all_roles), epoch_ns(epoch), tick_ns(tick)
	{
		out.window = window;
	}

	void follow(const Event &event, Index i)
	{
		const Role &role = roles[i];
		auto &lives = Roles::is_hrtimer(event.what) ? hrtimers : timer_lists;
		const co_trace_kind kind =
			Roles::is_hrtimer(event.what) ? CO_TRACE_HRTIMER : CO_TRACE_TIMER_LIST;
		switch (event.what) {
		case What::timer_init:
		case What::hrtimer_init:
			lives[event.object] = {};
			lives[event.object].other_clock = event.text == "0" || event.text == "11";
			break;
		case What::mod_timer:
			if (!role.absorbed)
				arm(lives[event.object], event, kind, true, &Tally::silent);
			break;
		case What::timer_start:
			arm(of_handler(lives, event), event, kind, role.move,
			    role.called ? nullptr : &Tally::uncalled);
			break;
		case What::hrtimer_start:
			arm(of_handler(lives, event), event, kind,
			    event.was_armed.value_or(role.move), nullptr);
			break;
		case What::timer_cancel:
		case What::hrtimer_cancel:
			if (!role.absorbed)
				leave(lives[event.object], event, kind,
				      role.expiry ? CO_TRACE_EXPIRED : CO_TRACE_CANCEL);
			break;
		case What::timer_expire_entry:
		case What::hrtimer_expire_entry: {
			Life &life = of_handler(lives, event);
			if (!role.absorbed)
				leave(life, event, kind, CO_TRACE_EXPIRED);
			break;
		}
		case What::mark:
			break;
		}
	}

	Reduced finish()
	{
		for (const auto &ended : tallies)
			(ended.kind == CO_TRACE_HRTIMER ? out.hrtimers
							: out.timer_lists)[ended.handler] +=
				ended.tally;
		out.timers = static_cast<std::uint32_t>(tallies.size());
		return std::move(out);
	}

private:
	using Lives = std::unordered_map<std::uint64_t, Life>;
	struct OfTimer {
		Tally tally;
		co_trace_kind kind;
		std::string handler;
	};

	// A timer on a stack has no initialisation to see; another handler gives it away.
	Life &of_handler(Lives &lives, const Event &event)
	{
		Life &life = lives[event.object];
		if (event.text.empty())
			return life;
		if (!life.handler.empty() && life.handler != event.text)
			life = {};
		life.handler = event.text;
		if (life.id)
			tallies[*life.id].handler = event.text;
		return life;
	}

	std::int64_t on_trace(__int128 time_ns) const
	{
		return static_cast<std::int64_t>(
			std::clamp<__int128>(time_ns - out.window.begin_ns, 0,
					     std::numeric_limits<std::int64_t>::max()));
	}

	// CLOCK_REALTIME and CLOCK_TAI are more than 30 years ahead; KTIME_MAX is not a time.
	static bool on_other_clock(const Life &life, const Event &event)
	{
		constexpr std::uint64_t years30_ns = 946'080'000'000'000'000, max_ns = INT64_MAX;
		return life.other_clock ||
		       (event.expires > event.time_ns + years30_ns && event.expires < max_ns);
	}

	void arm(Life &life, const Event &event, co_trace_kind kind, bool pending,
		 std::uint64_t Tally::*also)
	{
		std::int64_t deadline_ns;
		std::uint64_t window_us = 0;
		if (kind == CO_TRACE_HRTIMER) {
			if (on_other_clock(life, event)) {
				out.other_clock++;
				return;
			}
			deadline_ns = on_trace(event.softexpires);
			window_us = (event.expires - event.softexpires) / 1000;
		} else {
			deadline_ns =
				on_trace(epoch_ns + static_cast<__int128>(event.expires) * tick_ns);
		}
		const bool known = life.id.has_value();
		if (!known) {
			life.id = static_cast<std::uint32_t>(tallies.size());
			tallies.push_back({{.timers = 1}, kind, life.handler});
		}
		out.contradictions += known && life.pending != pending;
		Tally &tally = tallies[*life.id].tally;
		tally.arms++;
		tally.pending += pending;
		if (pending && known && life.pending)
			(deadline_ns > life.deadline_ns    ? tally.later
			 : deadline_ns == life.deadline_ns ? tally.same
							   : tally.earlier)++;
		if (also)
			(tally.*also)++;
		life.pending = true;
		life.deadline_ns = deadline_ns;
		emit(*life.id, event, kind, CO_TRACE_ARM, deadline_ns, window_us);
	}

	// The timer is not pending any more.
	void leave(Life &life, const Event &event, co_trace_kind kind, co_trace_op op)
	{
		if (!life.id) {
			out.early++;
			return;
		}
		out.contradictions += !life.pending;
		life.pending = false;
		Tally &tally = tallies[*life.id].tally;
		(op == CO_TRACE_CANCEL ? tally.cancels : tally.expired)++;
		emit(*life.id, event, kind, op, 0, 0);
	}

	void emit(std::uint32_t id, const Event &event, co_trace_kind kind, co_trace_op op,
		  std::int64_t deadline_ns, std::uint64_t window_us)
	{
		out.records.push_back({
			.time_ns = event.time_ns - out.window.begin_ns,
			.deadline_ns = static_cast<std::uint64_t>(deadline_ns),
			.timer = id,
			.window_us = static_cast<std::uint16_t>(
				std::min<std::uint64_t>(window_us, 65535)),
			.op = static_cast<std::uint8_t>(op),
			.kind = static_cast<std::uint8_t>(kind),
		});
	}

	const Roles &roles;
	std::int64_t epoch_ns;
	std::uint64_t tick_ns;
	Lives timer_lists, hrtimers;
	std::vector<OfTimer> tallies; // by id
	Reduced out;
};

} // namespace

Tally &Tally::operator+=(const Tally &other)
{
	for (const auto field :
	     {&Tally::timers, &Tally::arms, &Tally::pending, &Tally::later, &Tally::same,
	      &Tally::earlier, &Tally::silent, &Tally::uncalled, &Tally::cancels, &Tally::expired})
		this->*field += other.*field;
	return *this;
}

std::int64_t jiffies_epoch_ns(std::span<const Event> events, std::uint64_t tick_ns)
{
	std::optional<std::int64_t> epoch_ns;
	for (const Event &event : events) {
		if (event.what != What::timer_start && event.what != What::timer_expire_entry)
			continue;
		const auto at = static_cast<std::int64_t>(event.time_ns - event.now * tick_ns);
		epoch_ns = std::min(epoch_ns.value_or(at), at);
	}
	if (!epoch_ns)
		throw Error("no event tells jiffies");
	return *epoch_ns;
}

Window whole_steps(std::span<const Event> events, std::uint64_t step_ns)
{
	const auto mark = [&](std::string_view word) {
		const auto at = std::ranges::find_if(events, [&](const Event &event) {
			return event.what == What::mark && event.text == word;
		});
		if (at == events.end())
			throw Error(fmt::format("no mark '{}'", word));
		return at->time_ns;
	};
	const Window window{(mark("begin") / step_ns + 1) * step_ns,
			    mark("end") / step_ns * step_ns};
	if (window.begin_ns >= window.end_ns)
		throw Error("the recording is shorter than a step");
	return window;
}

Reduced reduce(std::span<const Event> events, Window window, std::uint64_t tick_ns)
{
	const Roles roles(events);
	// Where there are hrtimers alone, jiffies do not matter.
	const bool wheel = std::ranges::any_of(events, [](const Event &event) {
		return !Roles::is_hrtimer(event.what) && event.what != What::mark;
	});
	Follower follower(roles, window, wheel ? jiffies_epoch_ns(events, tick_ns) : 0, tick_ns);
	for (Index i = 0; i < events.size(); i++)
		if (events[i].time_ns >= window.begin_ns && events[i].time_ns < window.end_ns)
			follower.follow(events[i], i);
	return follower.finish();
}

void cut(Reduced &reduced, std::size_t limit)
{
	if (reduced.records.size() <= limit)
		return;
	reduced.records.resize(limit);
	reduced.timers = 0;
	for (const auto &record : reduced.records)
		reduced.timers = std::max(reduced.timers, record.timer + 1);
	reduced.window.end_ns =
		reduced.window.begin_ns + (limit ? reduced.records.back().time_ns : 0);
}

} // namespace record
