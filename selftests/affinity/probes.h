/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For modules that are lists of cases: probes, which are callouts that tell where they ran, and what was found.
 */
#ifndef AFFINITY_PROBES_H
#define AFFINITY_PROBES_H

#include <linux/callout.h>
#include <linux/delay.h>
#include <linux/module.h>

#define LOST_AFTER_MS	10000

/**
 * struct probe - a callout, and what became of it
 * @c:		with @mutex, or without a lock
 * @mutex:	its lock
 * @locked:	it has one
 * @at:		when it is to run
 * @ran_on:	where it did last
 * @runs:	how often
 * @early:	some run was
 * @then:	how often the handler is to go on to the next CPU, and arm it anew; class strong
 * @strays:	runs that were not on the CPU that the handler had asked for
 * @asked:	that CPU, or -1
 */
struct probe {
	struct callout c;
	struct mutex mutex;
	bool locked;
	u64 at;
	unsigned int ran_on;
	int runs;
	bool early;
	int then;
	int strays;
	int asked;
};

static int failed;

#define check(good, fmt, ...) do {						\
	bool good_ = good;							\
										\
	failed += !good_;							\
	pr_info(KBUILD_MODNAME ": %sok " fmt "\n", good_ ? "" : "not ", ##__VA_ARGS__);	\
} while (0)

static void probe_arm(struct probe *p, unsigned int in_ms);

static void probe_expired(void *arg)
{
	struct probe *p = arg;

	p->early |= ktime_get() < p->at;
	p->ran_on = raw_smp_processor_id();
	p->strays += p->asked >= 0 && p->ran_on != p->asked;
	if (p->then) {
		p->then--;
		p->asked = cpumask_next(p->ran_on, cpu_online_mask);
		if (p->asked >= nr_cpu_ids)
			p->asked = cpumask_first(cpu_online_mask);
		callout_set_affinity(&p->c, CALLOUT_AFFINITY_STRONG, p->asked);
		probe_arm(p, 2);
	}
	/* Last: who sees it may free the probe once the callout is drained. */
	smp_store_release(&p->runs, p->runs + 1);
}

static void probe_init(struct probe *p, bool locked)
{
	*p = (struct probe){ .locked = locked, .asked = -1 };
	mutex_init(&p->mutex);
	if (locked)
		callout_init_lock(&p->c, &p->mutex, 0);
	else
		callout_init(&p->c, 1);
}

/* The lock is held. */
static void probe_arm(struct probe *p, unsigned int in_ms)
{
	p->at = ktime_get() + in_ms * NSEC_PER_MSEC;
	callout_set_within(&p->c, p->at, p->at, probe_expired, p);
}

/* The same with a CPU, which may be any number. */
static void __maybe_unused probe_arm_on(struct probe *p, unsigned int in_ms, int cpu)
{
	p->at = ktime_get() + in_ms * NSEC_PER_MSEC;
	callout_reset_sbt_on(&p->c, nstosbt(p->at), 0, probe_expired, p, cpu, C_ABSOLUTE);
}

/* Until it has run so often: once more each time, never early. Where was the last? -1: lost, doubled or early. */
static int probe_ran(struct probe *p, int times)
{
	unsigned long end = jiffies + msecs_to_jiffies(LOST_AFTER_MS);

	while (smp_load_acquire(&p->runs) < times && time_before(jiffies, end))
		usleep_range(500, 1000);
	callout_drain(&p->c);
	return p->runs == times && !p->early ? (int)p->ran_on : -1;
}

#endif /* AFFINITY_PROBES_H */
