// SPDX-License-Identifier: GPL-2.0
// A machine of many CPUs in one thread: who runs, what time it is, and whose interrupt comes.
#include "machine.hpp"
#include "kernel.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <utility>

Machine *machine;

Machine::Machine(const Config &config) : cpus(config.cpus), rng(config.seed)
{
	machine = this;
	sim_cpu = 0;
	nr_cpu_ids = config.cpus;
	for (const CpuId id : config.isolated)
		cpus[id].isolated = true;
	sim_locks_reset();
	kernel_reset();
	sim_module_init(config.period, config.period);
	sim_torn = config.torn;
	one_of = config.torn;
	for (CpuId id = 0; id < config.cpus; id++) {
		Cpu &c = cpus[id];

		c.fiber = std::make_unique<Fiber>([this] { run_cpu(); });
		c.waiting = true;
		online(id);
		run_until(time);
	}
}

Machine::~Machine()
{
	sim_torn = false;
	sim_cpu = 0;
	sim_module_exit();
	machine = nullptr;
}

// ---- what is asked from outside ----------------------------------------------------------------

void Machine::post(CpuId id, Job job)
{
	cpus[id].jobs.push_back(std::move(job));
	wake(id);
}

void Machine::busy(CpuId id, bool is)
{
	cpus[id].busy = is;
	wake(id);
}

void Machine::offline(CpuId id)
{
	cpus[id].going = true;
	wake(id);
}

void Machine::online(CpuId id)
{
	cpus[id].coming = !cpus[id].online;
	wake(id);
}

bool Machine::steadily_online(CpuId id, Time since) const
{
	const Cpu &c = cpus[id];

	return c.online && !c.going && !c.coming && c.changed < since;
}

void Machine::fail(std::string reason)
{
	if (!why.empty())
		return;
	print_steps();
	why = fmt::format("at {}, on CPU {}: {}", time, sim_cpu, reason);
}

Machine::Counts Machine::total() const
{
	Counts sum;

	for (const Cpu &c : cpus) {
		sum.timer += c.counts.timer;
		sum.idle_timer += c.counts.idle_timer;
		sum.ipi += c.counts.ipi;
		sum.sleeps += c.counts.sleeps;
		sum.group_locks += c.counts.group_locks;
		sum.base_locks += c.counts.base_locks;
	}
	return sum;
}

void Machine::run_until(Time end)
{
	for (;;) {
		run_ready();
		if (!why.empty())
			return;
		if (quiet)
			quiet();
		const Time next = std::min(events.empty() ? never : events.top().when,
					   clocks.empty() ? never : clocks.begin()->first);
		if (next > end)
			break;
		time = std::max(time, next);
		if (sim_torn)
			note_step("---- time goes on", static_cast<int>(time / 1000));
		pass_time();
	}
	time = std::max(time, end);
}

// ---- time
// ----------------------------------------------------------------------------------------

void Machine::pass_time()
{
	jiffies = time / TICK_NSEC;
	interrupts_now = 0;
	while (!events.empty() && events.top().when <= time) {
		Job job = events.top().job;

		events.pop();
		job();
	}
	// From here on the interrupt comes, whatever else the clock is armed for before it is let
	// in.
	while (!clocks.empty() && clocks.begin()->first <= time) {
		const CpuId id = clocks.begin()->second;

		clocks.erase(clocks.begin());
		cpus[id].armed = never;
		cpus[id].rings = true;
		wake(id);
	}
}

void Machine::arm(Time when)
{
	Cpu &c = here();

	if (c.armed != never)
		clocks.erase({c.armed, sim_cpu});
	c.armed = when;
	if (when != never)
		clocks.insert({when, sim_cpu});
}

// ---- who runs
// ------------------------------------------------------------------------------------

void Machine::wake(CpuId id)
{
	if (std::exchange(cpus[id].waiting, false))
		ready.push_back(id);
}

void Machine::run_ready()
{
	unsigned long switches = 0;

	while (!ready.empty() && why.empty()) {
		const std::size_t i =
			ready.size() == 1 ? 0 : below(static_cast<unsigned>(ready.size()));
		const CpuId id = std::exchange(ready[i], ready.back());

		ready.pop_back();
		sim_cpu = id;
		inside = true;
		cpus[id].fiber->enter();
		inside = false;
		if (++switches > 2'000'000)
			sim_fatal("it goes on for ever at one time");
	}
}

void Machine::yield()
{
	if (here().irqs_on)
		interrupts();
	const CpuId self = sim_cpu;

	ready.push_back(self);
	cpus[self].fiber->leave();
}

void Machine::point()
{
	if (here().irqs_on)
		interrupts();
	if (below(one_of) == 0 && !ready.empty())
		yield();
}

