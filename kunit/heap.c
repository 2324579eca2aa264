// SPDX-License-Identifier: GPL-2.0
/*
 * Suite callout_heap: the queue against a model, over long random sequences.
 *
 * The model is a list of what is queued, searched from end to end. Keys are few, so that many are equal and their order
 * counts. Memory comes late, or not at all for a while. The same code in user space is put to longer tests by
 * selftests/host.
 */
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include "kt.h"
#include "../module/queue/heap.c"

#define MOST	600

struct model {
	struct co_queue q;
	void *mem[2];
	struct rnd_state rnd;
	u32 slots;
	u32 n;			/* callouts */
	u32 keys;		/* different keys */
	u32 seq;
	bool starved;		/* no memory for now */
	bool asked;		/* insert() has said that it is time */
	struct {
		struct callout c;
		bool queued;
		u64 key;
		u32 seq;
	} e[MOST];
};

static u32 below(struct model *m, u32 n)
{
	return prandom_u32_state(&m->rnd) % n;
}

/* What comes first of all but @but; -1 if there is nothing. */
static int first(const struct model *m, int but)
{
	int i, best = -1;

	for (i = 0; i < m->n; i++) {
		if (!m->e[i].queued || i == but)
			continue;
		if (best < 0 || m->e[i].key < m->e[best].key ||
		    (m->e[i].key == m->e[best].key && (s32)(m->e[i].seq - m->e[best].seq) < 0))
			best = i;
	}
	return best;
}

static void expect_first(struct kunit *test, struct model *m)
{
	struct co_entry e = co_q_first(&m->q);
	int i = first(m, -1), second;
	u64 key;

	if (i < 0) {
		KUNIT_ASSERT_NULL(test, e.c);
		KUNIT_ASSERT_EQ(test, co_q_ops->count(&m->q), 0);
		return;
	}
	KUNIT_ASSERT_PTR_EQ(test, e.c, &m->e[i].c);
	KUNIT_ASSERT_EQ(test, e.key, m->e[i].key);
	KUNIT_ASSERT_EQ(test, e.seq, m->e[i].seq);
	key = co_q_second(&m->q);
	second = first(m, i);
	if (second < 0 || key != CO_KEY_NONE)
		KUNIT_ASSERT_EQ(test, key, second < 0 ? CO_KEY_NONE : m->e[second].key);
}

/* Every entry is where it believes to be, and not before its parent. */
static void expect_sound(struct kunit *test, struct model *m)
{
	const struct co_heap *h = &m->q.heap;
	u32 i, at, queued = 0, spilled = 0;

	for (i = 0; i < m->n; i++) {
		const struct callout *c = &m->e[i].c;

		KUNIT_ASSERT_EQ(test, co_queued(c), m->e[i].queued);
		queued += m->e[i].queued;
		if (c->c_gate & CO_GATE_SPILL) {
			spilled++;
		} else if (m->e[i].queued) {
			const struct co_ref *r = co_heap_ref(h, c->q_ref);

			KUNIT_ASSERT_PTR_EQ(test, r->c, (struct callout *)c);
			KUNIT_ASSERT_LT(test, r->at, h->end);
			KUNIT_ASSERT_EQ(test, co_heap_slot(h, r->at)->key, m->e[i].key);
			KUNIT_ASSERT_EQ(test, co_heap_slot(h, r->at)->who,
					(u64)m->e[i].seq << 32 | c->q_ref);
		}
	}
	KUNIT_ASSERT_EQ(test, co_q_ops->count(&m->q), queued);
	KUNIT_ASSERT_EQ(test, h->spilled, spilled);
	for (at = CO_HEAP_ROOT + CO_QUEUE_ELEMENT; at < h->end; at += CO_QUEUE_ELEMENT) {
		const struct co_slot *s = co_heap_slot(h, at);

		KUNIT_ASSERT_FALSE(test, co_heap_before(s->key, s->who, co_heap_slot(h, co_heap_parent(at))));
	}
	for (at = h->end; at < h->cap; at += CO_QUEUE_ELEMENT)
		KUNIT_ASSERT_EQ(test, co_heap_slot(h, at)->key, CO_KEY_NONE);
}

/* As grow_queue() in module/percpu.c, but that memory comes in small pieces and can be refused. */
static void *larger(struct kunit *test, void *old, u32 from, u32 to)
{
	void *mem = kmalloc_array(to, CO_QUEUE_ELEMENT, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mem);
	memset(mem, 0xff, to * CO_QUEUE_ELEMENT);
	if (from)
		memcpy(mem, old, from * CO_QUEUE_ELEMENT);
	return mem;
}

