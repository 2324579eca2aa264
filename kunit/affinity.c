// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_affinity: where callouts are armed, how they get to other CPUs, and CPUs that sleep. Races by their titles
 * in module/migrate.c and group.c.
 *
 * CPUs sleep and wake when a test says so. All are awake in the beginning, and CPU 0, where the test runs, has the lowest
 * number: it looks after those that sleep.
 *
 * What a test fails without is said at the test, and tried by kunit/mutants.
 */
#include <linux/cpu.h>
#include <linux/random.h>
#include "kt.h"

/* ---- tools ---------------------------------------------------------------------------------- */

static void idle(void *begins)
{
	co_idle(begins);
}

static void nothing(void *unused)
{
}

/*
 * Have a CPU fall asleep or wake, as its idle loop does. An interrupt calls what is waited for first: so one call lets what
 * has been sent to the CPU be dealt with before the next.
 */
static void sleep_on(int cpu)
{
	smp_call_function_single(cpu, nothing, NULL, 1);
	smp_call_function_single(cpu, idle, (void *)1, 1);
}

static void wake_on(int cpu)
{
	smp_call_function_single(cpu, idle, NULL, 1);
}

static void wake_all(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		wake_on(cpu);
}

static void affinity_exit(struct kunit *test)
{
	wake_all();
	kt_exit(test);
}

static struct co_base *base(int cpu)
{
	return per_cpu_ptr(&co_bases, cpu);
}

static int run_on(struct kunit *test, int cpu, int (*fn)(void *arg), void *arg)
{
	struct kt_thread t;

	kt_start(test, &t, fn, arg, cpu);
	return kt_join(test, &t);
}

struct arm {
	struct kt *k;
	u64 earliest, latest;
};

/* Names no CPU. */
static int arm_here(void *arg)
{
	struct arm *a = arg;
	struct kt *k = a->k;
	int ret;

	WRITE_ONCE(k->earliest, a->earliest);
	kt_call_begin(k);
	if (k->kind->direct)
		ret = callout_reset_sbt(&k->c, nstosbt(a->earliest), nstosbt(a->latest - a->earliest), kt_handler, k,
					C_ABSOLUTE | C_DIRECT_EXEC);
	else
		ret = callout_set_within(&k->c, a->earliest, a->latest, kt_handler, k);
	kt_call_end(k);
	return ret;
}

static int arm_from_within(struct kunit *test, struct kt *k, int cpu, u64 earliest, u64 latest)
{
	struct arm a = { k, earliest, latest };

	return run_on(test, cpu, arm_here, &a);
}

static int arm_from(struct kunit *test, struct kt *k, int cpu, u64 at)
{
	return arm_from_within(test, k, cpu, at, at);
}

static void set(struct kt *k, enum callout_affinity class, int cpu)
{
	kt_call_begin(k);
	callout_set_affinity(&k->c, class, cpu);
	kt_call_end(k);
}

#define EXPECT_ON(test, k, cpu)	KUNIT_EXPECT_EQ(test, (k)->c.c_cpu, cpu)
#define EXPECT_ARMED(test, cpu, at)	KUNIT_EXPECT_EQ(test, co_clk_fake_armed(cpu), at)

/* Interrupts where the clock has come, as often as it takes, and what follows from them. */
static void serve_all(void)
{
	int cpu, i;
	bool any;

	for (i = 0; i < 10000; i++) {
		any = false;
		for_each_online_cpu(cpu) {
			any |= co_clk_fake_armed(cpu) <= kt_now();
			kt_serve(cpu);
		}
		if (!any)
			break;
	}
}

/* ---- where one is armed --------------------------------------------------------------------- */

