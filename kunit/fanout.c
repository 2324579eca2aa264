// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_fanout: one counter for several CPUs, without the hardware.
 *
 * The counter is what program() was told last; its interrupt comes when a test says so, on the CPU that it says.
 * What co_clock_event() would do is done by event(). Time is real, so deadlines are past or an hour away.
 */
#include "kt.h"
#include "../module/hw/fanout.h"

#define PAST		1ULL
#define SLOW_MS		20

static struct co_fanout fan, other;
static DEFINE_PER_CPU(struct co_fanout_cpu, cpus);
static DEFINE_PER_CPU(int, served);	/* since it was looked at last */
static DEFINE_PER_CPU(u64, answer);	/* of event() */
static int programmed;			/* since it was looked at last */
static u64 told;			/* what program() was told last */
static u64 far;				/* an hour from now */
static int slow_ms;			/* how long event() takes */
static bool hold, held;			/* a CPU, with interrupts off */

static void program(struct co_fanout *f, u64 ns)
{
	programmed++;
	told = ns;
}

static void wait_until(u64 ns)
{
	while (ktime_get_ns() < ns)
		cpu_relax();
}

static u64 event(void)
{
	this_cpu_inc(served);
	if (slow_ms)
		wait_until(ktime_get_ns() + slow_ms * NSEC_PER_MSEC);
	return this_cpu_read(answer);
}

static int start_here(void *f)
{
	co_fanout_start(f, smp_processor_id());
	return 0;
}

static int stop_here(void *f)
{
	co_fanout_stop(f, smp_processor_id());
	return 0;
}

static void arm_here(void *ns)
{
	co_fanout_arm(this_cpu_read(cpus.fanout), *(u64 *)ns);
}

static void interrupt_here(void *f)
{
	co_fanout_interrupt(f);
}

static void nothing_here(void *unused)
{
}

static void hold_here(void *unused)
{
	WRITE_ONCE(held, true);
	kt_spin_until(&hold);
}

static void start(struct co_fanout *f, int cpu)
{
	smp_call_on_cpu(cpu, start_here, f, false);
}

static void stop(int cpu)
{
	smp_call_on_cpu(cpu, stop_here, per_cpu(cpus, cpu).fanout, false);
}

static void arm(int cpu, u64 ns)
{
	smp_call_function_single(cpu, arm_here, &ns, 1);
}

/* The calls that are on their way have been served. */
static void settle(struct kunit *test)
{
	unsigned long end = jiffies + KT_PATIENCE;
	int cpu;

	for (cpu = KT_CPU; cpu <= KT_CPU3; cpu++) {
		while (READ_ONCE(per_cpu(cpus, cpu).called) && time_before(jiffies, end))
			cpu_relax();
		KUNIT_EXPECT_FALSE(test, READ_ONCE(per_cpu(cpus, cpu).called));
		smp_call_function_single(cpu, nothing_here, NULL, 1);
	}
}

/* The counter's interrupt comes, on that CPU. */
static void interrupt(struct kunit *test, struct co_fanout *f, int cpu)
{
	smp_call_function_single(cpu, interrupt_here, f, 1);
	settle(test);
}

static void init_fan(struct co_fanout *f, bool ticking)
{
	co_fanout_init(f, &cpus, program, ticking);
	f->event = event;
}

/* All are started anew, with nothing armed. */
static void begin(bool ticking)
{
	int cpu;

	for (cpu = KT_CPU; cpu <= KT_CPU3; cpu++)
		stop(cpu);
	init_fan(&fan, ticking);
	for (cpu = KT_CPU; cpu <= KT_CPU3; cpu++) {
		start(&fan, cpu);
		per_cpu(served, cpu) = 0;
		per_cpu(answer, cpu) = CO_CLOCK_NEVER;
	}
	programmed = 0;
	told = CO_CLOCK_NEVER;
}

static int fanout_init(struct kunit *test)
{
	int err = set_cpus_allowed_ptr(current, cpumask_of(0)), cpu;

	if (err)
		return err;
	far = ktime_get_ns() + 3600 * (u64)NSEC_PER_SEC;
	slow_ms = 0;
	init_fan(&fan, false);
	for (cpu = KT_CPU; cpu <= KT_CPU3; cpu++)
		start(&fan, cpu);
	begin(false);
	return 0;
}

