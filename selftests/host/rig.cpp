// SPDX-License-Identifier: GPL-2.0
#include "rig.hpp"
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>

// ---- memory -------------------------------------------------------------------------

void Memory::Free::operator()(void *mem) const
{
	std::free(mem);
}

Memory::Array Memory::larger(const Array &old, std::size_t kept, std::size_t bytes)
{
	Array mem(std::aligned_alloc(64, bytes));

	if (!mem)
		throw std::bad_alloc();
	std::memset(mem.get(), 0xff, bytes);
	if (kept)
		std::memcpy(mem.get(), old.get(), kept);
	return mem;
}

void Memory::grow(const co_queue_ops &ops, co_queue &q, std::uint32_t slots)
{
	const std::size_t bytes = slots * std::size_t{CO_QUEUE_ELEMENT};
	const std::size_t kept = size * std::size_t{CO_QUEUE_ELEMENT};
	require(slots > size, "{} slots are wanted where {} are", slots, size);
	Array larger_a = larger(a, kept, bytes), larger_b = larger(b, kept, bytes);
	ops.grow(&q, larger_a.get(), larger_b.get(), slots);
	a = std::move(larger_a);
	b = std::move(larger_b);
	size = slots;
}

unsigned serve(const co_queue_ops &ops, co_queue &q, Memory &memory)
{
	unsigned rounds = 0;

	do {
		require(rounds++ < 100, "the queue never comes to rest");
		while (const std::uint32_t slots = ops.wanted(&q))
			memory.grow(ops, q, slots);
		while (ops.settle(&q))
			;
	} while (!ops.rest(&q));
	return rounds;
}

// ---- the rig ------------------------------------------------------------------------

Rig::Rig(const Discipline &discipline, std::size_t callouts, std::uint32_t seq)
	: d(discipline), ops(*discipline.ops), pool(callouts), shadows(callouts), first_seq(seq)
{
	callout_arm_seq = seq;
	ops.init(&q);
	check();
}

Rig::~Rig()
{
	ops.fini(&q);
}

// Does a change, and has what went wrong told with what led there.
template <class Change>
void Rig::step(Step done, Change change)
{
	steps.push_back(done);
	try {
		change();
		check();
	} catch (const Violation &v) {
		throw Violation(fmt::format("{}: {}\n{}", ops.name, v.what(), history()));
	}
}

std::string Rig::history() const
{
	const std::size_t from = steps.size() > 40 ? steps.size() - 40 : 0;
	std::string text = fmt::format("steps {} to {}:", from, steps.size());

	for (std::size_t i = from; i < steps.size(); i++)
		text += fmt::format(" {}{}@{}", steps[i].op, steps[i].id, steps[i].key);
	return text;
}

void Rig::note_arming(Id id)
{
	shadows[id].armed = ++armings;
	require(static_cast<std::uint32_t>(pool[id].c_order) ==
			static_cast<std::uint32_t>(first_seq + armings),
		"the order of arming is not counted by ones");
}

void Rig::forget(Id id)
{
	Shadow &s = shadows[id];

	order.erase({s.key, s.seq});
	s.queued = false;
}

void Rig::take_off(Id id)
{
	require(!spilled(id), "{} is off the queue and says it is in its tree", id);
	pool[id].q_ref = 0;
	forget(id);
}

void Rig::place(Id id, Key key)
{
	Shadow &s = shadows[id];

	if (s.queued)
		forget(id);
	s = {.key = key, .seq = s.armed, .armed = s.armed, .queued = true};
	order.emplace(std::pair(key, s.seq), id);
}

// Callers' inline ways and the queue's own have to be the same: they take turns.
bool Rig::inlined() const
{
	return d.insert_inline && steps.size() % 2;
}

