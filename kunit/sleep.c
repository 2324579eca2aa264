// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_sleep: CPUs that sleep, and who looks after what they have queued. Races by their titles in
 * module/migrate.c and group.c.
 *
 * CPUs sleep and wake when a test says so. All are awake in the beginning, and CPU 0, where the test runs, has the lowest
 * number: it looks after those that sleep.
 *
 * What a test fails without is said at the test, and tried by kunit/mutants.
 */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include "kt.h"

/* Weak ones and those of class none leave a CPU that sleeps alone, pending there or not; strong ones do not. */
static void sleeping_cpus_are_left_alone(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	u64 kicks;

	kt_arm_from(test, k, KT_CPU2, kt_t(20));
	kt_sleep_on(KT_CPU2);
	kicks = kt_base(KT_CPU2)->stats.kicks;
	kt_arm_from(test, k, KT_CPU, kt_t(10));
	KT_EXPECT_ON(test, k, KT_CPU);
	kt_stop(k);
	kt_set_class(k, CALLOUT_AFFINITY_WEAK, KT_CPU2);
	kt_arm_from(test, k, KT_CPU, kt_t(10));
	KT_EXPECT_ON(test, k, KT_CPU);
	kt_stop(k);
	KUNIT_EXPECT_EQ(test, kt_base(KT_CPU2)->stats.kicks, kicks);
	KUNIT_EXPECT_TRUE(test, kt_base(KT_CPU2)->asleep);
	kt_set_class(k, CALLOUT_AFFINITY_STRONG, KT_CPU2);
	kt_arm_from(test, k, KT_CPU, kt_t(10));
	KT_EXPECT_ON(test, k, KT_CPU2);
	kt_flush(test, KT_CPU2);
	KUNIT_EXPECT_GT(test, kt_base(KT_CPU2)->stats.kicks, kicks);
	KT_EXPECT_ARMED(test, KT_CPU2, kt_t(10));
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

	kt_arm_from(test, k, KT_CPU2, kt_t(5));
	kt_arm_from(test, later, KT_CPU2, kt_t(9));
	KT_EXPECT_ARMED(test, KT_CPU2, kt_t(5));
	kt_sleep_on(KT_CPU2);
	KT_EXPECT_ARMED(test, KT_CPU2, CO_CLOCK_NEVER);
	kt_flush(test, 0);
	KT_EXPECT_ARMED(test, 0, kt_t(5));
	KT_EXPECT_ON(test, k, KT_CPU2);
	kt_set(kt_t(5));
	kt_serve_all();
	kt_flush(test, 0);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, k->ran_on, 0);
	KT_EXPECT_RAN(test, later, 0);
	KT_EXPECT_ON(test, later, KT_CPU2);
	KT_EXPECT_ARMED(test, 0, kt_t(9));
	KUNIT_EXPECT_TRUE(test, kt_base(KT_CPU2)->asleep);
	KUNIT_EXPECT_EQ(test, kt_stats().pulled, pulled + 1);
	KUNIT_EXPECT_EQ(test, kt_stats().spared, spared + 1);

	/* What is not yet due is still there when it wakes. */
	kt_wake_on(KT_CPU2);
	KT_EXPECT_ARMED(test, KT_CPU2, kt_t(9));
	kt_set(kt_t(10));
	kt_fire(test, KT_CPU2);
	KT_EXPECT_RAN(test, later, 1);
	KUNIT_EXPECT_EQ(test, later->ran_on, KT_CPU2);
}

