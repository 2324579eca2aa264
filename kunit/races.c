// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_races: races of the theory in module/core.c, by their titles there, forced. Those that take a
 * callout to another CPU, and the clock's, are in cpus.c.
 *
 * What a test fails without is said at the test, and tried by kunit/mutants.
 */
#include <linux/delay.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "kt.h"

/* ---- Stop versus fire ----------------------------------------------------------------------- */

/*
 * The dispatcher finds the callout due again and again while its lock is held. Fails where the dispatcher
 * keeps hold of a callout that it could not lock: KASAN sees it look.
 */
static void stop_versus_fire(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	struct kt_holder h;
	u64 contended;
	int i;

	kt_arm(k, kt_t(1));
	kt_flush(test, KT_CPU);
	kt_hold(test, &h, k, kt_stop_and_free);
	contended = kt_stats().contended;
	for (i = 2; i < 12; i++) {
		kt_run_until(test, kt_t(i));
		KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	}
	KUNIT_EXPECT_EQ(test, kt_stats().contended - contended, 10);
	KT_EXPECT_RAN(test, k, 0);
	kt_forget(k);
	KUNIT_EXPECT_EQ(test, kt_let_go(test, &h), 1);
	kt_run_until(test, kt_t(13));
}

/*
 * The same without a script: CPU 1 fires while the test stops and frees. Here the dispatcher is caught
 * where it lets go of the base between finding a callout and having its lock.
 */
static void stop_versus_fire_at_random(struct kunit *test)
{
	int i, n = 0;

	for (i = 0; i < 300; i++) {
		struct kt *k = kt_new(test, test->param_value);
		struct kt_thread fires;

		kt_arm(k, kt_now() + 1);
		kt_set(kt_now() + KT_UNIT_NS);
		kt_fire_async(test, &fires, KT_CPU);
		ndelay(get_random_u32_below(30000));
		kt_lock(k);
		n += callout_stop(&k->c) == 1;
		kt_unlock(k);
		kt_forget(k);
		kfree(k);
		kt_join(test, &fires);
	}
	kunit_info(test, "%d of %d were stopped", n, i);
}

/* ---- Stop after return ---------------------------------------------------------------------- */

/* Armed for another CPU, so that who stops it needs another base than the dispatcher. */
static void rearm_there_then_block(struct kt *k)
{
	k->cpu = KT_CPU3;
	k->res[0] = kt_arm_held(k, kt_t(9));
	kt_block(k);
}

static int lock_and_stop(void *arg)
{
	struct kt *k = arg;
	int ret;

	kt_lock(k);
	smp_store_release(&k->entered, true);
	ret = callout_stop(&k->c);
	kt_unlock(k);
	return ret;
}

/*
 * The dispatcher is kept from its base when the handler has returned. A sleeping lock is free by then, and its
 * next holder waits in callout_stop(). Fails without the wait for exec.curr, and, with the value 0, without
 * exec.returned. A spinning lock is not free yet: fails where it is released before the base is taken.
 */
static void stop_after_return(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	bool spins = kt_ctx(k->kind) != CO_THREAD;
	struct kt_thread runs, stops;
	struct kt_base_holder h;

	k->todo = rearm_there_then_block;
	kt_arm(k, kt_t(1));
	kt_flush(test, KT_CPU);
	kt_set(kt_t(2));
	kt_run_blocked(test, &runs, k);
	kt_hold_bases(test, &h, KT_CPU, -1);
	k->entered = false;
	smp_store_release(&k->go, true);
	kt_wait_contended(test, KT_CPU);
	if (spins)
		KUNIT_EXPECT_FALSE_MSG(test, kt_trylock(k), "free, but still running");
	kt_start(test, &stops, lock_and_stop, k, KT_CPU3);
	if (!spins)
		kt_wait_for(test, &k->entered);
	kt_sleep_ms(20);
	KUNIT_EXPECT_FALSE_MSG(test, READ_ONCE(stops.done), "did not wait");
	kt_let_go_bases(test, &h);
	KUNIT_EXPECT_EQ(test, kt_join(test, &stops), 1);
	KT_EXPECT_RAN(test, k, 1);
	kt_forget(k);
	kfree(k);
	kt_join(test, &runs);
	kt_flush(test, KT_CPU);
}

