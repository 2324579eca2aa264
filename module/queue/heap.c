// SPDX-License-Identifier: GPL-2.0
/*
 * heap: a 4-ary array heap, with a tree for what finds no slot.
 *
 *	slot	 3 | 4  5  6  7 | 8  9 10 11 |12 13 14 15 |16 ...
 *		root  children of 3  of 4        of 5        of 6
 *
 * A slot is 16 bytes, {key, callout}. With the root in slot 3 each group of four siblings begins at
 * a multiple of 4 and so fills one cache line: a step down reads one line. Children of i start at 4
 * (i - 2), the parent of j is j / 4 + 2. Unused slots hold CO_KEY_NONE (memory comes filled with
 * 0xff), so that a group of which only the first is in use needs no bound check.
 *
 * Each callout knows its slot. To take out the first (or one in the middle), the hole sinks to a
 * leaf along the smallest children, the last entry is put there and rises: bottom-up, as the last
 * entry nearly always belongs near the leaves. insert: at most D steps, others D down and D up,
 * where D = ceil(log4 n) + 1; in practice D plus one or two.
 *
 * Order of equal keys: by q_seq, the copy of c_order that was taken when the callout was put in.
 * The heap must not look at c_order itself, which a move stores to without a lock.
 *
 * Spill: an insertion that finds no slot goes to a red-black tree whose node is in the callout, in
 * place of the slot number. While the tree is not empty further insertions follow it there, so that
 * it only holds younger callouts than the array (but for re-keyed ones, hence the compare in
 * co_heap_first_spilled()). settle() brings them back one by one when there is room.
 */
#include "queue.h"

#define FIRST_SLOTS	2048U

/* Of two entries with the same key, is @a the older one? */
static __always_inline bool older(const struct co_slot *a, const struct co_slot *b)
{
	return co_seq_before(a->c->q_seq, b->c->q_seq);
}

/*
 * Fill the hole at @i, which has children, with {key, c}: it sinks to a leaf, the smallest child moving
 * up each time, and from there {key, c} rises. This is what a base lock is held for longest.
 */
static noinline void sink(struct co_heap *h, u32 i, u64 key, struct callout *c)
{
	struct co_slot *const slot = h->slot, *hole = slot + i;
	struct co_slot *const end = slot + h->end;
	struct co_slot *g, *min;

	while ((g = slot + 4 * (i - 2)) < end) {
		u64 k, least = g->key;

		min = g;
		k = g[1].key;
		if (k <= least && (k != least || older(g + 1, min))) {
			least = k;
			min = g + 1;
		}
		k = g[2].key;
		if (k <= least && (k != least || older(g + 2, min))) {
			least = k;
			min = g + 2;
		}
		k = g[3].key;
		if (k <= least && (k != least || older(g + 3, min))) {
			least = k;
			min = g + 3;
		}
		hole->key = least;
		hole->c = min->c;
		min->c->q_slot = i;
		hole = min;
		i = min - slot;
	}
	co_heap_rise(h, i, key, c);
}

/* Fill the hole at @i with what may be before its parent or after its children. */
void co_heap_fill(struct co_heap *h, u32 i, u64 key, struct callout *c)
{
	if (co_heap_inner(h, i))
		sink(h, i, key, c);
	else
		co_heap_rise(h, i, key, c);
}

/* ---- the spill tree ------------------------------------------------------------------------- */

static struct callout *spill_entry(struct rb_node *node)
{
	return node ? container_of(node, struct callout, q_node) : NULL;
}

/* c_order stands still here, as CO_GATE_SPILL sends a move the long way. */
static bool spill_less(struct rb_node *a, const struct rb_node *b)
{
	const struct callout *x = container_of(a, struct callout, q_node);
	const struct callout *y = container_of(b, struct callout, q_node);

	return x->q_key < y->q_key ||
	       (x->q_key == y->q_key && co_seq_before((u32)x->c_order, (u32)y->c_order));
}

static void spill_note_first(struct co_heap *h)
{
	struct callout *c = spill_entry(rb_first_cached(&h->spill));

	h->spill_first.c = c;
	h->spill_first.key = c ? c->q_key : CO_KEY_NONE;
}

static void spill_insert(struct co_heap *h, struct callout *c, u64 key)
{
	c->q_key = key;
	c->c_gate |= CO_GATE_SPILL;
	rb_add_cached(&c->q_node, &h->spill, spill_less);
	WRITE_ONCE(h->spilled, h->spilled + 1);
	h->spills++;
	h->low = 0;		/* nothing goes to the array past those in the tree */
	spill_note_first(h);
}

static noinline void spill_remove(struct co_heap *h, struct callout *c)
{
	rb_erase_cached(&c->q_node, &h->spill);
	c->c_gate &= ~CO_GATE_SPILL;
	WRITE_ONCE(h->spilled, h->spilled - 1);
	spill_note_first(h);
	smp_store_release(&c->q_slot, 0);
}

