// SPDX-License-Identifier: GPL-2.0
/*
 * heap: a 4-ary array heap in segments, with a tree for what finds no slot.
 *
 *	slot	 3 | 4  5  6  7 | 8  9 10 11 |12 13 14 15 |16 ...
 *		root  children of 3  of 4        of 5        of 6
 *
 * A slot is 16 bytes, {key, callout}. With the root in slot 3 each group of four siblings begins at a
 * multiple of 4 and so fills one cache line: a step down reads one line. Children of i start at
 * 4 (i - 2), the parent of j is j / 4 + 2. Unused slots hold CO_KEY_NONE (memory comes filled with
 * 0xff), so that a group of which only the first is in use needs no bound check.
 *
 * The array is made of segments of 256, 256, 512, 1024 ... slots that never move: growing copies
 * nothing. The segment of slot i is told by its highest bit, and the pointers in seg[] are biased by the
 * segment's first index, so that seg[k] + i is the slot.
 *
 * Each callout knows its slot. To take out the first (or one in the middle), the hole sinks to a leaf
 * along the smallest children, the last entry is put there and rises: bottom-up, as the last entry
 * nearly always belongs near the leaves. insert: at most D steps, others D down and D up, where
 * D = ceil(log4 n) + 1; in practice D plus one or two.
 *
 * Order of equal keys: by q_seq, the copy of c_order that was taken when the callout was put in. The heap
 * must not look at c_order itself, which a move stores to without a lock.
 *
 * Spill: an insertion that finds no slot goes to a red-black tree whose node is in the callout, in
 * place of the slot number. While the tree is not empty further insertions follow it there, so that it
 * only holds younger callouts than the array (but for re-keyed ones, hence first_slow()'s compare).
 * settle() brings them back one by one when there is room.
 */
#include "queue.h"

#define CO_KEY_NONE	U64_MAX
#define ROOT		3U
#define SEG_SHIFT	8
#define SEG_SLOTS	(1U << SEG_SHIFT)

static __always_inline struct co_slot *at(const struct co_heap *h, u32 i)
{
	return h->seg[__fls(i | (SEG_SLOTS - 1)) - (SEG_SHIFT - 1)] + i;
}

/* First slot of segment @k, which is also the number of slots in it (but for segment 0: SEG_SLOTS). */
static u32 seg_start(unsigned int k)
{
	return k ? SEG_SLOTS << (k - 1) : 0;
}

static unsigned int next_seg(const struct co_heap *h)
{
	return h->cap ? __fls(h->cap) - (SEG_SHIFT - 1) : 0;
}

static __always_inline bool seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

static __always_inline bool before(u64 key, const struct callout *c, const struct co_slot *s)
{
	return key < s->key || (unlikely(key == s->key) && seq_before(c->q_seq, s->c->q_seq));
}

static __always_inline void put(struct co_slot *s, u32 i, u64 key, struct callout *c)
{
	s->key = key;
	s->c = c;
	c->q_slot = i;
}

/* Let {key, c} rise from the hole at @i to its place. */
static __always_inline void rise(struct co_heap *h, u32 i, u64 key, struct callout *c)
{
	struct co_slot *s = at(h, i);

	while (i > ROOT) {
		u32 up = i / 4 + 2;
		struct co_slot *p = at(h, up);

		if (!before(key, c, p))
			break;
		put(s, i, p->key, p->c);
		s = p;
		i = up;
	}
	put(s, i, key, c);
}

/* Let the hole at @i sink to a leaf, the smallest child moving up each time. Returns the leaf. */
static __always_inline u32 sink(struct co_heap *h, u32 i)
{
	struct co_slot *s = at(h, i);
	u32 down;

	while ((down = 4 * (i - 2)) < h->end) {
		struct co_slot *g = at(h, down), *min = g;

		if (before(g[1].key, g[1].c, min))
			min = g + 1;
		if (before(g[2].key, g[2].c, min))
			min = g + 2;
		if (before(g[3].key, g[3].c, min))
			min = g + 3;
		down += min - g;
		put(s, i, min->key, min->c);
		s = min;
		i = down;
	}
	return i;
}

/* ---- the spill tree ------------------------------------------------------------------------- */

static struct callout *spill_entry(struct rb_node *node)
{
	return node ? container_of(node, struct callout, q_node) : NULL;
}

static bool spill_less(struct rb_node *a, const struct rb_node *b)
{
	return container_of(a, struct callout, q_node)->q_key <
	       container_of(b, struct callout, q_node)->q_key;
}

static void spill_note_first(struct co_heap *h)
{
	struct callout *c = spill_entry(rb_first_cached(&h->spill));

	h->spill_first.c = c;
	h->spill_first.key = c ? c->q_key : CO_KEY_NONE;
}

static noinline void spill_insert(struct co_heap *h, struct callout *c, u64 key)
{
	c->q_key = key;
	c->c_gate |= CO_GATE_SPILL;
	rb_add_cached(&c->q_node, &h->spill, spill_less);
	WRITE_ONCE(h->spilled, h->spilled + 1);
	h->spills++;
	if (h->low != U32_MAX)
		h->low = 0;		/* ask for settle() */
	spill_note_first(h);
}

static noinline void spill_remove(struct co_heap *h, struct callout *c)
{
	rb_erase_cached(&c->q_node, &h->spill);
	c->c_gate &= ~CO_GATE_SPILL;
	WRITE_ONCE(h->spilled, h->spilled - 1);
	spill_note_first(h);
}

