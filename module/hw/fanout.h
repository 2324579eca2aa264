/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One counter for many CPUs: it is programmed for the earliest of their deadlines.
 */
#ifndef CALLOUT_FANOUT_H
#define CALLOUT_FANOUT_H

#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include "clock.h"

/**
 * struct co_fanout_cpu - what a CPU wants; DEFINE_PER_CPU() by the clock, for one fan-out or several
 * @next:	its deadline, or CO_CLOCK_NEVER. Ticking: 0 if it wants ticks. Protected by the fan-out's lock.
 * @called:	a call to it is on its way. Set under the lock, cleared by the call before it looks for what is
 *		due. Read under the lock, where a stale true does no harm (see fanout.c), and by stop() on that
 *		CPU, where it cannot be stale.
 * @csd:	the call. Used by who has set @called.
 * @work:	goes on with the call in an interrupt. Used by the call.
 * @behind:	how many times running its deadline had passed when it had been served. That CPU's, interrupts off.
 * @since:	when that was so first. Likewise.
 * @fanout:	which it has joined. Written by start() on that CPU, and constant until stop().
 */
struct co_fanout_cpu {
	u64 next;
	bool called;
	call_single_data_t csd;
	struct irq_work work;
	unsigned int behind;
	u64 since;
	struct co_fanout *fanout;
};

/**
 * struct co_fanout_counts - what is counted, and how the lines of a clock's counters() begin
 * @interrupts: interrupts taken
 * @early:	those of them that came before any deadline, or for nobody
 * @calls:	calls to other CPUs
 * @programmed:	calls of program(), but for CO_CLOCK_NEVER
 * @retries:	those of them because an interrupt had been lost
 */
struct co_fanout_counts {
	u64 interrupts;
	u64 early;
	u64 calls;
	u64 programmed;
	u64 retries;
};

/**
 * struct co_fanout - a counter, and those that share it
 * @lock:	protects what follows, and the counter. The clock's program() is called under it.
 * @earliest:	of all deadlines; what program() was told last. Ticking: 0 if any CPU wants ticks.
 * @started:	CPUs between start and stop
 * @counts:	since init
 * @ticking:	the hardware ticks by itself. Constant from init on.
 * @cpus:	per CPU. Constant from init on.
 * @program:	makes the interrupt come at a time, or as soon as it can if that has passed; CO_CLOCK_NEVER:
 *		nobody wants one, which silences hardware that would go on. Ticking: CO_CLOCK_NEVER stops it, and
 *		anything else starts it. Constant from init on. Context: @lock held, interrupts off.
 * @event:	co_clock_event(), but in tests. Constant from init on.
 */
struct co_fanout {
	raw_spinlock_t lock;
	u64 earliest;
	struct cpumask started;
	struct co_fanout_counts counts;

	bool ticking;
	struct co_fanout_cpu __percpu *cpus;
	void (*program)(struct co_fanout *f, u64 ns);
	u64 (*event)(void);
};

void co_fanout_init(struct co_fanout *f, struct co_fanout_cpu __percpu *cpus,
		    void (*program)(struct co_fanout *f, u64 ns), bool ticking);
void co_fanout_start(struct co_fanout *f, unsigned int cpu);
void co_fanout_stop(struct co_fanout *f, unsigned int cpu);
void co_fanout_arm(struct co_fanout *f, u64 ns);
void co_fanout_interrupt(struct co_fanout *f);
void co_fanout_retry(struct co_fanout *f);
bool co_fanout_wait(struct co_fanout *f);
void co_fanout_count(struct co_fanout *f, struct co_fanout_counts *sum);
int co_fanout_print(const struct co_fanout_counts *counts, char *buf);

#endif /* CALLOUT_FANOUT_H */
