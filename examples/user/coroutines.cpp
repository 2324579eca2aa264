// SPDX-License-Identifier: MIT
// Coroutines that sleep: a thousand workers, a request that is tried again after longer and longer
// pauses, and a timeout.
#include <callout/callout.hpp>
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <system_error>

using namespace std::chrono_literals;
using callout::task;

namespace {

task<> worker(callout::device &dev, int &done)
{
	for (int i = 0; i < 10; i++)
		co_await dev.sleep_for(1ms);
	++done;
}

// Answers the fifth time.
task<int> request(callout::device &dev)
{
	auto pause = 1ms;

	for (int tries = 1; tries < 5; tries++, pause *= 2)
		co_await dev.sleep_for(pause);
	co_return 5;
}

task<int> with_deadline(callout::device &dev)
{
	const auto deadline = std::chrono::steady_clock::now() + 10s;
	const int tries = co_await request(dev);

	if (std::chrono::steady_clock::now() > deadline)
		throw std::runtime_error("too late");
	co_return tries;
}

} // namespace

int main()
try {
	callout::device dev(2000);
	callout::loop loop(dev);
	int done = 0;

	for (int i = 0; i < 1000; i++)
		loop.spawn(worker(dev, done));
	std::cout << "answered after " << loop.run(with_deadline(dev)) << " tries\n";

	// Of what the loop still runs nothing is left when it goes; here it comes to an end by
	// itself.
	const auto timeout = loop.after(20s, [&](const callout::event &) { loop.stop(); });
	callout::handler watch = loop.every(1ms, [&](const callout::event &) {
		if (done == 1000)
			loop.stop();
	});
	loop.run();
	std::cout << done << " workers have slept ten times each\n";
	return done == 1000 ? 0 : 1;
} catch (const std::exception &e) {
	std::cerr << "coroutines: " << e.what() << '\n';
	return 1;
}
