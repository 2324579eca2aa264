// SPDX-License-Identifier: GPL-2.0
// Callouts that are armed, moved, stopped and drained at random, and what may be relied on.
#include "workload.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <utility>

Workload::Workload(Machine &machine, const Options &options)
	: m(machine), o(options), items(options.callouts)
{
	static constexpr co_lock_class classes[] = {CO_LOCK_NONE, CO_LOCK_RAW, CO_LOCK_SPIN,
						    CO_LOCK_MUTEX};

	for (Item &i : items) {
		i.load = this;
		i.kind = static_cast<Kind>(o.unlocked ? m.below(4) : 1 + m.below(3));
		i.rearms = later(2);
		__callout_init(&i.c, classes[static_cast<int>(i.kind)], &i.lock, 0);
	}
	m.when_quiet([this] {
		if (o.covered && quiets++ % o.check_every == 0)
			check_covered();
	});
}

Workload::~Workload()
{
	m.when_quiet({});
}

void Workload::run(unsigned grains)
{
	const Time begin = (m.now() / o.grain + 1) * o.grain;

	m.at(begin, [this, grains] { on_every_grain(grains); });
	m.run_until(begin + Time{grains} * o.grain);
	for (CpuId id = 0; id < m.size(); id++) {
		m.online(id);
		m.run_until(m.now() + 1);
	}
	m.run_until(m.now() + Time{3} * (o.reach + o.window + 1) * o.grain);
	for (const Item &i : items) {
		if (i.outstanding)
			m.fail(fmt::format(
				"a callout for {} was armed and neither called nor cancelled ({})",
				i.latest, i.outstanding));
		if (callout_pending(&i.c))
			m.fail("a callout is pending at the end");
	}
}

void Workload::on_every_grain(unsigned left)
{
	grain();
	if (left)
		m.at(m.now() + o.grain, [this, left] { on_every_grain(left - 1); });
}

// ---- what happens
// ------------------------------------------------------------------------------------

CpuId Workload::any_online()
{
	for (;;) {
		const CpuId id = m.below(m.size());

		if (m.is_online(id))
			return id;
	}
}

void Workload::grain()
{
	for (unsigned n = 0; n < o.ops; n++) {
		const CpuId cpu = any_online();

		m.post(cpu, [this] { operate(sim_cpu); });
	}
	for (unsigned n = 0; n < o.switches; n++)
		m.busy(m.below(m.size()), m.below(100) >= o.percent_idle);
	if (o.hotplug_every && later(o.hotplug_every))
		hotplug();
}

// CPU 0 stays.
void Workload::hotplug()
{
	const CpuId id = 1 + m.below(m.size() - 1);

	if (m.hotplugging())
		return;
	if (m.is_online(id))
		m.offline(id);
	else
		m.online(id);
}

void Workload::operate(CpuId cpu)
{
	Item &i = items[m.below(static_cast<unsigned>(items.size()))];

	if (i.in_use || (i.kind == Kind::none && i.rearming))
		return;
	i.in_use = true;
	switch (m.below(16)) {
	case 0:
	case 1:
		if (i.kind == Kind::none)
			drain(i);
		else
			stop(i);
		break;
	case 2:
		drain(i);
		break;
	case 3:
		set_affinity(i);
		break;
	case 4:
		arm(i, m.below(m.size()));
		break;
	default:
		arm(i, {});
	}
	i.in_use = false;
}

// A spinning lock is taken with interrupts off, or else its own CPU's dispatcher may find it busy,
// which is then late.
void Workload::lock(Item &i)
{
	if (i.kind == Kind::none)
		return;
	const bool on = i.kind != Kind::mutex && !sim_torn ? sim_irq_save() : !irqs_disabled();

	sim_take(&i.lock);
	i.irqs_on = on;
}

void Workload::unlock(Item &i)
{
	if (i.kind == Kind::none)
		return;
	const bool on = i.irqs_on;

	sim_unlock(&i.lock);
	sim_irq_restore(on);
}

// For a CPU it is at a tick boundary, else within a window.
void Workload::arm(Item &i, std::optional<CpuId> on)
{
	const bool own_handler = i.kind != Kind::none && i.lock.owner == sim_cpu + 1;

	if (!own_handler)
		lock(i);
	const Time now = m.now(), tick = TICK_NSEC;
	Time latest = ((now + o.grain - 1) / o.grain + m.below(o.reach)) * o.grain;
	Time earliest = latest;
	const int ticks = 1 + static_cast<int>(m.below(o.reach) * o.grain / tick);
	if (on)
		latest = earliest = (now / tick + static_cast<Time>(ticks)) * tick;
	else if (later(2))
		earliest = std::max(latest - m.below(o.window) * o.grain, o.grain);

	// Without a lock it may be called for the old time until this is done, or be on its way to
	// that when it is.
	const bool was = i.outstanding;
	i.outstanding++;
	i.earliest = was ? std::min(i.earliest, earliest) : earliest;
	i.latest = was ? std::max(i.latest, latest) : latest;
	i.armed_at = now;
	i.armer = sim_cpu;
	i.home_set = now;
	if (on && i.class_ != CALLOUT_AFFINITY_WEAK)
		i.home = *on;
	count.stores += !on && __callout_may_move(&i.c, ~latest);
	const int replaced = on ? callout_reset_on(&i.c, ticks, handler, &i, static_cast<int>(*on))
				: callout_set_within(&i.c, static_cast<ktime_t>(earliest),
						     static_cast<ktime_t>(latest), handler, &i);
	i.outstanding -= replaced;
	if (replaced && i.outstanding == 1) {
		i.earliest = earliest;
		i.latest = latest;
	}
	if (!own_handler)
		unlock(i);
}

