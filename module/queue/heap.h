/* SPDX-License-Identifier: GPL-2.0 */
/*
 * heap: the part that is inlined where callouts are armed and stopped. See heap.c.
 */
#ifndef CALLOUT_HEAP_H
#define CALLOUT_HEAP_H

#define CO_HEAP_ROOT	3U
#define CO_HEAP_MAX	(1U << 24)	/* slots: 16.7 million callouts a CPU, then the spill tree */
#define CO_KEY_NONE	U64_MAX

struct co_heap {
	struct co_slot *slot;		/* from CO_HEAP_ROOT on */
	u32 end;			/* first free slot */
	u32 low;			/* from here on insertions look closer; at most cap */
	u32 cap;			/* first slot without memory */
	u32 spilled;			/* callouts in the spill tree */
	u32 spills;			/* how many went there ever */
	bool asked;			/* the caller has been asked to see to the memory */
	struct rb_root_cached spill;
	struct co_slot spill_first;	/* head of the spill tree; c is NULL where it is empty */
};

bool co_heap_insert_low(struct co_heap *h, struct callout *c, u64 key);
void co_heap_remove(struct co_heap *h, struct callout *c);
void co_heap_fill(struct co_heap *h, u32 i, u64 key, struct callout *c);
void co_heap_rekey(struct co_heap *h, struct callout *c, u64 key);
const struct co_slot *co_heap_first_spilled(struct co_heap *h);

static __always_inline bool co_seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

static __always_inline bool co_heap_before(u64 key, const struct callout *c, const struct co_slot *s)
{
	return key < s->key || (unlikely(key == s->key) && co_seq_before(c->q_seq, s->c->q_seq));
}

static __always_inline void co_heap_put(struct co_heap *h, u32 i, u64 key, struct callout *c)
{
	h->slot[i] = (struct co_slot){ .key = key, .c = c };
	c->q_slot = i;
}

/* Let {key, c} rise from the hole at @i to its place. */
static __always_inline void co_heap_rise(struct co_heap *h, u32 i, u64 key, struct callout *c)
{
	while (i > CO_HEAP_ROOT) {
		u32 up = i / 4 + 2;
		const struct co_slot *p = &h->slot[up];

		if (!co_heap_before(key, c, p))
			break;
		co_heap_put(h, i, p->key, p->c);
		i = up;
	}
	co_heap_put(h, i, key, c);
}

static __always_inline void co_heap_append(struct co_heap *h, struct callout *c, u64 key)
{
	u32 i = h->end;

	c->q_seq = (u32)c->c_order;
	WRITE_ONCE(h->end, i + 1);
	co_heap_rise(h, i, key, c);
}

/* Certainly no need to rise from @i? Slots 0 to 2 have parents too, that have no part in it. */
static __always_inline bool co_heap_stays(const struct co_heap *h, u32 i, u64 key)
{
	return key > h->slot[i / 4 + 2].key;
}

static __always_inline void co_heap_append_last(struct co_heap *h, struct callout *c, u64 key)
{
	u32 i = h->end;

	c->q_seq = (u32)c->c_order;
	WRITE_ONCE(h->end, i + 1);
	co_heap_put(h, i, key, c);
}

/* Is co_heap_insert() just co_heap_append() now? */
static __always_inline bool co_heap_roomy(const struct co_heap *h)
{
	return h->end < h->low;
}

static __always_inline bool co_heap_insert(struct co_heap *h, struct callout *c, u64 key)
{
	if (unlikely(h->end >= h->low))
		return co_heap_insert_low(h, c, key);
	co_heap_append(h, c, key);
	return false;
}

/*
 * Take the last entry out of the array. Where it is not @c it goes to the hole that @c leaves, slot
 * c->q_slot, by co_heap_fill().
 */
static __always_inline struct co_slot co_heap_take_last(struct co_heap *h)
{
	unsigned long end = h->end - 1;
	struct co_slot last = h->slot[end];

	WRITE_ONCE(h->end, end);
	h->slot[end].key = CO_KEY_NONE;
	return last;
}

/* Does slot @i have children? */
static __always_inline bool co_heap_inner(const struct co_heap *h, u32 i)
{
	return 4 * (i - 2) < h->end;
}

static __always_inline const struct co_slot *co_heap_first(struct co_heap *h)
{
	if (unlikely(h->spilled))
		return co_heap_first_spilled(h);
	return likely(h->end > CO_HEAP_ROOT) ? &h->slot[CO_HEAP_ROOT] : NULL;
}

static __always_inline u64 co_heap_second(const struct co_heap *h)
{
	const struct co_slot *g;

	if (unlikely(h->end <= CO_HEAP_ROOT + 1 || h->spilled))
		return CO_KEY_NONE;
	g = &h->slot[CO_HEAP_ROOT + 1];
	return min(min(g[0].key, g[1].key), min(g[2].key, g[3].key));
}

#endif /* CALLOUT_HEAP_H */
