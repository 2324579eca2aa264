// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs that do not exist or are not online, classes that do not exist, and changes of class and CPU at odd times: each
 * has the result that include/linux/callout.h and callout_set_affinity() tell of, and nothing is lost.
 *
 * To be run on CPU 0, on a machine of which the last CPU was never online. insmod does the work and prints a line "ok
 * CASE" or "not ok CASE" for each case; it fails if there was one that is not.
 */
#include <linux/cpu.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "probes.h"

#define OTHER	1	/* a CPU that is online all the time, and not this one */
#define COMES	2	/* one that goes and comes back */

static struct probe *probe;

/* A new one. */
static void begin(enum callout_affinity class, int cpu)
{
	probe_init(probe, false);
	callout_set_affinity(&probe->c, class, cpu);
}

static int once(void)
{
	return probe_ran(probe, 1);
}

/* ---- numbers that are no CPU's ---------------------------------------------------------------- */

static void no_such_cpu(int cpu)
{
	begin(CALLOUT_AFFINITY_NONE, -1);
	probe_arm_on(probe, 2, cpu);
	check(once() >= 0, "armed for CPU %d: runs", cpu);

	begin(CALLOUT_AFFINITY_STRONG, OTHER);
	probe_arm_on(probe, 2, cpu);
	check(once() == OTHER, "armed for CPU %d: stays where it was", cpu);

	begin(CALLOUT_AFFINITY_STRONG, OTHER);
	probe_arm(probe, 5);
	probe_arm_on(probe, 2, cpu);
	check(once() == OTHER, "pending, armed for CPU %d: stays where it was", cpu);

	begin(CALLOUT_AFFINITY_STRONG, OTHER);
	callout_reset_on(&probe->c, 1, probe_expired, probe, cpu);
	check(once() == OTHER, "armed in ticks for CPU %d: stays where it was", cpu);

	/* A negative CPU means something there: where it is armed. */
	begin(CALLOUT_AFFINITY_STRONG, OTHER);
	callout_set_affinity(&probe->c, CALLOUT_AFFINITY_STRONG, cpu);
	probe_arm(probe, 2);
	check(once() == (cpu < 0 ? 0 : OTHER), "affinity with CPU %d: %s", cpu,
	      cpu < 0 ? "where it is armed" : "stays as it was");

	begin(CALLOUT_AFFINITY_STRONG, OTHER);
	probe_arm(probe, 5);
	callout_set_affinity(&probe->c, CALLOUT_AFFINITY_STRONG, cpu);
	check(once() >= 0 && (cpu < 0 || probe->ran_on == OTHER), "pending, affinity with CPU %d: runs", cpu);
}

static void no_such_class(unsigned int class)
{
	begin(CALLOUT_AFFINITY_STRONG, OTHER);
	callout_set_affinity(&probe->c, class, 0);
	probe_arm(probe, 2);
	check(once() == OTHER, "class %u: stays as it was", class);
}

/* ---- CPUs that are not online ----------------------------------------------------------------- */

static void not_online(unsigned int cpu, const char *what)
{
	begin(CALLOUT_AFFINITY_STRONG, cpu);
	probe_arm(probe, 2);
	check(once() >= 0, "strong, CPU %u %s: runs", cpu, what);

	begin(CALLOUT_AFFINITY_WEAK, cpu);
	probe_arm(probe, 2);
	check(once() >= 0, "weak, CPU %u %s: runs", cpu, what);

	begin(CALLOUT_AFFINITY_NONE, -1);
	probe_arm_on(probe, 2, cpu);
	check(once() >= 0, "armed for CPU %u, %s: runs", cpu, what);

	begin(CALLOUT_AFFINITY_STRONG, OTHER);
	probe_arm(probe, 5);
	callout_set_affinity(&probe->c, CALLOUT_AFFINITY_STRONG, cpu);
	check(once() >= 0, "pending, strong, CPU %u %s: runs", cpu, what);

	begin(CALLOUT_AFFINITY_STRONG, cpu);
	probe_arm(probe, 3000);
	check(!add_cpu(cpu) && once() == cpu, "strong, CPU %u %s: comes home with it", cpu, what);
}