static void armed_where_it_belongs(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	u64 soon = kt_t(10), late = kt_t(100);	/* 195 ms */

	/* None: here; pending it stays, though another arms it. */
	arm_from(test, k, KT_CPU2, soon);
	EXPECT_ON(test, k, KT_CPU2);
	arm_from(test, k, KT_CPU, soon - 1000);
	EXPECT_ON(test, k, KT_CPU2);
	kt_stop(k);

	/* Weak: its CPU, if soon; wherever it is armed. */
	set(k, CALLOUT_AFFINITY_WEAK, KT_CPU2);
	arm_from(test, k, KT_CPU, soon);
	EXPECT_ON(test, k, KT_CPU2);
	kt_stop(k);
	arm_from(test, k, KT_CPU, late);
	EXPECT_ON(test, k, KT_CPU);
	arm_from(test, k, KT_CPU3, soon);
	EXPECT_ON(test, k, KT_CPU2);
	kt_stop(k);
	arm_from(test, k, KT_CPU2, late);
	EXPECT_ON(test, k, KT_CPU2);
	kt_stop(k);
	set(k, CALLOUT_AFFINITY_WEAK, -1);
	arm_from(test, k, KT_CPU3, soon);
	EXPECT_ON(test, k, KT_CPU3);
	kt_stop(k);

	/* Strong: its CPU, always; without one: where it is armed, asleep or not. */
	set(k, CALLOUT_AFFINITY_STRONG, KT_CPU2);
	arm_from(test, k, KT_CPU, late);
	EXPECT_ON(test, k, KT_CPU2);
	kt_stop(k);
	set(k, CALLOUT_AFFINITY_STRONG, -1);
	sleep_on(KT_CPU3);
	arm_from(test, k, KT_CPU3, soon);
	EXPECT_ON(test, k, KT_CPU3);
	arm_from(test, k, KT_CPU, soon - 1000);
	EXPECT_ON(test, k, KT_CPU3);
	kt_stop(k);
	wake_on(KT_CPU3);

	/* An arm for a CPU binds to it, until the class is set anew. */
	set(k, CALLOUT_AFFINITY_NONE, KT_CPU3);
	arm_from(test, k, KT_CPU, soon);
	EXPECT_ON(test, k, KT_CPU);
	kt_arm_on(k, soon, KT_CPU3);
	EXPECT_ON(test, k, KT_CPU3);
	KUNIT_EXPECT_TRUE(test, co_bound(&k->c));
	kt_stop(k);
	arm_from(test, k, KT_CPU, late);
	EXPECT_ON(test, k, KT_CPU3);
	set(k, CALLOUT_AFFINITY_NONE, -1);
	EXPECT_ON(test, k, KT_CPU3);
	KUNIT_EXPECT_FALSE(test, co_bound(&k->c));
	kt_stop(k);
	arm_from(test, k, KT_CPU, late);
	EXPECT_ON(test, k, KT_CPU);
}

/* Weak ones and those of class none leave a CPU that sleeps alone, pending there or not; strong ones do not. */
static void sleeping_cpus_are_left_alone(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	u64 kicks;

	arm_from(test, k, KT_CPU2, kt_t(20));
	sleep_on(KT_CPU2);
	kicks = base(KT_CPU2)->stats.kicks;
	arm_from(test, k, KT_CPU, kt_t(10));
	EXPECT_ON(test, k, KT_CPU);
	kt_stop(k);
	set(k, CALLOUT_AFFINITY_WEAK, KT_CPU2);
	arm_from(test, k, KT_CPU, kt_t(10));
	EXPECT_ON(test, k, KT_CPU);
	kt_stop(k);
	KUNIT_EXPECT_EQ(test, base(KT_CPU2)->stats.kicks, kicks);
	KUNIT_EXPECT_TRUE(test, base(KT_CPU2)->asleep);
	set(k, CALLOUT_AFFINITY_STRONG, KT_CPU2);
	arm_from(test, k, KT_CPU, kt_t(10));
	EXPECT_ON(test, k, KT_CPU2);
	kt_flush(test, KT_CPU2);
	KUNIT_EXPECT_GT(test, base(KT_CPU2)->stats.kicks, kicks);
	EXPECT_ARMED(test, KT_CPU2, kt_t(10));
}

/* By hand: nohz_full= and isolcpus= are for the command line, see selftests/affinity. */
static void isolate(int cpu, bool isolated)
{
	if (isolated)
		sleep_on(cpu);
	else
		base(cpu)->asleep = true;
	base(cpu)->isolated = isolated;
	base(cpu)->takes_any = !isolated;
	if (isolated)
		base(cpu)->asleep = false;
	else
		wake_on(cpu);
}

static void isolated_cpus_get_theirs_alone(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value), *bound = kt_new(test, test->param_value);

	isolate(KT_CPU2, true);
	arm_from(test, k, KT_CPU2, kt_t(10));
	KUNIT_EXPECT_NE(test, k->c.c_cpu, KT_CPU2);
	KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	kt_stop(k);
	set(k, CALLOUT_AFFINITY_WEAK, KT_CPU2);
	arm_from(test, k, KT_CPU2, kt_t(10));
	KUNIT_EXPECT_NE(test, k->c.c_cpu, KT_CPU2);
	kt_stop(k);
	arm_from(test, k, KT_CPU, kt_t(10));
	EXPECT_ON(test, k, KT_CPU);
	kt_stop(k);
	set(bound, CALLOUT_AFFINITY_STRONG, -1);
	arm_from(test, bound, KT_CPU2, kt_t(10));
	EXPECT_ON(test, bound, KT_CPU2);
	kt_set(kt_t(11));
	kt_fire(test, KT_CPU2);
	KT_EXPECT_RAN(test, bound, 1);
	KUNIT_EXPECT_EQ(test, bound->ran_on, KT_CPU2);
	isolate(KT_CPU2, false);
}