static void see_to_memory(struct kunit *test, struct model *m)
{
	const struct co_queue_ops *ops = co_q_ops;

	do {
		while (ops->wanted(&m->q)) {
			u32 slots = m->slots ? 2 * m->slots : 16;
			void *a, *b;

			if (m->starved)
				return;
			a = larger(test, m->mem[0], m->slots, slots);
			b = larger(test, m->mem[1], m->slots, slots);
			ops->grow(&m->q, a, b, slots);
			kfree(m->mem[0]);
			kfree(m->mem[1]);
			m->mem[0] = a;
			m->mem[1] = b;
			m->slots = slots;
		}
		while (ops->settle(&m->q))
			;
	} while (!ops->rest(&m->q));
	m->asked = false;
}

static void taken_off(struct model *m, int i)
{
	m->e[i].c.q_ref = 0;
	m->e[i].queued = false;
}

/* Who stamps it anew tells the queue by rekey() alone. */
static void stamp(struct model *m, int i)
{
	WRITE_ONCE(m->e[i].c.c_order, ++m->seq);
}

static void keyed(struct model *m, int i, u64 key)
{
	m->e[i].queued = true;
	m->e[i].key = key;
	m->e[i].seq = m->seq;
}

static void one_step(struct kunit *test, struct model *m)
{
	int i = below(m, m->n);
	struct callout *c = &m->e[i].c;
	u64 key = below(m, m->keys);

	switch (below(m, 8)) {
	case 0 ... 3:
		stamp(m, i);
		if (m->e[i].queued) {
			co_q_ops->rekey(&m->q, c, key);
		} else if (co_q_ops->insert(&m->q, c, key)) {
			KUNIT_ASSERT_FALSE_MSG(test, m->asked, "asked twice");
			m->asked = true;
		}
		keyed(m, i, key);
		break;
	case 4:
		if (m->e[i].queued)
			co_q_ops->remove(&m->q, c);
		taken_off(m, i);
		break;
	case 5:
		i = first(m, -1);
		if (i < 0)
			break;
		KUNIT_ASSERT_PTR_EQ(test, co_q_ops->pop(&m->q), &m->e[i].c);
		taken_off(m, i);
		break;
	case 6:
		/* Moved by a store, which the queue is not to look at. What is in the tree is not moved so. */
		if (m->e[i].queued && !(c->c_gate & CO_GATE_SPILL))
			stamp(m, i);
		break;
	default:
		if (m->asked && !below(m, 8))
			see_to_memory(test, m);
	}
}

static void run_model(struct kunit *test, u32 n, u32 keys, int steps)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	u32 seed = get_random_u32();
	int i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	kunit_info(test, "seed %u", seed);
	prandom_seed_state(&m->rnd, seed);
	m->n = n;
	m->keys = keys;
	m->seq = 0u - steps / 4;	/* it wraps */
	m->starved = true;
	co_q_ops->init(&m->q);
	for (i = 0; i < steps; i++) {
		one_step(test, m);
		expect_first(test, m);
		if (i % 256 == 0)
			expect_sound(test, m);
		if (i % 2048 == 2047) {
			m->starved = !m->starved;
			see_to_memory(test, m);
		}
	}
	KUNIT_EXPECT_GT_MSG(test, m->slots, 0, "memory never came");
	KUNIT_EXPECT_GT_MSG(test, co_q_ops->spills(&m->q), 0, "nothing was ever spilled");
	while ((i = first(m, -1)) >= 0) {
		KUNIT_ASSERT_PTR_EQ(test, co_q_ops->pop(&m->q), &m->e[i].c);
		taken_off(m, i);
	}
	expect_sound(test, m);
	kfree(m->mem[0]);
	kfree(m->mem[1]);
}

/* Few, so that there are many different shapes; as many equal keys as not. */
static void small(struct kunit *test)
{
	run_model(test, 40, 8, 40000);
}

static void large(struct kunit *test)
{
	run_model(test, MOST, 100, 10000);
}

static void all_equal(struct kunit *test)
{
	run_model(test, 100, 1, 10000);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(small),
	KUNIT_CASE(large),
	KUNIT_CASE(all_equal),
	{}
};

struct kunit_suite kt_suite_heap = {
	.name = "callout_heap",
	.test_cases = cases,
};