/* Says that it runs, but does not block. */
static void tell(struct kt *k)
{
	smp_store_release(&k->entered, true);
	udelay(20);
}

/*
 * The same without a script. Fails, with the value 0, where the dispatcher clears "returned" before "curr", or
 * stop reads them in the wrong order.
 */
static void stop_after_return_at_random(struct kunit *test)
{
	int i;

	for (i = 0; i < 300; i++) {
		struct kt *k = kt_new(test, test->param_value);
		struct kt_thread fires;
		int ret;

		k->todo = tell;
		kt_arm(k, kt_now() + 1);
		kt_set(kt_now() + KT_UNIT_NS);
		kt_fire_async(test, &fires, KT_CPU);
		kt_spin_until(&k->entered);
		kt_lock(k);
		ret = callout_stop(&k->c);
		kt_unlock(k);
		KUNIT_EXPECT_EQ(test, ret, -1);
		KT_EXPECT_RAN(test, k, 1);
		kt_forget(k);
		kfree(k);
		kt_join(test, &fires);
	}
}

static const struct kt_kind returning[] = {
	{ "raw", KT_RAW }, { "spin", KT_SPIN }, { "rwlock", KT_RW }, { "rwlock shared", KT_RW_SHARED },
	{ "mutex", KT_MUTEX }, { "rwsem", KT_RWSEM }, { "rwsem shared", KT_RWSEM_SHARED },
};
KUNIT_ARRAY_PARAM_DESC(returning, returning, name);

/* ---- Drain versus re-arm -------------------------------------------------------------------- */

static int drain(void *arg)
{
	return callout_drain(arg);
}

static void block_then_rearm(struct kt *k)
{
	kt_block(k);
	k->res[0] = kt_arm_held(k, kt_now());
	k->res[1] = callout_pending(&k->c);
}

/* A handler that re-arms itself for now, always. Fails without co_being_drained() in arm(). */
static void drain_versus_rearm(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	struct kt_thread runs, drains;

	k->todo = block_then_rearm;
	kt_arm(k, kt_t(1));
	kt_set(kt_t(2));
	kt_run_blocked(test, &runs, k);
	kt_start(test, &drains, drain, &k->c, 0);
	kt_wait_asleep(test, drains.task, &drains.done);
	smp_store_release(&k->go, true);
	KUNIT_EXPECT_EQ(test, kt_join(test, &drains), -1);
	kt_forget(k);
	kfree(k);
	kt_join(test, &runs);
	kt_run_until(test, kt_t(3));
}

/* ---- Drain versus move ---------------------------------------------------------------------- */

/* callout_set_within() as its inline part is, but with a pause at the worst place. */
static int move_slowly(struct kt *k)
{
	u64 left = ~kt_t(9);

	k->res[0] = __callout_may_move(&k->c, left);
	smp_store_release(&k->entered, true);
	kt_spin_until(&k->go);
	if (k->res[0])
		__callout_move(&k->c, left, 0);
	kt_unlock(k);
	return 0;
}

static int move_again(struct kt *k)
{
	return kt_within(k, kt_t(9), kt_t(9));
}

static int arm_again(struct kt *k)
{
	return kt_arm(k, kt_t(9));
}

static int drain_again(struct kt *k)
{
	return callout_drain(&k->c);
}

/*
 * Drain takes no lock of the callout's, so it may come between the look and the store of a move by the lock's
 * holder, which then says "pending" of what is on no queue. The move came before the drain and was undone by it:
 * whatever comes next finds it idle. Fails, with a heap that has lost another callout, where who takes it off or
 * arms it goes by c_left.
 */
