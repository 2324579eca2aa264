// SPDX-License-Identifier: GPL-2.0
// What the queues alone cost, beside the standard library's as a scale. Not a test: run it by hand.
#include "rig.hpp"
#include <benchmark/benchmark.h>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <vector>

namespace {

// Keys as of timers up to a second from a now that goes on.
class Keys {
public:
	explicit Keys(std::size_t n) : n(n) {}
	std::uint64_t next() { return (now += 1000000000 / n) + random() % 1000000000; }
	std::uint64_t later(std::uint64_t key) { return key + random() % 1000000; }
	std::size_t any() { return random() % n; }

private:
	std::size_t n;
	std::uint64_t now = 0;
	std::minstd_rand random{1};
};

// A discipline behind the calls that the benchmarks make.
class Queue {
public:
	Queue(const co_queue_ops &o, std::size_t n) : ops(o), callouts(n), keys(n) { ops.init(&q); }
	~Queue() { ops.fini(&q); }
	Queue(const Queue &) = delete;
	Queue &operator=(const Queue &) = delete;

	void insert(std::size_t i, std::uint64_t key)
	{
		callouts[i].c_order = ++armed;
		keys[i] = key;
		if (ops.insert(&q, &callouts[i], key))
			serve(ops, q, memory);
	}
	void remove(std::size_t i) { ops.remove(&q, &callouts[i]); }
	void rekey(std::size_t i, std::uint64_t key)
	{
		callouts[i].c_order = ++armed;
		keys[i] = key;
		ops.rekey(&q, &callouts[i], key);
	}
	std::size_t pop() { return static_cast<std::size_t>(ops.pop(&q) - callouts.data()); }
	std::uint64_t key(std::size_t i) const { return keys[i]; }

private:
	const co_queue_ops &ops;
	Memory memory;
	co_queue q;
	std::vector<callout> callouts;
	std::vector<std::uint64_t> keys;
	std::uint32_t armed = 0;
};

class Multimap {
public:
	explicit Multimap(std::size_t n) : places(n) {}
	void insert(std::size_t i, std::uint64_t key) { places[i] = map.emplace(key, i); }
	void remove(std::size_t i) { map.erase(places[i]); }
	void rekey(std::size_t i, std::uint64_t key)
	{
		auto node = map.extract(places[i]);
		node.key() = key;
		places[i] = map.insert(std::move(node));
	}
	std::size_t pop()
	{
		const std::size_t i = map.begin()->second;
		map.erase(map.begin());
		return i;
	}
	std::uint64_t key(std::size_t i) const { return places[i]->first; }

private:
	std::multimap<std::uint64_t, std::size_t> map;
	std::vector<std::multimap<std::uint64_t, std::size_t>::iterator> places;
};

// Can neither remove nor re-key.
class PriorityQueue {
public:
	explicit PriorityQueue(std::size_t) {}
	void insert(std::size_t i, std::uint64_t key) { q.emplace(key, i); }
	std::size_t pop()
	{
		const std::size_t i = q.top().second;
		q.pop();
		return i;
	}

private:
	using Entry = std::pair<std::uint64_t, std::size_t>;
	std::priority_queue<Entry, std::vector<Entry>, std::greater<>> q;
};

template <class Q>
void fill(Q &q, Keys &keys, std::size_t n)
{
	for (std::size_t i = 0; i < n; i++)
		q.insert(i, keys.next());
}

// The first is taken and armed anew: a periodic timer.
template <class Make>
void pop_insert(benchmark::State &state, Make make)
{
	const auto n = static_cast<std::size_t>(state.range(0));
	auto q = make(n);
	Keys keys(n);

	fill(*q, keys, n);
	for (auto _ : state)
		q->insert(q->pop(), keys.next());
}

// One of the middle is stopped and armed anew: a timeout that did not come.
template <class Make>
void remove_insert(benchmark::State &state, Make make)
{
	const auto n = static_cast<std::size_t>(state.range(0));
	auto q = make(n);
	Keys keys(n);

	fill(*q, keys, n);
	for (auto _ : state) {
		const std::size_t i = keys.any();
		q->remove(i);
		q->insert(i, keys.next());
	}
}

// One is moved a little later.
template <class Make>
void rekey_later(benchmark::State &state, Make make)
{
	const auto n = static_cast<std::size_t>(state.range(0));
	auto q = make(n);
	Keys keys(n);

	fill(*q, keys, n);
	for (auto _ : state) {
		const std::size_t i = keys.any();
		q->rekey(i, keys.later(q->key(i)));
	}
}

template <class Make>
void add(const std::string &name, Make make)
{
	auto ranged = [](auto *b) { b->RangeMultiplier(10)->Range(100, 1000000); };

	ranged(benchmark::RegisterBenchmark(("pop+insert/" + name).c_str(),
					    [=](benchmark::State &s) { pop_insert(s, make); }));
	if constexpr (requires { make(1)->remove(0); }) {
		ranged(benchmark::RegisterBenchmark(
			("remove+insert/" + name).c_str(),
			[=](benchmark::State &s) { remove_insert(s, make); }));
		ranged(benchmark::RegisterBenchmark(
			("rekey/" + name).c_str(),
			[=](benchmark::State &s) { rekey_later(s, make); }));
	}
}

} // namespace

int main(int argc, char **argv)
{
	for (const Discipline &d : disciplines())
		add(d.ops->name,
		    [ops = d.ops](std::size_t n) { return std::make_unique<Queue>(*ops, n); });
	add("multimap", [](std::size_t n) { return std::make_unique<Multimap>(n); });
	add("priority_queue", [](std::size_t n) { return std::make_unique<PriorityQueue>(n); });
	benchmark::Initialize(&argc, argv);
	benchmark::RunSpecifiedBenchmarks();
}
