/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which CPUs are awake, and who looks after what those that sleep have queued: a tree of groups of eight.
 *
 * Knows CPU numbers and times, but no callouts, bases or clocks. See group.c.
 */
#ifndef CALLOUT_GROUP_H
#define CALLOUT_GROUP_H

#include <linux/spinlock.h>
#include <linux/types.h>

#define CO_GROUP_BITS	3
#define CO_GROUP_SIZE	(1U << CO_GROUP_BITS)

/* When the first of something has to be run, and from when on it may be; both U64_MAX where there is nothing. */
struct co_due {
	u64 latest;
	u64 earliest;
};

#define CO_DUE_NEVER	((struct co_due){ .latest = U64_MAX, .earliest = U64_MAX })

/**
 * struct co_group - up to eight CPUs, or up to eight groups: its children
 * @lock:	protects what follows but the constants. Lock order: a group's, then that of the group above; base
 *		locks below both.
 * @awake:	bit per child: the CPU is awake, or one of the group is. Read without the lock to find somebody who
 *		is awake; what is found may have fallen asleep since.
 * @slot:	which child of @up it is. Constant.
 * @first_child: of a group of CPUs: its first CPU; else the first group's index in the level below. Constant.
 * @up:		the group above, or NULL. Constant.
 * @down:	the first group of the level below, or NULL. Constant.
 * @due:	by child that is not awake: what has to be looked after. NEVER for one that is.
 */
struct co_group {
	raw_spinlock_t lock;
	u8 awake;
	u8 slot;
	unsigned int first_child;
	struct co_group *up;
	struct co_group *down;
	struct co_due due[CO_GROUP_SIZE];
} ____cacheline_aligned;

int co_groups_init(unsigned int cpus);
void co_groups_exit(void);
bool co_groups_used(void);
void co_group_awake(unsigned int cpu);
struct co_group *co_group_asleep(unsigned int cpu, struct co_due due, struct co_due *left);
struct co_due co_group_watch(unsigned int cpu);
int co_group_watcher(const struct co_group *g);
int co_group_near(unsigned int cpu, bool (*good)(unsigned int cpu));
void co_group_sleepers(unsigned int cpu, u64 now, bool (*serve)(unsigned int sleeper, void *arg), void *arg);
void co_group_put_off(unsigned int cpu, struct co_due (*look)(unsigned int cpu));

static inline struct co_due co_due_min(struct co_due a, struct co_due b)
{
	return (struct co_due){
		.latest = a.latest < b.latest ? a.latest : b.latest,
		.earliest = a.earliest < b.earliest ? a.earliest : b.earliest,
	};
}

#endif /* CALLOUT_GROUP_H */