static void drain_versus_move(struct kunit *test)
{
	static const struct {
		int (*next)(struct kt *k);
		int ret;
		bool runs;
	} then[] = {
		{ kt_stop, -1, false }, { drain_again, -1, false }, { move_again, 0, true }, { arm_again, 0, true },
	};
	struct kt *k = kt_new(test, test->param_value), *others[8];
	struct kt_thread drains;
	unsigned int i, j, runs = 0;
	struct kt_holder h;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		others[i] = kt_new(test, test->param_value);
	for (j = 0; j < ARRAY_SIZE(then); j++) {
		kt_restart();
		for (i = 0; i < ARRAY_SIZE(others); i++)
			kt_arm(others[i], kt_t(7 + i));
		kt_arm(k, kt_t(8));
		KUNIT_EXPECT_EQ(test, kt_within(k, kt_t(8), kt_t(8)), 1);
		k->entered = false;
		k->go = false;
		kt_hold(test, &h, k, move_slowly);
		smp_store_release(&h.go, true);
		kt_wait_for(test, &k->entered);
		KUNIT_EXPECT_TRUE(test, k->res[0]);
		kt_start(test, &drains, drain, &k->c, KT_CPU3);
		KUNIT_EXPECT_EQ(test, kt_join(test, &drains), 1);
		smp_store_release(&k->go, true);
		kt_join(test, &h.thread);

		KUNIT_EXPECT_FALSE(test, callout_active(&k->c));
		KUNIT_EXPECT_EQ_MSG(test, then[j].next(k), then[j].ret, "%u", j);
		/* Drain is not the holder of the lock: it does not touch c_left of what it finds idle. */
		if (then[j].next != drain_again)
			KUNIT_EXPECT_EQ_MSG(test, callout_pending(&k->c), then[j].runs, "%u", j);
		runs += then[j].runs;
		kt_run_until(test, kt_t(20));
		KT_EXPECT_RAN(test, k, runs);
		for (i = 0; i < ARRAY_SIZE(others); i++)
			KT_EXPECT_RAN(test, others[i], j + 1);
	}
}

/* How often it was armed anew, and stopped; by who holds its lock. */
struct armer {
	struct kt *k;
	bool *done;
	int armed;
	int stopped;
};

static int arm_and_stop(void *arg)
{
	struct armer *a = arg;
	struct kt *k = a->k;
	int i = 0;

	while (!READ_ONCE(*a->done)) {
		u64 at = kt_t(1000 + i);

		kt_lock(k);
		if (++i % 5)
			a->armed += !kt_within_held(k, at, at);
		else
			a->stopped += callout_stop(&k->c) == 1;
		kt_unlock(k);
	}
	return 0;
}

/*
 * Two CPUs arm by turns, each for itself, a third drains: each arm is stopped once, or drained once. Run with -q,
 * as it is the quick way that changes c_cpu without the lock of the base where drain looks; fails where
 * lock_both() sees that it is queued from after its look at c_cpu.
 */
static void drain_versus_arm_at_random(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value), *others[16];
	bool done = false;
	struct armer a[2] = { { .k = k, .done = &done }, { .k = k, .done = &done } };
	struct kt_thread arms[2];
	int i, drained = 0;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = kt_new(test, test->param_value);
		kt_arm_on(others[i], kt_t(990 + i), 1 + i % 3);
	}
	for (i = 0; i < ARRAY_SIZE(arms); i++)
		kt_start(test, &arms[i], arm_and_stop, &a[i], KT_CPU2 + i);
	/* However slow one of them is. */
	for (i = 0; i < 3000 || (i < 1000000 && !(READ_ONCE(a[0].armed) && READ_ONCE(a[1].armed) && drained)); i++)
		drained += callout_drain(&k->c) == 1;
	WRITE_ONCE(done, true);
	for (i = 0; i < ARRAY_SIZE(arms); i++)
		kt_join(test, &arms[i]);
	drained += kt_stop(k) == 1;
	KUNIT_EXPECT_EQ(test, a[0].armed + a[1].armed, a[0].stopped + a[1].stopped + drained);
	KUNIT_EXPECT_GT(test, a[0].armed, 0);
	KUNIT_EXPECT_GT(test, a[1].armed, 0);
	KUNIT_EXPECT_GT(test, drained, 0);
	kt_set(kt_t(2000));
	for (i = 1; i < 4; i++)
		kt_fire(test, i);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		KT_EXPECT_RAN(test, others[i], 1);
	KT_EXPECT_RAN(test, k, 0);
}

