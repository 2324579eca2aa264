// SPDX-License-Identifier: GPL-2.0
/*
 * Timers that expire: the handlers of all facilities, the hold model and the burst.
 *
 * hold: N pending, each re-arms itself when it expires, for a random time that makes `rate` expiries a
 * second altogether; until `ops` have come. burst: N that are due at the same time.
 */
#include <linux/delay.h>
#include <linux/sched.h>
#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/hardirq.h>
#endif
#include "live.h"

/*
 * Lateness: 16 steps an octave of nanoseconds. The record is written by the handlers, of one facility and
 * on one CPU at a time; by the thread with interrupts off, or before and after.
 */
#define STEPS		16
#define HIST		(61 * STEPS)

static struct live {
	u64 span_ns;		/* re-arm below this; 0: do not */
	u64 fired;
	u64 early;		/* before they were due: must be 0 */
	u64 elsewhere;		/* on another CPU than armed: must be 0, as this record stands no other */
	u64 late_max;
	u64 first, last;	/* cycles at the first and the last expiry */
	unsigned int cpu;
	u32 late[HIST];
} live;

static __always_inline unsigned int late_index(u64 ns)
{
	unsigned int e = fls64(ns);

	return e <= 4 ? ns : (e - 4) * STEPS + ((ns >> (e - 5)) & (STEPS - 1));
}

/* The least lateness that is counted at the next index. */
static u64 late_limit(unsigned int i)
{
	i++;
	return i < STEPS ? i : (u64)(STEPS + i % STEPS) << (i / STEPS - 1);
}

/* ---- handlers ------------------------------------------------------------------------------- */

/* Record an expiry; whether to re-arm, for it->due_ns. Ticks are told to be @early by jiffies. */
static __always_inline bool expired(struct bench_item *it, bool ticks, bool early)
{
	u64 now = ktime_get(), late = now - it->due_ns, span;

	live.last = co_cheap_clock();
	if (unlikely(!live.fired++))
		live.first = live.last;
	if ((s64)late < 0) {
		early |= !ticks;
		late = 0;
	}
	live.early += early;
	live.elsewhere += smp_processor_id() != live.cpu;
	live.late[late_index(late)]++;
	live.late_max = max(live.late_max, late);
	span = READ_ONCE(live.span_ns);
	if (!span)
		return false;
	it->due_ns = now + bench_random_below(&it->random, span);
	return true;
}

#define CALLOUT_HANDLER(name)					\
void bench_##name##_expired(void *arg)				\
{								\
	struct bench_item *it = arg;				\
								\
	if (expired(it, false, false))				\
		fac_##name.within(it, it->due_ns, 0);		\
}

CALLOUT_HANDLER(callout)
CALLOUT_HANDLER(callout_hard)
CALLOUT_HANDLER(callout_nolock)
CALLOUT_HANDLER(callout_ticks)
CALLOUT_HANDLER(callout_none)
CALLOUT_HANDLER(callout_weak)
CALLOUT_HANDLER(callout_named)

static __always_inline enum hrtimer_restart hrtimer_expired(struct hrtimer *timer)
{
	struct bench_item *it = container_of(timer, struct bench_item, hrtimer);

	if (!expired(it, false, false))
		return HRTIMER_NORESTART;
	hrtimer_set_expires(timer, it->due_ns);
	return HRTIMER_RESTART;
}

enum hrtimer_restart bench_hrtimer_expired(struct hrtimer *timer)
{
	enum hrtimer_restart again;

	raw_spin_lock(&bench_raw);
	again = hrtimer_expired(timer);
	raw_spin_unlock(&bench_raw);
	return again;
}

enum hrtimer_restart bench_hrtimer_any_expired(struct hrtimer *timer)
{
	return bench_hrtimer_expired(timer);
}

enum hrtimer_restart bench_hrtimer_soft_expired(struct hrtimer *timer)
{
	enum hrtimer_restart again;

	spin_lock(&bench_spin);
	again = hrtimer_expired(timer);
	spin_unlock(&bench_spin);
	return again;
}

void bench_timer_list_expired(struct timer_list *timer)
{
	struct bench_item *it = container_of(timer, struct bench_item, timer);

	spin_lock(&bench_spin);
	if (expired(it, true, time_before(jiffies, timer->expires)))
		fac_timer_list.within(it, it->due_ns, 0);
	spin_unlock(&bench_spin);
}

/* ---- the record ----------------------------------------------------------------------------- */

/* Begin anew. Nothing fires meanwhile: between begin() and end(), or nothing is armed. */
void live_reset(struct bench_job *job, u64 rearm_span_ns)
{
	memset(&live, 0, sizeof(live));
	live.cpu = job->cpu;
	live.span_ns = rearm_span_ns;
}

u64 live_fired(void)
{
	return READ_ONCE(live.fired);
}

/* Handlers re-arm no more. */
void live_end(void)
{
	WRITE_ONCE(live.span_ns, 0);
}

/* A while of one and the same code, to count. */
noinline void live_spin(struct live_clock *clock)
{
	unsigned int i;

	for (i = 0; i < 200; i++)
		barrier();
	clock->spins++;
	cond_resched();
}

void live_clock_start(struct live_clock *clock)
{
	*clock = (struct live_clock){
		.interrupts = co_apic_timer_interrupts(),
		.ns = ktime_get(),
		.cycles = co_cheap_clock(),
	};
}

void live_clock_stop(struct live_clock *clock)
{
	clock->cycles = co_cheap_clock() - clock->cycles;
	clock->ns = ktime_get() - clock->ns;
	clock->interrupts = co_apic_timer_interrupts() - clock->interrupts;
}

