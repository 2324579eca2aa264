// SPDX-License-Identifier: MIT
// 100,000 connections, each with an idle timeout: whatever arrives re-arms its timeout, by a store.
// They expire when nothing arrives any more.
#include <callout/callout.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <random>
#include <stdexcept>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr std::uint32_t connections = 100'000;
constexpr auto timeout = 1s;

struct connection {
	callout::timer idle;
	bool closed = false;
};

// A packet for a connection. False if its timeout has been told of: it is not to come back to life.
bool receive(connection &c, steady_clock::time_point now)
{
	if (c.closed)
		return false;
	if (c.idle.rearm_at(now + timeout) != callout::rearmed::anew)
		return true;
	c.idle.cancel(); // the event of the timeout is there
	return false;
}

// Packets for random connections.
void receive_for(std::vector<connection> &all, steady_clock::duration how_long)
{
	const auto end = steady_clock::now() + how_long;
	std::minstd_rand random;
	std::size_t n = 0, late = 0;

	// One reading of the clock serves all packets that arrive together.
	for (auto now = steady_clock::now(); now < end; now = steady_clock::now())
		for (int i = 0; i < 64; i++, n++)
			late += !receive(all[random() % connections], now);
	std::cout << n << " packets, " << late << " of them too late\n";
}

} // namespace

int main()
try {
	callout::device dev(connections);
	std::vector<connection> all;
	callout::batch arm(dev);

	all.reserve(connections);
	arm.reserve(connections);
	for (std::uint64_t i = 0; i < connections; i++) {
		all.push_back({.idle = dev.make_timer()});
		// A timeout may be 100 ms late: so few interrupts serve all.
		arm.arm_after(all.back().idle, timeout, {.window = 100ms, .user_data = i});
	}
	if (arm.submit())
		throw std::runtime_error("some timers were not armed");
	receive_for(all, 500ms);

	std::size_t closed = 0, wrong = 0;
	while (closed < connections && dev.wait(10s))
		dev.ring().consume([&](const callout::event &e) {
			connection &c = all[e.user_data()];

			wrong += c.closed || e.fired_at() < e.deadline();
			c.closed = true;
			++closed;
		});
	std::cout << closed << " connections were idle, " << wrong << " wrongly closed\n";
	return closed == connections && !wrong ? 0 : 1;
} catch (const std::exception &e) {
	std::cerr << "idle: " << e.what() << '\n';
	return 1;
}