/* What is bound to it wakes it. */
static void bound_ones_wake(struct kunit *test)
{
	struct kt *bound = kt_new(test, test->param_value), *free = kt_new(test, test->param_value);

	kt_set_class(bound, CALLOUT_AFFINITY_STRONG, -1);
	kt_arm_from(test, bound, KT_CPU2, kt_t(8));
	kt_arm_from(test, free, KT_CPU2, kt_t(5));
	kt_sleep_on(KT_CPU2);
	KT_EXPECT_ARMED(test, KT_CPU2, kt_t(8));
	kt_set(kt_t(5));
	kt_serve_all();
	kt_flush(test, 0);
	KT_EXPECT_RAN(test, free, 1);
	KT_EXPECT_RAN(test, bound, 0);
	KUNIT_EXPECT_TRUE(test, kt_base(KT_CPU2)->asleep);
	kt_set(kt_t(8));
	kt_serve_all();
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
		kt_arm_from(test, k[cpu], cpu, kt_t(5 + cpu));
	}
	kt_flush(test, 0);
	for (cpu = 0; cpu < 4; cpu++)
		kt_sleep_on(cpu);
	for (cpu = 0; cpu < 3; cpu++)
		KUNIT_EXPECT_GE(test, co_clk_fake_armed(cpu), kt_t(5));
	KT_EXPECT_ARMED(test, 3, kt_t(5));
	kt_set(kt_t(6));
	co_clk_fake_interrupt(3);
	KT_EXPECT_RAN(test, k[0], 1);
	KT_EXPECT_RAN(test, k[1], 1);
	KT_EXPECT_RAN(test, k[2], 0);
	KUNIT_EXPECT_EQ(test, k[0]->ran_on, 3);
	KT_EXPECT_ARMED(test, 3, kt_t(7));
}

/*
 * Those that wake for a moment, and are the last to fall asleep then, need no interrupt while another that sleeps is to come
 * in time. Fails where each of them is interrupted for all.
 */
static void one_keeps_watch_for_all(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_raw), *sooner = kt_new(test, &kt_raw);
	int cpu;

	kt_arm_from(test, k, KT_CPU2, kt_t(9));
	kt_flush(test, 0);
	for (cpu = 0; cpu < 4; cpu++)
		kt_sleep_on(cpu);
	KT_EXPECT_ARMED(test, 3, kt_t(9));
	for (cpu = 0; cpu < 3; cpu++) {
		kt_wake_on(cpu);
		kt_sleep_on(cpu);
		KT_EXPECT_ARMED(test, cpu, CO_CLOCK_NEVER);
	}
	KT_EXPECT_ARMED(test, 3, kt_t(9));

	/* Not if that one comes too late. */
	kt_wake_on(1);
	kt_arm_from(test, sooner, 1, kt_t(7));
	kt_sleep_on(1);
	KT_EXPECT_ARMED(test, 1, kt_t(7));
	kt_set(kt_t(7));
	kt_serve(1);
	KT_EXPECT_RAN(test, sooner, 1);
	kt_sleep_on(1);

	/* Nor if it goes. */
	kt_wake_on(3);
	kt_wake_on(0);
	kt_sleep_on(3);
	kt_sleep_on(0);
	KT_EXPECT_ARMED(test, 1, kt_t(9));
	KT_EXPECT_ARMED(test, 0, CO_CLOCK_NEVER);
	KUNIT_ASSERT_EQ(test, remove_cpu(1), 0);
	kt_wake_on(0);
	kt_sleep_on(0);
	kt_set(kt_t(9));
	kt_serve_all();
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, add_cpu(1), 0);
}

