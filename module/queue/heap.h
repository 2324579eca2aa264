/* SPDX-License-Identifier: GPL-2.0 */
/*
 * heap: the part that is inlined where callouts are armed and stopped. See heap.c.
 */
#ifndef CALLOUT_HEAP_H
#define CALLOUT_HEAP_H

#define CO_HEAP_ROOT	(3 * CO_QUEUE_ELEMENT)
#define CO_HEAP_MAX	(1U << 24)	/* slots: 16.7 million callouts a CPU, then the spill tree */

/**
 * struct co_slot - an entry where the order has put it
 * @key:	when
 * @who:	the order of arming << 32 | its ref: ordered by one compare where keys are equal
 */
struct co_slot {
	u64 key;
	u64 who;
};

/**
 * struct co_ref - an entry's fixed end, which its callout knows
 * @c:	the callout
 * @at:	its slot; of a free ref: the next free one, see co_heap_next_free()
 */
struct co_ref {
	struct callout *c;
	u32 at;
	/* private: */
	u32 unused;
};
static_assert(sizeof(struct co_slot) == CO_QUEUE_ELEMENT && sizeof(struct co_ref) == CO_QUEUE_ELEMENT);

/* Slots and refs are named by their distance in bytes from the beginning of their array. */
struct co_heap {
	u8 *slots;			/* from CO_HEAP_ROOT on */
	u8 *refs;			/* but for the first: 0 is none */
	u32 end;			/* first free slot */
	u32 low;			/* from here on insertions look closer; at most cap */
	u32 free;			/* first free ref */
	u32 cap;			/* first slot without memory */
	u32 spilled;			/* callouts in the spill tree */
	u32 spills;			/* how many went there ever */
	bool asked;			/* the caller has been asked to see to the memory */
	struct rb_root_cached spill;
	struct callout *spill_first;	/* head of the spill tree; NULL where it is empty */
};

bool co_heap_insert_low(struct co_heap *h, struct callout *c, u64 key);
void co_heap_remove(struct co_heap *h, struct callout *c);
void co_heap_pop(struct co_heap *h, struct callout *c);
void co_heap_fill(struct co_heap *h, u32 at, u64 key, u64 who);
void co_heap_rekey(struct co_heap *h, struct callout *c, u64 key);
struct co_entry co_heap_first_spilled(const struct co_heap *h);

static __always_inline struct co_slot *co_heap_slot(const struct co_heap *h, u32 at)
{
	return (struct co_slot *)(h->slots + at);
}

static __always_inline struct co_ref *co_heap_ref(const struct co_heap *h, u64 who)
{
	return (struct co_ref *)(h->refs + (u32)who);
}

static __always_inline u32 co_heap_parent(u32 at)
{
	return (at / 4 & -CO_QUEUE_ELEMENT) + 2 * CO_QUEUE_ELEMENT;
}

/* The first of four. */
static __always_inline u32 co_heap_children(u32 at)
{
	return 4 * at - 8 * CO_QUEUE_ELEMENT;
}

static __always_inline bool co_seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/* Where keys are equal: the order of arming, which wraps. */
static __always_inline bool co_who_before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

static __always_inline bool co_heap_before(u64 key, u64 who, const struct co_slot *s)
{
	return key < s->key || (unlikely(key == s->key) && co_who_before(who, s->who));
}

static __always_inline void co_heap_put(struct co_heap *h, u32 at, u64 key, u64 who)
{
	*co_heap_slot(h, at) = (struct co_slot){ .key = key, .who = who };
	co_heap_ref(h, who)->at = at;
}

/* Let {key, who} rise from the hole at @at to its place. */
static __always_inline void co_heap_rise(struct co_heap *h, u32 at, u64 key, u64 who)
{
	while (at > CO_HEAP_ROOT) {
		u32 up = co_heap_parent(at);
		const struct co_slot *p = co_heap_slot(h, up);

		if (!co_heap_before(key, who, p))
			break;
		co_heap_put(h, at, p->key, p->who);
		at = up;
	}
	co_heap_put(h, at, key, who);
}

