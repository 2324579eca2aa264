// SPDX-License-Identifier: GPL-2.0
/*
 * heap: a 4-ary array heap, with a tree for what finds no slot.
 *
 *	slot	 3 | 4  5  6  7 | 8  9 10 11 |12 13 14 15 |16 ...
 *		root  children of 3  of 4        of 5        of 6
 *
 * A slot is 16 bytes, {key, order of arming, ref}. With the root in slot 3 each group of four
 * siblings begins at a multiple of 4 and so fills one cache line: a step down reads one line.
 * Children of i start at 4 (i - 2), the parent of j is j / 4 + 2. Unused slots hold CO_KEY_NONE
 * (memory comes filled with 0xff), so that a group of which only the first is in use needs no bound
 * check.
 *
 * A ref is 16 bytes, {callout, slot}, and stays the same while a callout is in the array; the
 * callout has its number. So an entry's way up or down touches slots and refs, which are dense, but
 * no callout: these are in as many other cache lines.
 *
 * To take out the first (or one in the middle), the last entry is put in the hole and sinks, or
 * rises, to its place: top-down. To let the hole sink to a leaf first and the last entry rise from
 * there saves a compare a level on average, but at worst goes the whole way twice. Any operation
 * takes at most D steps, where D = ceil(log4 n) + 1.
 *
 * Order of equal keys: by the slot's copy of c_order, taken when the callout was put in. The heap
 * must not look at c_order itself, which a move stores to without a lock.
 *
 * Spill: an insertion that finds no slot goes to a red-black tree whose node is in the callout, in
 * place of the ref. While the tree is not empty further insertions follow it there, so that it only
 * holds younger callouts than the array (but for re-keyed ones, hence the compare in
 * co_heap_first_spilled()). settle() brings them back one by one when there is room.
 */
#include "queue.h"

#define FIRST_SLOTS	2048U
#define MANY_SLOTS	32768U
#define PAGE_SLOTS	(4096U / CO_QUEUE_ELEMENT)

/*
 * Fill the hole at @at with {key, who}, which is not before its parent: smaller children move up
 * until it has its place. This is what a base lock is held for longest. Top-down: that takes one
 * more compare a level than to sink to the leaf and rise from there, but never both ways.
 */
static noinline void sink(struct co_heap *h, u32 at, u64 key, u64 who)
{
	/* Copies, as each store below might be to @h for all that a compiler knows. */
	u8 *const slots = h->slots, *const refs = h->refs;
	struct co_slot *hole = co_heap_slot(h, at);
	const u32 end = h->end;
	u32 down;

	while ((down = co_heap_children(at)) < end) {
		struct co_slot *g = (struct co_slot *)(slots + down), *min = g;
		u64 least = g->key, k;

		k = g[1].key;
		if (k <= least && (k != least || co_who_before(g[1].who, min->who))) {
			least = k;
			min = g + 1;
		}
		k = g[2].key;
		if (k <= least && (k != least || co_who_before(g[2].who, min->who))) {
			least = k;
			min = g + 2;
		}
		k = g[3].key;
		if (k <= least && (k != least || co_who_before(g[3].who, min->who))) {
			least = k;
			min = g + 3;
		}
		if (least >= key && (least != key || co_who_before(who, min->who)))
			break;
		hole->key = least;
		hole->who = min->who;
		((struct co_ref *)(refs + (u32)min->who))->at = at;
		hole = min;
		at = (u8 *)min - slots;
	}
	co_heap_put(h, at, key, who);
}

/* Fill the hole at @at with what may be before its parent or after its children. */
void co_heap_fill(struct co_heap *h, u32 at, u64 key, u64 who)
{
	if (at > CO_HEAP_ROOT && co_heap_before(key, who, co_heap_slot(h, co_heap_parent(at))))
		co_heap_rise(h, at, key, who);
	else
		sink(h, at, key, who);
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
	h->spill_first = spill_entry(rb_first_cached(&h->spill));
}

static void spill_insert(struct co_heap *h, struct callout *c, u64 key)
{
	smp_store_release(&c->c_gate, c->c_gate | CO_GATE_SPILL);
	c->q_key = key;
	rb_add_cached(&c->q_node, &h->spill, spill_less);
	WRITE_ONCE(h->spilled, h->spilled + 1);
	h->spills++;
	h->low = 0;		/* nothing goes to the array past those in the tree */
	spill_note_first(h);
}

static noinline void spill_remove(struct co_heap *h, struct callout *c)
{
	rb_erase_cached(&c->q_node, &h->spill);
	WRITE_ONCE(h->spilled, h->spilled - 1);
	spill_note_first(h);
	WRITE_ONCE(c->q_ref, CO_REF_NONE);
	smp_store_release(&c->c_gate, c->c_gate & ~CO_GATE_SPILL);
}

