/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The queue of one context of one CPU: what a discipline provides, and the choice among them.
 *
 * A queue orders callouts by key, and equal keys by the order of arming (c_order as it was when the
 * callout was inserted or re-keyed). A key is a time in nanoseconds up to CO_KEY_MAX. A queue knows no
 * lock, no clock and no allocator: the caller serialises all calls on one queue but those said
 * otherwise, and passes in memory and keys. It reads and writes of a callout the q_* fields,
 * CO_GATE_SPILL, and reads c_order.
 *
 * Contract of a discipline:
 *  1. insert() always succeeds. Without memory it is slower, not wrong.
 *  2. remove() and rekey() take a callout that is on this queue; pop() a queue that is not empty.
 *  3. Any call takes a number of steps that is bounded by the logarithm of the queue's length, or the
 *     discipline says in its first sentence that it is amortised.
 *  4. first() changes nothing and costs a few instructions. Its result holds until the next change.
 *  5. co_q_wants() is asked after each insertion. Once it has said yes it says no until rest().
 *     grow_bytes() says how much memory the queue would like (0: none) and may be called without
 *     serialisation. grow() takes such memory, 64-byte aligned, every byte 0xff; it returns false if it
 *     has no more use for that amount, and the caller keeps it. fini() hands all back.
 *  6. settle() moves at most one callout towards where it would be had there been memory, and returns
 *     whether there may be more to do.
 *  7. rest() ends the caller's round of 5 and 6. It returns false if there is reason for another one.
 */
#ifndef CALLOUT_QUEUE_H
#define CALLOUT_QUEUE_H

#include <linux/callout.h>

#define CO_KEY_MAX	((u64)S64_MAX)
#define CO_HEAP_SEGS	17	/* 256 << 16 slots: 16.7 million callouts a CPU, then the spill tree */

/* One entry of an array queue; also how first() answers. */
struct co_slot {
	u64 key;
	struct callout *c;
};

struct co_heap {
	u32 end;			/* first free slot */
	u32 cap;			/* first slot without memory */
	u32 low;			/* from here on more memory is wanted */
	u32 spilled;			/* callouts in the spill tree */
	u32 spills;			/* how many went there ever */
	struct co_slot *seg[CO_HEAP_SEGS];	/* each less its first index; see at() */
	struct rb_root_cached spill;
	struct co_slot spill_first;	/* head of the spill tree; c is NULL where it is empty */
};

struct co_queue {
	struct co_heap heap;
};

struct co_queue_ops {
	const char *name;
	void (*init)(struct co_queue *q);
	void (*fini)(struct co_queue *q, void (*release)(void *mem));
	void (*insert)(struct co_queue *q, struct callout *c, u64 key);
	void (*remove)(struct co_queue *q, struct callout *c);
	void (*rekey)(struct co_queue *q, struct callout *c, u64 key);
	const struct co_slot *(*first)(struct co_queue *q);
	struct callout *(*pop)(struct co_queue *q);
	u32 (*count)(const struct co_queue *q);
	size_t (*grow_bytes)(const struct co_queue *q);
	bool (*grow)(struct co_queue *q, void *mem, size_t bytes);
	bool (*settle)(struct co_queue *q);
	bool (*rest)(struct co_queue *q);
};

extern const struct co_queue_ops co_q_heap_ops;

/*
 * The discipline in use is reached by direct calls. With one discipline these are its functions; a
 * second one makes them static calls.
 */
void co_q_heap_insert(struct co_queue *q, struct callout *c, u64 key);
void co_q_heap_remove(struct co_queue *q, struct callout *c);
void co_q_heap_rekey(struct co_queue *q, struct callout *c, u64 key);
const struct co_slot *co_q_heap_first_slow(struct co_queue *q);
size_t co_q_heap_grow_bytes(const struct co_queue *q);

static inline const struct co_slot *co_q_heap_first(struct co_queue *q)
{
	if (unlikely(q->heap.spilled))
		return co_q_heap_first_slow(q);
	return likely(q->heap.end > 3) ? q->heap.seg[0] + 3 : NULL;
}

static inline u32 co_q_heap_count(const struct co_queue *q)
{
	return q->heap.end - 3 + q->heap.spilled;
}

static inline u32 co_q_heap_spills(const struct co_queue *q)
{
	return q->heap.spills;
}

#define co_q_ops	(&co_q_heap_ops)
#define co_q_insert	co_q_heap_insert
#define co_q_remove	co_q_heap_remove
#define co_q_rekey	co_q_heap_rekey
#define co_q_first	co_q_heap_first
#define co_q_count	co_q_heap_count
#define co_q_spills	co_q_heap_spills

/* After an insertion, under the same serialisation: is it time to see to the queue's memory? */
static __always_inline bool co_q_wants(struct co_queue *q)
{
	if (likely(q->heap.end < q->heap.low))
		return false;
	q->heap.low = U32_MAX;
	return true;
}

#endif /* CALLOUT_QUEUE_H */
