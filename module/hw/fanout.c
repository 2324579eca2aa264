// SPDX-License-Identifier: GPL-2.0
/*
 * One counter for many CPUs: who its interrupt is for, and calls to them. Or for one CPU alone.
 *
 * Each CPU has a word with its next deadline; the counter is programmed for the earliest of them. The CPU
 * that takes the interrupt takes the deadlines that have come out of their words, programs the counter for
 * the earliest of the rest, calls the other CPUs, and serves itself. Each then finds its own next deadline by
 * co_clock_event(), and puts it into its word. Finding the earliest is a walk over the CPUs that are started.
 *
 * Where the hardware ticks by itself (CO_PERIODIC) the words say who wants ticks. They stay as they are when
 * one comes, and the hardware is stopped when nobody is left.
 *
 * A call that is on its way
 * -------------------------
 * A second one is not sent to a CPU before the first has begun there, which is what "called" says. No deadline
 * is lost by it, though the CPU may already be past the point where it looked for what is due:
 *
 *	CPU 1, called					CPU 0, interrupt
 *	1. called = false, not yet seen by CPU 0
 *	2. co_clock_event(): T is not due yet
 *							3. lock; T is due; next = NEVER; called is
 *							   still set, so no call; unlock
 *	4. lock; next = T; programs the counter for
 *	   T, which has passed; unlock
 *
 * If 4 comes before 3, the lock makes CPU 0 see both T and called == false, and it calls.
 *
 * A CPU that is behind
 * --------------------
 * Handlers that take longer than until they want to be called again would have their CPU for themselves: the next
 * interrupt comes as soon as one is over. So serve() looks whether the deadline has passed when all is done. When
 * that was so BEHIND times running, the next that has passed is put off, and others get as much time as these took. It
 * is the CPU's own deadline that is put off: interrupts for other CPUs do not bring it back.
 *
 * A CPU that is stopped
 * ---------------------
 * stop() runs on that CPU. Once it has taken the CPU off "started" no call is sent, and it waits for the one
 * that is on its way, which comes as its interrupts are on. As calls and interrupts run to their end before
 * stop() goes on, none is running when it returns.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include "../compat/compat.h"
#include "fanout.h"

#define BEHIND		3
#define MAX_PUT_OFF_NS	(100 * NSEC_PER_MSEC)

static void set_earliest(struct co_fanout *f, u64 ns)
{
	lockdep_assert_held(&f->lock);
	f->earliest = ns;
	f->counts.programmed += ns != CO_CLOCK_NEVER;
	f->program(f, ns);
}

static u64 least(struct co_fanout *f)
{
	u64 ns = CO_CLOCK_NEVER;
	unsigned int cpu;

	lockdep_assert_held(&f->lock);
	for_each_cpu(cpu, &f->started)
		ns = min(ns, per_cpu_ptr(f->cpus, cpu)->next);
	return ns;
}

/* The local CPU's next deadline is ns. Returns whether anything was programmed. */
static bool set_next(struct co_fanout *f, u64 ns)
{
	struct co_fanout_cpu *c = this_cpu_ptr(f->cpus);
	u64 old = c->next;

	lockdep_assert_held(&f->lock);
	if (!cpumask_test_cpu(smp_processor_id(), &f->started))
		return false;
	if (f->ticking && ns != CO_CLOCK_NEVER)
		ns = 0;
	c->next = ns;
	if (ns > f->earliest && old == f->earliest)
		ns = least(f);
	else if (ns > f->earliest)
		return false;
	if (ns == f->earliest)
		return false;
	set_earliest(f, ns);
	return true;
}

/* See "A CPU that is behind". */
static u64 put_off(const struct co_fanout_cpu *c, u64 ns)
{
	u64 now = ktime_get_ns();

	if (ns > now)
		return ns;
	return now + min_t(u64, now - c->since, MAX_PUT_OFF_NS);
}

