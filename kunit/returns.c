// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_returns: the table of return values, each cell for each kind of callout.
 *
 * Columns are stop, drain, reset and schedule; rows are the states that a callout can be in. A running
 * handler is seen from the handler itself where the lock keeps others out, and from another thread where
 * there is no lock, or the handler has released it.
 */
#include "kt.h"

/* Ticks are real ones, while the clock's time stands still somewhere ahead of them. */
#define FAR	(1000 * HZ)

/* ---- idle, pending -------------------------------------------------------------------------- */

static void idle(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	KUNIT_EXPECT_EQ(test, kt_stop(k), -1);
	KUNIT_EXPECT_EQ(test, callout_drain(&k->c), -1);
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	KUNIT_EXPECT_FALSE(test, callout_active(&k->c));
	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(1)), 0);
	KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	kt_run_until(test, kt_t(2));
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, k->ran_on, KT_CPU);

	/* Idle once more, now that it has run. */
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	KUNIT_EXPECT_EQ(test, kt_stop(k), -1);
	KUNIT_EXPECT_EQ(test, callout_drain(&k->c), -1);
	kt_call_begin(k);
	KUNIT_EXPECT_EQ(test, callout_schedule(&k->c, FAR), 0);
	KUNIT_EXPECT_EQ(test, callout_stop(&k->c), 1);
	KUNIT_EXPECT_EQ(test, callout_schedule_sbt(&k->c, 1000 * SBT_1S, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, callout_stop(&k->c), 1);
	KUNIT_EXPECT_EQ(test, callout_reset(&k->c, FAR, kt_handler, k), 0);
	KUNIT_EXPECT_EQ(test, callout_stop(&k->c), 1);
	kt_call_end(k);
	kt_run_until(test, kt_t(4));
	KT_EXPECT_RAN(test, k, 1);
}

static void pending(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	kt_arm(k, kt_t(1));
	KUNIT_EXPECT_EQ(test, kt_stop(k), 1);
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	kt_arm(k, kt_t(1));
	KUNIT_EXPECT_EQ(test, callout_drain(&k->c), 1);
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	kt_run_until(test, kt_t(2));
	KT_EXPECT_RAN(test, k, 0);

	/* Sooner, later and at the same time: it runs once, at the last. */
	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(4)), 0);
	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(3)), 1);
	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(3)), 1);
	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(5)), 1);
	KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	kt_run_until(test, kt_t(4));
	KT_EXPECT_RAN(test, k, 0);
	kt_run_until(test, kt_t(6));
	KT_EXPECT_RAN(test, k, 1);

	kt_arm(k, kt_t(7));
	kt_call_begin(k);
	KUNIT_EXPECT_EQ(test, callout_schedule_sbt_on(&k->c, nstosbt(kt_t(9)), 0, KT_CPU,
						      C_ABSOLUTE | k->kind->direct), 1);
	kt_call_end(k);
	kt_run_until(test, kt_t(8));
	KT_EXPECT_RAN(test, k, 1);
	kt_run_until(test, kt_t(10));
	KT_EXPECT_RAN(test, k, 2);
}

/* ---- due, but the caller holds the lock, or was faster -------------------------------------- */

static int stop_due(struct kt *k)
{
	k->res[0] = callout_pending(&k->c);
	k->res[1] = callout_stop(&k->c);
	kt_unlock(k);
	return 0;
}

static int reset_due(struct kt *k)
{
	k->res[0] = callout_pending(&k->c);
	k->res[1] = kt_arm_held(k, kt_t(6));
	kt_unlock(k);
	return 0;
}

/* Have @then called, with the lock held, when the dispatcher has found the callout due and the lock busy. */
static void when_due(struct kunit *test, struct kt *k, int (*then)(struct kt *k))
{
	struct kt_holder h;
	u64 contended;

	kt_arm(k, kt_t(1));
	kt_flush(test, KT_CPU);
	kt_hold(test, &h, k, then);
	contended = kt_stats().contended;
	kt_set(kt_t(2));
	/* Without a lock nothing but the missing interrupt keeps it from running. */
	if (k->kind->lock != KT_NONE && k->kind->lock != KT_NONE_THREAD) {
		kt_fire(test, KT_CPU);
		KUNIT_EXPECT_EQ(test, kt_stats().contended - contended, 1);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&k->ran), 0);
	kt_let_go(test, &h);
}