/* ---- class and CPU of a pending one --------------------------------------------------------- */

static void pending_changes_class(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	arm_from_within(test, k, KT_CPU, kt_t(10), kt_t(12));
	set(k, CALLOUT_AFFINITY_STRONG, KT_CPU2);
	KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	EXPECT_ON(test, k, KT_CPU2);
	kt_flush(test, KT_CPU);
	kt_flush(test, KT_CPU2);
	EXPECT_ARMED(test, KT_CPU2, kt_t(12));
	set(k, CALLOUT_AFFINITY_NONE, -1);
	EXPECT_ON(test, k, KT_CPU2);
	set(k, CALLOUT_AFFINITY_WEAK, KT_CPU);
	EXPECT_ON(test, k, KT_CPU);
	set(k, CALLOUT_AFFINITY_STRONG, KT_CPU3);
	kt_flush(test, KT_CPU3);
	kt_set(kt_t(12));
	kt_fire(test, KT_CPU);
	kt_fire(test, KT_CPU2);
	KT_EXPECT_RAN(test, k, 0);
	kt_fire(test, KT_CPU3);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, k->ran_on, KT_CPU3);
	KUNIT_EXPECT_EQ(test, kt_arm_on(k, kt_t(20), KT_CPU2), 0);
	kt_set(kt_t(21));
	kt_fire(test, KT_CPU2);
	KT_EXPECT_RAN(test, k, 2);
}

static void become_strong_there(struct kt *k)
{
	k->todo = NULL;
	callout_set_affinity(&k->c, CALLOUT_AFFINITY_STRONG, KT_CPU2);
	k->res[0] = callout_pending(&k->c);
}

/* From the own handler it is for the next arm. */
static void changed_by_the_handler(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	k->todo = become_strong_there;
	arm_from(test, k, KT_CPU, kt_t(1));
	kt_set(kt_t(2));
	kt_fire(test, KT_CPU);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, k->ran_on, KT_CPU);
	KUNIT_EXPECT_EQ(test, k->res[0], 0);
	arm_from(test, k, KT_CPU, kt_t(3));
	EXPECT_ON(test, k, KT_CPU2);
	kt_set(kt_t(4));
	kt_fire(test, KT_CPU2);
	KT_EXPECT_RAN(test, k, 2);
}

#define N 12

/* Of equal deadlines some are bound, some not, and some change: they run as they were armed. */
static void equal_deadlines_of_all_classes(struct kunit *test)
{
	static const int order[] = { CALLOUT_AFFINITY_NONE, CALLOUT_AFFINITY_STRONG, CALLOUT_AFFINITY_WEAK };
	struct kt *k[N];
	int i;

	for (i = 0; i < N; i++) {
		k[i] = kt_new(test, test->param_value);
		set(k[i], order[i % 3], -1);
		arm_from(test, k[i], KT_CPU, kt_t(5));
	}
	for (i = 0; i < N; i += 4)
		set(k[i], order[(i + 1) % 3], KT_CPU);
	kt_set(kt_t(5));
	kt_fire(test, KT_CPU);
	for (i = 0; i < N; i++) {
		KT_EXPECT_RAN(test, k[i], 1);
		if (i)
			KUNIT_EXPECT_EQ_MSG(test, k[i]->place, k[i - 1]->place + 1, "number %d", i);
	}
}

/* ---- sleep ---------------------------------------------------------------------------------- */

/*
 * A CPU that sleeps takes no interrupt for what is not bound to it; another runs it, in time. Fails where nobody is told,
 * and where the clock stays armed.
 */
