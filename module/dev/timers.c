// SPDX-License-Identifier: GPL-2.0
/*
 * A descriptor's timers.
 *
 * Each is a callout with the descriptor's lock, so that cancelling is callout_stop(): atomic, and the tables may be freed when
 * all are stopped. The deadline itself is in the slot, which the program may move to a later time without telling. So when
 * the callout expires the slot is read, and only if its time has come it is claimed:
 *
 *	program					expiry, co_dev.lock
 *	reads deadline 5
 *						reads 5, it is 5
 *	compare-and-swap 5 -> 9			compare-and-swap 5 -> 0, or the next period
 *
 * One of the two wins. If the program does the timer is queued for 9; if not it sees that it was late, and arms anew. A program
 * that writes all the time gets no more than a few tries, and is looked at again later: it harms its own timer.
 *
 * Storms. An arm is paid for by its program, as a system call's time. What a timer does by itself, a period or a move that was
 * stored, is not: so a user has a budget, and a timer that expires beyond it waits. So does one whose event finds no room in
 * the ring. One that waits is in no queue; its slot still has its deadline, so it costs nothing and loses nothing, and needs
 * no more memory than a bit. To its program it is armed still: it may be moved, armed anew or cancelled:
 *
 *	expired, no budget	-> waits; the program is woken up if it is asleep on the descriptor, and the thread is told
 *	expired, no room	-> waits; the ring's flags say so, and the program is to poll() or read()
 *	poll(), read()		-> dealt with in the program's own time
 *	the thread		-> the same at nice 19, for programs that look at the ring alone
 *
 * So what is beyond the budget has the CPU's time that its program has, and else what others leave. Periods that are shorter
 * than min_interval are told of no more often than that.
 *
 * What always holds, with co_dev.lock held:
 *  1. A timer that is not armed is in no queue and does not wait. One that is armed is in a queue, or its handler is about to be
 *     called, or it waits: one of the three.
 *  2. @nwaiting is how many bits @waiting has.
 *  3. While some wait, and not for room, somebody is at work on it, or the thread is told: who leaves off, or finds room where
 *     there was none, kicks it.
 */
#include <linux/bitmap.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>
#include "../internal.h"
#include "dev.h"

#define BATCH		32	/* timers looked at in one hold of the lock */
#define SCAN		65536	/* bits likewise */
#define TURN		16	/* holds of the lock until it is another descriptor's turn */
#define TRIES		4

unsigned int co_dev_min_interval_us = 100;
CO_EXPORT_FOR_TESTS(co_dev_min_interval_us);

static struct kthread_worker *worker;

/* It is its handler's argument: see co_arm_several(). */
static_assert(!offsetof(struct co_timer, c));

static struct co_dev *dev_of(const struct co_timer *t)
{
	return container_of(t->c.c_lock, struct co_dev, lock);
}

static enum co_t_clock clock_of(const struct co_timer *t)
{
	return t->flags & CO_T_CLOCK;
}

static u64 min_interval_ns(void)
{
	return (u64)READ_ONCE(co_dev_min_interval_us) * NSEC_PER_USEC;
}

static u64 add(u64 a, u64 b)
{
	a = min_t(u64, a, KTIME_MAX);
	return a + min_t(u64, b, KTIME_MAX - a);
}

/* Whatever the program has written is some time or other. */
static u64 to_mono(u64 deadline, s64 offset)
{
	return max_t(s64, (s64)min_t(u64, deadline, KTIME_MAX) - offset, 0);
}

/* ---- expiry --------------------------------------------------------------------------------- */

static void expired(void *arg);

static __always_inline void queue_within(struct co_timer *t, u64 at, u64 window)
{
	/* In two copies: most have none. */
	if (likely(!window))
		callout_set_within(&t->c, at, at, expired, t);
	else
		callout_set_within(&t->c, at, add(at, window), expired, t);
}

static void queue(struct co_timer *t, u64 at)
{
	queue_within(t, at, co_window_unpack(t->window));
}

static bool has_room(struct co_dev *d)
{
	return co_ring_used(d) < d->events;
}

static void set_no_room(struct co_dev *d, bool no_room)
{
	if (d->no_room != no_room) {
		d->no_room = no_room;
		WRITE_ONCE(d->ring->flags, no_room ? CALLOUT_RING_BACKLOG : 0);
	}
}

static void kick(struct co_dev *d)
{
	kthread_queue_work(worker, &d->work);
}

static void wait(struct co_dev *d, struct co_timer *t)
{
	if (!__test_and_set_bit(t - d->timer, d->waiting))
		WRITE_ONCE(d->nwaiting, d->nwaiting + 1);
}

static void stop_waiting(struct co_dev *d, u32 id)
{
	if (!d->nwaiting || !__test_and_clear_bit(id, d->waiting))
		return;
	WRITE_ONCE(d->nwaiting, d->nwaiting - 1);
	if (!d->nwaiting)
		set_no_room(d, false);
}