/* Fails if the dispatcher lets go of the base before it has the lock. */
static void due_stop(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	when_due(test, k, stop_due);
	KUNIT_EXPECT_EQ(test, k->res[0], 1);
	KUNIT_EXPECT_EQ(test, k->res[1], 1);
	kt_run_until(test, kt_t(4));
	KT_EXPECT_RAN(test, k, 0);
	KUNIT_EXPECT_EQ(test, kt_stop(k), -1);
}

static void due_reset(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	when_due(test, k, reset_due);
	KUNIT_EXPECT_EQ(test, k->res[0], 1);
	KUNIT_EXPECT_EQ(test, k->res[1], 1);
	kt_run_until(test, kt_t(4));
	KT_EXPECT_RAN(test, k, 0);
	kt_run_until(test, kt_t(7));
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, kt_stop(k), -1);
}

/* Nobody took it off: it runs as soon as the lock is free. */
static int only_unlock(struct kt *k)
{
	kt_unlock(k);
	return 0;
}

static void due_runs_later(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	when_due(test, k, only_unlock);
	kt_run_until(test, kt_t(3));
	KT_EXPECT_RAN(test, k, 1);
}

/* ---- running, seen from the handler --------------------------------------------------------- */

static void self_stop(struct kt *k)
{
	k->res[0] = callout_pending(&k->c);
	k->res[1] = callout_stop(&k->c);
	k->res[2] = callout_active(&k->c);
}

static void self_reset(struct kt *k)
{
	k->todo = NULL;
	k->res[0] = callout_active(&k->c);
	k->res[1] = kt_arm_held(k, kt_t(4));
	k->res[2] = callout_pending(&k->c);
	k->res[3] = kt_arm_held(k, kt_t(5));
}

static void self_schedule(struct kt *k)
{
	k->todo = NULL;
	WRITE_ONCE(k->earliest, kt_t(4));
	k->res[0] = callout_schedule_sbt_on(&k->c, nstosbt(kt_t(4)), 0, k->cpu,
					    C_ABSOLUTE | k->kind->direct);
}

static void self_reset_stop(struct kt *k)
{
	k->res[0] = kt_arm_held(k, kt_t(4));
	k->res[1] = callout_stop(&k->c);
	k->res[2] = callout_pending(&k->c);
	k->res[3] = callout_stop(&k->c);
}

/* Have the handler call @todo, and run all that is due until 3. */
static struct kt *in_handler(struct kunit *test, void (*todo)(struct kt *k))
{
	struct kt *k = kt_new(test, test->param_value);

	kt_restart();
	k->todo = todo;
	kt_arm(k, kt_t(1));
	kt_run_until(test, kt_t(3));
	KT_EXPECT_RAN(test, k, 1);
	return k;
}

static void running_self(struct kunit *test)
{
	struct kt *k = in_handler(test, self_stop);

	KUNIT_EXPECT_EQ_MSG(test, k->res[0], 0, "pending while its function is called");
	KUNIT_EXPECT_EQ(test, k->res[1], 0);
	KUNIT_EXPECT_EQ(test, k->res[2], 0);
	KUNIT_EXPECT_EQ(test, kt_stop(k), -1);

	k = in_handler(test, self_schedule);
	KUNIT_EXPECT_EQ(test, k->res[0], 0);
	kt_run_until(test, kt_t(6));
	KT_EXPECT_RAN(test, k, 2);
}

