// SPDX-License-Identifier: GPL-2.0
#include "discipline.hpp"
#include <algorithm>
#include <bit>

// ---- heap ---------------------------------------------------------------------------

extern "C" {
bool heap_insert_inline(co_queue *q, callout *c, u64 key);
bool heap_remove_inline(co_queue *q, callout *c);
}

namespace {

constexpr std::uint64_t unused = ~0ULL;
constexpr std::uint32_t root = 3;

bool slot_is_before(const co_slot &a, const co_slot &b)
{
	return a.key != b.key ? a.key < b.key : seq_is_before(a.c->q_seq, b.c->q_seq);
}

const callout *tree_entry(const rb_node *node)
{
	const auto address = reinterpret_cast<std::uintptr_t>(node) - offsetof(callout, q_node);
	return node ? reinterpret_cast<const callout *>(address) : nullptr;
}

void check_slot(const co_heap &h, std::uint32_t i)
{
	const co_slot &s = h.slot[i];

	require(s.c && s.key <= CO_KEY_MAX, "slot {} of {} is not filled", i, h.end);
	require(s.c->q_slot == i, "callout in slot {} says {}", i, s.c->q_slot);
	require(!(s.c->c_gate & CO_GATE_SPILL), "callout in slot {} says spilled", i);
	require(i == root || !slot_is_before(s, h.slot[i / 4 + 2]), "slot {} is before its parent",
		i);
}

void check_array(const co_heap &h)
{
	for (std::uint32_t i = root; i < h.end; i++)
		check_slot(h, i);
	const auto is_used = [](const co_slot &s) { return s.key != unused; };
	require(std::none_of(h.slot, h.slot + std::min(root, h.cap), is_used),
		"a slot before the root is used");
	require(std::none_of(h.slot + std::min(h.end, h.cap), h.slot + h.cap, is_used),
		"a slot from {} on is used", h.end);
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
	require(h.spill_first.c == tree_entry(first), "spill_first is not the tree's first");
	require(h.spill_first.key == (first ? tree_entry(first)->q_key : unused),
		"spill_first's key");
}

void check_heap(const co_queue &q)
{
	const co_heap &h = q.heap;

	require(h.end >= root && h.end <= std::max(h.cap, root), "end {} cap {}", h.end, h.cap);
	require(h.low <= h.cap, "low {} cap {}", h.low, h.cap);
	require(!h.spilled || h.low == 0, "insertions may overtake the tree");
	const bool tells = q.heap.end > root + 1 && !q.heap.spilled;
	require(tells == (co_heap_second(&h) != unused),
		"the second key is not told though it is at hand");
	check_array(h);
	check_spill(h);
}

// A step up compares with one parent, a step down four children: as "less" and, in the worst case,
// "equal".
unsigned heap_bound(Op op, std::uint64_t n)
{
	const unsigned log4 = n > 1 ? (std::bit_width(n - 1) + 1) / 2 : 0;
	const unsigned depth = log4 + 1, up = 2 * depth, down = 3 * 2 * depth;

	return op == Op::insert ? up : op == Op::rekey ? 1 + down + up : down + up;
}

constexpr Discipline all[] = {
	{&co_q_heap_ops, check_heap, heap_bound, heap_insert_inline, heap_remove_inline},
};

} // namespace

std::span<const Discipline> disciplines()
{
	return all;
}
