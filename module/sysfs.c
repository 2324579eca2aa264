// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/callout: one value a file. doc/ABI/sysfs-kernel-callout has a stanza for each.
 *
 *	clock  available_clocks  mode  available_modes  frequency_hz
 *	queue  available_queues  default_precision_pct  weak_window_ms  handler_warn_us
 *	clocks/NAME/{rating,status,min_hz,max_hz,accuracy_ns,counters}
 *	stats/COUNTER
 */
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include "internal.h"

#define RO(_name)	static struct kobj_attribute _name##_attr = __ATTR_RO(_name)
#define RW(_name)	static struct kobj_attribute _name##_attr = __ATTR(_name, 0644, _name##_show, _name##_store)
#define SHOW(_name)	static ssize_t _name##_show(struct kobject *k, struct kobj_attribute *a, char *buf)
#define STORE(_name)	static ssize_t _name##_store(struct kobject *k, struct kobj_attribute *a,	\
					     const char *buf, size_t n)

/* ---- what may be chosen --------------------------------------------------------------------- */

SHOW(clock) { return sysfs_emit(buf, "%s\n", READ_ONCE(co_clock)->name); }
STORE(clock) { return co_clock_set(buf, NULL, 0) ?: n; }
RW(clock);

SHOW(available_clocks)
{
	int i, at = 0;

	for (i = 0; co_clocks[i]; i++)
		at += sysfs_emit_at(buf, at, "%s%s", i ? " " : "", co_clocks[i]->name);
	return at + sysfs_emit_at(buf, at, "\n");
}
RO(available_clocks);

SHOW(mode) { return sysfs_emit(buf, "%s\n", co_mode_names[READ_ONCE(co_mode)]); }
STORE(mode) { return co_clock_set(NULL, buf, 0) ?: n; }
RW(mode);

SHOW(available_modes) { return sysfs_emit(buf, "deadline periodic\n"); }
RO(available_modes);

SHOW(frequency_hz) { return sysfs_emit(buf, "%u\n", READ_ONCE(co_frequency_hz)); }
STORE(frequency_hz)
{
	u32 hz;
	int err = kstrtou32(buf, 0, &hz);

	if (!err && !hz)
		err = -EINVAL;
	return err ?: co_clock_set(NULL, NULL, hz) ?: n;
}
RW(frequency_hz);

SHOW(queue) { return sysfs_emit(buf, "%s\n", co_q_ops->name); }
RO(queue);
SHOW(available_queues) { return sysfs_emit(buf, "%s\n", co_q_ops->name); }
RO(available_queues);

SHOW(default_precision_pct) { return sysfs_emit(buf, "%u\n", co_default_precision_pct); }
STORE(default_precision_pct)
{
	u32 pct;
	int err = kstrtou32(buf, 0, &pct);

	if (!err && pct > 100)
		err = -ERANGE;
	if (!err)
		WRITE_ONCE(co_default_precision_pct, pct);
	return err ?: n;
}
RW(default_precision_pct);

SHOW(weak_window_ms) { return sysfs_emit(buf, "%u\n", co_weak_window_ms); }
STORE(weak_window_ms)
{
	u32 ms;
	int err = kstrtou32(buf, 0, &ms);

	if (!err)
		WRITE_ONCE(co_weak_window_ms, ms);
	return err ?: n;
}
RW(weak_window_ms);

SHOW(handler_warn_us) { return sysfs_emit(buf, "%u\n", co_handler_warn_us); }
STORE(handler_warn_us)
{
	u32 us;
	int err = kstrtou32(buf, 0, &us);

	if (!err)
		co_set_handler_warn_us(us);
	return err ?: n;
}
RW(handler_warn_us);

static struct attribute *attrs[] = {
	&clock_attr.attr, &available_clocks_attr.attr, &mode_attr.attr, &available_modes_attr.attr,
	&frequency_hz_attr.attr, &queue_attr.attr, &available_queues_attr.attr,
	&default_precision_pct_attr.attr,
	&weak_window_ms_attr.attr, &handler_warn_us_attr.attr, NULL
};
static const struct attribute_group group = { .attrs = attrs };

/* ---- stats/ --------------------------------------------------------------------------------- */