/* Windows of three CPUs' callouts overlap: one interrupt, on a fourth. */
static void one_interrupt_for_several_cpus(struct kunit *test)
{
	struct kt *k[3];
	u64 interrupts;
	int i;

	for (i = 0; i < 3; i++) {
		k[i] = kt_new(test, &kt_spin);
		kt_arm_from_within(test, k[i], i + 1, kt_t(5 + i), kt_t(8 + i));
		kt_sleep_on(i + 1);
	}
	kt_flush(test, 0);
	interrupts = kt_stats().interrupts;
	KT_EXPECT_ARMED(test, 0, kt_t(8));
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

	kt_arm_from(test, k, KT_CPU2, kt_t(5));
	kt_arm_from(test, stopped, KT_CPU2, kt_t(6));
	kt_sleep_on(KT_CPU2);
	KUNIT_EXPECT_EQ(test, kt_within(k, kt_t(9), kt_t(9)), 1);
	KT_EXPECT_ON(test, k, KT_CPU2);
	KUNIT_EXPECT_EQ(test, kt_stop(stopped), 1);
	kt_set(kt_t(5));
	kt_serve(0);
	KT_EXPECT_ARMED(test, 0, kt_t(9));
	KUNIT_EXPECT_TRUE(test, kt_base(KT_CPU2)->asleep);
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

	kt_arm_from(test, k, KT_CPU3, kt_t(2));
	kt_hold(test, &h, k, only_unlock);
	kt_set(kt_t(2));
	kt_fire(test, KT_CPU3);
	kt_sleep_on(KT_CPU3);
	kt_set(kt_t(3));
	kt_serve_all();
	kt_flush(test, 0);
	KT_EXPECT_RAN(test, k, 0);
	KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	kt_let_go(test, &h);
	kt_set(kt_t(4));
	kt_serve_all();
	kt_flush(test, 0);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, k->ran_on, 0);
}

static DECLARE_COMPLETION(awaited);

static void wait_asleep(struct kt *k)
{
	smp_store_release(&k->entered, true);
	wait_for_completion_timeout(&awaited, KT_PATIENCE);
}

/* A handler sleeps in the watcher's thread: what others have for theirs wakes them, instead of waiting for it. */
static void blocked_thread_is_spared(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_mutex), *blocks = kt_new(test, &kt_mutex), *soft = kt_new(test, &kt_spin);

	reinit_completion(&awaited);
	blocks->todo = wait_asleep;
	kt_arm_on(blocks, kt_t(1), 0);
	kt_set(kt_t(1));
	kt_serve(0);
	kt_wait_for(test, &blocks->entered);
	kt_wait_asleep(test, kt_base(0)->thread, NULL);
	kt_arm_from(test, k, KT_CPU2, kt_t(2));
	kt_arm_from(test, soft, KT_CPU2, kt_t(2));
	kt_sleep_on(KT_CPU2);
	kt_set(kt_t(2));
	kt_serve(0);
	kt_wait_ran(test, k, 1);
	kt_wait_ran(test, soft, 1);
	KUNIT_EXPECT_EQ(test, k->ran_on, KT_CPU2);
	complete(&awaited);
	kt_wait_ran(test, blocks, 1);
}

/* In periodic mode a CPU that sleeps does not tick but for what is bound to it. */
static void sleeping_cpus_do_not_tick(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_raw);
	u64 tick = NSEC_PER_SEC / 512;

	KUNIT_ASSERT_EQ(test, co_clock_set(NULL, "periodic", 512), 0);
	kt_arm_from(test, k, KT_CPU2, kt_t(5));
	KUNIT_EXPECT_LE(test, co_clk_fake_armed(KT_CPU2), kt_now() + tick);
	kt_sleep_on(KT_CPU2);
	KT_EXPECT_ARMED(test, KT_CPU2, CO_CLOCK_NEVER);
	kt_flush(test, 0);
	KUNIT_EXPECT_LE(test, co_clk_fake_armed(0), kt_now() + tick);
	kt_set(kt_t(6));
	kt_serve(0);
	kt_serve(0);
	KT_EXPECT_RAN(test, k, 1);
	kt_wake_on(KT_CPU2);
	kt_serve(KT_CPU2);
	KT_EXPECT_ARMED(test, KT_CPU2, CO_CLOCK_NEVER);
	KUNIT_EXPECT_EQ(test, co_clock_set(NULL, "deadline", 1000), 0);
}

