// SPDX-License-Identifier: GPL-2.0
/*
 * Events of /dev/callout: the ring, and the backlog of what finds no room there.
 *
 * The kernel puts events in at its own @head; the program, or read(), takes them out at the ring's @tail. What the program
 * writes there is believed only so far: a @tail that cannot be makes the ring full.
 *
 * A timer whose event finds no room is put, once, at the end of the backlog, with its last event; later expiries are counted
 * there as overruns. So no timer's last event is lost, and no memory is needed. The order of events is kept: while there is
 * a backlog nothing passes it.
 */
#include <linux/poll.h>
#include <linux/uaccess.h>
#include "../compat/compat.h"
#include "dev.h"

/* Events in the ring that are not taken yet. */
static u32 used(struct co_dev *d)
{
	/* Pairs with the program's store-release: it has copied what this says. */
	u32 n = READ_ONCE(d->head) - smp_load_acquire(&d->ring->tail);

	return min(n, d->events);
}

static void put(struct co_dev *d, struct co_timer *t, u32 flags, u64 overruns, u64 user_data, u64 deadline,
		u64 fired_at)
{
	struct callout_event *e = &d->ring->event[d->head & (d->events - 1)];

	e->id = t - d->timer;
	e->flags = flags;
	e->overruns = overruns;
	e->user_data = user_data;
	e->deadline = deadline;
	e->fired_at = fired_at;
	WRITE_ONCE(d->head, d->head + 1);
	/* Pairs with the program's load-acquire. */
	smp_store_release(&d->ring->head, d->head);
}

/**
 * co_ring_flush() - put the backlog into the ring, as far as there is room
 * @d:		the descriptor's, locked
 *
 * Context: Any, with interrupts' bottom halves off.
 * Return: How many events the ring has now.
 */
u32 co_ring_flush(struct co_dev *d)
{
	u32 n = used(d);

	lockdep_assert_held(&d->lock);
	while (unlikely(d->first) && n < d->events) {
		struct co_timer *t = &d->timer[d->first - 1];
		u32 flags = (t->flags & CO_T_HELD_SET ? CALLOUT_EVENT_CLOCK_SET : 0) |
			    (t->flags & CO_T_HELD_EXPIRED ? CALLOUT_EVENT_EXPIRED : 0);

		put(d, t, flags, t->overruns, t->held_data, t->deadline, t->fired_at);
		t->flags &= ~CO_T_HELD_MASK;
		d->first = t->next;
		if (!d->first) {
			d->last = 0;
			WRITE_ONCE(d->ring->flags, 0);
		}
		n++;
	}
	return n;
}
CO_EXPORT_FOR_TESTS(co_ring_flush);

static void hold_back(struct co_dev *d, struct co_timer *t, u32 flags, u64 overruns, u64 deadline, u64 fired_at)
{
	u32 number = t - d->timer + 1;

	if (!(t->flags & CO_T_HELD)) {
		t->flags |= CO_T_HELD;
		t->next = 0;
		t->overruns = 0;
		if (d->last)
			d->timer[d->last - 1].next = number;
		else
			d->first = number;
		d->last = number;
		WRITE_ONCE(d->ring->flags, CALLOUT_RING_BACKLOG);
	} else if (t->flags & CO_T_HELD_EXPIRED && flags & CALLOUT_EVENT_EXPIRED) {
		t->overruns++;
	}
	if (flags & CALLOUT_EVENT_CLOCK_SET)
		t->flags |= CO_T_HELD_SET;
	/* That it expired is told of with its own time, whatever came after it. */
	if (t->flags & CO_T_HELD_EXPIRED && !(flags & CALLOUT_EVENT_EXPIRED))
		return;
	if (flags & CALLOUT_EVENT_EXPIRED)
		t->flags |= CO_T_HELD_EXPIRED;
	t->overruns += overruns;
	t->held_data = t->user_data;
	t->deadline = deadline;
	t->fired_at = fired_at;
}

/**
 * co_ring_event() - tell the program of something
 * @d:		the descriptor's, locked
 * @t:		its timer
 * @flags:	CALLOUT_EVENT_*
 * @overruns:	expiries before this one that nothing has told of
 * @deadline:	see struct callout_event
 * @fired_at:	likewise
 *
 * Context: Any, with interrupts' bottom halves off.
 */
void co_ring_event(struct co_dev *d, struct co_timer *t, u32 flags, u64 overruns, u64 deadline, u64 fired_at)
{
	lockdep_assert_held(&d->lock);
	if (co_ring_flush(d) < d->events)
		put(d, t, flags, overruns, t->user_data, deadline, fired_at);
	else
		hold_back(d, t, flags, overruns, deadline, fired_at);
	/* Has a barrier after the store of @head; pairs with that of who waits. */
	if (wq_has_sleeper(&d->wait))
		wake_up_interruptible_poll(&d->wait, EPOLLIN | EPOLLRDNORM);
	kill_fasync(&d->fasync, SIGIO, POLL_IN);
}
CO_EXPORT_FOR_TESTS(co_ring_event);

/**
 * co_ring_readable() - is there an event?
 * @d:		the descriptor's
 *
 * Context: Process.
 * Return: A glimpse; true if there is one and who asks has seen the wake-up for it.
 */
bool co_ring_readable(struct co_dev *d)
{
	return used(d) || READ_ONCE(d->first);
}

/**
 * co_ring_read() - copy events to the program
 * @d:		the descriptor's; its @reading is held
 * @to:		where to
 * @n:		room there, in bytes
 *
 * Context: Process; may sleep.
 * Return: Bytes copied; 0 if there is nothing; -EFAULT, and then nothing was taken.
 */
ssize_t co_ring_read(struct co_dev *d, char __user *to, size_t n)
{
	struct callout_ring *ring = d->ring;
	size_t room = n / sizeof(struct callout_event), done = 0;

	lockdep_assert_held(&d->reading);
	while (done < room) {
		u32 there, tail, at;
		unsigned long left;

		spin_lock_bh(&d->lock);
		there = co_ring_flush(d);
		tail = d->head - there;
		spin_unlock_bh(&d->lock);
		at = tail & (d->events - 1);
		there = min3(there, d->events - at, (u32)min_t(size_t, room - done, U32_MAX));
		if (!there)
			break;
		left = copy_to_user(to + done * sizeof(ring->event[0]), &ring->event[at],
				    there * sizeof(ring->event[0]));
		there -= DIV_ROUND_UP(left, sizeof(ring->event[0]));
		/* Pairs with used(): these are copied. */
		smp_store_release(&ring->tail, tail + there);
		done += there;
		if (left && !done)
			return -EFAULT;
		if (left)
			break;
	}
	/* Who reads less than there is leaves room for the backlog all the same. */
	if (READ_ONCE(d->first)) {
		spin_lock_bh(&d->lock);
		co_ring_flush(d);
		spin_unlock_bh(&d->lock);
	}
	return done * sizeof(ring->event[0]);
}
