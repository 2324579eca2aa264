// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs that are isolated (isolcpus=, nohz_full=): nothing runs there that is not bound to them, whether they are idle or
 * busy; what is, does.
 *
 * insmod cpus=2,3 does the work, with those CPUs, and prints a line "ok CASE" or "not ok CASE" for each case; it fails
 * if there was one that is not.
 */
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include "cpus.h"
#include "probes.h"

static unsigned int cpus[8];
static unsigned int ncpus;
module_param_array(cpus, uint, &ncpus, 0444);
MODULE_PARM_DESC(cpus, "those that are isolated");

#define PROBES	300

enum how { NONE, WEAK_HERE, WEAK_THERE, STRONG_HERE, STRONG_THERE, ON_THERE };

static const char *const how_names[] = {
	"none", "weak", "weak, named for", "strong", "strong, named for", "armed for",
};

/* PROBES callouts that are armed on one CPU, perhaps for another. */
static struct job {
	enum how how;
	unsigned int there;
} job;

static struct probe *probes;

static bool isolated(unsigned int cpu)
{
	unsigned int i;

	for (i = 0; i < ncpus; i++) {
		if (cpus[i] == cpu)
			return true;
	}
	return false;
}

/* Armed for within the next 95 ms, so that weak ones could be at home. */
static long arm_all(void *unused)
{
	int i;

	for (i = 0; i < PROBES; i++) {
		struct probe *p = &probes[i];

		probe_init(p, false);
		if (job.how == WEAK_HERE || job.how == WEAK_THERE)
			callout_set_affinity(&p->c, CALLOUT_AFFINITY_WEAK, job.how == WEAK_HERE ? -1 : job.there);
		else if (job.how == STRONG_HERE || job.how == STRONG_THERE)
			callout_set_affinity(&p->c, CALLOUT_AFFINITY_STRONG, job.how == STRONG_HERE ? -1 : job.there);
		if (job.how == ON_THERE)
			probe_arm_on(p, 2 + i % 90, job.there);
		else
			probe_arm(p, 2 + i % 90);
	}
	return 0;
}

/* Have them armed on @cpu. How many ran once and not early, there, and on isolated CPUs? */
static void run(unsigned int cpu, enum how how, unsigned int there, int *ran, int *ran_there, int *ran_isolated)
{
	int i;

	job = (struct job){ .how = how, .there = there };
	work_on_cpu(cpu, arm_all, NULL);
	*ran = *ran_there = *ran_isolated = 0;
	for (i = 0; i < PROBES; i++) {
		int on = probe_ran(&probes[i], 1);

		*ran += on >= 0;
		*ran_there += on == there;
		*ran_isolated += on >= 0 && isolated(on);
	}
}

/* Not bound: never on an isolated CPU, wherever it is armed; @there is one. */
static void kept_away(unsigned int cpu, enum how how, unsigned int there, const char *what)
{
	int ran, ran_there, ran_isolated;

	run(cpu, how, there, &ran, &ran_there, &ran_isolated);
	check(ran == PROBES && !ran_isolated, "CPU %u is %s; %s%s, armed on CPU %u: %d of %d ran, %d on isolated CPUs",
	      there, what, how_names[how], how == WEAK_THERE ? " it" : "", cpu, ran, PROBES, ran_isolated);
}

static void bound(unsigned int cpu, enum how how, unsigned int there, const char *what)
{
	int ran, ran_there, ran_isolated;

	run(cpu, how, there, &ran, &ran_there, &ran_isolated);
	check(ran_there == PROBES, "CPU %u is %s; %s%s, armed on CPU %u: %d of %d ran there", there, what, how_names[how],
	      how == STRONG_HERE ? "" : " it", cpu, ran_there, PROBES);
}

static void cases(unsigned int there, const char *what)
{
	unsigned int cpu;
	u64 before;

	before = timer_interrupts(there);
	for_each_online_cpu(cpu) {
		if (cpu == there)
			continue;
		kept_away(cpu, NONE, there, what);
		kept_away(cpu, WEAK_HERE, there, what);
		kept_away(cpu, WEAK_THERE, there, what);
	}
	pr_info(KBUILD_MODNAME ": # timer interrupts of CPU %u meanwhile, the kernel's own: %llu\n", there,
		timer_interrupts(there) - before);
	kept_away(there, NONE, there, what);
	kept_away(there, WEAK_HERE, there, what);
	kept_away(there, WEAK_THERE, there, what);
	bound(there, STRONG_HERE, there, what);
	bound(0, STRONG_THERE, there, what);
	bound(0, ON_THERE, there, what);
}

static int __init callout_isolated_init(void)
{
	unsigned int i;

	if (!ncpus || isolated(0))
		return -EINVAL;
	probes = vcalloc(PROBES, sizeof(*probes));
	if (!probes)
		return -ENOMEM;
	for (i = 0; i < ncpus; i++)
		cases(cpus[i], "idle");
	for (i = 0; i < ncpus; i++) {
		if (keep_busy(cpus[i]))
			failed++;
		cases(cpus[i], "busy");
		let_idle();
	}
	vfree(probes);
	return failed ? -EIO : 0;
}

static void __exit callout_isolated_exit(void)
{
}

module_init(callout_isolated_init);
module_exit(callout_isolated_exit);
MODULE_DESCRIPTION("callouts and isolated CPUs");
MODULE_LICENSE("GPL");
