// SPDX-License-Identifier: GPL-2.0
/*
 * Which CPUs are awake, and who looks after what those that sleep have queued.
 *
 *			     group 0-15			up
 *			awake: 1 .   due: - 40
 *			    /		  \
 *		 group 0-7		 group 8-15
 *	awake: . 1 . . . 1 . .		awake: . . . . . . . .
 *	due:   9 - - 30 - - - -		due:  70 - 40 - - - - -
 *
 * A CPU that falls asleep leaves a note in its group: when the first of what it has queued is due. Who of a group is
 * awake and has the lowest number, its watcher, looks after these notes; so nothing has to be agreed on, and nothing
 * stored that could be wrong. A group where all sleep is to the group above what a sleeping CPU is to its group, and
 * has for a note the earliest of its own. The watcher of a group is that of its first child that is awake. In the
 * picture CPU 1 is the watcher of both groups that are not asleep, and is to be interrupted at 9.
 *
 * A change goes from a CPU's group upwards, only as far as something changes there, and the lock of a group is kept
 * until the one above has been dealt with: so changes of one group arrive above in their order. The locks are those of
 * one path, whatever the number of CPUs. Whoever falls asleep tells the watcher of the last group that he came to, if
 * the note is news to him; when nobody is awake in any group he is the last, and is told so: then he looks after all.
 *
 * Told but asleep
 * ---------------
 *	CPU 3 falls asleep		CPU 0, watcher, falls asleep
 *	1. note in the group
 *					2. group: not awake. CPU 1 is the watcher, and told of
 *					   the earliest of all notes
 *	3. tells CPU 0: it is asleep
 * So 3. looks again for the watcher, until it finds one that is awake, or none in that group: then who made it so had
 * seen the note of 1. and has taken it up.
 */
#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include "group.h"

static struct co_group *groups;	/* the groups of CPUs come first */

/* All groups are kept in one array, level after level. */
int co_groups_init(unsigned int cpus)
{
	unsigned int below = cpus, total = 0, at = 0, i, n;
	struct co_group *down = NULL;

	groups = NULL;
	/* One CPU has nobody to leave anything to. */
	if (cpus < 2)
		return 0;
	do {
		below = (below + CO_GROUP_SIZE - 1) >> CO_GROUP_BITS;
		total += below;
	} while (below > 1);
	groups = kcalloc(total, sizeof(*groups), GFP_KERNEL);
	if (!groups)
		return -ENOMEM;
	for (below = cpus; at < total; below = n) {
		n = (below + CO_GROUP_SIZE - 1) >> CO_GROUP_BITS;
		for (i = 0; i < n; i++) {
			struct co_group *g = &groups[at + i];
			unsigned int j;

			raw_spin_lock_init(&g->lock);
			g->first_child = i << CO_GROUP_BITS;
			g->slot = i & (CO_GROUP_SIZE - 1);
			g->down = down;
			g->up = n > 1 ? &groups[at + n + (i >> CO_GROUP_BITS)] : NULL;
			for (j = 0; j < CO_GROUP_SIZE; j++)
				g->due[j] = CO_DUE_NEVER;
		}
		down = &groups[at];
		at += n;
	}
	return 0;
}

void co_groups_exit(void)
{
	kfree(groups);
	groups = NULL;
}

/* Is there more than one CPU? */
bool co_groups_used(void)
{
	return groups;
}

static struct co_group *group_of(unsigned int cpu)
{
	return &groups[cpu >> CO_GROUP_BITS];
}

static unsigned int slot_of(unsigned int cpu)
{
	return cpu & (CO_GROUP_SIZE - 1);
}

/* @depth is lockdep's: how many are held already. A path of more levels than it knows would be 2^24 CPUs. */
static void lock_group(struct co_group *g, unsigned int depth)
{
	raw_spin_lock_nested(&g->lock, depth);
}

