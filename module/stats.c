// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, summed over all CPUs. sysfs has a file for each; debugfs has callout/stats, one "name value" a line,
 * for programs that want them all at once, and callout/cpus, a table of those of each CPU.
 *
 * Writing 1 to callout/measure_hold measures the longest time that a base lock is held, in cycles,
 * from then on; 0 stops. Where cycles are instructions (an emulator that counts them) it is exact.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include "internal.h"

DEFINE_STATIC_KEY_FALSE(co_measure_hold);
static struct dentry *dir;

void co_hold_begin(struct co_base *b)
{
	b->hold_start = co_cheap_clock();
}

void co_hold_end(struct co_base *b)
{
	u64 held = co_cheap_clock() - b->hold_start;

	/* 0: measuring began while it was held. */
	if (b->hold_start && held > b->stats.max_hold)
		b->stats.max_hold = held;
	b->hold_start = 0;
}

/* Sum of all CPUs' counters; the longest hold of any. */
void co_stats_sum(struct co_stats *sum)
{
	unsigned int cpu, ctx, aff;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct co_stats *s = &per_cpu(co_bases, cpu).stats;

		for (aff = 0; aff < CO_NAFF; aff++) {
			sum->of[aff].armed += s->of[aff].armed;
			sum->of[aff].home += s->of[aff].home;
			sum->of[aff].away += s->of[aff].away;
			sum->of[aff].migrated += s->of[aff].migrated;
		}
		sum->stopped += s->stopped;
		for (ctx = 0; ctx < CO_NCTX; ctx++)
			sum->fired[ctx] += s->fired[ctx];
		sum->rekeyed += s->rekeyed;
		sum->contended += s->contended;
		sum->interrupts += s->interrupts;
		sum->late += s->late;
		sum->programmed += s->programmed;
		sum->kicks += s->kicks;
		sum->slow_handlers += s->slow_handlers;
		sum->displaced += s->displaced;
		sum->pulled += s->pulled;
		sum->woken += s->woken;
		sum->spared += s->spared;
		sum->max_hold = max(sum->max_hold, s->max_hold);
	}
}
CO_EXPORT_FOR_TESTS(co_stats_sum);

#define COUNTER(_name, _field)	{ .name = _name, .at = offsetof(struct co_totals, _field) }
#define CLASS_COUNTERS(_name, _aff)				\
	COUNTER("armed_" _name, sum.of[_aff].armed),		\
	COUNTER("home_" _name, sum.of[_aff].home),		\
	COUNTER("away_" _name, sum.of[_aff].away),		\
	COUNTER("migrated_" _name, sum.of[_aff].migrated)
const struct co_counter co_counters[CO_NCOUNTERS] = {
	COUNTER("pending", pending),
	COUNTER("armed", armed),
	COUNTER("stopped", sum.stopped),
	COUNTER("fired_hard", sum.fired[CO_HARD]),
	COUNTER("fired_soft", sum.fired[CO_SOFT]),
	COUNTER("fired_thread", sum.fired[CO_THREAD]),
	COUNTER("rekeyed", sum.rekeyed),
	COUNTER("contended", sum.contended),
	COUNTER("interrupts", sum.interrupts),
	COUNTER("late", sum.late),
	COUNTER("programmed", sum.programmed),
	COUNTER("kicks", sum.kicks),
	COUNTER("spilled", spilled),
	COUNTER("slow_handlers", sum.slow_handlers),
	COUNTER("migrated", migrated),
	CLASS_COUNTERS("none", CO_AFF_NONE),
	CLASS_COUNTERS("weak", CO_AFF_WEAK),
	CLASS_COUNTERS("strong", CO_AFF_STRONG),
	CLASS_COUNTERS("on", CO_AFF_ON),
	COUNTER("displaced", sum.displaced),
	COUNTER("pulled", sum.pulled),
	COUNTER("woken", sum.woken),
	COUNTER("spared", sum.spared),
	COUNTER("misuses", misuses),
	COUNTER("clock_failures", clock_failures),
	COUNTER("rescued", rescued),
	COUNTER("max_hold_cycles", sum.max_hold),
};

/* All that is counted. Context: any; what changes meanwhile may be in some of it. */
void co_totals(struct co_totals *t)
{
	unsigned int cpu, i;

	memset(t, 0, sizeof(*t));
	co_stats_sum(&t->sum);
	for (i = 0; i < CO_NAFF; i++) {
		t->armed += t->sum.of[i].armed;
		t->migrated += t->sum.of[i].migrated;
	}
	for_each_possible_cpu(cpu) {
		for (i = 0; i < CO_NQUEUES; i++) {
			const struct co_queue *q = &per_cpu(co_bases, cpu).queue[i];

			t->pending += co_q_ops->count(q);
			t->spilled += co_q_ops->spills(q);
		}
	}
	for (i = 0; i < CO_NMISUSE; i++)
		t->misuses += co_misuse_count(i);
	t->clock_failures = co_clock_failures();
	t->rescued = co_watchdog_rescued();
}

/* One of them. */
u64 co_counter_value(const struct co_totals *t, const struct co_counter *counter)
{
	return *(const u64 *)((const char *)t + counter->at);
}

static int stats_show(struct seq_file *m, void *unused)
{
	struct co_totals t;
	int i;

	co_totals(&t);
	for (i = 0; i < CO_NCOUNTERS; i++)
		seq_printf(m, "%s %llu\n", co_counters[i].name, co_counter_value(&t, &co_counters[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* A line each CPU and class. Of CPUs that were never online there is nothing to tell. */
static int cpus_show(struct seq_file *m, void *unused)
{
	static const char *const names[] = { "none", "weak", "strong", "on" };
	unsigned int cpu, i;

	seq_puts(m, "cpu class armed home away migrated displaced pulled woken spared\n");
	for_each_possible_cpu(cpu) {
		const struct co_base *b = per_cpu_ptr(&co_bases, cpu);
		const struct co_stats *s = &b->stats;

		for (i = 0; b->thread && i < CO_NAFF; i++)
			seq_printf(m, "%u %s %llu %llu %llu %llu - - - -\n", cpu, names[i], s->of[i].armed,
				   s->of[i].home, s->of[i].away, s->of[i].migrated);
		if (b->thread)
			seq_printf(m, "%u all - - - - %llu %llu %llu %llu\n", cpu, s->displaced, s->pulled, s->woken,
				   s->spared);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(cpus);

static int hold_set(void *unused, u64 on)
{
	unsigned int cpu;

	if (on) {
		for_each_possible_cpu(cpu) {
			per_cpu(co_bases, cpu).stats.max_hold = 0;
			per_cpu(co_bases, cpu).hold_start = 0;
		}
		static_branch_enable(&co_measure_hold);
	} else {
		static_branch_disable(&co_measure_hold);
	}
	return 0;
}

static int hold_get(void *unused, u64 *on)
{
	*on = static_key_enabled(&co_measure_hold);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(hold_fops, hold_get, hold_set, "%llu\n");

void co_stats_init(void)
{
	dir = debugfs_create_dir("callout", NULL);
	debugfs_create_file("stats", 0444, dir, NULL, &stats_fops);
	debugfs_create_file("cpus", 0444, dir, NULL, &cpus_fops);
	co_list_init(dir);
	debugfs_create_file_unsafe("measure_hold", 0644, dir, NULL, &hold_fops);
}

struct dentry *co_stats_dir(void)
{
	return dir;
}

void co_stats_exit(void)
{
	debugfs_remove_recursive(dir);
}