static void running_self_reset(struct kunit *test)
{
	struct kt *k = in_handler(test, self_reset);

	KUNIT_EXPECT_EQ(test, k->res[0], 1);
	KUNIT_EXPECT_EQ(test, k->res[1], 0);
	KUNIT_EXPECT_EQ(test, k->res[2], 1);
	KUNIT_EXPECT_EQ_MSG(test, k->res[3], 1, "running and re-armed");
	KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	kt_run_until(test, kt_t(6));
	KT_EXPECT_RAN(test, k, 2);
}

static void running_self_rearmed(struct kunit *test)
{
	struct kt *k = in_handler(test, self_reset_stop);

	KUNIT_EXPECT_EQ(test, k->res[0], 0);
	KUNIT_EXPECT_EQ(test, k->res[1], 0);
	KUNIT_EXPECT_EQ_MSG(test, k->res[2], 0, "the next run is removed");
	KUNIT_EXPECT_EQ(test, k->res[3], 0);
	kt_run_until(test, kt_t(6));
	KT_EXPECT_RAN(test, k, 1);
}

/* ---- running, seen from another thread ------------------------------------------------------ */

static struct kt *blocked(struct kunit *test, struct kt_thread *t)
{
	struct kt *k = kt_new(test, test->param_value);

	kt_make_block(k);
	kt_arm(k, kt_t(1));
	kt_set(kt_t(2));
	kt_run_blocked(test, t, k);
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	return k;
}

static void running_other(struct kunit *test)
{
	struct kt_thread t;
	struct kt *k = blocked(test, &t);

	KUNIT_EXPECT_EQ(test, kt_stop(k), 0);
	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(4)), 0);
	KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(5)), 1);
	KUNIT_EXPECT_EQ_MSG(test, kt_stop(k), 0, "running and re-armed");
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	kt_unblock(test, &t, k);
	kt_run_until(test, kt_t(6));
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, kt_stop(k), -1);
}

static void running_other_reset(struct kunit *test)
{
	struct kt_thread t;
	struct kt *k = blocked(test, &t);

	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(4)), 0);
	kt_unblock(test, &t, k);
	KT_EXPECT_RAN(test, k, 1);
	kt_run_until(test, kt_t(5));
	KT_EXPECT_RAN(test, k, 2);
}

/* ---- drain ---------------------------------------------------------------------------------- */

static int drain(void *arg)
{
	return callout_drain(arg);
}

static void rearm_then_block(struct kt *k)
{
	k->todo = NULL;
	k->res[0] = kt_arm_held(k, kt_t(4));
	kt_block(k);
}

/* Drain a handler of which @todo is to block; returns what drain returned. */
static int drain_running(struct kunit *test, struct kt *k, void (*todo)(struct kt *k))
{
	struct kt_thread runs, drains;

	k->todo = todo;
	kt_arm(k, kt_t(1));
	kt_set(kt_t(2));
	kt_run_blocked(test, &runs, k);
	kt_start(test, &drains, drain, &k->c, 0);
	kt_wait_asleep(test, drains.task, &drains.done);
	KUNIT_EXPECT_EQ(test, atomic_read(&k->inside), 1);
	kt_unblock(test, &runs, k);
	kt_join(test, &drains);
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	KUNIT_EXPECT_FALSE(test, callout_active(&k->c));
	kt_run_until(test, kt_t(6));
	KT_EXPECT_RAN(test, k, 1);
	return drains.ret;
}

static void drain_of_running(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, drain_running(test, kt_new(test, test->param_value), kt_block), -1);
}

static void drain_of_rearmed(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	KUNIT_EXPECT_EQ(test, drain_running(test, k, rearm_then_block), 1);
	KUNIT_EXPECT_EQ(test, k->res[0], 0);
}

/*
 * "Drain/re-arm": the handler wants to run again while another waits for it. Fails without
 * being_drained() in arm().
 */
static void block_then_rearm(struct kt *k)
{
	kt_block(k);
	k->res[0] = callout_stop(&k->c);
	k->res[1] = kt_arm_held(k, kt_t(4));
	k->res[2] = callout_pending(&k->c);
}