/* The first of array and tree, where the tree is not empty. */
const struct co_slot *co_heap_first_spilled(struct co_heap *h)
{
	const struct co_slot *top, *spill = &h->spill_first;

	if (h->end == CO_HEAP_ROOT)
		return spill;
	top = &h->slot[CO_HEAP_ROOT];
	if (spill->key < top->key)
		return spill;
	if (top->key == spill->key && co_seq_before((u32)spill->c->c_order, top->c->q_seq))
		return spill;
	return top;
}

/* ---- the discipline ------------------------------------------------------------------------- */

/* Beyond the low-water mark, or with callouts in the tree. */
bool co_heap_insert_low(struct co_heap *h, struct callout *c, u64 key)
{
	bool ask = !h->asked;

	if (h->end >= h->cap || h->spilled)
		spill_insert(h, c, key);
	else
		co_heap_append(h, c, key);
	h->asked = true;
	return ask;
}

void co_heap_remove(struct co_heap *h, struct callout *c)
{
	struct co_slot last;

	if (unlikely(c->c_gate & CO_GATE_SPILL)) {
		spill_remove(h, c);
		return;
	}
	last = co_heap_take_last(h);
	if (last.c != c)
		co_heap_fill(h, c->q_slot, last.key, last.c);
	smp_store_release(&c->q_slot, 0);	/* Pairs with arm_here(). */
}

void co_heap_rekey(struct co_heap *h, struct callout *c, u64 key)
{
	u32 i = c->q_slot;

	if (unlikely(c->c_gate & CO_GATE_SPILL)) {
		spill_remove(h, c);
		spill_insert(h, c, key);
		return;
	}
	c->q_seq = (u32)c->c_order;
	if (key < h->slot[i].key)
		co_heap_rise(h, i, key, c);
	else
		co_heap_fill(h, i, key, c);
}

static bool heap_insert(struct co_queue *q, struct callout *c, u64 key)
{
	return co_heap_insert(&q->heap, c, key);
}

static void heap_remove(struct co_queue *q, struct callout *c)
{
	co_heap_remove(&q->heap, c);
}

static void heap_rekey(struct co_queue *q, struct callout *c, u64 key)
{
	co_heap_rekey(&q->heap, c, key);
}

static const struct co_slot *heap_first(struct co_queue *q)
{
	return co_heap_first(&q->heap);
}

static u64 heap_second(struct co_queue *q)
{
	return co_heap_second(&q->heap);
}

static struct callout *heap_pop(struct co_queue *q)
{
	struct callout *c = co_heap_first(&q->heap)->c;

	co_heap_remove(&q->heap, c);
	return c;
}

static u32 heap_count(const struct co_queue *q)
{
	return READ_ONCE(q->heap.end) - CO_HEAP_ROOT + READ_ONCE(q->heap.spilled);
}

static u32 heap_spills(const struct co_queue *q)
{
	return READ_ONCE(q->heap.spills);
}

/* More memory is wanted when a quarter is left: twice as much. */
static u32 low_water(u32 cap)
{
	return cap - cap / 4;
}

static u32 heap_wanted(const struct co_queue *q)
{
	u32 cap = READ_ONCE(q->heap.cap);

	if (READ_ONCE(q->heap.end) < low_water(cap) || cap == CO_HEAP_MAX)
		return 0;
	return cap ? cap * 2 : FIRST_SLOTS;
}

static void heap_grow(struct co_queue *q, struct co_slot *mem, u32 slots)
{
	struct co_heap *h = &q->heap;

	h->slot = mem;
	WRITE_ONCE(h->cap, slots);
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
	co_heap_append(h, c, key);
	return h->spilled;
}

static bool heap_rest(struct co_queue *q)
{
	struct co_heap *h = &q->heap;

	if ((h->spilled && h->end < h->cap) || heap_wanted(q))
		return false;
	h->asked = false;
	if (!h->spilled)
		h->low = h->cap == CO_HEAP_MAX ? h->cap : low_water(h->cap);
	return true;
}

static void heap_init(struct co_queue *q)
{
	q->heap = (struct co_heap){ .end = CO_HEAP_ROOT, .spill = RB_ROOT_CACHED };
	spill_note_first(&q->heap);
}

const struct co_queue_ops co_q_heap_ops = {
	.name = "heap",
	.init = heap_init,
	.fini = heap_init,
	.insert = heap_insert,
	.remove = heap_remove,
	.rekey = heap_rekey,
	.first = heap_first,
	.second = heap_second,
	.pop = heap_pop,
	.count = heap_count,
	.spills = heap_spills,
	.wanted = heap_wanted,
	.grow = heap_grow,
	.settle = heap_settle,
	.rest = heap_rest,
};
