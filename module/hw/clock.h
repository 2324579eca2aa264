/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a clock provides: a time to read, and one interrupt per CPU at a chosen time.
 *
 * Times are CLOCK_MONOTONIC nanoseconds. A clock knows nothing of callouts; it is given a function
 * to call when its interrupt comes, and programmed through arm().
 *
 *  1. probe(): sleeps; called once before anything else. Finds out whether the clock can work here, and
 *     takes what it needs. Return: 0, or an errno after one line of log that says why. remove() undoes.
 *  2. start(): on the CPU that it is for, which is online, in a context that may sleep, interrupts on.
 *     From here on arm() may be called on that CPU. Return: 0 or an errno.
 *  3. stop(): on that CPU, as start(), or for a CPU that is offline from any. Afterwards event() is
 *     not called for it, and none is running. Pending events are forgotten.
 *  4. arm(): on the local CPU, interrupts off, any lock of the caller's held. The event replaces the one
 *     armed before. A time that has passed, or is nearer than the hardware can tell, makes the interrupt
 *     come at once, from outside arm(). Later than the hardware's range: as late as it can.
 *  5. event() is called in hard interrupt context on the CPU that was armed, interrupts off, no lock
 *     held. It returns the next time to arm, or CO_CLOCK_NEVER; the clock arms it itself. It may be
 *     called too late, too early, or without cause: it looks at the time itself.
 *  6. read(): any context, any CPU; never goes back on one CPU, nor across CPUs where the reads are
 *     ordered by a lock.
 *
 * Degraded case: a clock whose interrupt may be lost is still good for callouts if it calls event()
 * every so often.
 */
#ifndef CALLOUT_CLOCK_H
#define CALLOUT_CLOCK_H

#include <linux/types.h>

#define CO_CLOCK_NEVER	U64_MAX

struct callout_clock {
	const char *name;
	int rating;			/* of two that work the higher is taken */
	int (*probe)(u64 (*event)(void));
	void (*remove)(void);
	int (*start)(unsigned int cpu);
	void (*stop)(unsigned int cpu);
	void (*arm)(u64 ns);
	u64 (*read)(void);
};

extern const struct callout_clock co_clk_hrtimer;	/* rating 100: everywhere, the fail-safe */
extern const struct callout_clock co_clk_fake;		/* rating 0: only by name, for tests */

/* For tests: the fake clock's time stands still unless moved. */
void co_clk_fake_set(u64 ns);
void co_clk_fake_interrupt(unsigned int cpu);
u64 co_clk_fake_armed(unsigned int cpu);

#endif /* CALLOUT_CLOCK_H */