/* A window is no reason to take it from its CPU early. Fails where it is taken off twice in periodic mode. */
static void not_pulled_before_its_time(struct kunit *test)
{
	static const char *const modes[] = { "deadline", "periodic" };
	struct kt *k = kt_new(test, &kt_raw), *other = kt_new(test, &kt_raw);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		KUNIT_ASSERT_EQ(test, co_clock_set(NULL, modes[i], 512), 0);
		kt_restart();
		kt_arm_from_within(test, k, KT_CPU2, kt_t(5), kt_t(9));
		kt_arm_from(test, other, 0, kt_t(3));
		kt_sleep_on(KT_CPU2);
		kt_flush(test, 0);
		kt_set(kt_t(3));
		kt_serve(0);
		KT_EXPECT_RAN(test, other, i + 1);
		KT_EXPECT_ON(test, k, KT_CPU2);
		kt_set(kt_t(9));
		kt_serve_all();
		KT_EXPECT_RAN(test, k, i + 1);
		kt_wake_on(KT_CPU2);
	}
	KUNIT_EXPECT_EQ(test, co_clock_set(NULL, "deadline", 1000), 0);
}

/* ---- races ---------------------------------------------------------------------------------- */

/* The watcher falls asleep: the next one is told of all. Fails where it is told of the sleeper's own alone. */
static void told_but_asleep(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_raw), *other = kt_new(test, &kt_raw);

	kt_arm_from(test, k, KT_CPU3, kt_t(9));
	kt_sleep_on(KT_CPU3);
	kt_arm_from(test, other, 0, kt_t(7));
	kt_flush(test, 0);
	KT_EXPECT_ARMED(test, 0, kt_t(7));
	kt_sleep_on(0);
	kt_flush(test, 1);
	KT_EXPECT_ARMED(test, 1, kt_t(7));
	kt_sleep_on(1);
	kt_flush(test, 2);
	KT_EXPECT_ARMED(test, 2, kt_t(7));
	kt_set(kt_t(7));
	kt_serve(2);
	KT_EXPECT_RAN(test, other, 1);
	KT_EXPECT_ARMED(test, 2, kt_t(9));
	kt_set(kt_t(9));
	kt_serve(2);
	KT_EXPECT_RAN(test, k, 1);
}

struct arm_as_it_sleeps {
	struct kt *k;
	u32 delay;
};

static int arm_as_it_sleeps(void *arg)
{
	struct arm_as_it_sleeps *a = arg;

	while (!READ_ONCE(kt_base(0)->asleep))
		cpu_relax();
	ndelay(a->delay);
	return kt_within(a->k, kt_t(10), kt_t(10));
}

#define MOVED 8

/*
 * CPU 0 falls asleep, the last one, with callouts that were moved, so that it lets go of its base often; its clock is armed
 * for before that. Meanwhile an isolated CPU arms something there. Fails where the clock is taken for what it was too early.
 */
static void sleep_versus_arm(struct kunit *test)
{
	static const struct kt_kind *const kinds[] = { &kt_raw, &kt_spin, &kt_mutex };
	struct kt *k = kt_new(test, &kt_raw), *moved[3 * MOVED];
	unsigned int i, round, there = 0;

	for (i = 0; i < ARRAY_SIZE(moved); i++) {
		moved[i] = kt_new(test, kinds[i % 3]);
		kt_set_class(moved[i], CALLOUT_AFFINITY_STRONG, 0);
	}
	kt_isolate(KT_CPU, true);
	kt_sleep_on(KT_CPU2);
	kt_sleep_on(KT_CPU3);
	for (round = 0; round < 400; round++) {
		struct arm_as_it_sleeps a = { k, get_random_u32_below(20000) };
		struct kt_thread t;

		for (i = 0; i < ARRAY_SIZE(moved); i++)
			kt_within(moved[i], kt_t(5), kt_t(5));
		for (i = 0; i < ARRAY_SIZE(moved); i++)
			KUNIT_EXPECT_EQ(test, kt_within(moved[i], kt_t(50), kt_t(50)), 1);
		KT_EXPECT_ARMED(test, 0, kt_t(5));
		kt_start(test, &t, arm_as_it_sleeps, &a, KT_CPU);
		kt_sleep_ms(1);
		preempt_disable();
		co_idle(true);
		preempt_enable();
		kt_join(test, &t);
		there += k->c.c_cpu == 0;
		KUNIT_EXPECT_LE(test, co_clk_fake_armed(0), kt_t(10));
		kt_stop(k);
		for (i = 0; i < ARRAY_SIZE(moved); i++)
			kt_stop(moved[i]);
		kt_wake_on(0);
		if (READ_ONCE(test->status) == KUNIT_FAILURE)
			break;
	}
	KUNIT_EXPECT_GT(test, there, 0);
	kt_isolate(KT_CPU, false);
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
				kt_set_class(k, below(s, 3), below(s, 2) ? -1 : (int)below(s, 4));
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
			kt_serve_all();
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
			kt_serve_all();
			kt_sleep_ms(2);
			kt_set(kt_now() + 100 * NSEC_PER_USEC);
		}
		kt_serve_all();
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