static void sleeps_on(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value), *later = kt_new(test, test->param_value);
	u64 pulled = kt_stats().pulled, spared = kt_stats().spared;

	arm_from(test, k, KT_CPU2, kt_t(5));
	arm_from(test, later, KT_CPU2, kt_t(9));
	EXPECT_ARMED(test, KT_CPU2, kt_t(5));
	sleep_on(KT_CPU2);
	EXPECT_ARMED(test, KT_CPU2, CO_CLOCK_NEVER);
	kt_flush(test, 0);
	EXPECT_ARMED(test, 0, kt_t(5));
	EXPECT_ON(test, k, KT_CPU2);
	kt_set(kt_t(5));
	serve_all();
	kt_flush(test, 0);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, k->ran_on, 0);
	KT_EXPECT_RAN(test, later, 0);
	EXPECT_ON(test, later, KT_CPU2);
	EXPECT_ARMED(test, 0, kt_t(9));
	KUNIT_EXPECT_TRUE(test, base(KT_CPU2)->asleep);
	KUNIT_EXPECT_EQ(test, kt_stats().pulled, pulled + 1);
	KUNIT_EXPECT_EQ(test, kt_stats().spared, spared + 1);

	/* What is not yet due is still there when it wakes. */
	wake_on(KT_CPU2);
	EXPECT_ARMED(test, KT_CPU2, kt_t(9));
	kt_set(kt_t(10));
	kt_fire(test, KT_CPU2);
	KT_EXPECT_RAN(test, later, 1);
	KUNIT_EXPECT_EQ(test, later->ran_on, KT_CPU2);
}

/* What is bound to it wakes it. */
static void bound_ones_wake(struct kunit *test)
{
	struct kt *bound = kt_new(test, test->param_value), *free = kt_new(test, test->param_value);

	set(bound, CALLOUT_AFFINITY_STRONG, -1);
	arm_from(test, bound, KT_CPU2, kt_t(8));
	arm_from(test, free, KT_CPU2, kt_t(5));
	sleep_on(KT_CPU2);
	EXPECT_ARMED(test, KT_CPU2, kt_t(8));
	kt_set(kt_t(5));
	serve_all();
	kt_flush(test, 0);
	KT_EXPECT_RAN(test, free, 1);
	KT_EXPECT_RAN(test, bound, 0);
	KUNIT_EXPECT_TRUE(test, base(KT_CPU2)->asleep);
	kt_set(kt_t(8));
	serve_all();
	kt_flush(test, KT_CPU2);
	KT_EXPECT_RAN(test, bound, 1);
	KUNIT_EXPECT_EQ(test, bound->ran_on, KT_CPU2);
}

/* The last to fall asleep is interrupted for all. Fails where it is not told that it is the last. */
static void last_one_keeps_watch(struct kunit *test)
{
	struct kt *k[4];
	int cpu;

	for (cpu = 0; cpu < 4; cpu++) {
		k[cpu] = kt_new(test, &kt_raw);
		arm_from(test, k[cpu], cpu, kt_t(5 + cpu));
	}
	kt_flush(test, 0);
	for (cpu = 0; cpu < 4; cpu++)
		sleep_on(cpu);
	for (cpu = 0; cpu < 3; cpu++)
		KUNIT_EXPECT_GE(test, co_clk_fake_armed(cpu), kt_t(5));
	EXPECT_ARMED(test, 3, kt_t(5));
	kt_set(kt_t(6));
	co_clk_fake_interrupt(3);
	KT_EXPECT_RAN(test, k[0], 1);
	KT_EXPECT_RAN(test, k[1], 1);
	KT_EXPECT_RAN(test, k[2], 0);
	KUNIT_EXPECT_EQ(test, k[0]->ran_on, 3);
	EXPECT_ARMED(test, 3, kt_t(7));
}

/* Windows of three CPUs' callouts overlap: one interrupt, on a fourth. */
static void one_interrupt_for_several_cpus(struct kunit *test)
{
	struct kt *k[3];
	u64 interrupts;
	int i;

	for (i = 0; i < 3; i++) {
		k[i] = kt_new(test, &kt_spin);
		arm_from_within(test, k[i], i + 1, kt_t(5 + i), kt_t(8 + i));
		sleep_on(i + 1);
	}
	kt_flush(test, 0);
	interrupts = kt_stats().interrupts;
	EXPECT_ARMED(test, 0, kt_t(8));
	kt_set(kt_t(8));
	kt_serve(0);
	KUNIT_EXPECT_EQ(test, kt_stats().interrupts, interrupts + 1);
	kt_flush(test, 0);
	for (i = 0; i < 3; i++) {
		KT_EXPECT_RAN(test, k[i], 1);
		KUNIT_EXPECT_EQ(test, k[i]->ran_on, 0);
	}
}

