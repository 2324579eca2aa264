// SPDX-License-Identifier: GPL-2.0
/*
 * What operations cost while nothing expires, by a clock of cycles.
 *
 * N timers are pending at random times hours away, and one before all of them, so that no timed
 * operation changes which is first: the structure alone. Times and choices are made beforehand. Blocks of
 * BLOCK operations are timed with interrupts off and the caller's lock held; each block is one sample.
 * Where a cycle is an instruction (QEMU's -icount) the numbers are exact. The facility `noop` gives what
 * the loop and the clock cost, to be taken off.
 */
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>
#include "facility.h"

#define BLOCK	32U

/* The time and the item of each operation, and a sample per block. */
struct plan {
	u64 ops;
	u64 *when;
	u32 *item;
	u64 *sample[2];
};

static void plan_free(struct plan *p)
{
	vfree(p->when);
	vfree(p->item);
	vfree(p->sample[0]);
	vfree(p->sample[1]);
}

static int plan_alloc(struct plan *p, u64 ops)
{
	u64 blocks = DIV_ROUND_UP(ops, BLOCK);

	*p = (struct plan){ .ops = blocks * BLOCK };
	p->when = vmalloc(array_size(p->ops, sizeof(*p->when)));
	p->item = vmalloc(array_size(p->ops, sizeof(*p->item)));
	p->sample[0] = vmalloc(array_size(blocks, sizeof(**p->sample)));
	p->sample[1] = vmalloc(array_size(blocks, sizeof(**p->sample)));
	if (p->when && p->item && p->sample[0] && p->sample[1])
		return 0;
	plan_free(p);
	return -ENOMEM;
}

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* A line of least, median, mean in hundredths, and most cycles of a block, and the block's size. */
static void tell(struct bench_job *job, const struct plan *p, const char *name, u64 *sample)
{
	u64 blocks = p->ops / BLOCK, sum = 0, i;

	for (i = 0; i < blocks; i++)
		sum += sample[i];
	sort(sample, blocks, sizeof(*sample), by_value, NULL);
	bench_out(job, "%s %llu %llu %llu %llu %u\n", name, sample[0], sample[blocks / 2],
		  div64_u64(sum * 100, blocks), sample[blocks - 1], BLOCK);
}

static u64 random_far(u32 *seed, u64 now)
{
	return now + BENCH_FAR_NS + bench_random_below(seed, BENCH_SPREAD_NS);
}

void bench_pause(u64 done, u64 *next)
{
	if (done >= *next) {
		msleep(20);
		*next = done + done / 8 + 16;
	}
	cond_resched();
}

/* Arm job->n items, and as the last one before all of them. Their times go to @at where given. */
static __always_inline void fill(const struct facility *f, struct bench_job *job, u64 *at)
{
	u64 now = ktime_get(), pause = 0, i;
	u32 seed = bench_seed(job->seed, 0);

	setup_items(f, job);
	for (i = 0; i < job->n; i++) {
		u64 far = i ? random_far(&seed, now) : now + BENCH_FAR_NS / 2;
		unsigned long flags = begin(f);

		f->arm(&job->items[i], f->unit(far, ktime_get()));
		end(f, flags);
		if (at)
			at[i] = far;
		if (i % 16 == 0)
			bench_pause(i, &pause);
	}
	msleep(20);
}

/* ---- arm and cancel ------------------------------------------------------------------------- */

/* Arm @batch spare items, and cancel them in the same order; BLOCK altogether. */
static __always_inline void arm_cancel_block(const struct facility *f, struct bench_job *job,
					     const u64 *when, unsigned int batch, u64 *arm, u64 *cancel)
{
	struct bench_item *spare = job->items + job->n;
	unsigned long flags = begin(f);
	u64 t0, t1, t2;
	unsigned int i, k;

	*arm = 0;
	*cancel = 0;
	for (i = 0; i < BLOCK; i += batch) {
		t0 = co_cheap_clock();
		for (k = 0; k < batch; k++)
			f->arm(&spare[k], when[i + k]);
		t1 = co_cheap_clock();
		for (k = 0; k < batch; k++)
			f->cancel(&spare[k]);
		t2 = co_cheap_clock();
		*arm += t1 - t0;
		*cancel += t2 - t1;
	}
	end(f, flags);
}