/* Calls what is due on this CPU. pending: the counter was left as it was, as this CPU may want it. */
static void serve(struct co_fanout *f, bool pending)
{
	struct co_fanout_cpu *c = this_cpu_ptr(f->cpus);
	u64 ns = f->event(), now;

	if (c->behind >= BEHIND)
		ns = put_off(c, ns);
	raw_spin_lock(&f->lock);
	if (!set_next(f, ns) && pending && f->earliest == CO_CLOCK_NEVER)
		set_earliest(f, CO_CLOCK_NEVER);
	raw_spin_unlock(&f->lock);

	now = ktime_get_ns();
	if (ns > now)
		c->behind = 0;
	else if (!c->behind++)
		c->since = now;
}

static void work(struct irq_work *work)
{
	struct co_fanout_cpu *c = container_of(work, struct co_fanout_cpu, work);

	WRITE_ONCE(c->called, false);
	serve(c->fanout, false);
}

/* The idle loop runs calls too, outside any interrupt, but co_clock_event() wants one. */
static void called(void *info)
{
	struct co_fanout_cpu *c = info;

	if (in_hardirq())
		work(&c->work);
	else
		irq_work_queue(&c->work);
}

/**
 * co_fanout_init() - a fan-out, with no CPU started
 * @f:		the fan-out
 * @cpus:	per-CPU data; other fan-outs may have the same, for other CPUs
 * @program:	programs the counter, see struct co_fanout
 * @ticking:	whether the hardware ticks by itself
 *
 * Context: Any; nobody else uses @f.
 */
void co_fanout_init(struct co_fanout *f, struct co_fanout_cpu __percpu *cpus,
		    void (*program)(struct co_fanout *f, u64 ns), bool ticking)
{
	memset(f, 0, sizeof(*f));
	raw_spin_lock_init(&f->lock);
	f->earliest = CO_CLOCK_NEVER;
	f->ticking = ticking;
	f->cpus = cpus;
	f->program = program;
	f->event = co_clock_event;
}
CO_EXPORT_FOR_TESTS(co_fanout_init);

/**
 * co_fanout_start() - a CPU joins
 * @f:		the fan-out
 * @cpu:	the local CPU, which has joined no other that has the same per-CPU data
 *
 * Context: As a clock's start().
 */
void co_fanout_start(struct co_fanout *f, unsigned int cpu)
{
	struct co_fanout_cpu *c = per_cpu_ptr(f->cpus, cpu);
	unsigned long flags;

	*c = (struct co_fanout_cpu){
		.next = CO_CLOCK_NEVER,
		.work = IRQ_WORK_INIT_HARD(work),
		.fanout = f,
	};
	INIT_CSD(&c->csd, called, c);
	raw_spin_lock_irqsave(&f->lock, flags);
	cpumask_set_cpu(cpu, &f->started);
	raw_spin_unlock_irqrestore(&f->lock, flags);
}
CO_EXPORT_FOR_TESTS(co_fanout_start);

/**
 * co_fanout_stop() - a CPU leaves; what it has armed is forgotten
 * @f:		the fan-out
 * @cpu:	the local CPU
 *
 * Afterwards co_clock_event() is not called for it, and none is running.
 *
 * Context: As a clock's stop(): interrupts on.
 */
void co_fanout_stop(struct co_fanout *f, unsigned int cpu)
{
	struct co_fanout_cpu *c = per_cpu_ptr(f->cpus, cpu);
	unsigned long flags;

	lockdep_assert_irqs_enabled();
	raw_spin_lock_irqsave(&f->lock, flags);
	set_next(f, CO_CLOCK_NEVER);
	cpumask_clear_cpu(cpu, &f->started);
	raw_spin_unlock_irqrestore(&f->lock, flags);

	while (READ_ONCE(c->called))
		cpu_relax();
}
CO_EXPORT_FOR_TESTS(co_fanout_stop);

/**
 * co_fanout_arm() - a clock's arm()
 * @f:	the fan-out
 * @ns:	the local CPU's deadline, or CO_CLOCK_NEVER
 *
 * Context: As a clock's arm(): interrupts off.
 */
void co_fanout_arm(struct co_fanout *f, u64 ns)
{
	lockdep_assert_irqs_disabled();
	raw_spin_lock(&f->lock);
	set_next(f, ns);
	raw_spin_unlock(&f->lock);
}
CO_EXPORT_FOR_TESTS(co_fanout_arm);