void Rig::insert(Id id, Key key)
{
	const std::uint32_t spills = ops.spills(&q), wanted = ops.wanted(&q);
	const bool done = inlined() && d.insert_inline(&q, &pool[id], key);
	const bool asks = !done && ops.insert(&q, &pool[id], key);

	require(ops.spills(&q) - spills == spilled(id), "spills are counted wrong");
	require(!asks || !asked, "memory is asked for twice");
	asked |= asks;
	require(asked || !wanted, "memory is wanted, but not asked for");
	require(asked || !spilled(id), "a callout is spilled, and nobody asked to see to it");
	require(pool[id].q_ref || spilled(id), "{} is on the queue and says it is not", id);
	place(id, key);
}

void Rig::arm(Id id, Key key)
{
	step({'a', id, key}, [&] {
		callout &c = pool[id];

		c.c_order = __callout_next_seq();
		c.c_left = ~key;
		note_arming(id);
		if (queued(id)) {
			ops.rekey(&q, &c, key);
			place(id, key);
		} else {
			insert(id, key);
		}
	});
}

bool Rig::move(Id id, Key key)
{
	if (!queued(id) || !__callout_may_move(&pool[id], ~key))
		return false;
	step({'m', id, key}, [&] {
		__callout_move(&pool[id], ~key, 0);
		note_arming(id);
	});
	return true;
}

void Rig::rekey(Id id, Key key)
{
	step({'k', id, key}, [&] {
		ops.rekey(&q, &pool[id], key);
		place(id, key);
	});
}

void Rig::hand_over(Id id)
{
	const Key key = shadows[id].key;

	step({'h', id, key}, [&] {
		ops.remove(&q, &pool[id]);
		require(pool[id].q_ref, "{} says it is on no queue on the way to another", id);
		forget(id);
		insert(id, key);
	});
}

void Rig::remove(Id id)
{
	step({'r', id, 0}, [&] {
		callout &c = pool[id];

		c.c_left = 0;
		if (!inlined() || !d.remove_inline(&q, &c))
			ops.remove(&q, &c);
		take_off(id);
	});
}

Rig::Id Rig::pop()
{
	const Id id = first();

	step({'p', id, shadows[id].key}, [&] {
		const callout *c = ops.pop(&q);

		require(c == &pool[id], "popped {}, the first is {}", c - pool.data(), id);
		pool[id].c_left = 0;
		take_off(id);
	});
	return id;
}

// Gives the queue what memory it wants; false if it wants none.
bool Rig::grow()
{
	const std::uint32_t slots = ops.wanted(&q);

	if (slots)
		step({'g', 0, slots}, [&] { memory.grow(ops, q, slots); });
	return slots;
}

bool Rig::settle()
{
	bool more = false;

	step({'s', 0, 0}, [&] { more = ops.settle(&q); });
	return more;
}

void Rig::serve()
{
	if (asked)
		step({'w', 0, 0}, [&] { ::serve(ops, q, memory); });
	asked = false;
}

std::optional<Rig::Key> Rig::second() const
{
	return order.size() < 2 ? std::nullopt
				: std::optional(std::next(order.begin())->first.first);
}

void Rig::check() const
{
	co_queue *queue = const_cast<co_queue *>(&q);
	const co_entry e = ops.first(queue);

	require(ops.count(&q) == order.size(), "count {}, not {}", ops.count(&q), order.size());
	require(!e.c == order.empty(), "first() of {} says {}", order.size(), e.c ? "one" : "none");
	if (e.c) {
		const Shadow &s = shadows[first()];
		require(e.c == &pool[first()], "first is {}, not {}", e.c - pool.data(), first());
		require(e.key == s.key, "first's key is {}", e.key);
		require(e.seq == static_cast<std::uint32_t>(first_seq + s.seq),
			"first's order of arming is {}", e.seq);
	}
	const Key key = ops.second(queue);
	require(key == CO_KEY_NONE || key == second(), "the second key is said to be {}", key);
	if (&ops == co_q_ops) {
		require(co_q_first(queue).c == e.c, "first() inline answers something else");
		require(co_q_second(queue) == key, "second() inline answers something else");
	}
	if (steps.size() % interval == 0)
		d.check(q);
}