/* Moved by a store while its CPU sleeps: one look for nothing, then at its new time. Stopped: none. */
static void moved_while_its_cpu_sleeps(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_spin), *stopped = kt_new(test, &kt_spin);

	arm_from(test, k, KT_CPU2, kt_t(5));
	arm_from(test, stopped, KT_CPU2, kt_t(6));
	sleep_on(KT_CPU2);
	KUNIT_EXPECT_EQ(test, kt_within(k, kt_t(9), kt_t(9)), 1);
	EXPECT_ON(test, k, KT_CPU2);
	KUNIT_EXPECT_EQ(test, kt_stop(stopped), 1);
	kt_set(kt_t(5));
	kt_serve(0);
	EXPECT_ARMED(test, 0, kt_t(9));
	KUNIT_EXPECT_TRUE(test, base(KT_CPU2)->asleep);
	kt_set(kt_t(9));
	kt_fire(test, 0);
	KT_EXPECT_RAN(test, k, 1);
	KT_EXPECT_RAN(test, stopped, 0);
}

/* Its lock is busy when its CPU sleeps. */
static int only_unlock(struct kt *k)
{
	kt_unlock(k);
	return 0;
}

static void pulled_with_a_busy_lock(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	struct kt_holder h;

	arm_from(test, k, KT_CPU3, kt_t(2));
	kt_hold(test, &h, k, only_unlock);
	kt_set(kt_t(2));
	kt_fire(test, KT_CPU3);
	sleep_on(KT_CPU3);
	kt_set(kt_t(3));
	serve_all();
	kt_flush(test, 0);
	KT_EXPECT_RAN(test, k, 0);
	KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	kt_let_go(test, &h);
	kt_set(kt_t(4));
	serve_all();
	kt_flush(test, 0);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, k->ran_on, 0);
}

/* In periodic mode a CPU that sleeps does not tick but for what is bound to it. */
static void sleeping_cpus_do_not_tick(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_raw);
	u64 tick = NSEC_PER_SEC / 512;

	KUNIT_ASSERT_EQ(test, co_clock_set(NULL, "periodic", 512), 0);
	arm_from(test, k, KT_CPU2, kt_t(5));
	KUNIT_EXPECT_LE(test, co_clk_fake_armed(KT_CPU2), kt_now() + tick);
	sleep_on(KT_CPU2);
	EXPECT_ARMED(test, KT_CPU2, CO_CLOCK_NEVER);
	kt_flush(test, 0);
	KUNIT_EXPECT_LE(test, co_clk_fake_armed(0), kt_now() + tick);
	kt_set(kt_t(6));
	kt_serve(0);
	kt_serve(0);
	KT_EXPECT_RAN(test, k, 1);
	wake_on(KT_CPU2);
	kt_serve(KT_CPU2);
	EXPECT_ARMED(test, KT_CPU2, CO_CLOCK_NEVER);
	KUNIT_EXPECT_EQ(test, co_clock_set(NULL, "deadline", 1000), 0);
}

/* ---- races ---------------------------------------------------------------------------------- */

/* The watcher falls asleep: the next one is told of all. Fails where it is told of the sleeper's own alone. */
static void told_but_asleep(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_raw), *other = kt_new(test, &kt_raw);

	arm_from(test, k, KT_CPU3, kt_t(9));
	sleep_on(KT_CPU3);
	arm_from(test, other, 0, kt_t(7));
	kt_flush(test, 0);
	EXPECT_ARMED(test, 0, kt_t(7));
	sleep_on(0);
	kt_flush(test, 1);
	EXPECT_ARMED(test, 1, kt_t(7));
	sleep_on(1);
	kt_flush(test, 2);
	EXPECT_ARMED(test, 2, kt_t(7));
	kt_set(kt_t(7));
	kt_serve(2);
	KT_EXPECT_RAN(test, other, 1);
	EXPECT_ARMED(test, 2, kt_t(9));
	kt_set(kt_t(9));
	kt_serve(2);
	KT_EXPECT_RAN(test, k, 1);
}

/* What the threads of the tests at random do. */
struct sleeper {
	struct kt *k[16];
	struct rnd_state rnd;
	unsigned int armed[16];
	bool hop;
	bool stop;
};

static u32 below(struct sleeper *s, u32 n)
{
	return prandom_u32_state(&s->rnd) % n;
}

