// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs callout/timer_list: every pending callout, a line each, by CPU, context and in no order.
 *
 * The base lock is held for a few callouts at a time, and what is printed is a copy of them. What is armed, stopped or moved
 * to another CPU meanwhile may be there or not. What sits in a spill tree for lack of memory is counted alone.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include "internal.h"
#include "lock.h"

#define BATCH	16

struct row {
	u64 earliest;
	u64 window;
	callout_func_t *func;
	u8 attr;
};

/* Where a reader is: the queue, and what of it has been copied. */
struct reader {
	int cpu;
	unsigned int queue;
	u32 cursor;
	unsigned int n;
	unsigned int at;
	struct row row[BATCH];
};

static void copy(struct reader *r, struct co_base *b)
{
	const struct co_queue *q = &b->queue[r->queue];
	unsigned long flags;
	int looks;

	r->n = 0;
	r->at = 0;
	raw_spin_lock_irqsave(&b->lock, flags);
	for (looks = 0; looks < BATCH && r->cursor != U32_MAX; looks++) {
		const struct callout *c = co_q_ops->next(q, &r->cursor);

		/* None, or one that has been claimed as its handler is to be called. */
		if (!c || !READ_ONCE(c->c_left))
			continue;
		r->row[r->n++] = (struct row){
			.earliest = co_earliest(co_latest(c), READ_ONCE(c->c_order)),
			.window = co_window_unpack(READ_ONCE(c->c_order) >> 32),
			.func = READ_ONCE(c->c_func),
			.attr = READ_ONCE(c->c_attr),
		};
	}
	raw_spin_unlock_irqrestore(&b->lock, flags);
}

/* The next row, from the next queue and CPU where there is none left. */
static struct row *row(struct reader *r)
{
	while (r->at == r->n) {
		if (r->cursor == U32_MAX) {
			r->cursor = 0;
			if (++r->queue == CO_NQUEUES) {
				r->queue = 0;
				r->cpu = cpumask_next(r->cpu, cpu_possible_mask);
			}
		}
		if (r->cpu >= nr_cpu_ids)
			return NULL;
		copy(r, per_cpu_ptr(&co_bases, r->cpu));
		cond_resched();
	}
	return &r->row[r->at];
}

static void *list_start(struct seq_file *m, loff_t *pos)
{
	struct reader *r = m->private;

	if (*pos)
		return row(r);
	memset(r, 0, sizeof(*r));
	r->cpu = cpumask_first(cpu_possible_mask);
	return SEQ_START_TOKEN;
}

static void *list_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct reader *r = m->private;

	++*pos;
	if (v != SEQ_START_TOKEN)
		r->at++;
	return row(r);
}

static void list_stop(struct seq_file *m, void *v)
{
}

static int list_show(struct seq_file *m, void *v)
{
	static const char *const contexts[] = { "hard", "soft", "thread" };
	static const char *const affinities[] = { "none", "weak", "strong", "on" };
	static const char *const locks[] = {
		[CO_LOCK_NONE] = "none", [CO_LOCK_RAW] = "raw", [CO_LOCK_SPIN] = "spin", [CO_LOCK_RW] = "rw",
		[CO_LOCK_MUTEX] = "mutex", [CO_LOCK_RWSEM] = "rwsem", [CO_LOCK_GIANT] = "giant",
		[CO_LOCK_NONE_THREAD] = "none-thread",
	};
	const struct reader *r = m->private;
	const struct row *w = v;

	if (v == SEQ_START_TOKEN)
		seq_puts(m, "# cpu context affinity deadline_ns window_ns lock function\n");
	else
		seq_printf(m, "%d %s %s %llu %llu %s %ps\n", r->cpu, contexts[r->queue % CO_BOUND],
			   affinities[(w->attr & CO_ATTR_AFFINITY) / (CO_ATTR_AFFINITY & -CO_ATTR_AFFINITY)],
			   w->earliest, w->window, locks[w->attr & CO_ATTR_CLASS], w->func);
	return 0;
}

static const struct seq_operations list_ops = {
	.start = list_start, .next = list_next, .stop = list_stop, .show = list_show,
};

static int list_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &list_ops, sizeof(struct reader));
}

static const struct file_operations list_fops = {
	.owner = THIS_MODULE,
	.open = list_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

/**
 * co_list_init() - make the file
 * @dir:	debugfs callout
 *
 * Context: Process; may sleep. It goes with the folder.
 */
void co_list_init(struct dentry *dir)
{
	debugfs_create_file("timer_list", 0400, dir, NULL, &list_fops);
}
