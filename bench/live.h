/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timers that expire: what their handlers record, and a clock for what all of it costs.
 */
#ifndef CALLOUT_BENCH_LIVE_H
#define CALLOUT_BENCH_LIVE_H

#include "facility.h"

/*
 * The cost of interrupts, softirqs, threads and handlers together is what they take from a thread that
 * does nothing but count. The count of a job is set against that of the same job with `noop`.
 */
struct live_clock {
	u64 ns, cycles, interrupts;	/* when it was started; by stop(): how much has gone by */
	u64 spins;			/* how often live_spin() came to its end meanwhile */
};

void live_reset(struct bench_job *job, u64 rearm_span_ns);
u64 live_fired(void);
void live_end(void);
void live_spin(struct live_clock *clock);
void live_clock_start(struct live_clock *clock);
void live_clock_stop(struct live_clock *clock);
void live_tell(struct bench_job *job, const struct live_clock *clock);

#endif /* CALLOUT_BENCH_LIVE_H */