void Machine::wait(Cpu &c)
{
	const bool was_busy = c.busy;

	while (!interrupt_pending(c) && !work_pending(c) && c.busy == was_busy) {
		c.waiting = true;
		c.fiber->leave();
	}
}

// ---- a CPU
// -----------------------------------------------------------------------------------------

bool Machine::interrupt_pending(const Cpu &c) const
{
	return c.rings || c.armed <= time || !c.ipis.empty() || !c.irq_works.empty();
}

bool Machine::work_pending(const Cpu &c) const
{
	if (!c.online)
		return c.coming;
	return c.thread_woken || c.going || !c.tasklets.empty() || !c.works.empty() ||
	       !c.jobs.empty();
}

void Machine::run_cpu()
{
	Cpu &c = here();

	for (;;) {
		if (!c.online) {
			while (!c.coming) {
				c.waiting = true;
				c.fiber->leave();
			}
			come(c);
		}
		interrupts();
		if (!c.tasklets.empty()) {
			softirqs();
			continue;
		}
		if (one_task(c))
			continue;
		if (c.busy)
			wait(c);
		else
			idle(c);
	}
}

// The threads in some order, so that none of them waits for another for ever.
bool Machine::one_task(Cpu &c)
{
	if (c.thread_woken) {
		run_dispatcher(c);
	} else if (!c.works.empty()) {
		work_struct *work = c.works.front();

		c.works.pop_front();
		work->pending = false;
		work->func(work);
	} else if (c.going) {
		go(c);
	} else if (!c.jobs.empty()) {
		Job job = std::move(c.jobs.front());

		c.jobs.pop_front();
		job();
		if (sim_locks_held())
			sim_fatal("a lock is held at the end of a job");
	} else {
		return false;
	}
	return true;
}

void Machine::idle(Cpu &c)
{
	c.irqs_on = false;
	if (!interrupt_pending(c) && !work_pending(c)) {
		// Releases before 6.3 tell of the end when the interrupt has been served.
		const bool served_first = rng() & 1;

		c.counts.sleeps++;
		c.idle = true;
		transition(c, true);
		wait(c);
		c.counts.idle_timer += c.rings;
		if (served_first) {
			c.irqs_on = true;
			interrupts();
		}
		transition(c, false);
		c.idle = false;
	}
	c.irqs_on = true;
	interrupts();
}

void Machine::transition(Cpu &c, bool begins)
{
	const unsigned long before = c.counts.group_locks;

	if (sim_torn)
		note_step(begins ? "  -- idle" : "  -- not idle", 0);
	idle_begins(begins);
	// Else interrupts have come, too.
	if (c.irqs_on)
		return;
	most_group_locks = std::max(most_group_locks, c.counts.group_locks - before);
}

void Machine::come(Cpu &c)
{
	c.online = true;
	note_step("  -- comes", 0);
	cpu_comes(sim_cpu);
	c.changed = time;
	note_step("  -- is here", 0);
	c.coming = false;
}

void Machine::go(Cpu &c)
{
	note_step("  -- goes", 0);
	cpu_goes(sim_cpu);
	// The last moments are the stopper's, which looks for what other CPUs have sent.
	interrupts();
	while (!c.tasklets.empty())
		softirqs();
	c.online = false;
	c.going = false;
	c.changed = time;
	if (c.armed != never || c.rings)
		sim_fatal("CPU %u is gone and its clock is armed", sim_cpu);
}

void Machine::interrupts()
{
	Cpu &c = here();

	if (c.in_hard || !interrupt_pending(c))
		return;
	while (interrupt_pending(c)) {
		if (++interrupts_now > 100 * cpus.size() + 10'000)
			sim_fatal("interrupts without end");
		c.irqs_on = false;
		c.in_hard = true;
		if (c.rings || c.armed <= time) {
			c.counts.timer++;
			c.rings = false;
			arm(never);
			arm(co_clock_event());
		} else if (!c.ipis.empty()) {
			call_single_data_t *csd = c.ipis.front();

			c.ipis.pop_front();
			c.counts.ipi++;
			csd->pending = false;
			csd->func(csd->info);
		} else {
			irq_work *work = c.irq_works.front();

			c.irq_works.pop_front();
			work->pending = false;
			work->func(work);
		}
		c.in_hard = false;
		c.irqs_on = true;
		if (!c.in_soft)
			softirqs();
	}
}

void Machine::softirqs()
{
	Cpu &c = here();

	c.in_soft = true;
	for (int again = 10; again && !c.tasklets.empty(); again--) {
		tasklet_struct *t = c.tasklets.front();

		c.tasklets.pop_front();
		t->pending = false;
		t->func(t);
		if (!c.irqs_on)
			sim_fatal("a softirq leaves interrupts off");
	}
	c.in_soft = false;
}
