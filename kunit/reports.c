// SPDX-License-Identifier: GPL-2.0
/*
 * callout_reports.ko: does one thing wrong that the kernel's own checkers report, by parameter what.
 *
 * The report is what is tested, by kunit/reports; and that callouts go on working after it.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/callout.h>

static char *what = "";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "free_pending, init_pending, not_initialised or drain_atomic");

static atomic_t wrong_ran, right_ran;

static void wrong_handler(void *arg)
{
	atomic_inc(&wrong_ran);
}

static void right_handler(void *arg)
{
	atomic_inc(&right_ran);
}

static struct callout *armed(void)
{
	struct callout *c = kmalloc(sizeof(*c), GFP_KERNEL);

	if (c) {
		callout_init(c, 1);
		/* Far enough that a report has been printed by then, slowly. */
		callout_reset_sbt(c, 5 * SBT_1S, 0, wrong_handler, NULL, 0);
	}
	return c;
}

static void free_pending(struct callout *c)
{
	kfree(c);
}

static void init_pending(struct callout *c)
{
	callout_init(c, 1);
	kfree(c);
}

/* Memory that looks like a callout, but no one has made it one. */
static void not_initialised(struct callout *c)
{
	struct callout *copy;

	callout_drain(c);
	copy = kmemdup(c, sizeof(*c), GFP_KERNEL);
	kfree(c);
	if (copy)
		callout_stop(copy);
	kfree(copy);
}

static void drain_atomic(struct callout *c)
{
	preempt_disable();
	callout_drain(c);
	preempt_enable();
	kfree(c);
}

static const struct {
	const char *name;
	void (*fn)(struct callout *c);
} wrongs[] = {
	{ "free_pending", free_pending },
	{ "init_pending", init_pending },
	{ "not_initialised", not_initialised },
	{ "drain_atomic", drain_atomic },
};

static int __init reports_init(void)
{
	static struct callout after;
	struct callout *c = armed();
	unsigned int i;

	if (!c)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(wrongs) && strcmp(what, wrongs[i].name); i++)
		;
	if (i == ARRAY_SIZE(wrongs)) {
		callout_drain(c);
		kfree(c);
		return -EINVAL;
	}
	wrongs[i].fn(c);
	callout_init(&after, 1);
	callout_reset_sbt(&after, SBT_1S / 5, 0, right_handler, NULL, 0);
	msleep(6000);
	callout_drain(&after);
	pr_info("callout_reports: %s: %d ran that should not, %d that should\n", what,
		atomic_read(&wrong_ran), atomic_read(&right_ran));
	return 0;
}

static void __exit reports_exit(void)
{
}

module_init(reports_init);
module_exit(reports_exit);
MODULE_DESCRIPTION("What the kernel's checkers are to report of callouts");
MODULE_LICENSE("GPL");