static void drained_elsewhere(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	KUNIT_EXPECT_EQ(test, drain_running(test, k, block_then_rearm), -1);
	KUNIT_EXPECT_EQ(test, k->res[0], 0);
	KUNIT_EXPECT_EQ(test, k->res[1], 0);
	KUNIT_EXPECT_EQ_MSG(test, k->res[2], 0, "armed while drained");
}

/* The same, seen by a third. */
static void drained_elsewhere_other(struct kunit *test)
{
	struct kt_thread runs, drains, drains2;
	struct kt *k = blocked(test, &runs);

	kt_start(test, &drains, drain, &k->c, 0);
	kt_wait_asleep(test, drains.task, &drains.done);
	KUNIT_EXPECT_EQ(test, kt_stop(k), 0);
	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(4)), 0);
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	kt_start(test, &drains2, drain, &k->c, KT_CPU2);
	kt_wait_asleep(test, drains2.task, &drains2.done);
	kt_unblock(test, &runs, k);
	KUNIT_EXPECT_EQ(test, kt_join(test, &drains), -1);
	KUNIT_EXPECT_EQ(test, kt_join(test, &drains2), -1);
	kt_run_until(test, kt_t(5));
	KT_EXPECT_RAN(test, k, 1);

	/* And it may be armed again. */
	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(6)), 0);
	kt_run_until(test, kt_t(7));
	KT_EXPECT_RAN(test, k, 2);
}

/* ---- async_drain ---------------------------------------------------------------------------- */

static void drained(void *arg)
{
	struct kt *k = arg;

	k->res[5] = atomic_read(&k->inside);
	atomic_inc(&k->drained);
}

static int async_drain(struct kt *k)
{
	int ret;

	kt_call_begin(k);
	ret = callout_async_drain(&k->c, drained);
	kt_call_end(k);
	return ret;
}

static void self_async_drain(struct kt *k)
{
	k->res[0] = callout_async_drain(&k->c, drained);
	k->res[1] = kt_arm_held(k, kt_t(4));
	k->res[2] = callout_pending(&k->c);
	k->res[3] = atomic_read(&k->drained);
}

static void async_drain_idle(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	KUNIT_EXPECT_EQ(test, async_drain(k), -1);
	kt_arm(k, kt_t(1));
	KUNIT_EXPECT_EQ(test, async_drain(k), 1);
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	kt_run_until(test, kt_t(2));
	KT_EXPECT_RAN(test, k, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&k->drained), 0);
}

static void async_drain_running(struct kunit *test)
{
	struct kt *k = in_handler(test, self_async_drain);

	KUNIT_EXPECT_EQ(test, k->res[0], 0);
	KUNIT_EXPECT_EQ_MSG(test, k->res[1], 0, "armed while drained");
	KUNIT_EXPECT_EQ(test, k->res[2], 0);
	KUNIT_EXPECT_EQ_MSG(test, k->res[3], 0, "told before the handler has returned");
	KUNIT_EXPECT_EQ(test, atomic_read(&k->drained), 1);
	KUNIT_EXPECT_EQ(test, k->res[5], 0);
	kt_run_until(test, kt_t(5));
	KT_EXPECT_RAN(test, k, 1);
}

static void async_drain_running_other(struct kunit *test)
{
	struct kt_thread t;
	struct kt *k = blocked(test, &t);

	KUNIT_EXPECT_EQ(test, async_drain(k), 0);
	KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(4)), 0);
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	KUNIT_EXPECT_EQ(test, atomic_read(&k->drained), 0);
	kt_unblock(test, &t, k);
	KUNIT_EXPECT_EQ(test, atomic_read(&k->drained), 1);
	KUNIT_EXPECT_EQ(test, k->res[5], 0);
	kt_run_until(test, kt_t(5));
	KT_EXPECT_RAN(test, k, 1);
	KUNIT_EXPECT_EQ(test, async_drain(k), -1);
}

/* ---- shutdown, active, pending -------------------------------------------------------------- */

static void self_shutdown(struct kt *k)
{
	callout_shutdown(&k->c);
	k->res[0] = kt_arm_held(k, kt_t(4));
	k->res[1] = callout_pending(&k->c);
}