/* The first of array and tree, where the tree is not empty. */
struct co_entry co_heap_first_spilled(const struct co_heap *h)
{
	struct callout *c = h->spill_first;
	struct co_entry spill = { .key = c->q_key, .c = c, .seq = c->c_order }, top;

	if (h->end == CO_HEAP_ROOT)
		return spill;
	top = co_heap_top(h);
	if (spill.key < top.key)
		return spill;
	if (top.key == spill.key && co_seq_before(spill.seq, top.seq))
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
	u32 ref = c->q_ref, hole;

	if (unlikely(c->c_gate & CO_GATE_SPILL)) {
		spill_remove(h, c);
		return;
	}
	hole = co_heap_free_ref(h, ref);
	last = co_heap_take_last(h);
	if ((u32)last.who != ref)
		co_heap_fill(h, hole, last.key, last.who);
}

/* Take out @c, which is the first. */
void co_heap_pop(struct co_heap *h, struct callout *c)
{
	struct co_slot last;
	u32 ref = c->q_ref;

	if (unlikely(h->spilled)) {
		co_heap_remove(h, c);
		return;
	}
	co_heap_free_ref(h, ref);
	last = co_heap_take_last(h);
	if (likely((u32)last.who != ref))
		sink(h, CO_HEAP_ROOT, last.key, last.who);
}

void co_heap_rekey(struct co_heap *h, struct callout *c, u64 key)
{
	u64 who = READ_ONCE(c->c_order) << 32 | c->q_ref;

	if (unlikely(c->c_gate & CO_GATE_SPILL)) {
		spill_remove(h, c);
		spill_insert(h, c, key);
		return;
	}
	co_heap_fill(h, co_heap_ref(h, who)->at, key, who);
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

static struct co_entry heap_first(const struct co_queue *q)
{
	return co_heap_first(&q->heap);
}

static u64 heap_second(const struct co_queue *q)
{
	return co_heap_second(&q->heap);
}

static struct callout *heap_pop(struct co_queue *q)
{
	struct callout *c = co_heap_first(&q->heap).c;

	co_heap_pop(&q->heap, c);
	return c;
}

static u32 heap_count(const struct co_queue *q)
{
	u32 bytes = READ_ONCE(q->heap.end) - CO_HEAP_ROOT;

	return bytes / CO_QUEUE_ELEMENT + READ_ONCE(q->heap.spilled);
}

static u32 heap_spills(const struct co_queue *q)
{
	return READ_ONCE(q->heap.spills);
}

/* More memory is wanted when a quarter is left: twice as much, or where that were much, a quarter more. */
static u32 low_water(u32 cap)
{
	return cap - cap / 4;
}

static u32 heap_wanted(const struct co_queue *q)
{
	u32 cap = READ_ONCE(q->heap.cap);

	if (READ_ONCE(q->heap.end) < low_water(cap) || cap == CO_HEAP_MAX * CO_QUEUE_ELEMENT)
		return 0;
	cap /= CO_QUEUE_ELEMENT;
	if (cap < MANY_SLOTS)
		return cap ? cap * 2 : FIRST_SLOTS;
	return min(cap + cap / (4 * PAGE_SLOTS) * PAGE_SLOTS, CO_HEAP_MAX);
}

static void heap_grow(struct co_queue *q, void *slots, void *refs, u32 n)
{
	struct co_heap *h = &q->heap;

	h->slots = slots;
	h->refs = refs;
	WRITE_ONCE(h->cap, n * CO_QUEUE_ELEMENT);
}

static bool heap_settle(struct co_queue *q)
{
	struct co_heap *h = &q->heap;
	struct callout *c = h->spill_first;
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
		h->low = h->cap == CO_HEAP_MAX * CO_QUEUE_ELEMENT ? h->cap : low_water(h->cap);
	return true;
}

static void heap_init(struct co_queue *q)
{
	q->heap = (struct co_heap){
		.end = CO_HEAP_ROOT,
		.free = CO_QUEUE_ELEMENT,
		.spill = RB_ROOT_CACHED,
	};
}

/* A ref is in use if the slot that it names says so. */
static struct callout *next_callout(const struct co_queue *q, u32 *cursor)
{
	const struct co_heap *h = &q->heap;
	u32 ref = max(*cursor, CO_QUEUE_ELEMENT), n;

	for (n = 0; n < 32; n++, ref += CO_QUEUE_ELEMENT) {
		const struct co_ref *r;

		if (ref >= h->cap) {
			*cursor = U32_MAX;
			return NULL;
		}
		r = co_heap_ref(h, ref);
		if (r->at >= CO_HEAP_ROOT && r->at < h->end && !(r->at % CO_QUEUE_ELEMENT) &&
		    (u32)co_heap_slot(h, r->at)->who == ref) {
			*cursor = ref + CO_QUEUE_ELEMENT;
			return r->c;
		}
	}
	*cursor = ref;
	return NULL;
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
	.next = next_callout,
	.rest = heap_rest,
};
