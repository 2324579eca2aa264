// SPDX-License-Identifier: GPL-2.0
/*
 * What kt.h promises of CPUs: callouts armed from one or another, and CPUs that sleep.
 */
#include <linux/cpu.h>
#include "kt.h"

static void idle(void *begins)
{
	co_idle(begins);
}

static void nothing(void *unused)
{
}

/*
 * Have a CPU fall asleep or wake, as its idle loop does. An interrupt calls what is waited for first: so one call lets what
 * has been sent to the CPU be dealt with before the next.
 */
void kt_sleep_on(int cpu)
{
	smp_call_function_single(cpu, nothing, NULL, 1);
	smp_call_function_single(cpu, idle, (void *)1, 1);
}

void kt_wake_on(int cpu)
{
	smp_call_function_single(cpu, idle, NULL, 1);
}

/* For the next test all CPUs are awake, and no dispatcher is on its way. */
void kt_exit_awake(struct kunit *test)
{
	int cpu;

	for_each_online_cpu(cpu)
		kt_wake_on(cpu);
	kt_exit(test);
	for_each_online_cpu(cpu)
		kt_flush(test, cpu);
}

struct co_base *kt_base(int cpu)
{
	return per_cpu_ptr(&co_bases, cpu);
}

/* By hand: nohz_full= and isolcpus= are for the command line, see selftests/affinity. */
void kt_isolate(int cpu, bool isolated)
{
	if (isolated)
		kt_sleep_on(cpu);
	else
		kt_base(cpu)->asleep = true;
	kt_base(cpu)->isolated = isolated;
	kt_base(cpu)->takes_any = !isolated;
	if (isolated)
		kt_base(cpu)->asleep = false;
	else
		kt_wake_on(cpu);
}

int kt_run_on(struct kunit *test, int cpu, int (*fn)(void *arg), void *arg)
{
	struct kt_thread t;

	kt_start(test, &t, fn, arg, cpu);
	return kt_join(test, &t);
}

struct arm {
	struct kt *k;
	u64 earliest, latest;
};

/* Names no CPU. */
static int arm_here(void *arg)
{
	struct arm *a = arg;
	struct kt *k = a->k;
	int ret;

	WRITE_ONCE(k->earliest, a->earliest);
	kt_call_begin(k);
	if (k->kind->direct)
		ret = callout_reset_sbt(&k->c, nstosbt(a->earliest), nstosbt(a->latest - a->earliest), kt_handler, k,
					C_ABSOLUTE | C_DIRECT_EXEC);
	else
		ret = callout_set_within(&k->c, a->earliest, a->latest, kt_handler, k);
	kt_call_end(k);
	return ret;
}

int kt_arm_from_within(struct kunit *test, struct kt *k, int cpu, u64 earliest, u64 latest)
{
	struct arm a = { k, earliest, latest };

	return kt_run_on(test, cpu, arm_here, &a);
}

int kt_arm_from(struct kunit *test, struct kt *k, int cpu, u64 at)
{
	return kt_arm_from_within(test, k, cpu, at, at);
}

void kt_set_class(struct kt *k, enum callout_affinity class, int cpu)
{
	kt_call_begin(k);
	callout_set_affinity(&k->c, class, cpu);
	kt_call_end(k);
}

/* Interrupts where the clock has come, as often as it takes, and what follows from them. */
void kt_serve_all(void)
{
	int cpu, i;
	bool any;

	for (i = 0; i < 10000; i++) {
		any = false;
		for_each_online_cpu(cpu) {
			any |= co_clk_fake_armed(cpu) <= kt_now();
			kt_serve(cpu);
		}
		if (!any)
			break;
	}
}
