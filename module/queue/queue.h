/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The queue of one context of one CPU: what a discipline provides, and the choice among them.
 *
 * A queue orders callouts by key, and equal keys by the order of arming (c_order as it was when the
 * callout was inserted or re-keyed). A key is a time in nanoseconds up to CO_KEY_MAX. A queue knows
 * no lock, no clock and no allocator: the caller serialises all calls on one queue but those said
 * otherwise, and passes in memory and keys. It reads and writes of a callout the q_* fields,
 * CO_GATE_SPILL, and reads c_order.
 *
 * Contract of a discipline:
 *  1. insert() always succeeds. Without memory it is slower, not wrong. It returns true if it is time
 *     to see to the queue's memory, and then not again before rest().
 *  2. remove() and rekey() take a callout that is on this queue; pop() a queue that is not empty.
 *  3. Any call takes a number of steps that is bounded by the logarithm of the queue's length, or the
 *     discipline says in its first sentence that it is amortised.
 *  4. first() changes nothing and costs a few instructions. second() is the smallest key but for the first's, or CO_KEY_NONE if that takes more.
 *  5. wanted() says how many elements the queue would like its two arrays to have in all (0: it has
 *     enough), and may be called without serialisation. grow() gives it so many, of
 *     CO_QUEUE_ELEMENT bytes each and 64-byte aligned: each array begins with what the one given
 *     before holds now, every byte after that is 0xff. They are the queue's until the next grow(),
 *     or until the queue is empty and fini() has been called.
 *  6. settle() moves at most one callout towards where it would be had there been memory, and returns
 *     whether there may be more to do.
 *  7. Of a callout that is on a queue, q_ref is not 0 or CO_GATE_SPILL is set, at any time, as is seen
 *     without serialisation too: also when it changes its place, and when it has been removed or
 *     popped. Whoever does not insert it again sets q_ref to 0 then, and touches it no more.
 *  8. rest() ends the caller's round of 5 and 6. It returns false if there is reason for another one.
 *  9. next() returns the callouts one after the other, in no order, or now and then NULL, until *cursor,
 *     0 at first, is U32_MAX. Between calls the queue may be changed, also by rekey(): each callout that
 *     stays on it is returned. What sits in a spill tree may be left out.
 */
#ifndef CALLOUT_QUEUE_H
#define CALLOUT_QUEUE_H

#include <linux/callout.h>

#define CO_KEY_MAX	((u64)S64_MAX)

#define CO_KEY_NONE	U64_MAX
#define CO_QUEUE_ELEMENT	16U
#define CO_REF_NONE		1U	/* q_ref of what is on its way from one place to another */

/* The first of a queue: its key, and c_order's low half as of when it was keyed. c may be NULL: none. */
struct co_entry {
	u64 key;
	struct callout *c;
	u32 seq;
};

struct co_queue;

struct co_queue_ops {
	const char *name;
	void (*init)(struct co_queue *q);
	void (*fini)(struct co_queue *q);
	bool (*insert)(struct co_queue *q, struct callout *c, u64 key);
	void (*remove)(struct co_queue *q, struct callout *c);
	void (*rekey)(struct co_queue *q, struct callout *c, u64 key);
	struct co_entry (*first)(const struct co_queue *q);
	u64 (*second)(const struct co_queue *q);
	struct callout *(*pop)(struct co_queue *q);
	u32 (*count)(const struct co_queue *q);
	u32 (*spills)(const struct co_queue *q);
	u32 (*wanted)(const struct co_queue *q);
	void (*grow)(struct co_queue *q, void *a, void *b, u32 n);
	bool (*settle)(struct co_queue *q);
	bool (*rest)(struct co_queue *q);
	struct callout *(*next)(const struct co_queue *q, u32 *cursor);
};

extern const struct co_queue_ops co_q_heap_ops;

#include "heap.h"

struct co_queue {
	struct co_heap heap;
};

/*
 * The discipline in use is reached by direct calls, or inline. With one discipline these are its
 * functions; a second one puts a static branch here.
 */
#define co_q_ops	(&co_q_heap_ops)

static __always_inline bool co_q_insert(struct co_queue *q, struct callout *c, u64 key)
{
	return co_heap_insert(&q->heap, c, key);
}

/* Would co_q_insert() find nothing unusual? Then co_q_append() does the same without a call. */
static __always_inline bool co_q_roomy(const struct co_queue *q)
{
	return co_heap_roomy(&q->heap);
}

/* And would it leave the callout where it comes first? Then co_q_append_last() does the same. */
static __always_inline bool co_q_stays_last(const struct co_queue *q, u64 key)
{
	return co_heap_stays(&q->heap, q->heap.end, key);
}

static __always_inline void co_q_append_last(struct co_queue *q, struct callout *c, u64 key)
{
	co_heap_append_last(&q->heap, c, key);
}

static __always_inline void co_q_append(struct co_queue *q, struct callout *c, u64 key)
{
	co_heap_append(&q->heap, c, key);
}

static __always_inline void co_q_remove(struct co_queue *q, struct callout *c)
{
	co_heap_remove(&q->heap, c);
}

/* Where @c is the first. */
static __always_inline void co_q_pop(struct co_queue *q, struct callout *c)
{
	co_heap_pop(&q->heap, c);
}

static __always_inline void co_q_rekey(struct co_queue *q, struct callout *c, u64 key)
{
	co_heap_rekey(&q->heap, c, key);
}

static __always_inline bool co_q_empty(const struct co_queue *q)
{
	return co_heap_empty(&q->heap);
}

static __always_inline struct co_entry co_q_first(const struct co_queue *q)
{
	return co_heap_first(&q->heap);
}

static __always_inline u64 co_q_second(const struct co_queue *q)
{
	return co_heap_second(&q->heap);
}

#endif /* CALLOUT_QUEUE_H */