static __always_inline int arm_cancel(const struct facility *f, struct bench_job *job)
{
	u64 now = ktime_get(), b;
	u32 seed = bench_seed(job->seed, job->n);
	struct plan p;
	int err;

	err = plan_alloc(&p, job->ops);
	if (err)
		return err;
	for (b = 0; b < p.ops; b++)
		p.when[b] = f->unit(random_far(&seed, now), now);
	fill(f, job, NULL);
	for (b = 0; b < p.ops && !bench_should_stop(); b += BLOCK) {
		arm_cancel_block(f, job, p.when + b, BLOCK, p.sample[0] + b / BLOCK,
				 p.sample[1] + b / BLOCK);
		cond_resched();
	}
	tell(job, &p, "arm", p.sample[0]);
	tell(job, &p, "cancel", p.sample[1]);
	drain_items(f, job);
	plan_free(&p);
	return 0;
}

int bench_arm_cancel(struct bench_job *job)
{
	return BENCH_WITH_FACILITY(arm_cancel, job);
}

/*
 * As arm_cancel, one at a time, each to be the next of all, so that the hardware is programmed: each a
 * little earlier than the one before, as a facility may have let the hardware be when that one was
 * cancelled. The first is 300 us away, time enough for the block.
 */
#define HEAD_NS		(300 * NSEC_PER_USEC)
#define HEAD_STEP_NS	(4 * NSEC_PER_USEC)

static __always_inline int arm_cancel_head(const struct facility *f, struct bench_job *job)
{
	struct plan p;
	u64 b;
	int err;

	err = plan_alloc(&p, job->ops);
	if (err)
		return err;
	fill(f, job, NULL);
	for (b = 0; b < p.ops && !bench_should_stop(); b += BLOCK) {
		u64 now = ktime_get(), i;

		for (i = 0; i < BLOCK; i++)
			p.when[i] = f->unit(now + HEAD_NS - i * HEAD_STEP_NS, now);
		arm_cancel_block(f, job, p.when, 1, p.sample[0] + b / BLOCK, p.sample[1] + b / BLOCK);
		cond_resched();
	}
	tell(job, &p, "arm", p.sample[0]);
	tell(job, &p, "cancel", p.sample[1]);
	drain_items(f, job);
	plan_free(&p);
	return 0;
}

int bench_arm_cancel_head(struct bench_job *job)
{
	return BENCH_WITH_FACILITY(arm_cancel_head, job);
}

/* ---- re-arm for later ----------------------------------------------------------------------- */

/* Each operation moves a random one later by a random time. Never the first of all, item 0. */
static __always_inline void plan_moves(const struct facility *f, struct bench_job *job, struct plan *p,
				       u64 *at)
{
	u64 now = ktime_get(), i;
	u32 seed = bench_seed(job->seed, job->n);

	for (i = 0; i < p->ops; i++) {
		u32 item = 1 + bench_random_below(&seed, job->n - 1);

		at[item] += 1 + bench_random_below(&seed, BENCH_SPREAD_NS / 16);
		p->item[i] = item;
		p->when[i] = f->unit(at[item], now);
	}
}

static __always_inline void rearm_block(const struct facility *f, struct bench_job *job,
					const u32 *item, const u64 *when, u64 *sample)
{
	unsigned long flags = begin(f);
	u64 start = co_cheap_clock();
	unsigned int i;

	for (i = 0; i < BLOCK; i++)
		f->later(&job->items[item[i]], when[i]);
	*sample = co_cheap_clock() - start;
	end(f, flags);
}

static __always_inline int rearm_later(const struct facility *f, struct bench_job *job)
{
	struct plan p;
	u64 *at, b;
	int err;

	if (job->n < 2)
		return -EINVAL;
	at = vmalloc(array_size(job->n, sizeof(*at)));
	if (!at)
		return -ENOMEM;
	err = plan_alloc(&p, job->ops);
	if (err)
		goto out;
	fill(f, job, at);
	plan_moves(f, job, &p, at);
	for (b = 0; b < p.ops && !bench_should_stop(); b += BLOCK) {
		rearm_block(f, job, p.item + b, p.when + b, p.sample[0] + b / BLOCK);
		cond_resched();
	}
	tell(job, &p, "rearm", p.sample[0]);
	drain_items(f, job);
	plan_free(&p);
out:
	vfree(at);
	return err;
}

int bench_rearm_later(struct bench_job *job)
{
	return BENCH_WITH_FACILITY(rearm_later, job);
}
