// SPDX-License-Identifier: GPL-2.0
// The kernel's functions, done on the machine.
#include "kernel.hpp"
#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>
#include <utility>

namespace {

int (*hotplug_up)(unsigned);
int (*hotplug_down)(unsigned);
void (*idle_probe)(void *, unsigned, unsigned);
smp_hotplug_thread *dispatcher;
std::array<task_struct, SIM_MAX_CPUS> tasks;
// A task that is not the dispatcher's.
task_struct other_task;

// Where CPUs went on last, for who looks for a race.
struct Step {
	CpuId cpu;
	const char *func;
	int line;
};
std::array<Step, 32768> steps;
std::size_t steps_taken;

} // namespace

void note_step(const char *what, int number)
{
	steps[steps_taken++ % steps.size()] = {sim_cpu, what, number};
}

void print_steps()
{
	const char *wanted = std::getenv("SIM_STEPS");
	const std::size_t n = std::min<std::size_t>(wanted ? std::atoi(wanted) : 0, steps.size());

	for (std::size_t i = steps_taken < n ? 0 : steps_taken - n; i < steps_taken; i++)
		std::fprintf(stderr, "  CPU %u: %s:%d\n", steps[i % steps.size()].cpu,
			     steps[i % steps.size()].func, steps[i % steps.size()].line);
}

void kernel_reset()
{
	idle_probe = nullptr;
	for (CpuId id = 0; id < tasks.size(); id++)
		tasks[id].cpu = id;
	steps_taken = 0;
}

void cpu_comes(CpuId id)
{
	hotplug_up(id);
}

void cpu_goes(CpuId id)
{
	hotplug_down(id);
}

void run_dispatcher(Machine::Cpu &c)
{
	c.thread_woken = false;
	c.in_thread = true;
	while (dispatcher->thread_should_run(sim_cpu))
		dispatcher->thread_fn(sim_cpu);
	c.in_thread = false;
}

void idle_begins(bool begins)
{
	if (idle_probe)
		idle_probe(nullptr, begins ? 1 : PWR_EVENT_EXIT, sim_cpu);
}

extern "C" {

unsigned int sim_cpu;
unsigned int nr_cpu_ids;
bool sim_torn;
unsigned long volatile jiffies;

void sim_point_at(const char *func, int line)
{
	if (!machine->runs())
		return;
	note_step(func, line);
	machine->point();
}

void sim_fatal(const char *fmt, ...)
{
	va_list args;

	print_steps();
	std::fprintf(stderr,
		     "at %llu, on CPU %u: ", static_cast<unsigned long long>(machine->now()),
		     sim_cpu);
	va_start(args, fmt);
	std::vfprintf(stderr, fmt, args);
	va_end(args);
	std::fputc('\n', stderr);
	_exit(1);
}

// ---- CPUs, time
// ------------------------------------------------------------------------------------

bool cpu_online(unsigned cpu)
{
	return machine->is_online(cpu);
}

bool housekeeping_cpu(unsigned cpu, hk_type type)
{
	return !machine->is_isolated(cpu);
}

int cpuhp_setup_state(cpuhp_state state, const char *name, int (*up)(unsigned),
		      int (*down)(unsigned))
{
	hotplug_up = up;
	hotplug_down = down;
	return 0;
}

int register_trace_cpu_idle(void (*probe)(void *, unsigned, unsigned), void *data)
{
	idle_probe = probe;
	return 0;
}

u64 sim_now()
{
	return machine->now();
}

void sim_arm(u64 ns)
{
	machine->arm(ns);
}

// ---- interrupts
// --------------------------------------------------------------------------------------

bool sim_irq_save()
{
	return std::exchange(machine->here().irqs_on, false);
}

void sim_irq_restore(bool was_on)
{
	Machine::Cpu &c = machine->here();

	if (was_on && c.in_hard)
		sim_fatal("interrupts are let in by an interrupt");
	c.irqs_on = was_on;
	if (was_on)
		machine->interrupts();
}

bool in_hardirq()
{
	return machine->here().in_hard;
}

bool in_serving_softirq()
{
	return machine->here().in_soft;
}

bool irqs_disabled()
{
	return !machine->here().irqs_on;
}

int smp_call_function_single_async(int cpu, call_single_data_t *csd)
{
	const auto id = static_cast<CpuId>(cpu);

	sim_point();
	if (id == sim_cpu) {
		const bool on = sim_irq_save();

		csd->func(csd->info);
		sim_irq_restore(on);
		return 0;
	}
	if (!machine->is_online(id))
		return -ENXIO;
	if (csd->pending)
		sim_fatal("CPU %u is sent an interrupt twice", id);
	csd->pending = true;
	machine->cpu(id).ipis.push_back(csd);
	machine->wake(id);
	return 0;
}

bool irq_work_queue(irq_work *work)
{
	if (std::exchange(work->pending, true))
		return false;
	machine->here().irq_works.push_back(work);
	return true;
}

void irq_work_sync(irq_work *work)
{
	while (work->pending)
		sim_relax();
}

// ---- softirqs, threads, work
// ----------------------------------------------------------------------

void tasklet_hi_schedule(tasklet_struct *t)
{
	if (!std::exchange(t->pending, true))
		machine->here().tasklets.push_back(t);
}

void tasklet_kill(tasklet_struct *t)
{
	while (t->pending)
		machine->softirqs();
}

void schedule_delayed_work(delayed_work *work, unsigned long delay)
{
	if (!std::exchange(work->work.pending, true))
		machine->here().works.push_back(&work->work);
}

// Work is done on the CPU that asked for it, by who asks for this: it is none that is running.
void cancel_delayed_work_sync(delayed_work *work)
{
	if (!work->work.pending)
		return;
	for (CpuId id = 0; id < machine->size(); id++)
		std::erase(machine->cpu(id).works, &work->work);
	work->work.pending = false;
}

task_struct *sim_current()
{
	const Machine::Cpu &c = machine->here();

	return c.in_thread ? &tasks[sim_cpu] : &other_task;
}

int smpboot_register_percpu_thread(smp_hotplug_thread *threads)
{
	dispatcher = threads;
	for (CpuId id = 0; id < nr_cpu_ids; id++)
		(*threads->store)[id] = &tasks[id];
	return 0;
}

void wake_up_process(task_struct *t)
{
	machine->cpu(t->cpu).thread_woken = true;
	machine->wake(t->cpu);
}

void sim_relax()
{
	machine->yield();
}
}