/* One CPU that arms, stops, moves, sleeps and wakes. Each callout is its own alone, but for who runs it. */
static int sleep_and_wake(void *arg)
{
	struct sleeper *s = arg;
	int n = 0;

	while (!READ_ONCE(s->stop)) {
		unsigned int i = below(s, ARRAY_SIZE(s->k));
		struct kt *k = s->k[i];
		u64 at = kt_now() + 1 + below(s, 1000);

		switch (below(s, 8)) {
		case 0:
		case 1:
		case 2:
			kt_call_begin(k);
			WRITE_ONCE(k->earliest, at);
			s->armed[i] += !callout_set_within(&k->c, at, at + below(s, 3) * 200, kt_handler, k);
			kt_call_end(k);
			break;
		case 3:
			s->armed[i] -= kt_stop(k) == 1;
			break;
		case 4:
			if (s->hop)
				set(k, below(s, 3), below(s, 2) ? -1 : (int)below(s, 4));
			break;
		default:
			preempt_disable();
			co_idle(below(s, 3));
			preempt_enable();
			break;
		}
		n++;
		if (n % 64 == 0)
			cond_resched();
	}
	return n;
}

/*
 * Three CPUs sleep and wake as they like, while time goes on and interrupts come where clocks are armed, and nowhere else:
 * whatever was armed has run when its time is over. Fails without any of the rules of migrate.c and group.c.
 */
static void sleep_at_random(struct kunit *test, bool hop)
{
	struct sleeper *s = kunit_kcalloc(test, 3, sizeof(*s), GFP_KERNEL);
	const struct kt_kind *kinds[] = { &kt_spin, &kt_raw, &kt_raw, &kt_mutex };
	unsigned int i, j, round, ran = 0;
	struct kt_thread threads[3];

	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < 3; i++) {
		prandom_seed_state(&s[i].rnd, get_random_u64());
		s[i].hop = hop;
		for (j = 0; j < ARRAY_SIZE(s[i].k); j++)
			s[i].k[j] = kt_new(test, kinds[j % ARRAY_SIZE(kinds)]);
	}
	for (round = 0; round < 40; round++) {
		unsigned long end = jiffies + HZ / 20 + 1;

		for (i = 0; i < 3; i++) {
			s[i].stop = false;
			kt_start(test, &threads[i], sleep_and_wake, &s[i], i + 1);
		}
		while (time_before(jiffies, end)) {
			kt_set(kt_now() + 1 + get_random_u32_below(100));
			serve_all();
			if (get_random_u32_below(4) == 0) {
				preempt_disable();
				co_idle(get_random_u32_below(2));
				preempt_enable();
			}
		}
		for (i = 0; i < 3; i++)
			WRITE_ONCE(s[i].stop, true);
		for (i = 0; i < 3; i++)
			kt_join(test, &threads[i]);
		/* The softirqs and threads that are on their way may want the clock once more. */
		kt_set(kt_now() + 2000);
		for (j = 0; j < 3; j++) {
			serve_all();
			kt_sleep_ms(2);
			kt_set(kt_now() + 100 * NSEC_PER_USEC);
		}
		serve_all();
		for (i = 0; i < 3; i++) {
			for (j = 0; j < ARRAY_SIZE(s[i].k); j++) {
				kt_wait_ran(test, s[i].k[j], s[i].armed[j]);
				KT_EXPECT_RAN(test, s[i].k[j], s[i].armed[j]);
				ran += s[i].armed[j];
			}
		}
		if (READ_ONCE(test->status) == KUNIT_FAILURE)
			break;
	}
	KUNIT_EXPECT_GT(test, ran, 0);
	kunit_info(test, "%u ran; pulled %llu", ran, kt_stats().pulled);
}

static void pull_versus_everything(struct kunit *test)
{
	sleep_at_random(test, false);
}

static void pull_versus_other_classes(struct kunit *test)
{
	sleep_at_random(test, true);
}

/* ---- CPUs that come and go ------------------------------------------------------------------ */