/* Takes the deadlines that have come, and calls their CPUs. Returns whether the local one is among them. */
static bool take_due(struct co_fanout *f, u64 now)
{
	unsigned int cpu, self = smp_processor_id();
	bool mine = false, early = true;

	lockdep_assert_held(&f->lock);
	for_each_cpu(cpu, &f->started) {
		struct co_fanout_cpu *c = per_cpu_ptr(f->cpus, cpu);

		if (c->next > now)
			continue;
		early = false;
		if (!f->ticking)
			c->next = CO_CLOCK_NEVER;
		if (cpu == self) {
			mine = true;
		} else if (!c->called) {
			c->called = true;
			f->counts.calls++;
			smp_call_function_single_async(cpu, &c->csd);
		}
	}
	f->counts.interrupts++;
	f->counts.early += early;
	return mine;
}

/**
 * co_fanout_interrupt() - the counter's interrupt has come
 * @f:	the fan-out
 *
 * Early, late and spurious ones are harmless. One-shot hardware is programmed again.
 *
 * Context: Hard interrupt, interrupts off.
 */
void co_fanout_interrupt(struct co_fanout *f)
{
	bool mine, pending = false;
	u64 ns;

	raw_spin_lock(&f->lock);
	mine = take_due(f, ktime_get_ns());
	if (!f->ticking) {
		ns = least(f);
		pending = mine && ns == CO_CLOCK_NEVER;
		if (pending)
			f->earliest = ns;
		else
			set_earliest(f, ns);
	}
	raw_spin_unlock(&f->lock);

	if (mine)
		serve(f, pending);
}
CO_EXPORT_FOR_TESTS(co_fanout_interrupt);

/**
 * co_fanout_retry() - an interrupt may have been lost, as when its CPU went offline
 * @f:	the fan-out
 *
 * Context: Any, but under the fan-out's lock.
 */
void co_fanout_retry(struct co_fanout *f)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&f->lock, flags);
	if (!f->ticking && f->earliest <= ktime_get_ns()) {
		f->counts.retries++;
		set_earliest(f, f->earliest);
	}
	raw_spin_unlock_irqrestore(&f->lock, flags);
}
CO_EXPORT_FOR_TESTS(co_fanout_retry);

/**
 * co_fanout_wait() - has an interrupt come yet?
 * @f: the fan-out, whose counter has been programmed for the next few milliseconds
 *
 * Context: May sleep; waits for 200 ms at most.
 * Return: True as soon as the first since co_fanout_init() has.
 */
bool co_fanout_wait(struct co_fanout *f)
{
	int tries;

	for (tries = 0; tries < 10 && !READ_ONCE(f->counts.interrupts); tries++)
		msleep(20);
	return READ_ONCE(f->counts.interrupts);
}

/**
 * co_fanout_count() - add up what has been counted
 * @f:		the fan-out
 * @sum:	to which it is added
 *
 * Context: Any, but under the fan-out's lock.
 */
void co_fanout_count(struct co_fanout *f, struct co_fanout_counts *sum)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&f->lock, flags);
	sum->interrupts += f->counts.interrupts;
	sum->early += f->counts.early;
	sum->calls += f->counts.calls;
	sum->programmed += f->counts.programmed;
	sum->retries += f->counts.retries;
	raw_spin_unlock_irqrestore(&f->lock, flags);
}
CO_EXPORT_FOR_TESTS(co_fanout_count);

/**
 * co_fanout_print() - what a clock's counters() begins with
 * @counts:	of a fan-out, or the sum of several
 * @buf:	a page
 *
 * Context: Any.
 * Return: How many bytes were printed.
 */
int co_fanout_print(const struct co_fanout_counts *counts, char *buf)
{
	return scnprintf(buf, PAGE_SIZE, "interrupts %llu\nearly %llu\ncalls %llu\nprogrammed %llu\nretries %llu\n",
			 counts->interrupts, counts->early, counts->calls, counts->programmed, counts->retries);
}
