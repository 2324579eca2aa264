// SPDX-License-Identifier: MIT
// A timer, and its event.
#include <callout/callout.hpp>
#include <chrono>
#include <iostream>
#include <system_error>

using namespace std::chrono_literals;

int main()
try {
	callout::device dev(1);
	auto t = dev.make_timer();
	callout::event e;

	t.arm_after(100ms, {.user_data = 42});
	while (!dev.ring().pop(e))
		(void)dev.wait();
	std::cout << "hello: timer " << e.id() << " with " << e.user_data() << ", "
		  << e.lateness() / 1us << " us late\n";
} catch (const std::system_error &e) {
	std::cerr << "hello: " << e.what() << '\n';
	return 1;
}