/* Strong ones come home, whether a CPU was named or not; others stay where they are then. */
static void displaced_come_home(struct kunit *test)
{
	struct kt *named = kt_new(test, test->param_value), *here = kt_new(test, test->param_value);
	struct kt *on = kt_new(test, test->param_value), *none = kt_new(test, test->param_value);
	struct kt *meanwhile = kt_new(test, test->param_value), *moved = kt_new(test, &kt_spin);
	u64 displaced = kt_stats().displaced;

	set(named, CALLOUT_AFFINITY_STRONG, KT_CPU3);
	arm_from(test, named, KT_CPU, kt_t(20));
	set(here, CALLOUT_AFFINITY_STRONG, -1);
	arm_from(test, here, KT_CPU3, kt_t(20));
	set(moved, CALLOUT_AFFINITY_STRONG, KT_CPU3);
	arm_from(test, moved, KT_CPU3, kt_t(20));
	kt_arm_on(on, kt_t(20), KT_CPU3);
	arm_from(test, none, KT_CPU3, kt_t(20));
	KUNIT_ASSERT_EQ(test, remove_cpu(KT_CPU3), 0);
	KUNIT_EXPECT_EQ(test, kt_stats().displaced, displaced + 4);
	KT_EXPECT_MISUSE(test, CO_BAD_CPU, 1, set(meanwhile, CALLOUT_AFFINITY_STRONG, KT_CPU3));
	arm_from(test, meanwhile, KT_CPU, kt_t(20));
	EXPECT_ON(test, meanwhile, KT_CPU);
	KUNIT_EXPECT_EQ(test, kt_within(moved, kt_t(25), kt_t(25)), 1);
	KUNIT_EXPECT_NE(test, named->c.c_cpu, KT_CPU3);
	KUNIT_EXPECT_NE(test, here->c.c_cpu, KT_CPU3);

	KUNIT_ASSERT_EQ(test, add_cpu(KT_CPU3), 0);
	EXPECT_ON(test, named, KT_CPU3);
	EXPECT_ON(test, here, KT_CPU3);
	EXPECT_ON(test, on, KT_CPU3);
	EXPECT_ON(test, moved, KT_CPU3);
	EXPECT_ON(test, meanwhile, KT_CPU3);
	KUNIT_EXPECT_NE(test, none->c.c_cpu, KT_CPU3);
	EXPECT_ARMED(test, KT_CPU3, kt_t(20));
	kt_set(kt_t(20));
	serve_all();
	kt_flush(test, KT_CPU3);
	kt_flush(test, none->c.c_cpu);
	KT_EXPECT_RAN(test, named, 1);
	KT_EXPECT_RAN(test, here, 1);
	KT_EXPECT_RAN(test, on, 1);
	KT_EXPECT_RAN(test, meanwhile, 1);
	KT_EXPECT_RAN(test, none, 1);
	KT_EXPECT_RAN(test, moved, 0);
	KUNIT_EXPECT_EQ(test, named->ran_on, KT_CPU3);
	KUNIT_EXPECT_EQ(test, here->ran_on, KT_CPU3);
	KUNIT_EXPECT_EQ(test, on->ran_on, KT_CPU3);

	/* Idle in the meantime, it is armed where it is armed again. */
	arm_from(test, here, KT_CPU2, kt_t(24));
	EXPECT_ON(test, here, KT_CPU2);
}

/* One that was pending without a CPU of its own, ran elsewhere, and is armed anew: the first CPU is forgotten. */
static void displaced_and_run(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	u64 away = kt_stats().of[CO_AFF_STRONG].away;

	set(k, CALLOUT_AFFINITY_STRONG, -1);
	arm_from(test, k, KT_CPU3, kt_t(2));
	KUNIT_ASSERT_EQ(test, remove_cpu(KT_CPU3), 0);
	kt_set(kt_t(2));
	serve_all();
	kt_flush(test, k->c.c_cpu);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, kt_stats().of[CO_AFF_STRONG].away, away + 1);
	arm_from(test, k, KT_CPU2, kt_t(4));
	KUNIT_ASSERT_EQ(test, add_cpu(KT_CPU3), 0);
	EXPECT_ON(test, k, KT_CPU2);
}

struct arms_there {
	struct kt *k[48];
	bool stop;
};

static int arm_strong_on_and_on(void *arg)
{
	struct arms_there *a = arg;
	int n = 0;

	while (!READ_ONCE(a->stop)) {
		struct kt *k = a->k[n++ % ARRAY_SIZE(a->k)];

		if (n % 7)
			kt_within(k, kt_t(2000 + n % 5), kt_t(2000 + n % 5));
		else
			kt_stop(k);
		cond_resched();
	}
	return n;
}

