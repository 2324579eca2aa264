// SPDX-License-Identifier: GPL-2.0
/*
 * CALLOUT_IOC_TEST: scenarios inside the kernel that a test in user space can ask for, one after the other, where no KUnit
 * is: on the kernel and the machine that people have. The names, and what they count, are at each.
 *
 * With selftest=1 alone: they take what memory and time they are asked for.
 */
#include <linux/capability.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "dev.h"

#define MOST	(1U << 20)

bool co_dev_selftest;

struct test_callout {
	struct callout c;
	spinlock_t lock;
	u64 deadline;
	u32 number;
	struct test_set *set;
};

struct test_set {
	atomic_t ran;
	atomic_t wrong;
	atomic_t next;
	u32 n;
	struct test_callout of[];
};

static struct test_set *make(u32 n)
{
	struct test_set *s = vzalloc(struct_size(s, of, n));
	u32 i;

	if (!s)
		return NULL;
	s->n = n;
	for (i = 0; i < n; i++) {
		s->of[i].set = s;
		s->of[i].number = i;
		spin_lock_init(&s->of[i].lock);
		callout_init_lock(&s->of[i].c, &s->of[i].lock, 0);
	}
	return s;
}

static void locked_stop(struct test_callout *t)
{
	spin_lock_bh(&t->lock);
	callout_stop(&t->c);
	spin_unlock_bh(&t->lock);
}

static void arm(struct test_callout *t, u64 at, callout_func_t *func)
{
	spin_lock_bh(&t->lock);
	t->deadline = at;
	callout_set_within(&t->c, at, at, func, t);
	spin_unlock_bh(&t->lock);
}

/* Until all have run, or a second is over in which none has. */
static void wait_for(struct test_set *s)
{
	int seen = -1;

	while (atomic_read(&s->ran) != s->n && atomic_read(&s->ran) != seen && !fatal_signal_pending(current)) {
		seen = atomic_read(&s->ran);
		msleep(1000);
	}
}

static void destroy(struct test_set *s)
{
	u32 i;

	for (i = 0; i < s->n; i++)
		locked_stop(&s->of[i]);
	vfree(s);
}

/* ---- order: callouts for one time run in the order in which they were armed ------------------- */

static void runs_in_order(void *arg)
{
	struct test_callout *t = arg;

	if (atomic_fetch_inc(&t->set->next) != t->number)
		atomic_inc(&t->set->wrong);
	atomic_inc(&t->set->ran);
}

/* How many ran; and out of their order. */
static int order(u64 n, u64 *result)
{
	struct test_set *s = make(n);
	u64 at = ktime_get() + 20 * NSEC_PER_MSEC + n * NSEC_PER_USEC;
	u32 i;

	if (!s)
		return -ENOMEM;
	/* Bound to this CPU: if it sleeps as they are due, others may run some of what is not, at the same time as it does. */
	migrate_disable();
	for (i = 0; i < n; i++) {
		spin_lock_bh(&s->of[i].lock);
		callout_set_affinity(&s->of[i].c, CALLOUT_AFFINITY_STRONG, smp_processor_id());
		spin_unlock_bh(&s->of[i].lock);
		arm(&s->of[i], at, runs_in_order);
	}
	migrate_enable();
	wait_for(s);
	result[0] = atomic_read(&s->ran);
	result[1] = atomic_read(&s->wrong);
	destroy(s);
	return 0;
}

/* ---- moves: a callout that is moved later by a store runs once, and not before ---------------- */

static void runs_in_time(void *arg)
{
	struct test_callout *t = arg;

	if (ktime_get() < t->deadline)
		atomic_inc(&t->set->wrong);
	atomic_inc(&t->set->ran);
}

/* How many ran; early; and moves. */
static int moves(u64 n, u64 *result)
{
	struct test_set *s = make(n);
	u64 at = ktime_get() + 20 * NSEC_PER_MSEC;
	u32 i, round;

	if (!s)
		return -ENOMEM;
	for (round = 0; round < 4; round++) {
		for (i = 0; i < n; i++) {
			struct test_callout *t = &s->of[i];

			spin_lock_bh(&t->lock);
			if (!round || callout_pending(&t->c)) {
				t->deadline = at + round * 10 * NSEC_PER_MSEC + i * NSEC_PER_USEC;
				result[2] += callout_set_within(&t->c, t->deadline, t->deadline, runs_in_time, t);
			}
			spin_unlock_bh(&t->lock);
		}
		cond_resched();
	}
	wait_for(s);
	result[0] = atomic_read(&s->ran);
	result[1] = atomic_read(&s->wrong);
	destroy(s);
	return 0;
}

/* ---- stop: is for good, and the memory is freed in the next statement ------------------------- */

static void poisoned(void *arg)
{
	struct test_callout *t = arg;

	atomic_inc(&t->set->ran);
}

/* How many were armed; stopped before they ran; and had run. All are freed at once. */
static int stop(u64 n, u64 *result)
{
	struct test_set *s = make(1);
	u64 i;

	if (!s)
		return -ENOMEM;
	for (i = 0; i < n && !fatal_signal_pending(current); i++) {
		struct test_callout *t = kzalloc(sizeof(*t), GFP_KERNEL);
		int was;

		if (!t)
			break;
		t->set = s;
		spin_lock_init(&t->lock);
		callout_init_lock(&t->c, &t->lock, 0);
		arm(t, ktime_get() + get_random_u32() % (50 * NSEC_PER_USEC), poisoned);
		udelay(get_random_u32() % 50);
		spin_lock_bh(&t->lock);
		was = callout_stop(&t->c);
		spin_unlock_bh(&t->lock);
		memset(t, 0xa5, sizeof(*t));
		kfree(t);
		result[0]++;
		result[1] += was == 1;
		cond_resched();
	}
	result[2] = atomic_read(&s->ran);
	destroy(s);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(u64 n, u64 *result);
} scenarios[] = {
	{ "order", order },
	{ "moves", moves },
	{ "stop", stop },
};

/**
 * co_dev_test() - run a scenario
 * @t:		what is asked for; the results are written
 *
 * Context: Process; may sleep.
 * Return: 0; -EOPNOTSUPP without selftest=1, -EPERM without CAP_SYS_ADMIN, -ENOENT, -EINVAL, -ENOMEM.
 */
int co_dev_test(struct callout_test *t)
{
	unsigned int i;

	if (!co_dev_selftest)
		return -EOPNOTSUPP;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (strnlen(t->name, sizeof(t->name)) == sizeof(t->name) || !t->arg || t->arg > MOST)
		return -EINVAL;
	memset(t->result, 0, sizeof(t->result));
	for (i = 0; i < ARRAY_SIZE(scenarios); i++)
		if (!strcmp(t->name, scenarios[i].name))
			return scenarios[i].run(t->arg, t->result);
	return -ENOENT;
}
