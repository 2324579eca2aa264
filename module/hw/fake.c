// SPDX-License-Identifier: GPL-2.0
/*
 * Clock fake: time stands still until a test moves it, and interrupts come when a test says so.
 */
#include <linux/atomic.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include "../compat/compat.h"
#include "clock.h"

static atomic64_t fake_now;
static DEFINE_PER_CPU(u64, fake_next);
static DEFINE_PER_CPU(struct irq_work, fake_irq);

static void fake_fire(struct irq_work *work)
{
	this_cpu_write(fake_next, co_clock_event());
}

static int fake_probe(enum co_mode mode, u32 hz)
{
	unsigned int cpu;

	/* Its time goes on from where it was. */
	if (!atomic64_read(&fake_now))
		atomic64_set(&fake_now, ktime_get());
	for_each_possible_cpu(cpu) {
		init_irq_work(per_cpu_ptr(&fake_irq, cpu), fake_fire);
		per_cpu(fake_irq, cpu) = IRQ_WORK_INIT_HARD(fake_fire);
		per_cpu(fake_next, cpu) = CO_CLOCK_NEVER;
	}
	return 0;
}

static int fake_start(unsigned int cpu)
{
	return 0;
}

static void fake_stop(unsigned int cpu)
{
	irq_work_sync(per_cpu_ptr(&fake_irq, cpu));
	per_cpu(fake_next, cpu) = CO_CLOCK_NEVER;
}

static void fake_arm(u64 ns)
{
	this_cpu_write(fake_next, ns);
}

static u64 fake_now_ns(void)
{
	return atomic64_read(&fake_now);
}

struct callout_clock co_clk_fake = {
	.name = "fake",
	.min_hz = 1,
	.max_hz = 10000,
	.rate = { .mult = 1 },
	.probe = fake_probe,
	.start = fake_start,
	.stop = fake_stop,
	.arm = fake_arm,
	.now = fake_now_ns,
};

/**
 * co_clk_fake_set() - set the time; no interrupt comes by itself
 * @ns: the new time; going back is for tests of the rest of the kernel's clocks, not of this one's
 *
 * Context: Any.
 */
void co_clk_fake_set(u64 ns)
{
	atomic64_set(&fake_now, ns);
}
CO_EXPORT_FOR_TESTS(co_clk_fake_set);

static void fake_queue_irq(void *unused)
{
	irq_work_queue(this_cpu_ptr(&fake_irq));
}

/**
 * co_clk_fake_interrupt() - let the interrupt come on one CPU, and wait until it has been served
 * @cpu: an online CPU
 *
 * Context: May sleep.
 */
void co_clk_fake_interrupt(unsigned int cpu)
{
	smp_call_function_single(cpu, fake_queue_irq, NULL, 1);
	irq_work_sync(per_cpu_ptr(&fake_irq, cpu));
}
CO_EXPORT_FOR_TESTS(co_clk_fake_interrupt);

/**
 * co_clk_fake_armed() - what the interrupt of a CPU is armed for
 * @cpu: a possible CPU
 *
 * Context: Any.
 * Return: Nanoseconds, or CO_CLOCK_NEVER.
 */
u64 co_clk_fake_armed(unsigned int cpu)
{
	return READ_ONCE(per_cpu(fake_next, cpu));
}
CO_EXPORT_FOR_TESTS(co_clk_fake_armed);