static void unlock_path(struct co_group *from, const struct co_group *to)
{
	for (;; from = from->up) {
		raw_spin_unlock(&from->lock);
		if (from == to)
			break;
	}
}

/* What may be run is looked for without the lock. */
static void leave_note(struct co_group *g, unsigned int slot, struct co_due due)
{
	g->due[slot].latest = due.latest;
	WRITE_ONCE(g->due[slot].earliest, due.earliest);
}

/* The earliest of all notes of a group. */
static struct co_due notes(const struct co_group *g)
{
	struct co_due due = CO_DUE_NEVER;
	unsigned int i;

	for (i = 0; i < CO_GROUP_SIZE; i++)
		due = co_due_min(due, g->due[i]);
	return due;
}

static bool is_watcher(const struct co_group *g, unsigned int slot)
{
	return g->awake && __ffs(g->awake) == slot;
}

/**
 * co_group_awake() - a CPU is awake: it looks after its own, and may be asked to look after others'
 * @cpu: the CPU
 *
 * Context: Interrupts off, no base lock held.
 */
void co_group_awake(unsigned int cpu)
{
	struct co_group *leaf = group_of(cpu), *g = leaf;
	unsigned int slot = slot_of(cpu), depth = 0;

	for (;;) {
		bool was;

		lock_group(g, depth++);
		was = g->awake;
		leave_note(g, slot, CO_DUE_NEVER);
		WRITE_ONCE(g->awake, g->awake | 1U << slot);
		if (was || !g->up)
			break;
		slot = g->slot;
		g = g->up;
	}
	unlock_path(leaf, g);
}

/**
 * co_group_asleep() - a CPU falls asleep
 * @cpu:	the CPU
 * @due:	what it leaves to others
 * @left:	what they are to be told of: @due, and what it has looked after itself until now
 *
 * Context: Interrupts off, no base lock held. Nobody takes the CPU for awake any more who has its base lock.
 * Return: The group whose watcher is to be told; or NULL: it was the last. Then all of @left stays with it.
 */
struct co_group *co_group_asleep(unsigned int cpu, struct co_due due, struct co_due *left)
{
	struct co_group *leaf = group_of(cpu), *g = leaf, *told = NULL;
	unsigned int slot = slot_of(cpu), depth = 0;
	bool watched;

	*left = due;
	for (;;) {
		lock_group(g, depth++);
		watched = is_watcher(g, slot);
		leave_note(g, slot, due);
		WRITE_ONCE(g->awake, g->awake & ~(1U << slot));
		if (watched)
			*left = co_due_min(*left, notes(g));
		if (g->awake || !g->up)
			break;
		due = notes(g);
		slot = g->slot;
		g = g->up;
	}
	if (g->awake)
		told = g;
	/* Its watcher is also that of the groups above of which this CPU was. */
	while (watched && g->up) {
		slot = g->slot;
		g = g->up;
		lock_group(g, depth++);
		watched = is_watcher(g, slot);
		if (watched)
			*left = co_due_min(*left, notes(g));
	}
	unlock_path(leaf, g);
	return told;
}

/**
 * co_group_watch() - what a CPU has to look after besides its own
 * @cpu: an awake CPU
 *
 * Context: Interrupts off, no base lock held.
 * Return: The earliest note of the groups that it is the watcher of. What comes later it is told.
 */
struct co_due co_group_watch(unsigned int cpu)
{
	struct co_due due = CO_DUE_NEVER;
	struct co_group *g = group_of(cpu);
	unsigned int slot = slot_of(cpu);
	bool watches = true;

	for (; g && watches; slot = g->slot, g = g->up) {
		raw_spin_lock(&g->lock);
		watches = is_watcher(g, slot);
		if (watches)
			due = co_due_min(due, notes(g));
		raw_spin_unlock(&g->lock);
	}
	return due;
}

/**
 * co_group_watcher() - who looks after a group
 * @g: the group
 *
 * Context: Any.
 * Return: A CPU; -ENOENT: all sleep; -EAGAIN: someone is just falling asleep, ask again.
 */
