// SPDX-License-Identifier: GPL-2.0
// A queue and a model of it side by side: every operation is done on both and then compared.
#pragma once

#include "discipline.hpp"
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Memory as the module gives it to a queue. Each growth is an allocation of its own and the one
// before is freed, so that the address sanitizer sees what leaves it, and what clings to the old
// one.
class Memory {
public:
	void grow(const co_queue_ops &ops, co_queue &q, std::uint32_t slots);
	std::uint32_t slots() const { return size; }

private:
	struct Free {
		void operator()(void *mem) const;
	};
	using Array = std::unique_ptr<void, Free>;

	static Array larger(const Array &old, std::size_t kept, std::size_t bytes);

	Array a, b;
	std::uint32_t size = 0;
};

// The worker's round, as grow_queue() in percpu.c where there is memory. Returns how many rounds it
// took.
unsigned serve(const co_queue_ops &ops, co_queue &q, Memory &memory);

// The model: callouts ordered by key, and equal keys by the order of arming, which unlike the
// module's never wraps. Callouts are named by their index.
class Rig {
public:
	using Id = std::uint32_t;
	using Key = std::uint64_t;

	Rig(const Discipline &discipline, std::size_t callouts, std::uint32_t first_seq = 0);
	~Rig();
	Rig(const Rig &) = delete;
	Rig &operator=(const Rig &) = delete;

	// What callers do.
	void arm(Id id, Key key);
	bool move(Id id,
		  Key key); // in place, as the inline functions do; false where they would not
	void remove(Id id);

	// What the dispatcher and the hotplug code do: the order of arming stays.
	Id pop();
	void rekey(Id id, Key key);
	void settle_moved(Id id) { rekey(id, latest(id)); }
	void hand_over(Id id);

	// What the worker does.
	bool grow();
	bool settle();
	void serve();

	bool queued(Id id) const { return shadows[id].queued; }
	bool spilled(Id id) const { return pool[id].c_gate & CO_GATE_SPILL; }
	Key latest(Id id) const { return ~pool[id].c_left; }
	std::size_t size() const { return order.size(); }
	std::size_t capacity() const { return pool.size(); }
	std::uint32_t slots() const { return memory.slots(); }
	Id first() const { return order.begin()->second; }
	std::optional<Key> second() const;
	const co_queue &queue() const { return q; }
	// Looks inside the queue after every n-th step, instead of each.
	void check_every(std::size_t n) { interval = n; }
	std::string history() const;

private:
	// Where the model has a callout, and when it was armed last, which a move changes alone.
	struct Shadow {
		Key key = 0;
		std::uint64_t seq = 0;
		std::uint64_t armed = 0;
		bool queued = false;
	};
	struct Step {
		char op;
		Id id;
		Key key;
	};

	bool inlined() const;
	void insert(Id id, Key key);
	void place(Id id, Key key);
	void forget(Id id);
	void take_off(Id id);
	void note_arming(Id id);
	void check() const;
	template <class Change>
	void step(Step done, Change change);

	const Discipline &d;
	const co_queue_ops &ops;
	Memory memory;
	co_queue q;
	std::vector<callout> pool;
	std::vector<Shadow> shadows;
	std::map<std::pair<Key, std::uint64_t>, Id> order;
	std::uint64_t armings = 0;
	std::uint32_t first_seq;
	bool asked = false;
	std::vector<Step> steps;
	std::size_t interval = 1;
};
