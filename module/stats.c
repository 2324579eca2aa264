// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, summed over all CPUs. sysfs has a file for each; debugfs has callout/stats, one "name value" a line,
 * for programs that want them all at once.
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
	unsigned int cpu, ctx;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct co_stats *s = &per_cpu(co_bases, cpu).stats;

		sum->armed += s->armed;
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
		sum->migrated += s->migrated;
		sum->max_hold = max(sum->max_hold, s->max_hold);
	}
}
CO_EXPORT_FOR_TESTS(co_stats_sum);

#define COUNTER(_name, _field)	{ .name = _name, .at = offsetof(struct co_totals, _field) }
const struct co_counter co_counters[CO_NCOUNTERS] = {
	COUNTER("pending", pending),
	COUNTER("armed", sum.armed),
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
	COUNTER("migrated", sum.migrated),
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
	for_each_possible_cpu(cpu) {
		for (i = 0; i < CO_NCTX; i++) {
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
