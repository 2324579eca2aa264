// SPDX-License-Identifier: GPL-2.0
/*
 * The heap as core.c and stop.c have it inline in the usual case: arm_here() and stop(), line by line.
 * Returns false, and does nothing, where they would go the long way.
 */
#include <module/queue/queue.h>

bool heap_insert_inline(struct co_queue *q, struct callout *c, u64 key);
bool heap_remove_inline(struct co_queue *q, struct callout *c);

bool heap_insert_inline(struct co_queue *q, struct callout *c, u64 key)
{
	if (!co_q_roomy(q))
		return false;
	if (!co_q_stays_last(q, key))
		co_q_append(q, c, key);
	else
		co_q_append_last(q, c, key);
	return true;
}

bool heap_remove_inline(struct co_queue *q, struct callout *c)
{
	u32 ref = c->q_ref, hole;
	struct co_slot last;

	if (c->c_gate & CO_GATE_SPILL)
		return false;
	c->q_ref = 0;
	hole = co_heap_free_ref(&q->heap, ref);
	last = co_heap_take_last(&q->heap);
	if ((u32)last.who != ref) {
		if (co_heap_inner(&q->heap, hole) || !co_heap_stays(&q->heap, hole, last.key))
			co_heap_fill(&q->heap, hole, last.key, last.who);
		else
			co_heap_put(&q->heap, hole, last.key, last.who);
	}
	return true;
}