/*
 * The free ref after @ref, a free one. Counted from the one behind it, so that fresh memory, which
 * is filled with 0xff, is a list already.
 */
static __always_inline u32 co_heap_next_free(u32 ref, u32 at)
{
	return at + 1 + ref + CO_QUEUE_ELEMENT;
}

/* Give a callout a ref, for slot @at. Returns what the slot is to say. */
static __always_inline u64 co_heap_take_ref(struct co_heap *h, struct callout *c, u32 at)
{
	u32 ref = h->free;
	struct co_ref *r = co_heap_ref(h, ref);

	h->free = co_heap_next_free(ref, r->at);
	r->c = c;
	r->at = at;
	c->q_ref = ref;
	return READ_ONCE(c->c_order) << 32 | ref;
}

/* A ref is no longer in use. Returns what slot it was in. */
static __always_inline u32 co_heap_free_ref(struct co_heap *h, u32 ref)
{
	struct co_ref *r = co_heap_ref(h, ref);
	u32 at = r->at;

	r->at = h->free - CO_QUEUE_ELEMENT - ref - 1;
	h->free = ref;
	return at;
}

static __always_inline void co_heap_append(struct co_heap *h, struct callout *c, u64 key)
{
	u32 at = h->end;

	WRITE_ONCE(h->end, at + CO_QUEUE_ELEMENT);
	co_heap_rise(h, at, key, co_heap_take_ref(h, c, at));
}

/* Certainly no need to rise from @at? The slots before the root are parents too, of key NONE. */
static __always_inline bool co_heap_stays(const struct co_heap *h, u32 at, u64 key)
{
	return key > co_heap_slot(h, co_heap_parent(at))->key;
}

static __always_inline void co_heap_append_last(struct co_heap *h, struct callout *c, u64 key)
{
	u32 at = h->end;

	WRITE_ONCE(h->end, at + CO_QUEUE_ELEMENT);
	*co_heap_slot(h, at) = (struct co_slot){ .key = key, .who = co_heap_take_ref(h, c, at) };
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

/* Take the last entry out of the array. Where it is another than the one to go, it fills its hole. */
static __always_inline struct co_slot co_heap_take_last(struct co_heap *h)
{
	u32 end = h->end - CO_QUEUE_ELEMENT;
	struct co_slot *s = co_heap_slot(h, end), last = *s;

	WRITE_ONCE(h->end, end);
	s->key = CO_KEY_NONE;
	return last;
}

/* Does slot @at have children? */
static __always_inline bool co_heap_inner(const struct co_heap *h, u32 at)
{
	return co_heap_children(at) < h->end;
}

static __always_inline struct co_entry co_heap_top(const struct co_heap *h)
{
	const struct co_slot *s = co_heap_slot(h, CO_HEAP_ROOT);

	return (struct co_entry){
		.key = s->key,
		.c = co_heap_ref(h, s->who)->c,
		.seq = (u32)(s->who >> 32),
	};
}

static __always_inline bool co_heap_empty(const struct co_heap *h)
{
	return h->end <= CO_HEAP_ROOT && likely(!h->spilled);
}

static __always_inline struct co_entry co_heap_first(const struct co_heap *h)
{
	if (unlikely(h->spilled))
		return co_heap_first_spilled(h);
	return likely(h->end > CO_HEAP_ROOT) ? co_heap_top(h) : (struct co_entry){ };
}

static __always_inline u64 co_heap_second(const struct co_heap *h)
{
	const struct co_slot *g;

	if (unlikely(h->end <= CO_HEAP_ROOT + CO_QUEUE_ELEMENT || h->spilled))
		return CO_KEY_NONE;
	g = co_heap_slot(h, CO_HEAP_ROOT + CO_QUEUE_ELEMENT);
	return min(min(g[0].key, g[1].key), min(g[2].key, g[3].key));
}

#endif /* CALLOUT_HEAP_H */