static void fanout_exit(struct kunit *test)
{
	int cpu;

	for (cpu = KT_CPU; cpu <= KT_CPU3; cpu++)
		stop(cpu);
}

/* How often since it was asked last, and for what the last time; or not at all. */
#define EXPECT_PROGRAMMED(test, n, ns) do {				\
	KUNIT_EXPECT_EQ(test, programmed, n);				\
	KUNIT_EXPECT_EQ(test, told, ns);				\
	programmed = 0;							\
} while (0)
#define EXPECT_NOT_PROGRAMMED(test)	KUNIT_EXPECT_EQ(test, programmed, 0)

/* How often each CPU has been served since it was asked last. */
#define EXPECT_SERVED(test, n, n2, n3) do {				\
	KUNIT_EXPECT_EQ(test, per_cpu(served, KT_CPU), n);		\
	KUNIT_EXPECT_EQ(test, per_cpu(served, KT_CPU2), n2);		\
	KUNIT_EXPECT_EQ(test, per_cpu(served, KT_CPU3), n3);		\
	per_cpu(served, KT_CPU) = 0;					\
	per_cpu(served, KT_CPU2) = 0;					\
	per_cpu(served, KT_CPU3) = 0;					\
} while (0)

static void earliest_is_programmed(struct kunit *test)
{
	arm(KT_CPU, far + 20);
	EXPECT_PROGRAMMED(test, 1, far + 20);
	arm(KT_CPU2, far + 30);
	EXPECT_NOT_PROGRAMMED(test);
	arm(KT_CPU3, far + 10);
	EXPECT_PROGRAMMED(test, 1, far + 10);
	arm(KT_CPU2, far + 10);
	EXPECT_NOT_PROGRAMMED(test);
	arm(KT_CPU2, far);
	EXPECT_PROGRAMMED(test, 1, far);
	KUNIT_EXPECT_EQ(test, fan.counts.programmed, 3);
}

/* Also by a later deadline. */
static void disarm_programs_the_next(struct kunit *test)
{
	arm(KT_CPU, far + 20);
	arm(KT_CPU2, far + 30);
	arm(KT_CPU3, far + 10);
	programmed = 0;
	arm(KT_CPU2, CO_CLOCK_NEVER);
	EXPECT_NOT_PROGRAMMED(test);
	arm(KT_CPU3, CO_CLOCK_NEVER);
	EXPECT_PROGRAMMED(test, 1, far + 20);
	arm(KT_CPU2, far + 40);
	arm(KT_CPU, far + 50);
	EXPECT_PROGRAMMED(test, 1, far + 40);
	arm(KT_CPU2, CO_CLOCK_NEVER);
	EXPECT_PROGRAMMED(test, 1, far + 50);
	arm(KT_CPU, CO_CLOCK_NEVER);
	EXPECT_PROGRAMMED(test, 1, CO_CLOCK_NEVER);
	arm(KT_CPU, CO_CLOCK_NEVER);
	EXPECT_NOT_PROGRAMMED(test);
}

static void early_interrupt_programs_again(struct kunit *test)
{
	arm(KT_CPU, far);
	arm(KT_CPU2, far + 10);
	programmed = 0;
	interrupt(test, &fan, KT_CPU);
	interrupt(test, &fan, KT_CPU3);
	EXPECT_PROGRAMMED(test, 2, far);
	EXPECT_SERVED(test, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, fan.counts.early, 2);
	KUNIT_EXPECT_EQ(test, fan.counts.calls, 0);
}

/* Hardware that goes on by itself is silenced. */
static void spurious_interrupt_silences(struct kunit *test)
{
	interrupt(test, &fan, KT_CPU2);
	EXPECT_PROGRAMMED(test, 1, CO_CLOCK_NEVER);
	EXPECT_SERVED(test, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, fan.counts.early, 1);
}

static void due_are_served_once(struct kunit *test)
{
	arm(KT_CPU, PAST);
	arm(KT_CPU2, PAST + 1);
	arm(KT_CPU3, far);
	EXPECT_PROGRAMMED(test, 1, PAST);
	interrupt(test, &fan, KT_CPU);
	EXPECT_SERVED(test, 1, 1, 0);
	EXPECT_PROGRAMMED(test, 1, far);
	interrupt(test, &fan, KT_CPU);
	interrupt(test, &fan, KT_CPU2);
	EXPECT_SERVED(test, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, fan.counts.interrupts, 3);
	KUNIT_EXPECT_EQ(test, fan.counts.calls, 1);
	KUNIT_EXPECT_EQ(test, fan.counts.early, 2);
}

