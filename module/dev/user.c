// SPDX-License-Identifier: GPL-2.0
/*
 * Limits of /dev/callout by user: how many timers, and how much of a CPU's interrupts.
 */
#include <linux/cred.h>
#include <linux/capability.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/slab.h>
#include "../compat/compat.h"
#include "dev.h"

unsigned int co_dev_max_user_timers = 1 << 20;
unsigned int co_dev_budget = 10000;
CO_EXPORT_FOR_TESTS(co_dev_budget);

/**
 * struct co_user - who has timers
 * @link:	in the list of all. The mutex below.
 * @uid:	constant
 * @timers:	how many there are in his tables; he goes with the last one. The mutex below.
 * @spent:	high half: a time in jiffies; low half: how many timers have expired in it. Without a lock: two CPUs that begin
 *		a new tick at once may forget one or two.
 */
struct co_user {
	struct list_head link;
	kuid_t uid;
	u64 timers;
	atomic64_t spent;
};

static DEFINE_MUTEX(mutex);
static LIST_HEAD(users);

static struct co_user *find_or_make(kuid_t uid)
{
	struct co_user *u;

	list_for_each_entry(u, &users, link)
		if (uid_eq(u->uid, uid))
			return u;
	u = kzalloc(sizeof(*u), GFP_KERNEL_ACCOUNT);
	if (u) {
		u->uid = uid;
		list_add(&u->link, &users);
	}
	return u;
}

static void put(struct co_user *u)
{
	if (!u->timers) {
		list_del(&u->link);
		kfree(u);
	}
}

/**
 * co_user_charge() - count timers for who asks for them
 * @timers:	how many
 *
 * Context: Process; may sleep.
 * Return: The user; ERR_PTR(-EDQUOT) if there are too many for one without CAP_SYS_RESOURCE, ERR_PTR(-ENOMEM).
 */
struct co_user *co_user_charge(u32 timers)
{
	struct co_user *u;

	mutex_lock(&mutex);
	u = find_or_make(current_uid());
	if (!u) {
		u = ERR_PTR(-ENOMEM);
	} else if (u->timers + timers > READ_ONCE(co_dev_max_user_timers) && !capable(CAP_SYS_RESOURCE)) {
		put(u);
		u = ERR_PTR(-EDQUOT);
	} else {
		u->timers += timers;
	}
	mutex_unlock(&mutex);
	return u;
}
CO_EXPORT_FOR_TESTS(co_user_charge);

/**
 * co_user_uncharge() - take them off again
 * @u:		of co_user_charge()
 * @timers:	as many
 *
 * Context: Process; may sleep.
 */
void co_user_uncharge(struct co_user *u, u32 timers)
{
	mutex_lock(&mutex);
	u->timers -= timers;
	put(u);
	mutex_unlock(&mutex);
}
CO_EXPORT_FOR_TESTS(co_user_uncharge);

/**
 * co_user_spend() - may one more timer of this user be dealt with in the interrupt?
 * @u:		the user
 *
 * Context: Any.
 * Return: False if what the budget, which is for a second, gives for this tick is spent.
 */
bool co_user_spend(struct co_user *u)
{
	u64 spent = atomic64_inc_return(&u->spent);

	if (unlikely(spent >> 32 != (u32)jiffies)) {
		spent = (u64)(u32)jiffies << 32 | 1;
		atomic64_set(&u->spent, spent);
	}
	return (u32)spent <= DIV_ROUND_UP((u64)READ_ONCE(co_dev_budget), HZ);
}