/* Those whose holder finds nobody in the handler. */
static const struct kt_kind movable[] = {
	{ "raw", KT_RAW }, { "spin", KT_SPIN }, { "rwlock", KT_RW }, { "rwlock shared", KT_RW_SHARED },
	{ "mutex", KT_MUTEX }, { "rwsem", KT_RWSEM }, { "rwsem shared", KT_RWSEM_SHARED },
};
KUNIT_ARRAY_PARAM_DESC(movable, movable, name);

/* ---- Move versus fire ----------------------------------------------------------------------- */

/*
 * The dispatcher finds it due and its lock busy between a mover's look and its store, and so gives it a later key,
 * which the move knows nothing of. Fails where what is tried again is due by its key.
 */
static void move_versus_fire(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	u64 contended = kt_stats().contended;
	struct kt_holder h;

	kt_arm(k, kt_t(1));
	kt_flush(test, KT_CPU);
	kt_hold(test, &h, k, move_slowly);
	smp_store_release(&h.go, true);
	kt_wait_for(test, &k->entered);
	KUNIT_EXPECT_TRUE(test, k->res[0]);
	kt_run_until(test, kt_t(2));
	KUNIT_EXPECT_EQ(test, kt_stats().contended - contended, 1);
	WRITE_ONCE(k->earliest, kt_t(9));
	smp_store_release(&k->go, true);
	kt_join(test, &h.thread);
	kt_run_until(test, kt_t(7));
	KT_EXPECT_RAN(test, k, 0);
	kt_run_until(test, kt_t(9));
	KT_EXPECT_RAN(test, k, 1);
}

/* The last that a callout does which is due just before. Gives the move a lead if res[0] is negative. */
static void say_go(struct kt *k)
{
	struct kt *next = list_next_entry(k, link);
	int n = next->res[0];

	smp_store_release(&next->go, true);
	for (; n < 0; n++)
		cpu_relax();
}

/* Moves a while, res[0], after that if it is positive; with the lock held until then. */
static int move_closely(void *arg)
{
	struct kt *k = arg;
	int n, ret;

	kt_call_begin(k);
	smp_store_release(&k->entered, true);
	kt_spin_until(&k->go);
	for (n = k->res[0]; n > 0; n--)
		cpu_relax();
	if (k->kind->direct)
		ret = callout_reset_sbt(&k->c, nstosbt(k->earliest), 0, kt_handler, k,
					C_ABSOLUTE | C_DIRECT_EXEC);
	else
		ret = callout_set_within(&k->c, k->earliest, k->earliest, kt_handler, k);
	kt_call_end(k);
	return ret;
}

/*
 * In the interrupt, where a callout that is run just before tells the mover when. How much sooner or later is found
 * by trying: as long as the move comes in time, later, else sooner. If the move says 1 it has not run, else it has,
 * once. Fails without the second look at c_left when the lock has been taken, and, for what has no lock, where
 * either of claim and move is not a cmpxchg.
 */
static void move_versus_fire_closely(struct kunit *test)
{
	struct kt *before = kt_new(test, &kt_none_direct), *k = kt_new(test, test->param_value);
	int i, in_time = 0;

	before->todo = say_go;
	for (i = 0; i < 1000; i++) {
		u64 contended = kt_stats().contended;
		struct kt_thread moves;
		int ret;

		kt_restart();
		atomic_set(&k->ran, 0);
		kt_arm(before, kt_t(1));
		kt_arm(k, kt_t(1));
		co_clk_fake_interrupt(KT_CPU);
		k->entered = false;
		k->go = false;
		k->earliest = kt_t(8);
		kt_start(test, &moves, move_closely, k, KT_CPU2);
		kt_wait_for(test, &k->entered);
		kt_set(kt_t(2));
		co_clk_fake_interrupt(KT_CPU);
		ret = kt_join(test, &moves);
		KUNIT_EXPECT_EQ_MSG(test, atomic_read(&k->ran), !ret, "round %d", i);
		KUNIT_EXPECT_EQ_MSG(test, kt_stop(k), 1, "round %d", i);
		if (ret && kt_stats().contended == contended) {
			in_time++;
			k->res[0] += get_random_u32_below(8);
		} else {
			k->res[0] -= get_random_u32_below(8);
		}
	}
	kunit_info(test, "%d of %d came in time", in_time, i);
	KUNIT_EXPECT_GT(test, in_time, 0);
	KUNIT_EXPECT_LT(test, in_time, i);
}

