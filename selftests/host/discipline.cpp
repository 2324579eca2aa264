// SPDX-License-Identifier: GPL-2.0
#include "discipline.hpp"
#include <algorithm>
#include <bit>
#include <vector>

// ---- heap ---------------------------------------------------------------------------

extern "C" {
bool heap_insert_inline(co_queue *q, callout *c, u64 key);
bool heap_remove_inline(co_queue *q, callout *c);
}

namespace {

constexpr std::uint64_t unused = ~0ULL;
constexpr std::uint32_t root = 3;

constexpr std::uint32_t element = CO_QUEUE_ELEMENT;

const co_slot *slots(const co_heap &h)
{
	return reinterpret_cast<const co_slot *>(h.slots);
}

const co_ref *refs(const co_heap &h)
{
	return reinterpret_cast<const co_ref *>(h.refs);
}

std::uint32_t seq(const co_slot &s)
{
	return static_cast<std::uint32_t>(s.who >> 32);
}

bool slot_is_before(const co_slot &a, const co_slot &b)
{
	return a.key != b.key ? a.key < b.key : seq_is_before(seq(a), seq(b));
}

const callout *tree_entry(const rb_node *node)
{
	const auto address = reinterpret_cast<std::uintptr_t>(node) - offsetof(callout, q_node);
	return node ? reinterpret_cast<const callout *>(address) : nullptr;
}

void check_slot(const co_heap &h, std::uint32_t i)
{
	const co_slot &s = slots(h)[i];
	const auto ref = static_cast<std::uint32_t>(s.who);

	require(s.key <= CO_KEY_MAX, "slot {} is not filled", i);
	require(ref && ref % element == 0 && ref < h.cap, "slot {} has ref {}", i, ref);
	const co_ref &r = refs(h)[ref / element];
	require(r.at == i * element, "the ref of slot {} says {}", i, r.at);
	require(r.c->q_ref == ref, "the callout of slot {} has ref {}", i, r.c->q_ref);
	require(!(r.c->c_gate & CO_GATE_SPILL), "callout in slot {} says spilled", i);
	require(i == root || !slot_is_before(s, slots(h)[i / 4 + 2]),
		"slot {} is before its parent", i);
}

void check_array(const co_heap &h)
{
	const std::uint32_t end = h.end / element, cap = h.cap / element;

	for (std::uint32_t i = root; i < end; i++)
		check_slot(h, i);
	const auto is_used = [](const co_slot &s) { return s.key != unused; };
	const co_slot *first = slots(h);
	require(std::none_of(first, first + std::min(root, cap), is_used),
		"a slot before the root is used");
	require(std::none_of(first + std::min(end, cap), first + cap, is_used),
		"a slot from {} on is used", end);
}

// The free refs are all that are not in use, each once.
void check_refs(const co_heap &h)
{
	const std::uint32_t cap = h.cap / element;
	std::vector<bool> seen(cap);
	std::uint32_t ref = h.free, n = 1; // 0 is never used

	for (std::uint32_t i = root; i < h.end / element; i++, n++)
		seen[static_cast<std::uint32_t>(slots(h)[i].who) / element] = true;
	for (; ref < h.cap; n++) {
		require(ref && ref % element == 0 && !seen[ref / element], "ref {} is not free",
			ref);
		seen[ref / element] = true;
		ref = co_heap_next_free(ref, refs(h)[ref / element].at);
	}
	require(ref == std::max(h.cap, element), "the last free ref leads to {}", ref);
	require(n == std::max(cap, 1U), "{} of {} refs are free or in use", n, cap);
}

void check_spill(const co_heap &h)
{
	const rb_node *first = rb_first_cached(&h.spill);
	const callout *last = nullptr;
	std::uint32_t n = 0;

	for (const rb_node *node = first; node; node = rb_next(node), n++) {
		const callout *c = tree_entry(node);
		require(c->c_gate & CO_GATE_SPILL, "callout in the tree does not say spilled");
		require(!last || last->q_key < c->q_key ||
				(last->q_key == c->q_key &&
				 !seq_is_before(static_cast<u32>(c->c_order),
						static_cast<u32>(last->c_order))),
			"the tree is out of order at key {}", c->q_key);
		last = c;
	}
	require(n == h.spilled, "{} in the tree, {} counted", n, h.spilled);
	require(h.spill_first == tree_entry(first), "spill_first is not the tree's first");
}

void check_heap(const co_queue &q)
{
	const co_heap &h = q.heap;

	require(h.end >= root * element && h.end <= std::max(h.cap, root * element),
		"end {} cap {}", h.end, h.cap);
	require(h.low <= h.cap, "low {} cap {}", h.low, h.cap);
	require(!h.spilled || h.low == 0, "insertions may overtake the tree");
	const bool tells = h.end > (root + 1) * element && !h.spilled;
	require(tells == (co_heap_second(&h) != unused),
		"the second key is not told though it is at hand");
	check_array(h);
	check_refs(h);
	check_spill(h);
}

// A step up compares with one parent, a step down four children and what sinks: as "less" and, in
// the worst case, "equal". One goes up or down, not both; each begins with a look which it will be.
unsigned heap_bound(Op op, std::uint64_t n)
{
	const unsigned log4 = n > 1 ? (std::bit_width(n - 1) + 1) / 2 : 0;
	const unsigned depth = log4 + 1, up = 2 * depth, down = 4 * 3 * depth;

	return op == Op::insert ? up : 3 + std::max(up, down);
}

constexpr Discipline all[] = {
	{&co_q_heap_ops, check_heap, heap_bound, heap_insert_inline, heap_remove_inline},
};

} // namespace

std::span<const Discipline> disciplines()
{
	return all;
}
