// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_frees: handlers that free, and the dispatcher that is not to look at anything afterwards.
 */
#include <linux/slab.h>
#include "kt.h"

/* ---- the handler frees ---------------------------------------------------------------------- */

/* A callout that is to be freed is on no list: its link says whom to tell. */
static void tell_when_freed(struct kt *k, struct completion *done)
{
	kt_forget(k);
	k->link.next = (void *)done;
}

static void free_self(void *arg)
{
	struct kt *k = arg;
	struct completion *done = (void *)k->link.next;

	if (k->kind->unlocked)
		kt_unlock(k);
	kfree(k);
	complete(done);
}

/*
 * A handler without a lock frees its callout; one that returns unlocked frees the lock as well. Fails (KASAN)
 * if the dispatcher looks at either afterwards.
 */
static void handler_frees(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	DECLARE_COMPLETION_ONSTACK(done);

	tell_when_freed(k, &done);
	kt_call_begin(k);
	callout_reset_sbt_on(&k->c, nstosbt(kt_t(1)), 0, free_self, k, KT_CPU,
			     C_ABSOLUTE | k->kind->direct);
	kt_call_end(k);
	kt_run_until(test, kt_t(2));
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&done, KT_PATIENCE), 0UL);
}

static const struct kt_kind freeing[] = {
	{ "none", KT_NONE }, { "none direct", KT_NONE, 0, C_DIRECT_EXEC }, { "none thread", KT_NONE_THREAD },
	{ "raw", KT_RAW, CALLOUT_RETURNUNLOCKED }, { "spin", KT_SPIN, CALLOUT_RETURNUNLOCKED },
	{ "rwlock", KT_RW, CALLOUT_RETURNUNLOCKED }, { "mutex", KT_MUTEX, CALLOUT_RETURNUNLOCKED },
	{ "rwsem", KT_RWSEM, CALLOUT_RETURNUNLOCKED },
};
KUNIT_ARRAY_PARAM_DESC(freeing, freeing, name);

/* With a lock of its own elsewhere: the handler frees the callout, not the lock. */
struct outside {
	spinlock_t spin;
	raw_spinlock_t raw;
	struct mutex mutex;
	int ret;
	int ran;
};
struct inside {
	struct callout c;
	struct outside *out;
};

static void stop_and_free_self(void *arg)
{
	struct inside *in = arg;
	struct outside *out = in->out;

	out->ran++;
	out->ret = callout_stop(&in->c);
	kfree(in);
}

static void handler_frees_callout_alone(struct kunit *test)
{
	struct outside *out = kunit_kzalloc(test, sizeof(*out), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, out);
	spin_lock_init(&out->spin);
	raw_spin_lock_init(&out->raw);
	mutex_init(&out->mutex);
	for (i = 0; i < 3; i++) {
		struct inside *in = kzalloc(sizeof(*in), GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, in);
		in->out = out;
		out->ret = 99;
		if (i == 0) {
			callout_init_lock(&in->c, &out->spin, 0);
			spin_lock(&out->spin);
		} else if (i == 1) {
			callout_init_lock(&in->c, &out->raw, 0);
			raw_spin_lock(&out->raw);
		} else {
			callout_init_lock(&in->c, &out->mutex, 0);
			mutex_lock(&out->mutex);
		}
		callout_reset_sbt_on(&in->c, nstosbt(kt_t(2 * i + 1)), 0, stop_and_free_self, in, KT_CPU,
				     C_ABSOLUTE);
		if (i == 0)
			spin_unlock(&out->spin);
		else if (i == 1)
			raw_spin_unlock(&out->raw);
		else
			mutex_unlock(&out->mutex);
		kt_run_until(test, kt_t(2 * i + 2));
		KUNIT_EXPECT_EQ(test, out->ran, i + 1);
		KUNIT_EXPECT_EQ(test, out->ret, 0);
	}
}

static void drained_free(void *arg)
{
	struct kt *k = arg;
	struct completion *done = (void *)k->link.next;

	kfree(k);
	complete(done);
}

static void async_drain_self(struct kt *k)
{
	callout_async_drain(&k->c, drained_free);
}

/* The function that async_drain() has called is the place to free, lock and all. */
static void drained_frees(struct kunit *test)
{
	struct kt *k = kt_new(test, test->param_value);
	DECLARE_COMPLETION_ONSTACK(done);

	tell_when_freed(k, &done);
	k->todo = async_drain_self;
	kt_arm(k, kt_t(1));
	kt_run_until(test, kt_t(2));
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&done, KT_PATIENCE), 0UL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(handler_frees, freeing_gen_params),
	KUNIT_CASE(handler_frees_callout_alone),
	KUNIT_CASE_PARAM(drained_frees, kt_kinds_gen_params),
	{}
};

struct kunit_suite kt_suite_frees = {
	.name = "callout_frees",
	.suite_init = kt_suite_init,
	.init = kt_init,
	.exit = kt_exit,
	.test_cases = cases,
};