/*
 * Its callout has expired, or the deadline is over as it is armed: tell of it, unless it was moved. What is to come is
 * not to come before @not_before.
 */
static void expire(struct co_dev *d, struct co_timer *t, u64 now, u64 not_before)
{
	u64 *slot = &d->slot[t - d->timer], was = READ_ONCE(*slot);
	u32 set = unlikely(t->flags & CO_T_TELL_SET) ? CALLOUT_EVENT_CLOCK_SET : 0;
	s64 offset = co_clock_offset(clock_of(t));
	int try;

	for (try = 0; try < TRIES; try++) {
		u64 at = to_mono(was, offset), passed = 0, next = 0, seen, deadline = was;

		if ((at <= now || set) && unlikely(!has_room(d))) {
			wait(d, t);
			set_no_room(d, true);
			co_ring_wake(d);	/* an edge of its own */
			return;
		}
		if (at > now) {
			if (set)
				co_ring_put(d, t, set, 0, was, now + offset);
			t->flags &= ~CO_T_TELL_SET;
			queue(t, max(at, not_before));
			return;
		}
		if (t->interval) {
			passed = (now + offset - was) / t->interval;
			deadline = was + passed * t->interval;
			next = add(deadline, t->interval);
		}
		seen = cmpxchg(slot, was, next);
		if (seen == was) {
			if (next)
				queue(t, max(to_mono(next, offset), add(now, min_interval_ns())));
			t->flags &= ~(CO_T_TELL_SET | (next ? 0 : CO_T_ARMED));
			co_ring_put(d, t, CALLOUT_EVENT_EXPIRED | set, passed, deadline, now + offset);
			/* There is room again, and the program did not tell. */
			if (unlikely(d->no_room))
				kick(d);
			return;
		}
		was = seen;
	}
	queue(t, add(now, min_interval_ns()));
}

/* The callout's handler; its lock, the descriptor's, is held. */
static void expired(void *arg)
{
	struct co_timer *t = arg;
	struct co_dev *d = dev_of(t);

	if (likely(co_user_spend(d->user))) {
		expire(d, t, co_now(), 0);
		return;
	}
	wait(d, t);
	if (d->nwaiting == 1 || d->no_room) {
		kick(d);
		co_ring_wake(d);
	}
}

/* Deal with some of those that wait. False if there are no more, or no room. */
static bool catch_up(struct co_dev *d)
{
	u32 id, n, end;
	bool more;

	spin_lock_bh(&d->lock);
	if (d->cursor >= d->timers)
		d->cursor = 0;
	end = min(d->cursor + SCAN, d->timers);
	for (n = 0; n < BATCH && d->nwaiting && has_room(d); n++) {
		u64 now = co_now();

		id = find_next_bit(d->waiting, end, d->cursor);
		d->cursor = id + 1;
		if (id >= end) {
			d->cursor = end;
			break;
		}
		stop_waiting(d, id);
		expire(d, &d->timer[id], now, add(now, min_interval_ns()));
	}
	more = d->nwaiting && has_room(d);
	set_no_room(d, d->nwaiting && !more);
	spin_unlock_bh(&d->lock);
	return more;
}

/**
 * co_timers_catch_up() - deal with what waits, in the program's own time
 * @d:		the descriptor's, which has its tables
 *
 * Context: Process; may sleep.
 */
void co_timers_catch_up(struct co_dev *d)
{
	u32 n = READ_ONCE(d->nwaiting);

	if (likely(!n))
		return;
	/* Each of them once, at least; who comes meanwhile may be the thread's. */
	n = n / BATCH + d->timers / SCAN + 2;
	while (catch_up(d)) {
		if (!--n || signal_pending(current)) {
			kick(d);
			return;
		}
		cond_resched();
	}
}
CO_EXPORT_FOR_TESTS(co_timers_catch_up);