static struct kobj_attribute stat_attr[CO_NCOUNTERS];
static struct attribute *stat_attrs[CO_NCOUNTERS + 1];
static const struct attribute_group stats_group = { .name = "stats", .attrs = stat_attrs };

static ssize_t stat_show(struct kobject *k, struct kobj_attribute *a, char *buf)
{
	struct co_totals t;

	co_totals(&t);
	return sysfs_emit(buf, "%llu\n", co_counter_value(&t, &co_counters[a - stat_attr]));
}

static void make_stat_attrs(void)
{
	int i;

	for (i = 0; i < CO_NCOUNTERS; i++) {
		stat_attr[i] = (struct kobj_attribute){
			.attr = { .name = co_counters[i].name, .mode = 0444 },
			.show = stat_show,
		};
		sysfs_attr_init(&stat_attr[i].attr);
		stat_attrs[i] = &stat_attr[i].attr;
	}
}

/* ---- clocks/NAME/ --------------------------------------------------------------------------- */

/* A directory of clocks/, with its clock. */
struct clock_dir {
	struct kobject kobj;
	struct callout_clock *clock;
};

static struct callout_clock *clock_of(struct kobject *k)
{
	return container_of(k, struct clock_dir, kobj)->clock;
}

SHOW(rating) { return sysfs_emit(buf, "%d\n", clock_of(k)->rating); }
RO(rating);
SHOW(min_hz) { return sysfs_emit(buf, "%u\n", clock_of(k)->min_hz); }
RO(min_hz);
SHOW(max_hz) { return sysfs_emit(buf, "%u\n", clock_of(k)->max_hz); }
RO(max_hz);
SHOW(accuracy_ns) { return sysfs_emit(buf, "%u\n", clock_of(k)->accuracy_ns); }
RO(accuracy_ns);

SHOW(status)
{
	const struct callout_clock *clock = clock_of(k);

	if (clock == co_clock)
		return sysfs_emit(buf, "in use\n");
	if (clock->why[0])
		return sysfs_emit(buf, "%s\n", clock->why);
	return sysfs_emit(buf, "not in use\n");
}
RO(status);

SHOW(counters)
{
	return co_clock_counters(clock_of(k), buf);
}
RO(counters);

static struct attribute *clock_attrs[] = {
	&rating_attr.attr, &status_attr.attr, &min_hz_attr.attr, &max_hz_attr.attr, &accuracy_ns_attr.attr,
	&counters_attr.attr, NULL
};
ATTRIBUTE_GROUPS(clock);

static void clock_dir_release(struct kobject *k)
{
	kfree(container_of(k, struct clock_dir, kobj));
}

static const struct kobj_type clock_type = {
	.release = clock_dir_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = clock_groups,
};

/* ---- init and exit -------------------------------------------------------------------------- */

static struct kobject *top, *clocks;
static struct clock_dir *dirs[8];

int co_sysfs_init(void)
{
	int i, err = -ENOMEM;

	top = kobject_create_and_add("callout", kernel_kobj);
	if (!top)
		return err;
	clocks = kobject_create_and_add("clocks", top);
	if (!clocks)
		goto err;
	for (i = 0; co_clocks[i]; i++) {
		struct clock_dir *d = kzalloc(sizeof(*d), GFP_KERNEL);

		if (!d)
			goto err;
		d->clock = co_clocks[i];
		err = kobject_init_and_add(&d->kobj, &clock_type, clocks, "%s", d->clock->name);
		if (err) {
			kobject_put(&d->kobj);
			goto err;
		}
		dirs[i] = d;
		err = -ENOMEM;
	}
	make_stat_attrs();
	err = sysfs_create_group(top, &stats_group);
	if (!err)
		err = sysfs_create_group(top, &group);
	if (!err)
		return 0;
err:
	co_sysfs_exit();
	return err;
}

void co_sysfs_exit(void)
{
	int i;

	/* Writers first: a change of the clock may be going on. */
	if (top)
		sysfs_remove_group(top, &group);
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (dirs[i])
			kobject_put(&dirs[i]->kobj);
	}
	kobject_put(clocks);
	kobject_put(top);
}