static const struct kt_kind close[] = {
	{ "none direct", KT_NONE, 0, C_DIRECT_EXEC }, { "raw", KT_RAW },
};
KUNIT_ARRAY_PARAM_DESC(close, close, name);

struct mover {
	struct kt *k;
	int armed;
	int moved;
	bool stop;
};

/* Waits until it is nearly due, then moves it. */
static int move_on_and_on(void *arg)
{
	u64 at = kt_t(1);
	struct mover *m = arg;
	struct kt *k = m->k;

	while (!READ_ONCE(m->stop)) {
		if (kt_now() + get_random_u32_below(KT_UNIT_NS) < at) {
			cpu_relax();
			continue;
		}
		at = max(at + 1, kt_now() + get_random_u32_below(2 * KT_UNIT_NS));
		kt_call_begin(k);
		if (callout_set_within(&k->c, at, at, kt_handler, k)) {
			m->moved++;
		} else {
			/* Without a lock the run before may not have looked at @earliest yet. */
			while (atomic_read(&k->ran) < m->armed)
				cpu_relax();
			WRITE_ONCE(m->armed, m->armed + 1);
		}
		WRITE_ONCE(k->earliest, at);
		kt_call_end(k);
	}
	return 0;
}

/*
 * One CPU moves, another fires, time goes on: never early, one run for each arm. For kinds without a lock
 * this is the cmpxchg against the claim.
 */
static void move_versus_fire_at_random(struct kunit *test)
{
	struct mover m = { .k = kt_new(test, test->param_value), .armed = 1 };
	unsigned long end = jiffies + KT_PATIENCE;
	struct kt_thread moves;
	int i;

	kt_arm(m.k, kt_t(1));
	kt_start(test, &moves, move_on_and_on, &m, KT_CPU2);
	for (i = 0; i < 1000 || (time_before(jiffies, end) && READ_ONCE(m.armed) < 10); i++) {
		kt_set(kt_now() + get_random_u32_below(KT_UNIT_NS / 2));
		co_clk_fake_interrupt(KT_CPU);
	}
	WRITE_ONCE(m.stop, true);
	kt_join(test, &moves);
	kt_run_until(test, kt_now() + 4 * KT_UNIT_NS);
	KUNIT_EXPECT_FALSE(test, callout_pending(&m.k->c));
	KUNIT_EXPECT_GT(test, m.moved, 0);
	KUNIT_EXPECT_GT(test, m.armed, 1);
	KT_EXPECT_RAN(test, m.k, m.armed);
	kunit_info(test, "%d moves, %d runs", m.moved, m.armed);
}

/* ---- Moved while the clock is armed --------------------------------------------------------- */

/* One interrupt for nothing, and the clock armed for the new time. Fails without the re-keying of heads. */
static void moved_while_the_clock_is_armed(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	u64 armed, rekeyed;

	kt_arm(k, kt_t(2));
	KUNIT_EXPECT_EQ(test, kt_within(k, kt_t(2), kt_t(2)), 1);
	kt_flush(test, KT_CPU);
	KUNIT_EXPECT_EQ(test, co_clk_fake_armed(KT_CPU), kt_t(2));
	armed = kt_armed();
	rekeyed = kt_stats().rekeyed;
	KUNIT_EXPECT_EQ(test, kt_within(k, kt_t(5), kt_t(5)), 1);
	KUNIT_EXPECT_EQ_MSG(test, kt_armed(), armed, "the move was not a store");
	KUNIT_EXPECT_EQ_MSG(test, co_clk_fake_armed(KT_CPU), kt_t(2), "the clock was told of a move");
	kt_set(kt_t(2));
	co_clk_fake_interrupt(KT_CPU);
	KUNIT_EXPECT_EQ(test, kt_stats().rekeyed - rekeyed, 1);
	KUNIT_EXPECT_EQ(test, co_clk_fake_armed(KT_CPU), kt_t(5));
	kt_run_until(test, kt_t(4));
	KT_EXPECT_RAN(test, k, 0);
	kt_run_until(test, kt_t(5));
	KT_EXPECT_RAN(test, k, 1);
}