static void catch_up_later(struct kthread_work *w)
{
	struct co_dev *d = container_of(w, struct co_dev, work);
	int n;

	for (n = 0; n < TURN; n++) {
		if (!catch_up(d))
			return;
		cond_resched();
	}
	kick(d);
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* CO_T_* of what is asked for, or -EINVAL. */
static int flags_for(const struct callout_timer *e)
{
	bool relative = e->flags & CALLOUT_ARM_RELATIVE;

	if (e->flags & ~(CALLOUT_ARM_RELATIVE | CALLOUT_ARM_CLOCK_SET))
		return -EINVAL;
	if (e->flags & CALLOUT_ARM_CLOCK_SET)
		return e->clockid == CLOCK_REALTIME && !relative ? CO_T_REALTIME | CO_T_CLOCK_SET : -EINVAL;
	switch (e->clockid) {
	case CLOCK_MONOTONIC:
		return CO_T_MONOTONIC;
	case CLOCK_BOOTTIME:
		return CO_T_BOOTTIME;
	case CLOCK_REALTIME:
		return relative ? CO_T_MONOTONIC : CO_T_REALTIME;
	default:
		return -EINVAL;
	}
}

/* Arms that are collected, so that several have one hold of the base lock. */
struct arming {
	u64 now;
	unsigned int n;
	struct co_arming of[CO_SEVERAL];
};

static __always_inline void settle(struct arming *a)
{
	if (a->n)
		co_arm_several(a->of, a->n, expired);
	a->n = 0;
}

/* Where it has to be armed by a call, and is alike to most. */
static __always_inline void collect(struct arming *a, struct co_timer *t, u64 at)
{
	a->of[a->n++] = (struct co_arming){ .c = &t->c, .left = ~at };
	if (a->n == CO_SEVERAL)
		settle(a);
}

/* The result, as struct callout_timer has it. In line: what is called for each is felt. */
static __always_inline int arm(struct co_dev *d, const struct callout_timer *e, struct arming *a)
{
	u64 deadline = e->deadline, window = e->window, at = deadline;
	int flags = CO_T_MONOTONIC, armed;
	u32 id = e->id;
	struct co_timer *t;
	s64 offset;

	if (unlikely(id >= d->timers))
		return -ENOENT;
	/* Each of them beyond KTIME_MAX: its first bit is set. */
	if (unlikely((s64)(e->deadline | e->interval | window) < 0))
		return -EINVAL;
	if (e->flags || e->clockid != CLOCK_MONOTONIC) {
		flags = flags_for(e);
		if (flags < 0)
			return flags;
		offset = co_clock_offset(flags & CO_T_CLOCK);
		if (e->flags & CALLOUT_ARM_RELATIVE)
			deadline = add(a->now + offset, deadline);
		at = to_mono(deadline, offset);
	}
	t = &d->timer[id];
	/* Not as it was when the call began: it may be named twice, and wait since the first time. */
	if (unlikely(d->nwaiting))
		stop_waiting(d, id);
	armed = t->flags / CO_T_ARMED % 2;
	t->flags = flags | CO_T_ARMED;
	t->interval = e->interval;
	t->user_data = e->user_data;
	t->window = likely(!window) ? 0 : co_window_pack(window);
	WRITE_ONCE(d->slot[id], deadline);
	if (likely(at > a->now && !window && !t->c.c_left)) {
		collect(a, t, at);
		return armed;
	}
	settle(a);
	if (likely(at > a->now)) {
		queue_within(t, at, window);
	} else {
		callout_stop(&t->c);
		expire(d, t, a->now, 0);
	}
	return armed;
}

/**
 * co_timers_arm() - arm timers, or tell at once that they have expired
 * @d:		the descriptor's; it follows the clocks if any of @e is not of the monotonic one
 * @e:		what is asked for; the results are written
 * @n:		how many
 *
 * Context: Process; holds the lock for as long.
 */
void co_timers_arm(struct co_dev *d, struct callout_timer *e, unsigned int n)
{
	struct arming a CO_UNINITIALIZED;
	const struct callout_timer *end = e + n;

	a.now = co_now();
	a.n = 0;
	spin_lock_bh(&d->lock);
	for (; e < end; e++)
		e->result = arm(d, e, &a);
	settle(&a);
	spin_unlock_bh(&d->lock);
}
CO_EXPORT_FOR_TESTS(co_timers_arm);

/**
 * co_timer_cancel() - it is not to expire
 * @d:		the descriptor's, locked
 * @id:		which
 *
 * Context: Process, with interrupts' bottom halves off.
 * Return: 1 if it was armed, else 0; -ENOENT.
 */
int co_timer_cancel(struct co_dev *d, u32 id)
{
	struct co_timer *t;

	lockdep_assert_held(&d->lock);
	if (id >= d->timers)
		return -ENOENT;
	t = &d->timer[id];
	if (!(t->flags & CO_T_ARMED))
		return 0;
	stop_waiting(d, id);
	callout_stop(&t->c);
	WRITE_ONCE(d->slot[id], 0);
	t->flags &= ~(CO_T_ARMED | CO_T_TELL_SET);
	return 1;
}
CO_EXPORT_FOR_TESTS(co_timer_cancel);

/**
 * co_timer_get() - what is known of a timer
 * @d:		the descriptor's, locked
 * @e:		@id is read, the rest is written
 *
 * Context: Process, with interrupts' bottom halves off.
 * Return: 1 if it is armed, else 0; -ENOENT, and then nothing was written.
 */
int co_timer_get(struct co_dev *d, struct callout_timer *e)
{
	static const __s32 clockid[] = {
		[CO_T_MONOTONIC] = CLOCK_MONOTONIC, [CO_T_BOOTTIME] = CLOCK_BOOTTIME, [CO_T_REALTIME] = CLOCK_REALTIME,
	};
	const struct co_timer *t;
	bool armed;

	lockdep_assert_held(&d->lock);
	if (e->id >= d->timers)
		return -ENOENT;
	t = &d->timer[e->id];
	armed = t->flags & CO_T_ARMED;
	e->flags = (armed ? CALLOUT_ARMED : 0) | (t->flags & CO_T_CLOCK_SET ? CALLOUT_ARM_CLOCK_SET : 0);
	e->clockid = clockid[clock_of(t)];
	e->deadline = armed ? READ_ONCE(d->slot[e->id]) : 0;
	e->interval = t->interval;
	e->window = co_window_unpack(t->window);
	e->user_data = t->user_data;
	return armed;
}
CO_EXPORT_FOR_TESTS(co_timer_get);

/**
 * co_timers_clock_set() - clocks have jumped: see "Set versus arm" in clock_set.c
 * @d:		the descriptor's
 * @real:	CLOCK_REALTIME, too, and not CLOCK_BOOTTIME alone
 *
 * Context: Process; may sleep.
 */
void co_timers_clock_set(struct co_dev *d, bool real)
{
	u32 id = 0, end;

	while (id < d->timers) {
		end = min(id + BATCH, d->timers);
		spin_lock_bh(&d->lock);
		for (; id < end; id++) {
			struct co_timer *t = &d->timer[id];

			if (clock_of(t) == CO_T_MONOTONIC || !(t->flags & CO_T_ARMED))
				continue;
			if (real && t->flags & CO_T_CLOCK_SET)
				t->flags |= CO_T_TELL_SET;
			/* Or it waits, and what its clock shows is seen when it is dealt with. */
			if (callout_stop(&t->c) == 1)
				expire(d, t, co_now(), 0);
		}
		spin_unlock_bh(&d->lock);
		cond_resched();
	}
}

/* ---- the tables ----------------------------------------------------------------------------- */

/* Zeroed pages that a program may map, counted for its cgroup. */
static void *table(size_t size)
{
	return __vmalloc(PAGE_ALIGN(size), GFP_KERNEL_ACCOUNT | __GFP_ZERO);
}

static void free_tables(struct co_dev *d)
{
	vfree(d->ring);
	vfree(d->slot);
	vfree(d->waiting);
	vfree(d->timer);
}

/**
 * co_timers_init() - make the tables
 * @d:		the descriptor's; @lock, @wait and @user are there
 * @timers:	how many, at least 1
 * @events:	that the ring takes, a power of two
 *
 * Context: Process; may sleep.
 * Return: 0, or -ENOMEM.
 */
int co_timers_init(struct co_dev *d, u32 timers, u32 events)
{
	u32 id;

	d->timer = table(array_size(timers, sizeof(*d->timer)));
	d->waiting = table(BITS_TO_LONGS(timers) * sizeof(long));
	d->slot = table(array_size(timers, sizeof(*d->slot)));
	d->ring = table(struct_size(d->ring, event, events));
	if (!d->timer || !d->waiting || !d->slot || !d->ring) {
		free_tables(d);
		return -ENOMEM;
	}
	for (id = 0; id < timers; id++) {
		callout_init_lock(&d->timer[id].c, &d->lock, 0);
		if (id % 4096 == 0)
			cond_resched();
	}
	kthread_init_work(&d->work, catch_up_later);
	d->events = events;
	d->ring->size = events;
	/* Pairs with the load-acquire of each call. */
	smp_store_release(&d->timers, timers);
	return 0;
}
CO_EXPORT_FOR_TESTS(co_timers_init);

/**
 * co_timers_free() - stop all, and free the tables
 * @d:		the descriptor's, which nobody has any more; it may have none
 *
 * Context: Process; may sleep.
 */
void co_timers_free(struct co_dev *d)
{
	u32 id, end;

	if (!d->timers)
		return;
	for (id = 0; id < d->timers;) {
		end = min(id + BATCH, d->timers);
		spin_lock_bh(&d->lock);
		for (; id < end; id++)
			co_timer_cancel(d, id);
		spin_unlock_bh(&d->lock);
		cond_resched();
	}
	kthread_cancel_work_sync(&d->work);
	free_tables(d);
}
CO_EXPORT_FOR_TESTS(co_timers_free);

/**
 * co_timers_start() - before the first descriptor
 *
 * Context: Process; may sleep.
 * Return: 0 or an error.
 */
int co_timers_start(void)
{
	worker = co_run_worker("callout/dev");
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	set_user_nice(worker->task, MAX_NICE);
	return 0;
}

/**
 * co_timers_finish() - after the last one
 *
 * Context: Process; may sleep.
 */
void co_timers_finish(void)
{
	kthread_destroy_worker(worker);
}