static u64 late_quantile(unsigned int per_mille)
{
	u64 rank = div_u64(live.fired * per_mille + 999, 1000), seen = 0;
	unsigned int i;

	for (i = 0; i < HIST; i++) {
		seen += live.late[i];
		if (seen >= rank)
			return min(late_limit(i), live.late_max);
	}
	return live.late_max;
}

/* The result. Nothing fires meanwhile. */
void live_tell(struct bench_job *job, const struct live_clock *clock)
{
	unsigned int i;

	bench_out(job, "fired %llu\nearly %llu\nelsewhere %llu\n", live.fired, live.early,
		  live.elsewhere);
	bench_out(job, "elapsed_ns %llu\nelapsed_cycles %llu\nspins %llu\ninterrupts %llu\n", clock->ns,
		  clock->cycles, clock->spins, clock->interrupts);
	if (!live.fired)
		return;
	bench_out(job, "expiring_cycles %llu\n", live.last - live.first);
	bench_out(job, "late_p50_ns %llu\nlate_p99_ns %llu\nlate_p999_ns %llu\nlate_max_ns %llu\n",
		  late_quantile(500), late_quantile(990), late_quantile(999), live.late_max);
	bench_out(job, "late");
	for (i = 0; i < HIST; i++) {
		if (live.late[i])
			bench_out(job, " %llu %u", late_limit(i), live.late[i]);
	}
	bench_out(job, "\n");
}

/* ---- hold ----------------------------------------------------------------------------------- */

/*
 * The time that is left of an interval that is random below @span, at a moment picked at random: the
 * smaller of two. So the rate is right from the start.
 */
static u64 random_rest(u32 *state, u64 span)
{
	u64 a = bench_random_below(state, span), b = bench_random_below(state, span);

	return min(a, b);
}

static __always_inline void hold_fill(const struct facility *f, struct bench_job *job, u64 span)
{
	u64 pause = 0, i;

	setup_items(f, job);
	live_reset(job, span);
	for (i = 0; i < job->n; i++) {
		struct bench_item *it = &job->items[i];
		unsigned long flags = begin(f);

		it->due_ns = ktime_get() + random_rest(&it->random, span);
		f->within(it, it->due_ns, 0);
		end(f, flags);
		if (i % 16 == 0)
			bench_pause(i, &pause);
	}
	msleep(20);
}

static __always_inline int hold(const struct facility *f, struct bench_job *job)
{
	u64 span = div64_u64(2 * NSEC_PER_SEC * job->n, job->rate);
	u64 expected = div64_u64(NSEC_PER_SEC * job->ops, job->rate);
	bool noop = f == &fac_noop, late = false;
	struct live_clock clock;
	unsigned long flags;
	u64 limit;

	hold_fill(f, job, span);
	flags = begin(f);
	live_reset(job, span);
	live_clock_start(&clock);
	end(f, flags);
	limit = clock.ns + (noop ? expected : 4 * expected + NSEC_PER_SEC);
	while (live_fired() < job->ops && !late && !bench_should_stop()) {
		live_spin(&clock);
		late = ktime_get() > limit;
	}
	flags = begin(f);
	live_clock_stop(&clock);
	live_end();
	live_tell(job, &clock);
	end(f, flags);
	drain_items(f, job);
	return late && !noop ? -ETIMEDOUT : 0;
}

int bench_hold(struct bench_job *job)
{
	return BENCH_WITH_FACILITY(hold, job);
}

/* ---- burst ---------------------------------------------------------------------------------- */

/* Back from sleep so long before it begins: a virtual CPU may have to wait for its turn. */
#define AWAKE_NS	(100 * NSEC_PER_MSEC)
/* How long an idle CPU is looked at, for comparison. */
#define NOOP_BURST_NS	(200 * NSEC_PER_MSEC)

static __always_inline int burst(const struct facility *f, struct bench_job *job)
{
	u64 due = ktime_get() + 2 * NSEC_PER_SEC + job->n * 10 * NSEC_PER_USEC;
	u64 limit = due + NSEC_PER_SEC + job->n * 50 * NSEC_PER_USEC;
	bool noop = f == &fac_noop, late = false;
	u64 pause = 0, i, now;
	struct live_clock clock;
	unsigned long flags;

	live_reset(job, 0);
	setup_items(f, job);
	for (i = 0; i < job->n; i++) {
		flags = begin(f);
		job->items[i].due_ns = due;
		f->within(&job->items[i], due, 0);
		end(f, flags);
		if (i % 16 == 0)
			bench_pause(i, &pause);
	}
	now = ktime_get();
	/* Not msleep(): the wheel rounds a sleep of seconds up by more than what is left here. */
	if (due > now + 2 * AWAKE_NS)
		usleep_range(div_u64(due - now - AWAKE_NS, NSEC_PER_USEC),
			     div_u64(due - now - AWAKE_NS, NSEC_PER_USEC) + 1000);
	late = ktime_get() >= due;
	live_clock_start(&clock);
	while (live_fired() < job->n && !late && !bench_should_stop()) {
		live_spin(&clock);
		late = ktime_get() > (noop ? due + NOOP_BURST_NS : limit);
	}
	flags = begin(f);
	live_clock_stop(&clock);
	live_tell(job, &clock);
	end(f, flags);
	drain_items(f, job);
	return late && !noop ? -ETIMEDOUT : 0;
}

int bench_burst(struct bench_job *job)
{
	return BENCH_WITH_FACILITY(burst, job);
}