/* By one that is not due itself. */
static void served_elsewhere(struct kunit *test)
{
	per_cpu(answer, KT_CPU2) = far - 10;
	arm(KT_CPU, far);
	arm(KT_CPU2, PAST);
	programmed = 0;
	interrupt(test, &fan, KT_CPU3);
	EXPECT_SERVED(test, 0, 1, 0);
	EXPECT_PROGRAMMED(test, 2, far - 10);
}

/* A CPU that has the counter for itself programs it once for each expiry. */
static void alone(struct kunit *test)
{
	per_cpu(answer, KT_CPU) = far;
	arm(KT_CPU, PAST);
	programmed = 0;
	interrupt(test, &fan, KT_CPU);
	EXPECT_PROGRAMMED(test, 1, far);

	per_cpu(answer, KT_CPU) = CO_CLOCK_NEVER;
	arm(KT_CPU, PAST);
	programmed = 0;
	interrupt(test, &fan, KT_CPU);
	EXPECT_PROGRAMMED(test, 1, CO_CLOCK_NEVER);
	EXPECT_SERVED(test, 2, 0, 0);
}

static void ticks_from_the_first_to_the_last(struct kunit *test)
{
	begin(true);
	per_cpu(answer, KT_CPU) = far;
	per_cpu(answer, KT_CPU2) = far;
	arm(KT_CPU, far);
	EXPECT_PROGRAMMED(test, 1, 0);
	arm(KT_CPU2, PAST);
	interrupt(test, &fan, KT_CPU);
	interrupt(test, &fan, KT_CPU3);
	EXPECT_SERVED(test, 2, 2, 0);
	EXPECT_NOT_PROGRAMMED(test);
	arm(KT_CPU, CO_CLOCK_NEVER);
	EXPECT_NOT_PROGRAMMED(test);
	per_cpu(answer, KT_CPU2) = CO_CLOCK_NEVER;
	interrupt(test, &fan, KT_CPU);
	EXPECT_SERVED(test, 0, 1, 0);
	EXPECT_PROGRAMMED(test, 1, CO_CLOCK_NEVER);
	interrupt(test, &fan, KT_CPU);
	EXPECT_SERVED(test, 0, 0, 0);
	arm(KT_CPU3, far);
	EXPECT_PROGRAMMED(test, 1, 0);
}

/* See "A call that is on its way": a CPU that does not come to it is sent no second one. */
static void one_call_on_its_way(struct kunit *test)
{
	int i;

	begin(true);
	per_cpu(answer, KT_CPU2) = far;
	arm(KT_CPU2, far);
	hold = held = false;
	smp_call_function_single(KT_CPU2, hold_here, NULL, 0);
	kt_wait_for(test, &held);
	for (i = 0; i < 3; i++)
		smp_call_function_single(KT_CPU, interrupt_here, &fan, 1);
	KUNIT_EXPECT_EQ(test, fan.counts.calls, 1);
	smp_store_release(&hold, true);
	settle(test);
	EXPECT_SERVED(test, 0, 1, 0);
	interrupt(test, &fan, KT_CPU);
	KUNIT_EXPECT_EQ(test, fan.counts.calls, 2);
	EXPECT_SERVED(test, 0, 1, 0);
}

static void retry(struct kunit *test)
{
	co_fanout_retry(&fan);
	arm(KT_CPU, far);
	programmed = 0;
	co_fanout_retry(&fan);
	EXPECT_NOT_PROGRAMMED(test);
	arm(KT_CPU2, PAST);
	co_fanout_retry(&fan);
	EXPECT_PROGRAMMED(test, 2, PAST);
	KUNIT_EXPECT_EQ(test, fan.counts.retries, 1);

	begin(true);
	arm(KT_CPU, PAST);
	co_fanout_retry(&fan);
	EXPECT_PROGRAMMED(test, 1, 0);
}

static void stop_forgets(struct kunit *test)
{
	arm(KT_CPU, PAST);
	arm(KT_CPU2, far);
	programmed = 0;
	stop(KT_CPU);
	EXPECT_PROGRAMMED(test, 1, far);
	arm(KT_CPU, PAST);
	EXPECT_NOT_PROGRAMMED(test);
	interrupt(test, &fan, KT_CPU);
	EXPECT_SERVED(test, 0, 0, 0);
	start(&fan, KT_CPU);
	interrupt(test, &fan, KT_CPU);
	EXPECT_SERVED(test, 0, 0, 0);
	EXPECT_PROGRAMMED(test, 2, far);
}

