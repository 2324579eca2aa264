// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_growth: many callouts, and a queue that gets memory late.
 *
 * A queue grows by a work item that an interrupt asks for. Who arms with interrupts off is faster than
 * that, and what finds no slot goes to the spill tree. With parameter nomem=1 memory is refused from
 * outside (see kunit/run), and what is spilled stays so.
 */
#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/vmalloc.h>
#include "kt.h"

static bool nomem;
module_param(nomem, bool, 0444);
MODULE_PARM_DESC(nomem, "allocations of callout.ko fail: expect no growth");

#define MANY	100000
#define SPILL	1000

struct many {
	struct callout c;
	u64 at;
	u32 armed;	/* by order */
	u32 ran;
};

/* What the handlers have found; they are all called on one CPU, in one context. */
static struct {
	u64 at;
	u32 armed;
	u32 ran;
	u32 disorder;
	u32 early;
} seen;

static void many_ran(void *arg)
{
	struct many *m = arg;

	m->ran++;
	seen.disorder += m->at < seen.at || (m->at == seen.at && m->armed < seen.armed);
	seen.early += kt_now() < m->at;
	seen.at = m->at;
	seen.armed = m->armed;
	smp_store_release(&seen.ran, seen.ran + 1);
}

static void arm(struct many *m, u64 at, u32 order, int cpu)
{
	m->at = at;
	m->armed = order;
	callout_reset_sbt_on(&m->c, nstosbt(at), 0, many_ran, m, cpu, C_ABSOLUTE);
}

static struct many *make(struct kunit *test, u32 n)
{
	struct many *m = vzalloc(n * sizeof(*m));
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	for (i = 0; i < n; i++)
		callout_init(&m[i].c, 1);
	memset(&seen, 0, sizeof(seen));
	return m;
}

/* That so many have run, each of those that were left pending once, and in order. */
static void expect_run(struct kunit *test, struct many *m, u32 n, u32 pending)
{
	unsigned long end = jiffies + 6 * KT_PATIENCE;
	u32 i, ran = 0, twice = 0;

	while (smp_load_acquire(&seen.ran) < pending && time_before(jiffies, end))
		kt_sleep_ms(10);
	for (i = 0; i < n; i++) {
		ran += m[i].ran;
		twice += m[i].ran > 1;
		callout_drain(&m[i].c);
	}
	KUNIT_EXPECT_EQ(test, ran, pending);
	KUNIT_EXPECT_EQ(test, twice, 0);
	KUNIT_EXPECT_EQ(test, seen.disorder, 0);
	KUNIT_EXPECT_EQ(test, seen.early, 0);
}

/* A hundred thousand on one CPU, at random, some stopped, some moved. */
static void many(struct kunit *test)
{
	struct many *m = make(test, MANY);
	u32 i, pending = 0;

	for (i = 0; i < MANY; i++)
		arm(&m[i], kt_t(10000 + get_random_u32_below(MANY / 2)), i, KT_CPU);
	for (i = 0; i < MANY; i++) {
		if (i % 4 == 1) {
			callout_stop(&m[i].c);
			continue;
		}
		if (i % 4 == 2)
			arm(&m[i], kt_t(10000 + get_random_u32_below(MANY / 2)), MANY + i, KT_CPU);
		pending++;
	}
	kt_set(kt_t(9999));
	co_clk_fake_interrupt(KT_CPU);
	kt_sleep_ms(10);
	KUNIT_EXPECT_EQ(test, seen.ran, 0);
	kt_set(kt_t(10000 + MANY));
	co_clk_fake_interrupt(KT_CPU);
	expect_run(test, m, MANY, pending);
	vfree(m);
}

static u32 spilled(const struct many *m, u32 n)
{
	u32 i, count = 0;

	for (i = 0; i < n; i++)
		count += !!(READ_ONCE(m[i].c.c_gate) & CO_GATE_SPILL);
	return count;
}

/* Arm until so many have found no slot; returns how many that took. */
static u32 arm_until_spilled(struct many *m, u32 max, int cpu)
{
	u32 i, count = 0;

	for (i = 0; i < max && count < SPILL; i++) {
		arm(&m[i], kt_t(10000 + i % 100), i, cpu);
		count += !!(m[i].c.c_gate & CO_GATE_SPILL);
	}
	return i;
}

static void expect_settled(struct kunit *test, struct many *m, u32 n)
{
	unsigned long end = jiffies + KT_PATIENCE;

	while (spilled(m, n) && time_before(jiffies, end))
		kt_sleep_ms(10);
	KUNIT_EXPECT_EQ_MSG(test, spilled(m, n), 0, "not brought back");
}

/*
 * Armed faster than memory comes. Spilled ones are stopped, moved and re-armed like all others, run in
 * order with those in the array, and are brought back when there is room.
 */
static void spill(struct kunit *test)
{
	u32 n, i, pending = 0, was, max = 3 * MANY;
	struct many *m = make(test, max);

	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(KT_CPU2)), 0);
	local_irq_disable();
	n = arm_until_spilled(m, max, KT_CPU2);
	was = spilled(m, n);
	for (i = n - SPILL / 2; i < n; i++) {
		if (i % 3 == 0)
			callout_stop(&m[i].c);
		else if (i % 3 == 1)
			arm(&m[i], kt_t(10000 + i % 7), max + i, KT_CPU2);
	}
	local_irq_enable();
	for (i = 0; i < n; i++)
		pending += callout_pending(&m[i].c);
	KUNIT_EXPECT_EQ(test, was, SPILL);
	if (!nomem)
		expect_settled(test, m, n);
	else
		KUNIT_EXPECT_GT(test, spilled(m, n), 0);
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(0)), 0);
	kt_set(kt_t(20000));
	co_clk_fake_interrupt(KT_CPU2);
	expect_run(test, m, n, pending);
	vfree(m);
}

/* The CPU goes while its queue has spilled. */
static void spill_and_handover(struct kunit *test)
{
	u32 n, i, max = 3 * MANY;
	struct many *m = make(test, max);

	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(KT_CPU3)), 0);
	local_irq_disable();
	n = arm_until_spilled(m, max, KT_CPU3);
	local_irq_enable();
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(0)), 0);
	KUNIT_ASSERT_EQ(test, remove_cpu(KT_CPU3), 0);
	for (i = 0; i < n; i++)
		KUNIT_ASSERT_TRUE(test, callout_pending(&m[i].c));
	kt_set(kt_t(20000));
	co_clk_fake_interrupt(0);
	expect_run(test, m, n, n);
	vfree(m);
	KUNIT_EXPECT_EQ(test, add_cpu(KT_CPU3), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(many),
	KUNIT_CASE(spill),
	KUNIT_CASE(spill_and_handover),
	{}
};

struct kunit_suite kt_suite_growth = {
	.name = "callout_growth",
	.suite_init = kt_suite_init,
	.init = kt_init,
	.exit = kt_exit,
	.test_cases = cases,
};
