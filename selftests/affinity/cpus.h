/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPUs for the modules of this directory: some that are kept busy, and the timer interrupts of each.
 */
#ifndef AFFINITY_CPUS_H
#define AFFINITY_CPUS_H

#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include "../../module/compat/compat.h"

static DEFINE_PER_CPU(struct task_struct *, busy);

static int be_busy(void *unused)
{
	while (!kthread_should_stop()) {
		cpu_relax();
		cond_resched();
	}
	return 0;
}

/* Keep a CPU busy, with a task that lets others run. Until let_idle(). */
static int __maybe_unused keep_busy(unsigned int cpu)
{
	struct task_struct *t = kthread_run_on_cpu(be_busy, NULL, cpu, "affinity_busy/%u");

	if (!IS_ERR(t))
		per_cpu(busy, cpu) = t;
	return PTR_ERR_OR_ZERO(t);
}

static void __maybe_unused let_idle(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		if (per_cpu(busy, cpu))
			kthread_stop(per_cpu(busy, cpu));
		per_cpu(busy, cpu) = NULL;
	}
}

static void read_timer_interrupts(void *n)
{
	*(u64 *)n = co_apic_timer_interrupts();
}

/* All that this CPU's local timer has made, the kernel's own included. */
static u64 __maybe_unused timer_interrupts(unsigned int cpu)
{
	u64 n = 0;

	smp_call_function_single(cpu, read_timer_interrupts, &n, 1);
	return n;
}

#endif /* AFFINITY_CPUS_H */