static void shut(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	kt_arm(k, kt_t(1));
	kt_call_begin(k);
	callout_shutdown(&k->c);
	kt_call_end(k);
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	KT_EXPECT_MISUSE(test, CO_BAD_SHUT, 1, KUNIT_EXPECT_EQ(test, kt_arm(k, kt_t(1)), 0));
	KUNIT_EXPECT_FALSE(test, callout_pending(&k->c));
	KUNIT_EXPECT_EQ(test, kt_stop(k), -1);
	KUNIT_EXPECT_EQ(test, callout_drain(&k->c), -1);
	KT_EXPECT_MISUSE(test, CO_BAD_SHUT, 1, KUNIT_EXPECT_EQ(test, kt_within(k, kt_t(1), kt_t(1)), 0));
	kt_run_until(test, kt_t(2));
	KT_EXPECT_RAN(test, k, 0);

	KT_EXPECT_MISUSE(test, CO_BAD_SHUT, 1, k = in_handler(test, self_shutdown));
	KUNIT_EXPECT_EQ(test, k->res[0], 0);
	KUNIT_EXPECT_EQ(test, k->res[1], 0);
	kt_run_until(test, kt_t(5));
	KT_EXPECT_RAN(test, k, 1);
}

static void active(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);

	kt_arm(k, kt_t(1));
	KUNIT_EXPECT_TRUE(test, callout_active(&k->c));
	kt_run_until(test, kt_t(2));
	KUNIT_EXPECT_TRUE_MSG(test, callout_active(&k->c), "running does not clear it");
	kt_call_begin(k);
	callout_deactivate(&k->c);
	kt_call_end(k);
	KUNIT_EXPECT_FALSE(test, callout_active(&k->c));

	/* Deactivated while pending: still pending, and a later arm sets it again. */
	kt_arm(k, kt_t(5));
	kt_call_begin(k);
	callout_deactivate(&k->c);
	kt_call_end(k);
	KUNIT_EXPECT_FALSE(test, callout_active(&k->c));
	KUNIT_EXPECT_TRUE(test, callout_pending(&k->c));
	KUNIT_EXPECT_EQ(test, kt_within(k, kt_t(6), kt_t(6)), 1);
	KUNIT_EXPECT_TRUE(test, callout_active(&k->c));
	KUNIT_EXPECT_EQ(test, kt_stop(k), 1);
	KUNIT_EXPECT_FALSE(test, callout_active(&k->c));
	kt_arm(k, kt_t(5));
	callout_drain(&k->c);
	KUNIT_EXPECT_FALSE(test, callout_active(&k->c));
	kt_arm(k, kt_t(3));
	kt_run_until(test, kt_t(4));
	callout_drain(&k->c);
	KUNIT_EXPECT_FALSE_MSG(test, callout_active(&k->c), "drain of an idle one");
	KT_EXPECT_RAN(test, k, 2);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(idle, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(pending, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(due_stop, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(due_reset, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(due_runs_later, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(running_self, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(running_self_reset, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(running_self_rearmed, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(running_other, kt_kinds_seen_gen_params),
	KUNIT_CASE_PARAM(running_other_reset, kt_kinds_seen_gen_params),
	KUNIT_CASE_PARAM(drain_of_running, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(drain_of_rearmed, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(drained_elsewhere, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(drained_elsewhere_other, kt_kinds_seen_gen_params),
	KUNIT_CASE_PARAM(async_drain_idle, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(async_drain_running, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(async_drain_running_other, kt_kinds_seen_gen_params),
	KUNIT_CASE_PARAM(shut, kt_kinds_gen_params),
	KUNIT_CASE_PARAM(active, kt_kinds_gen_params),
	{}
};

struct kunit_suite kt_suite_returns = {
	.name = "callout_returns",
	.suite_init = kt_suite_init,
	.init = kt_init,
	.exit = kt_exit,
	.test_cases = cases,
};