/* CPUs that have a counter each. */
static void two_with_one_array(struct kunit *test)
{
	stop(KT_CPU2);
	init_fan(&other, false);
	start(&other, KT_CPU2);
	arm(KT_CPU, PAST);
	arm(KT_CPU2, PAST);
	EXPECT_PROGRAMMED(test, 2, PAST);
	interrupt(test, &other, KT_CPU);
	EXPECT_SERVED(test, 0, 1, 0);
	interrupt(test, &fan, KT_CPU);
	EXPECT_SERVED(test, 1, 0, 0);
	stop(KT_CPU2);
	start(&fan, KT_CPU2);
}

/* See "A CPU that is behind". */
static void slow_handlers_leave_time(struct kunit *test)
{
	u64 last, put_off;
	int i;

	slow_ms = SLOW_MS;
	per_cpu(answer, KT_CPU) = PAST;
	arm(KT_CPU, PAST);
	for (i = 0; i < 3; i++) {
		interrupt(test, &fan, KT_CPU);
		KUNIT_EXPECT_EQ(test, told, PAST);
	}
	last = ktime_get_ns();
	interrupt(test, &fan, KT_CPU);
	EXPECT_SERVED(test, 4, 0, 0);
	put_off = told;
	/* Itself, and as long as the three before it. */
	KUNIT_EXPECT_GE(test, put_off, last + 4 * SLOW_MS * NSEC_PER_MSEC);
	KUNIT_EXPECT_LE(test, put_off, ktime_get_ns() + 100 * NSEC_PER_MSEC);

	/* Others do not wait, and do not bring it back. */
	slow_ms = 0;
	arm(KT_CPU2, PAST);
	interrupt(test, &fan, KT_CPU3);
	if (ktime_get_ns() < put_off) {
		EXPECT_SERVED(test, 0, 1, 0);
		KUNIT_EXPECT_EQ(test, told, put_off);
	}

	/* Once it is no longer behind, it counts anew. */
	wait_until(put_off);
	per_cpu(answer, KT_CPU) = far;
	interrupt(test, &fan, KT_CPU);
	KUNIT_EXPECT_EQ(test, told, far);
	per_cpu(answer, KT_CPU) = PAST;
	arm(KT_CPU, PAST);
	interrupt(test, &fan, KT_CPU);
	KUNIT_EXPECT_EQ(test, told, PAST);
}

/* See "A CPU that is behind": what has not passed is not put off. */
static void ahead_again(struct kunit *test)
{
	int i;

	slow_ms = SLOW_MS;
	per_cpu(answer, KT_CPU) = PAST;
	arm(KT_CPU, PAST);
	for (i = 0; i < 3; i++)
		interrupt(test, &fan, KT_CPU);
	slow_ms = 0;
	per_cpu(answer, KT_CPU) = ktime_get_ns() + 2 * SLOW_MS * NSEC_PER_MSEC;
	interrupt(test, &fan, KT_CPU);
	if (ktime_get_ns() < per_cpu(answer, KT_CPU))
		KUNIT_EXPECT_EQ(test, told, per_cpu(answer, KT_CPU));
}

static struct kunit_case fanout_cases[] = {
	KUNIT_CASE(earliest_is_programmed),
	KUNIT_CASE(disarm_programs_the_next),
	KUNIT_CASE(early_interrupt_programs_again),
	KUNIT_CASE(spurious_interrupt_silences),
	KUNIT_CASE(due_are_served_once),
	KUNIT_CASE(served_elsewhere),
	KUNIT_CASE(alone),
	KUNIT_CASE(ticks_from_the_first_to_the_last),
	KUNIT_CASE(one_call_on_its_way),
	KUNIT_CASE(retry),
	KUNIT_CASE(stop_forgets),
	KUNIT_CASE(two_with_one_array),
	KUNIT_CASE(slow_handlers_leave_time),
	KUNIT_CASE(ahead_again),
	{ }
};

struct kunit_suite kt_suite_fanout = {
	.name = "callout_fanout",
	.suite_init = kt_suite_init,
	.init = fanout_init,
	.exit = fanout_exit,
	.test_cases = fanout_cases,
};