/* A CPU comes and goes while others arm for it. When it is there all are there. Fails without the order in base_online(). */
static void online_versus_displaced(struct kunit *test)
{
	struct arms_there *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	const struct kt_kind *kinds[] = { &kt_none, &kt_spin, &kt_mutex, &kt_raw };
	struct kt_thread arms;
	unsigned int i, round;

	KUNIT_ASSERT_NOT_NULL(test, a);
	for (i = 0; i < ARRAY_SIZE(a->k); i++) {
		a->k[i] = kt_new(test, kinds[i % ARRAY_SIZE(kinds)]);
		set(a->k[i], CALLOUT_AFFINITY_STRONG, KT_CPU3);
	}
	for (round = 0; round < 6; round++) {
		a->stop = false;
		kt_start(test, &arms, arm_strong_on_and_on, a, KT_CPU2);
		KUNIT_EXPECT_EQ(test, remove_cpu(KT_CPU3), 0);
		kt_sleep_ms(10);
		KUNIT_EXPECT_EQ(test, add_cpu(KT_CPU3), 0);
		WRITE_ONCE(a->stop, true);
		KUNIT_EXPECT_GT(test, kt_join(test, &arms), 0);
		for (i = 0; i < ARRAY_SIZE(a->k); i++) {
			if (callout_pending(&a->k[i]->c))
				EXPECT_ON(test, a->k[i], KT_CPU3);
		}
	}
	for (i = 0; i < ARRAY_SIZE(a->k); i++)
		a->k[i]->res[0] = callout_pending(&a->k[i]->c);
	kt_set(kt_t(2006));
	kt_fire(test, KT_CPU3);
	for (i = 0; i < ARRAY_SIZE(a->k); i++)
		KT_EXPECT_RAN(test, a->k[i], a->k[i]->res[0]);
}

/* The only one that is awake goes offline: another wakes for what it has watched. Fails where nobody is told. */
static void watcher_goes_offline(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_raw);

	arm_from(test, k, KT_CPU2, kt_t(5));
	sleep_on(0);
	sleep_on(1);
	sleep_on(2);
	kt_set(kt_t(4));
	KUNIT_ASSERT_EQ(test, remove_cpu(KT_CPU3), 0);
	kt_set(kt_t(5));
	serve_all();
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, add_cpu(KT_CPU3), 0);
}

/* Two CPUs with sleepers' notes; the one that is asleep and goes offline leaves nothing behind. */
static void sleeper_goes_offline(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	arm_from(test, k, KT_CPU3, kt_t(5));
	sleep_on(KT_CPU3);
	KUNIT_ASSERT_EQ(test, remove_cpu(KT_CPU3), 0);
	EXPECT_ON(test, k, 0);
	kt_set(kt_t(5));
	serve_all();
	kt_flush(test, 0);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_ASSERT_EQ(test, add_cpu(KT_CPU3), 0);
	KUNIT_EXPECT_FALSE(test, base(KT_CPU3)->asleep);
}

static const struct kt_kind few[] = {
	{ "raw", KT_RAW }, { "spin", KT_SPIN }, { "mutex", KT_MUTEX }, { "none", KT_NONE },
	{ "none direct", KT_NONE, 0, C_DIRECT_EXEC }, { "spin direct", KT_SPIN, 0, C_DIRECT_EXEC },
};
KUNIT_ARRAY_PARAM_DESC(few, few, name);
static const struct kt_kind locks[] = { { "raw", KT_RAW }, { "spin", KT_SPIN }, { "mutex", KT_MUTEX } };
KUNIT_ARRAY_PARAM_DESC(locks, locks, name);

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(armed_where_it_belongs, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(sleeping_cpus_are_left_alone, few_gen_params),
	KUNIT_CASE_PARAM(isolated_cpus_get_theirs_alone, few_gen_params),
	KUNIT_CASE_PARAM(pending_changes_class, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(changed_by_the_handler, few_gen_params),
	KUNIT_CASE_PARAM(equal_deadlines_of_all_classes, few_gen_params),
	KUNIT_CASE_PARAM(sleeps_on, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(bound_ones_wake, few_gen_params),
	KUNIT_CASE(last_one_keeps_watch),
	KUNIT_CASE(one_interrupt_for_several_cpus),
	KUNIT_CASE(moved_while_its_cpu_sleeps),
	KUNIT_CASE_PARAM(pulled_with_a_busy_lock, locks_gen_params),
	KUNIT_CASE(sleeping_cpus_do_not_tick),
	KUNIT_CASE(told_but_asleep),
	KUNIT_CASE(pull_versus_everything),
	KUNIT_CASE(pull_versus_other_classes),
	KUNIT_CASE_PARAM(displaced_come_home, few_gen_params),
	KUNIT_CASE_PARAM(displaced_and_run, few_gen_params),
	KUNIT_CASE(online_versus_displaced),
	KUNIT_CASE(watcher_goes_offline),
	KUNIT_CASE_PARAM(sleeper_goes_offline, few_gen_params),
	{}
};

struct kunit_suite kt_suite_affinity = {
	.name = "callout_affinity",
	.suite_init = kt_suite_init,
	.init = kt_init,
	.exit = affinity_exit,
	.test_cases = cases,
};