/* ---- A busy lock and a crowd ---------------------------------------------------------------- */

struct crowd {
	struct mutex lock;
	struct callout c[300];
	int ran;
};

static void crowd_ran(void *arg)
{
	struct crowd *w = arg;

	w->ran++;
}

/*
 * Many are due whose lock is held: each is tried once, and by the time that is up for one alone most of them have
 * theirs to come. Fails where each is put off for itself.
 */
static void busy_lock_and_a_crowd(struct kunit *test)
{
	struct crowd *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	unsigned int i;
	u64 before;

	KUNIT_ASSERT_NOT_NULL(test, w);
	mutex_init(&w->lock);
	mutex_lock(&w->lock);
	for (i = 0; i < ARRAY_SIZE(w->c); i++) {
		callout_init_lock(&w->c[i], &w->lock, 0);
		callout_reset_sbt_on(&w->c[i], nstosbt(kt_t(2)), 0, crowd_ran, w, KT_CPU, C_ABSOLUTE);
	}
	before = kt_stats().contended;
	kt_run_until(test, kt_t(3));
	KUNIT_EXPECT_EQ(test, kt_stats().contended - before, ARRAY_SIZE(w->c));
	before = kt_stats().contended;
	kt_run_until(test, kt_t(3) + 140 * NSEC_PER_USEC);
	KUNIT_EXPECT_GT(test, kt_stats().contended - before, 10);
	KUNIT_EXPECT_LT(test, kt_stats().contended - before, 60);
	mutex_unlock(&w->lock);
	kt_run_until(test, kt_t(3) + 25 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, w->ran, ARRAY_SIZE(w->c));
	for (i = 0; i < ARRAY_SIZE(w->c); i++)
		callout_drain(&w->c[i]);
}

static const struct kt_kind stored[] = {
	{ "none", KT_NONE }, { "none thread", KT_NONE_THREAD }, { "giant", KT_GIANT }, { "raw", KT_RAW },
	{ "spin", KT_SPIN }, { "rwlock", KT_RW }, { "mutex", KT_MUTEX }, { "rwsem", KT_RWSEM },
};
KUNIT_ARRAY_PARAM_DESC(stored, stored, name);

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(stop_versus_fire, kt_kinds_locked_gen_params),
	KUNIT_CASE_PARAM(stop_versus_fire_at_random, movable_gen_params),
	KUNIT_CASE_PARAM(stop_after_return, returning_gen_params),
	KUNIT_CASE_PARAM(stop_after_return_at_random, returning_gen_params),
	KUNIT_CASE_PARAM(drain_versus_rearm, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(drain_versus_move, movable_gen_params),
	KUNIT_CASE_PARAM(drain_versus_arm_at_random, movable_gen_params),
	KUNIT_CASE_PARAM(move_versus_fire, movable_gen_params),
	KUNIT_CASE_PARAM(move_versus_fire_closely, close_gen_params),
	KUNIT_CASE_PARAM(move_versus_fire_at_random, stored_gen_params),
	KUNIT_CASE_PARAM(moved_while_the_clock_is_armed, stored_gen_params),
	KUNIT_CASE(busy_lock_and_a_crowd),
	{}
};

struct kunit_suite kt_suite_races = {
	.name = "callout_races",
	.suite_init = kt_suite_init,
	.init = kt_init,
	.exit = kt_exit,
	.test_cases = cases,
};