static void goes_and_comes(void)
{
	begin(CALLOUT_AFFINITY_STRONG, COMES);
	probe_arm(probe, 3000);
	check(!remove_cpu(COMES) && !add_cpu(COMES) && once() == COMES, "strong, pending: goes and comes with its CPU");

	begin(CALLOUT_AFFINITY_STRONG, COMES);
	probe_arm(probe, 3000);
	check(!remove_cpu(COMES) && once() >= 0 && probe->ran_on != COMES, "strong, pending, its CPU goes: runs");
	not_online(COMES, "offline");
}

/* ---- changes ---------------------------------------------------------------------------------- */

static void from_handler(bool locked)
{
	probe_init(probe, locked);
	probe->then = 20;
	mutex_lock(&probe->mutex);
	probe_arm(probe, 2);
	mutex_unlock(&probe->mutex);
	check(probe_ran(probe, 21) >= 0 && !probe->strays, "strong, CPU changed by the handler%s: runs there 20 times",
	      locked ? ", which has a mutex" : "");
}

static long arm_here(void *unused)
{
	probe_arm(probe, 2);
	return 0;
}

static void changes(void)
{
	int i;

	begin(CALLOUT_AFFINITY_NONE, -1);
	probe_arm(probe, 100);
	callout_set_affinity(&probe->c, CALLOUT_AFFINITY_STRONG, OTHER);
	check(once() == OTHER, "pending, made strong: runs on its CPU");

	begin(CALLOUT_AFFINITY_STRONG, OTHER);
	probe_arm(probe, 100);
	for (i = 0; i < 1000; i++)
		callout_set_affinity(&probe->c, i % 3, i % 2);
	callout_set_affinity(&probe->c, CALLOUT_AFFINITY_STRONG, OTHER);
	check(once() == OTHER, "pending, changed 1000 times: runs where it was told last");

	begin(CALLOUT_AFFINITY_STRONG, -1);
	work_on_cpu(OTHER, arm_here, NULL);
	check(once() == OTHER, "strong, no CPU: runs where it is armed");
	work_on_cpu(COMES, arm_here, NULL);
	check(probe_ran(probe, 2) == COMES, "strong, no CPU: runs where it is armed next");

	begin(CALLOUT_AFFINITY_NONE, -1);
	probe_arm_on(probe, 2, OTHER);
	check(once() == OTHER, "armed for a CPU: runs there");
	probe_arm(probe, 2);
	check(probe_ran(probe, 2) == OTHER, "armed for a CPU: runs there the next time, too");
}

static void not_initialised(void)
{
	memset(probe, 0, sizeof(*probe));
	callout_set_affinity(&probe->c, CALLOUT_AFFINITY_STRONG, 0);
	check(!callout_pending(&probe->c) && !callout_active(&probe->c), "not initialised: nothing happens");
}

static int __init callout_bad_cpu_init(void)
{
	const int numbers[] = { nr_cpu_ids, 0x7ffe, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x10000, INT_MAX, -2, INT_MIN };
	int last = cpumask_last(cpu_possible_mask), i;

	if (num_online_cpus() < 3 || cpu_online(last))
		return -EINVAL;
	probe = kzalloc(sizeof(*probe), GFP_KERNEL);
	if (!probe)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		no_such_cpu(numbers[i]);
	for (i = 0; i < last; i++) {
		if (!cpu_possible(i))
			no_such_cpu(i);
	}
	no_such_class(CALLOUT_AFFINITY_STRONG + 1);
	no_such_class(0x100);
	no_such_class(UINT_MAX);
	not_initialised();
	changes();
	from_handler(false);
	from_handler(true);
	goes_and_comes();
	not_online(last, "never online");
	kfree(probe);
	return failed ? -EIO : 0;
}

static void __exit callout_bad_cpu_exit(void)
{
}

module_init(callout_bad_cpu_init);
module_exit(callout_bad_cpu_exit);
MODULE_DESCRIPTION("callouts for CPUs that do not exist");
MODULE_LICENSE("GPL");