/* ---- CPUs that go offline ------------------------------------------------------------------- */

/* The only one that is awake goes offline: another wakes for what it has watched. Fails where nobody is told. */
static void watcher_goes_offline(struct kunit *test)
{
	struct kt *k = kt_new(test, &kt_raw);

	kt_arm_from(test, k, KT_CPU2, kt_t(5));
	kt_sleep_on(0);
	kt_sleep_on(1);
	kt_sleep_on(2);
	kt_set(kt_t(4));
	KUNIT_ASSERT_EQ(test, remove_cpu(KT_CPU3), 0);
	kt_set(kt_t(5));
	kt_serve_all();
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, add_cpu(KT_CPU3), 0);
}

/* Two CPUs with sleepers' notes; the one that is asleep and goes offline leaves nothing behind. */
static void sleeper_goes_offline(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	kt_arm_from(test, k, KT_CPU3, kt_t(5));
	kt_sleep_on(KT_CPU3);
	KUNIT_ASSERT_EQ(test, remove_cpu(KT_CPU3), 0);
	KT_EXPECT_ON(test, k, 0);
	kt_set(kt_t(5));
	kt_serve_all();
	kt_flush(test, 0);
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_ASSERT_EQ(test, add_cpu(KT_CPU3), 0);
	KUNIT_EXPECT_FALSE(test, kt_base(KT_CPU3)->asleep);
}

static const struct kt_kind few[] = {
	{ "raw", KT_RAW }, { "spin", KT_SPIN }, { "mutex", KT_MUTEX }, { "none", KT_NONE },
	{ "none direct", KT_NONE, 0, C_DIRECT_EXEC }, { "spin direct", KT_SPIN, 0, C_DIRECT_EXEC },
};
KUNIT_ARRAY_PARAM_DESC(few, few, name);
static const struct kt_kind locks[] = { { "raw", KT_RAW }, { "spin", KT_SPIN }, { "mutex", KT_MUTEX } };
KUNIT_ARRAY_PARAM_DESC(locks, locks, name);

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(sleeping_cpus_are_left_alone, few_gen_params),
	KUNIT_CASE_PARAM(sleeps_on, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(bound_ones_wake, few_gen_params),
	KUNIT_CASE(last_one_keeps_watch),
	KUNIT_CASE(one_keeps_watch_for_all),
	KUNIT_CASE(one_interrupt_for_several_cpus),
	KUNIT_CASE(moved_while_its_cpu_sleeps),
	KUNIT_CASE_PARAM(pulled_with_a_busy_lock, locks_gen_params),
	KUNIT_CASE(blocked_thread_is_spared),
	KUNIT_CASE(sleeping_cpus_do_not_tick),
	KUNIT_CASE(not_pulled_before_its_time),
	KUNIT_CASE(told_but_asleep),
	KUNIT_CASE(sleep_versus_arm),
	KUNIT_CASE(pull_versus_everything),
	KUNIT_CASE(pull_versus_other_classes),
	KUNIT_CASE(watcher_goes_offline),
	KUNIT_CASE_PARAM(sleeper_goes_offline, few_gen_params),
	{}
};

struct kunit_suite kt_suite_sleep = {
	.name = "callout_sleep",
	.suite_init = kt_suite_init,
	.init = kt_init,
	.exit = kt_exit_awake,
	.test_cases = cases,
};
