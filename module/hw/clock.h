/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a clock provides: interrupts on each CPU, at a chosen time or periodically, and a counter.
 *
 * Times are CLOCK_MONOTONIC nanoseconds; intervals of the hardware are hwclocktick_t, converted by the
 * clock's rate. A clock knows nothing of callouts. It calls co_clock_event(), and is programmed through
 * arm(). One clock drives all CPUs; for a moment, while another takes over, two are started, but only one
 * of them is armed.
 *
 * Contract
 * ========
 *  1. init(): optional; once, when the module is loaded, before anything else. May find out the name.
 *     Context: may sleep. Cannot fail: whether the clock works is for probe() to say.
 *
 *  2. probe(mode, hz): finds out whether the clock can work here, in that mode, and takes what it needs, so
 *     that nobody else gets it. hz is 0 in CO_DEADLINE, else between min_hz and max_hz. Called again, after
 *     remove(), for another mode. No CPU is started.
 *     Context: a process's, that loads the module or writes to sysfs, or a worker; may sleep; one at a time.
 *     Return: 0, or an errno by way of co_clock_refuse(), which tells the reason in one line.
 *     Afterwards rate is set. hw_periodic says whether CO_PERIODIC is the hardware's own: otherwise the
 *     clock is never asked for it, and arm() is called for each tick.
 *     remove() gives everything back. No CPU is started.
 *
 *  3. start(cpu): on the CPU that it is for, which is online; may sleep, interrupts on, CPUs do not come and
 *     go meanwhile. From here on arm() may be called there. Return: 0, or an errno by way of
 *     co_clock_refuse(); then nothing is left behind on that CPU.
 *
 *  4. stop(cpu): on that CPU, as start(). Afterwards co_clock_event() is not called for it, and none is
 *     running. What was armed is forgotten. Also for a clock that has been evicted or has failed.
 *
 *  5. arm(ns): on the local CPU, interrupts off, any lock of the caller's held but no base lock.
 *     Deadline mode: co_clock_event() is to be called at ns; that replaces what was armed before.
 *	- A time that has passed, or is nearer than the hardware can tell, makes the interrupt come as soon as
 *	  it can, from outside arm(): never lost, whatever the hardware's counter did between look and write.
 *	- One beyond the hardware's range: an interrupt as late as it can, which is an early one (6).
 *	- CO_CLOCK_NEVER: none is wanted. One that comes all the same is harmless.
 *     hw_periodic and CO_PERIODIC: co_clock_event() is to be called hz times a second from now on, the first
 *     time within one period, until it returns CO_CLOCK_NEVER; ns is when the first tick would be liked.
 *
 *  6. co_clock_event() is called in hard interrupt context on the CPU that was armed, interrupts off, no lock
 *     held. It returns the next time to arm, or CO_CLOCK_NEVER; the clock arms that itself, as by arm().
 *	- early: nothing is called that is not due; the same time is returned again.
 *	- late: all that is due is called; nothing is lost. Lateness beyond accuracy is the watchdog's.
 *	- spurious: as early. One of a CPU that is not started, or not armed, returns CO_CLOCK_NEVER.
 *	- behind: a time that has passed when it returns may be put off, by no more than 100 ms, to leave others
 *	  as much time as has been taken (fanout.c).
 *	- storming: once it has been called very often for nothing it returns CO_CLOCK_NEVER, and the clock
 *	  has to silence its hardware then.
 *
 *  7. read(): the hardware's counter, extended to 64 bits: any context, any CPU; never goes back where the
 *     reads are ordered. NULL where the hardware has none that can be read: then it is the monotonic time,
 *     converted.
 *
 *  8. accuracy_ns: an event comes no more than this before its time, and no more than this after it, as far
 *     as the clock itself is concerned: its granularity, the least that it can be programmed for, and what
 *     an interrupt takes to cross CPUs. To it comes drift_ppm of the interval.
 *
 *  9. A clock that finds itself gone (evicted, its device lost) says so by co_clock_fail(), once, from any
 *     context. The callouts are then driven by hrtimer.
 *
 * 10. Suspend is no clock's concern: from the time that tasks are frozen to the time that they are thawed
 *     clock hrtimer drives the callouts, and this clock is removed. A CPU that goes offline is stopped,
 *     and started when it comes back.
 *
 * Degraded case: a clock whose interrupt may be lost is still good for callouts if it calls
 * co_clock_event() every so often. One that does not is found by the watchdog, which serves each CPU that is
 * overdue, and takes clock hrtimer instead.
 */
#ifndef CALLOUT_CLOCK_H
#define CALLOUT_CLOCK_H

#include <linux/types.h>
#include "rate.h"

#define CO_CLOCK_NEVER	U64_MAX

enum co_mode { CO_DEADLINE, CO_PERIODIC, CO_NMODES };

/**
 * struct callout_clock - one clock; the functions are those of the contract
 * @name:	as in sysfs and clock=. May be changed by init() alone.
 * @rating:	of those that work the one with the highest is taken. 0: only by name.
 * @min_hz:	lowest frequency in periodic mode
 * @max_hz:	highest
 * @hw_periodic: the hardware itself can tick. Constant.
 * @rate:	hwclocktick_t per nanosecond. Set by probe(), or before.
 * @accuracy_ns: see 8. Set by probe() or start(), or before.
 * @drift_ppm:	likewise
 * @why:	the reason for the last refusal or failure, or empty. Written by co_clock_refuse() and
 *		co_clock_fail(), and emptied when it is taken; a reader may see it change.
 * @init:	1; NULL: nothing to do
 * @probe:	2
 * @remove:	2; NULL: nothing to do
 * @start:	3
 * @stop:	4
 * @arm:	5
 * @now:	nanoseconds in place of the monotonic time: clock fake's alone, else NULL
 * @read:	7; may be NULL
 * @counters:	optional: prints "name value" lines about the hardware to a buffer of a page, and returns how
 *		many bytes. Any context that may sleep.
 */
struct callout_clock {
	const char *name;
	int rating;
	u32 min_hz;
	u32 max_hz;
	bool hw_periodic;
	struct co_rate rate;
	u32 accuracy_ns;
	u32 drift_ppm;
	char why[120];

	void (*init)(void);
	int (*probe)(enum co_mode mode, u32 hz);
	void (*remove)(void);
	int (*start)(unsigned int cpu);
	void (*stop)(unsigned int cpu);
	void (*arm)(u64 ns);
	u64 (*now)(void);
	u64 (*read)(void);
	int (*counters)(char *buf);
};

/* ---- what the core provides to clocks ------------------------------------------------------- */

u64 co_clock_event(void);
__printf(3, 4) int co_clock_refuse(struct callout_clock *clock, int err, const char *fmt, ...);
__printf(2, 3) void co_clock_fail(struct callout_clock *clock, const char *fmt, ...);

/* ---- the clocks ----------------------------------------------------------------------------- */

extern struct callout_clock co_clk_proxy;	/* 400: in front of the CPU's tick device, and named after it */
extern struct callout_clock co_clk_hpet;	/* 250 */
extern struct callout_clock co_clk_pit;		/* 110 */
extern struct callout_clock co_clk_hrtimer;	/* 100: everywhere, the fail-safe */
extern struct callout_clock co_clk_fake;	/* 0: for tests */

/* For tests: the fake clock's time stands still unless moved. */
void co_clk_fake_set(u64 ns);
void co_clk_fake_interrupt(unsigned int cpu);
u64 co_clk_fake_armed(unsigned int cpu);

#endif /* CALLOUT_CLOCK_H */