/* ---- the discipline ------------------------------------------------------------------------- */

static void heap_insert(struct co_heap *h, struct callout *c, u64 key)
{
	u32 i = h->end;

	c->q_seq = (u32)c->c_order;
	WRITE_ONCE(h->end, i + 1);
	rise(h, i, key, c);
}

void co_q_heap_insert(struct co_queue *q, struct callout *c, u64 key)
{
	struct co_heap *h = &q->heap;

	if (unlikely(h->end >= h->cap || h->spilled))
		spill_insert(h, c, key);
	else
		heap_insert(h, c, key);
}

void co_q_heap_remove(struct co_queue *q, struct callout *c)
{
	struct co_heap *h = &q->heap;
	struct co_slot *last;
	struct callout *moved;
	u32 i, end;
	u64 key;

	if (unlikely(c->c_gate & CO_GATE_SPILL)) {
		spill_remove(h, c);
		return;
	}
	i = c->q_slot;
	end = h->end - 1;
	WRITE_ONCE(h->end, end);
	last = at(h, end);
	key = last->key;
	moved = last->c;
	last->key = CO_KEY_NONE;
	last->c = NULL;
	if (i == end)
		return;
	/* One in the middle may be replaced by one that is before its parent: rise() sees to it. */
	rise(h, sink(h, i), key, moved);
}

void co_q_heap_rekey(struct co_queue *q, struct callout *c, u64 key)
{
	struct co_heap *h = &q->heap;
	u32 i;

	if (unlikely(c->c_gate & CO_GATE_SPILL)) {
		spill_remove(h, c);
		spill_insert(h, c, key);
		return;
	}
	i = c->q_slot;
	c->q_seq = (u32)c->c_order;
	rise(h, key < at(h, i)->key ? i : sink(h, i), key, c);
}

const struct co_slot *co_q_heap_first_slow(struct co_queue *q)
{
	struct co_heap *h = &q->heap;
	struct co_slot *top = h->seg[0] + ROOT, *spill = &h->spill_first;

	if (h->end == ROOT)
		return spill->c ? spill : NULL;
	if (!spill->c || top->key < spill->key)
		return top;
	if (top->key == spill->key && seq_before(top->c->q_seq, (u32)spill->c->c_order))
		return top;
	return spill;
}

static const struct co_slot *heap_first(struct co_queue *q)
{
	return co_q_heap_first(q);
}

static struct callout *heap_pop(struct co_queue *q)
{
	struct callout *c = co_q_heap_first(q)->c;

	co_q_heap_remove(q, c);
	return c;
}

static u32 heap_count(const struct co_queue *q)
{
	return co_q_heap_count(q);
}

/* More memory is wanted when a quarter is left. */
static u32 low_water(u32 cap)
{
	return cap - cap / 4;
}

size_t co_q_heap_grow_bytes(const struct co_queue *q)
{
	const struct co_heap *h = &q->heap;
	u32 cap = READ_ONCE(h->cap);

	if (READ_ONCE(h->end) < low_water(cap) || next_seg(h) == CO_HEAP_SEGS)
		return 0;
	return (cap ? cap : SEG_SLOTS) * sizeof(struct co_slot);
}

static bool heap_grow(struct co_queue *q, void *mem, size_t bytes)
{
	struct co_heap *h = &q->heap;
	struct co_slot *s = mem;
	unsigned int k = next_seg(h);
	u32 start = seg_start(k), n = bytes / sizeof(*s);

	if (k == CO_HEAP_SEGS || n != (h->cap ? h->cap : SEG_SLOTS))
		return false;
	h->seg[k] = (struct co_slot *)((uintptr_t)mem - start * sizeof(*s));
	WRITE_ONCE(h->cap, start + n);
	return true;
}

static bool heap_settle(struct co_queue *q)
{
	struct co_heap *h = &q->heap;
	struct callout *c = h->spill_first.c;
	u64 key;

	if (!c || h->end >= h->cap)
		return false;
	key = c->q_key;
	spill_remove(h, c);
	heap_insert(h, c, key);
	return h->spilled;
}

static bool heap_rest(struct co_queue *q)
{
	struct co_heap *h = &q->heap;

	if ((h->spilled && h->end < h->cap) || co_q_heap_grow_bytes(q))
		return false;
	h->low = h->spilled ? 0 : next_seg(h) == CO_HEAP_SEGS ? U32_MAX : low_water(h->cap);
	return true;
}

static void heap_init(struct co_queue *q)
{
	q->heap = (struct co_heap){ .end = ROOT, .cap = 0, .low = 0, .spill = RB_ROOT_CACHED };
	spill_note_first(&q->heap);
}

static void heap_fini(struct co_queue *q, void (*release)(void *mem))
{
	struct co_heap *h = &q->heap;
	unsigned int k, used = next_seg(h);

	for (k = 0; k < used; k++)
		release((void *)((uintptr_t)h->seg[k] + seg_start(k) * sizeof(struct co_slot)));
	heap_init(q);
}

const struct co_queue_ops co_q_heap_ops = {
	.name = "heap",
	.init = heap_init,
	.fini = heap_fini,
	.insert = co_q_heap_insert,
	.remove = co_q_heap_remove,
	.rekey = co_q_heap_rekey,
	.first = heap_first,
	.pop = heap_pop,
	.count = heap_count,
	.grow_bytes = co_q_heap_grow_bytes,
	.grow = heap_grow,
	.settle = heap_settle,
	.rest = heap_rest,
};