int co_group_watcher(const struct co_group *g)
{
	u8 awake = READ_ONCE(g->awake);

	if (!awake)
		return -ENOENT;
	while (g->down) {
		g = &g->down[g->first_child + __ffs(awake)];
		awake = READ_ONCE(g->awake);
		if (!awake)
			return -EAGAIN;
	}
	return g->first_child + __ffs(awake);
}

/* The first good CPU that is awake in a group. */
static int awake_in(const struct co_group *g, bool (*good)(unsigned int cpu))
{
	unsigned long awake = READ_ONCE(g->awake);
	unsigned int i;

	for_each_set_bit(i, &awake, CO_GROUP_SIZE) {
		int cpu = g->down ? awake_in(&g->down[g->first_child + i], good) : (int)(g->first_child + i);

		if (cpu >= 0 && (g->down || good(cpu)))
			return cpu;
	}
	return -ENOENT;
}

/**
 * co_group_near() - an awake CPU, as near as there is one
 * @cpu:	near this one
 * @good:	says whether one will do
 *
 * Context: Any, preemption off. What is found may fall asleep at any time.
 * Return: A CPU, or -ENOENT.
 */
int co_group_near(unsigned int cpu, bool (*good)(unsigned int cpu))
{
	const struct co_group *g;
	int found = -ENOENT;

	for (g = groups ? group_of(cpu) : NULL; g && found < 0; g = g->up)
		found = awake_in(g, good);
	return found;
}

/* Those that sleep in a group and have something that may be run. False: it is enough. */
static bool sleepers_in(struct co_group *g, u64 now, bool (*serve)(unsigned int sleeper, void *arg), void *arg)
{
	unsigned int i;

	for (i = 0; i < CO_GROUP_SIZE; i++) {
		unsigned int child = g->first_child + i;

		/* A glimpse: what is early is found by the next look, as the note is still there. */
		if (READ_ONCE(g->due[i].earliest) > now)
			continue;
		if (g->down ? !sleepers_in(&g->down[child], now, serve, arg) : !serve(child, arg))
			return false;
	}
	return true;
}

/**
 * co_group_sleepers() - those that a CPU looks after and that have something that may be run
 * @cpu:	an awake CPU
 * @now:	the time
 * @serve:	called for each; false ends it
 * @arg:	its argument
 *
 * Context: Interrupts off, no lock held; so is @serve called.
 */
void co_group_sleepers(unsigned int cpu, u64 now, bool (*serve)(unsigned int sleeper, void *arg), void *arg)
{
	struct co_group *g = group_of(cpu);
	unsigned int slot = slot_of(cpu);

	for (; g; slot = g->slot, g = g->up) {
		u8 awake = READ_ONCE(g->awake);

		if (!awake || __ffs(awake) != slot || !sleepers_in(g, now, serve, arg))
			break;
	}
}

/**
 * co_group_put_off() - a sleeping CPU's note is to say what is so now
 * @cpu:	the CPU
 * @look:	what it has queued, if it is asleep; else NEVER
 *
 * Nobody is told: the note gets later only, or else the CPU itself is about to leave one.
 *
 * Context: Interrupts off, no base lock held. @look may take one.
 */
void co_group_put_off(unsigned int cpu, struct co_due (*look)(unsigned int cpu))
{
	struct co_group *leaf = group_of(cpu), *g = leaf;
	unsigned int slot = slot_of(cpu), depth = 0;
	struct co_due due;

	lock_group(g, depth++);
	due = look(cpu);
	for (;;) {
		if (g->awake & 1U << slot)
			break;
		leave_note(g, slot, due);
		if (g->awake || !g->up)
			break;
		due = notes(g);
		slot = g->slot;
		g = g->up;
		lock_group(g, depth++);
	}
	unlock_path(leaf, g);
}
