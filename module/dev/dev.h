/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/callout inside: what its files share.
 *
 *	chardev.c	the file operations, and the ioctls' arguments
 *	timers.c	a descriptor's timers: arm, cancel, expire, and those that wait to be told of
 *	ring.c		events on their way to the program
 *	clock_set.c	CLOCK_REALTIME and CLOCK_BOOTTIME jump
 *	user.c		limits by user
 *	scenarios.c	what CALLOUT_IOC_TEST runs
 *
 * The tables belong to the file: they are there from CALLOUT_IOC_SETUP until the last reference to it goes, memory that is
 * mapped included. So no call, and no handler of a timer, finds them gone.
 *
 * Lock order: co_dev.reading -> the mutex of user.c. co_dev.reading, or the mutex of clock_set.c -> co_dev.lock -> base locks, and what a wake-up takes.
 */
#ifndef CALLOUT_DEV_H
#define CALLOUT_DEV_H

#include <linux/callout.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <uapi/linux/callout.h>

/* co_timer.flags */
#define CO_T_CLOCK	0x03	/* enum co_t_clock */
#define CO_T_ARMED	0x04	/* will expire, or has and waits */
#define CO_T_CLOCK_SET	0x08	/* CALLOUT_ARM_CLOCK_SET */
#define CO_T_TELL_SET	0x10	/* its next event has CALLOUT_EVENT_CLOCK_SET */

enum co_t_clock { CO_T_MONOTONIC, CO_T_BOOTTIME, CO_T_REALTIME };

#define CO_T_MAX	(1U << 24)

/**
 * struct co_timer - one timer; all is co_dev.lock's
 * @c:		expires at the slot's deadline, or before it if that was moved by a store
 * @interval:	or 0
 * @user_data:	for its events
 * @window:	as co_window_pack() has it
 * @flags:	CO_T_*
 */
struct co_timer {
	struct callout c;
	u64 interval;
	u64 user_data;
	u32 window;
	u8 flags;
};
static_assert(sizeof(struct co_timer) == 104);

/* See user.c. */
struct co_user;

/**
 * struct co_dev - what a descriptor has
 * @lock:	the associated lock of all its callouts, and of what follows unless said otherwise
 * @timers:	how many; 0 until all of the tables are there. Written once, by a store-release.
 * @timer:	the timers. Constant then, as are @slot, @ring and @events.
 * @slot:	their deadlines, on their clocks; 0 where not armed. Shared with the program, which may write what it likes:
 *		read once at a time, and whatever it is, no more than this timer's own events come of it.
 * @ring:	shared with the program. Of it only @tail is read, with the same care.
 * @events:	that the ring takes
 * @head:	number of the next event. May be read without: a glimpse, the waiter's that is woken after the store.
 * @waiting:	a bit for each timer that has expired and could not be dealt with: the user's budget was spent, or there was no
 *		room in the ring. It is armed, and its callout is idle.
 * @nwaiting:	how many. May be read without: a glimpse.
 * @cursor:	the first that is looked at next
 * @no_room:	the ring's flags have CALLOUT_RING_BACKLOG
 * @work:	deals with them, where there is room
 * @wait:	readers, and who polls
 * @fasync:	whom to send SIGIO; of kill_fasync()
 * @reading:	one read() copies at a time; also the one SETUP
 * @user:	whom they are counted for. Constant, as @timer.
 * @charged:	how many timers are counted: as many as there are, or as the ring was to take events. Likewise.
 * @follows:	in the list of clock_set.c; turns true once, under its mutex
 * @link:	in that list
 * @real_offset: of CLOCK_REALTIME, when this was last told that it was set. The mutex of clock_set.c.
 */
struct co_dev {
	spinlock_t lock;
	u32 timers;
	struct co_timer *timer;
	u64 *slot;
	struct callout_ring *ring;
	u32 events;
	u32 head;
	unsigned long *waiting;
	u32 nwaiting;
	u32 cursor;
	bool no_room;
	struct kthread_work work;
	wait_queue_head_t wait;
	struct fasync_struct *fasync;
	struct mutex reading;
	struct co_user *user;
	u32 charged;
	bool follows;
	struct list_head link;
	s64 real_offset;
};

/* timers.c */
extern unsigned int co_dev_min_interval_us;
int co_timers_init(struct co_dev *d, u32 timers, u32 events);
void co_timers_free(struct co_dev *d);
void co_timers_arm(struct co_dev *d, struct callout_timer *e, unsigned int n);
int co_timer_cancel(struct co_dev *d, u32 id);
int co_timer_get(struct co_dev *d, struct callout_timer *e);
void co_timers_clock_set(struct co_dev *d, bool real);
void co_timers_catch_up(struct co_dev *d);
int co_timers_start(void);
void co_timers_finish(void);

/* ring.c */
u32 co_ring_used(struct co_dev *d);
void co_ring_put(struct co_dev *d, const struct co_timer *t, u32 flags, u64 overruns, u64 deadline, u64 fired_at);
void co_ring_wake(struct co_dev *d);
ssize_t co_ring_read(struct co_dev *d, char __user *to, size_t n);

/* clock_set.c */
s64 co_clock_offset_of(enum co_t_clock clock);
void co_clock_follow(struct co_dev *d);
void co_clock_unfollow(struct co_dev *d);

/* What a clock shows more than the monotonic one; any context but inside the timekeeper. */
static inline s64 co_clock_offset(enum co_t_clock clock)
{
	return likely(clock == CO_T_MONOTONIC) ? 0 : co_clock_offset_of(clock);
}

/* user.c */
extern unsigned int co_dev_max_user_timers;
extern unsigned int co_dev_budget;
struct co_user *co_user_charge(u32 timers);
void co_user_uncharge(struct co_user *u, u32 timers);
bool co_user_spend(struct co_user *u);

/* scenarios.c */
extern bool co_dev_selftest;
int co_dev_test(struct callout_test *t);

/* chardev.c */
extern unsigned int co_dev_max_timers;
int co_chardev_init(void);
void co_chardev_exit(void);

#endif /* CALLOUT_DEV_H */
