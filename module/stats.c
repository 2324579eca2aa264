// SPDX-License-Identifier: GPL-2.0
/*
 * Counters in debugfs: callout/stats, one "name value" a line, summed over all CPUs.
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

/* Callouts that are queued, and how many arms ever found no slot. */
static void queue_sum(u64 *pending, u64 *spilled)
{
	unsigned int cpu, ctx;

	*pending = *spilled = 0;
	for_each_possible_cpu(cpu) {
		for (ctx = 0; ctx < CO_NCTX; ctx++) {
			const struct co_queue *q = &per_cpu(co_bases, cpu).queue[ctx];

			*pending += co_q_ops->count(q);
			*spilled += co_q_ops->spills(q);
		}
	}
}

static int stats_show(struct seq_file *m, void *unused)
{
	struct co_stats s;
	unsigned int i;
	u64 pending, spilled, misuses = 0;

	co_stats_sum(&s);
	for (i = 0; i < CO_NMISUSE; i++)
		misuses += co_misuse_count(i);
	queue_sum(&pending, &spilled);
	seq_printf(m, "pending %llu\n", pending);
	seq_printf(m, "armed %llu\nstopped %llu\n", s.armed, s.stopped);
	seq_printf(m, "fired_hard %llu\nfired_soft %llu\nfired_thread %llu\n", s.fired[CO_HARD],
		   s.fired[CO_SOFT], s.fired[CO_THREAD]);
	seq_printf(m, "rekeyed %llu\ncontended %llu\n", s.rekeyed, s.contended);
	seq_printf(m, "interrupts %llu\nprogrammed %llu\nkicks %llu\n", s.interrupts, s.programmed,
		   s.kicks);
	seq_printf(m, "spilled %llu\nslow_handlers %llu\nmigrated %llu\n", spilled,
		   s.slow_handlers, s.migrated);
	seq_printf(m, "misuses %llu\nmax_hold_cycles %llu\n", misuses, s.max_hold);
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
