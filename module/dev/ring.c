// SPDX-License-Identifier: GPL-2.0
/*
 * Events of /dev/callout on their way to the program.
 *
 * The kernel puts events in at its own @head; the program, or read(), takes them out at the ring's @tail. What the program
 * writes there is believed only so far: a @tail that cannot be makes the ring full. An event that finds no room is none yet:
 * its timer waits, see timers.c.
 */
#include <linux/poll.h>
#include <linux/uaccess.h>
#include "../compat/compat.h"
#include "dev.h"

/**
 * co_ring_used() - events in the ring that are not taken yet
 * @d:		the descriptor's
 *
 * Context: Any. A glimpse; true only if @d is locked.
 * Return: How many; as many as it takes if @tail cannot be.
 */
u32 co_ring_used(struct co_dev *d)
{
	/* Pairs with the program's store-release: it has copied what this says. */
	u32 n = READ_ONCE(d->head) - smp_load_acquire(&d->ring->tail);

	return min(n, d->events);
}
CO_EXPORT_FOR_TESTS(co_ring_used);

/**
 * co_ring_put() - tell the program of something
 * @d:		the descriptor's, locked; there is room
 * @t:		its timer
 * @flags:	CALLOUT_EVENT_*
 * @overruns:	see struct callout_event
 * @deadline:	likewise
 * @fired_at:	likewise
 *
 * Context: Any, with interrupts' bottom halves off.
 */
void co_ring_put(struct co_dev *d, const struct co_timer *t, u32 flags, u64 overruns, u64 deadline, u64 fired_at)
{
	struct callout_event *e = &d->ring->event[d->head & (d->events - 1)];

	lockdep_assert_held(&d->lock);
	e->id = t - d->timer;
	e->flags = flags;
	e->overruns = overruns;
	e->user_data = t->user_data;
	e->deadline = deadline;
	e->fired_at = fired_at;
	WRITE_ONCE(d->head, d->head + 1);
	/* Pairs with the program's load-acquire. */
	smp_store_release(&d->ring->head, d->head);
	co_ring_wake(d);
}
CO_EXPORT_FOR_TESTS(co_ring_put);

/**
 * co_ring_wake() - have who waits look
 * @d:		the descriptor's
 *
 * Context: Any.
 */
void co_ring_wake(struct co_dev *d)
{
	/* Has a barrier after the store of @head; pairs with that of who waits. */
	if (wq_has_sleeper(&d->wait))
		wake_up_interruptible_poll(&d->wait, EPOLLIN | EPOLLRDNORM);
	kill_fasync(&d->fasync, SIGIO, POLL_IN);
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

		/* What waits for room, too, up to as much as is asked for. */
		co_timers_catch_up(d);
		spin_lock_bh(&d->lock);
		there = co_ring_used(d);
		tail = d->head - there;
		spin_unlock_bh(&d->lock);
		at = tail & (d->events - 1);
		there = min3(there, d->events - at, (u32)min_t(size_t, room - done, U32_MAX));
		if (!there)
			break;
		left = copy_to_user(to + done * sizeof(ring->event[0]), &ring->event[at],
				    there * sizeof(ring->event[0]));
		there -= DIV_ROUND_UP(left, sizeof(ring->event[0]));
		/* Pairs with co_ring_used(): these are copied. */
		smp_store_release(&ring->tail, tail + there);
		done += there;
		if (left && !done)
			return -EFAULT;
		if (left || signal_pending(current))
			break;
	}
	/* Who reads less than there is leaves room all the same. */
	co_timers_catch_up(d);
	return done * sizeof(ring->event[0]);
}