void Workload::stop(Item &i)
{
	lock(i);
	i.outstanding -= callout_stop(&i.c) == 1;
	unlock(i);
}

void Workload::drain(Item &i)
{
	// Whether an arm is refused that comes at the same time is not known here.
	if (i.rearming)
		return;
	i.draining = true;
	i.outstanding -= callout_drain(&i.c) == 1;
	i.draining = false;
}

void Workload::set_affinity(Item &i)
{
	const auto class_ = static_cast<callout_affinity>(m.below(3));
	const int cpu = later(3) ? -1 : static_cast<int>(m.below(m.size()));

	lock(i);
	callout_set_affinity(&i.c, class_, cpu);
	i.class_ = class_;
	i.home_set = m.now();
	i.home.reset();
	if (class_ == CALLOUT_AFFINITY_STRONG && cpu >= 0)
		i.home = cpu;
	unlock(i);
}

// ---- what is to be seen
// ------------------------------------------------------------------------------

void Workload::handler(void *arg)
{
	auto &i = *static_cast<Item *>(arg);

	i.load->fire(i);
}

void Workload::fire(Item &i)
{
	const Time now = m.now();

	count.fired++;
	if (--i.outstanding < 0)
		m.fail("a callout is called twice, or after it was stopped");
	if (now < i.earliest)
		m.fail(fmt::format("early by {} ns: kind {}, in use {}, armed at {} by CPU {}, {} "
				   "more to come",
				   i.earliest - now, static_cast<int>(i.kind), i.in_use, i.armed_at,
				   i.armer, i.outstanding));
	if (now > i.latest + o.slack)
		m.fail(fmt::format("late by {} ns", now - i.latest));
	if (i.kind != Kind::none && i.lock.owner != sim_cpu + 1)
		m.fail("a handler is called without its lock");
	check_home(i);
	check_order(i);
	if (i.rearms && !i.draining && (i.kind != Kind::none || !i.in_use) && later(4)) {
		i.rearming = true;
		arm(i, {});
		i.rearming = false;
	}
}

void Workload::check_home(const Item &i)
{
	// Without a lock it may be on its way already when that changes.
	if (i.kind == Kind::none && (i.in_use || i.home_set == m.now()))
		return;
	if (i.home) {
		if (sim_cpu == *i.home)
			return;
		count.displaced++;
		if (m.steadily_online(*i.home, i.armed_at))
			m.fail(fmt::format("one that is bound to CPU {} runs elsewhere: kind {}, "
					   "c_home {:#x}, "
					   "c_attr {:#x}, armed at {}, bound at {}",
					   *i.home, static_cast<int>(i.kind), i.c.c_home,
					   i.c.c_attr, i.armed_at, i.home_set));
	} else if (i.class_ != CALLOUT_AFFINITY_STRONG && m.is_isolated(sim_cpu)) {
		m.fail("one that is not bound runs on an isolated CPU");
	}
}

// In a torn machine another CPU's callout may come between, by a pull.
void Workload::check_order(const Item &i)
{
	if (sim_torn)
		return;
	if (std::exchange(order_time, m.now()) != m.now())
		last_order.clear();
	const int context = i.kind == Kind::raw ? 0 : i.kind == Kind::mutex ? 2 : 1;
	const Equal equal{sim_cpu, i.armer, context, i.latest, i.earliest};
	const auto order = static_cast<std::uint32_t>(i.c.c_order);
	const auto [last, first] = last_order.try_emplace(equal, order);

	if (!first && static_cast<std::int32_t>(order - last->second) < 0)
		m.fail("equal deadlines are not called in the order in which they were armed");
	last->second = order;
}

// Nobody has anything to do: is somebody's clock armed for whatever is pending?
void Workload::check_covered()
{
	Time watched = never, last = never;
	bool awake = false;

	for (CpuId id = 0; id < m.size(); id++) {
		const sim_base b = sim_look(id);

		last = std::min(last, m.armed(id));
		if (!b.online || b.asleep || b.isolated)
			continue;
		awake = true;
		if (b.watch != never)
			watched = std::min(watched, m.armed(id));
	}
	if (!awake)
		watched = last;
	for (CpuId id = 0; id < m.size(); id++) {
		const sim_base b = sim_look(id);
		const Time own = b.asleep ? b.bound : std::min(b.bound, b.unbound);

		if (!b.online && b.queued)
			m.fail(fmt::format("CPU {} is offline, and {} callouts are there", id,
					   b.queued));
		if (b.online && m.armed(id) > own)
			m.fail(fmt::format("CPU {} is not interrupted at {} for its own", id, own));
		// What was armed there later, its own clock may be armed for.
		if (b.online && b.asleep && std::min(watched, m.armed(id)) > b.unbound)
			m.fail(fmt::format("nobody looks after CPU {}, which sleeps, at {}", id,
					   b.unbound));
	}
}
