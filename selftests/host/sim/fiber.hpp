// SPDX-License-Identifier: GPL-2.0
// A function with a stack of its own, which others are left for and come back to.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <ucontext.h>

class Fiber {
public:
	// Runs body at the first enter(); it must not return.
	explicit Fiber(std::function<void()> body, std::size_t stack = 128 * 1024);
	~Fiber();
	Fiber(const Fiber &) = delete;
	Fiber &operator=(const Fiber &) = delete;

	// From the thread's own stack to the fiber, until that leaves.
	void enter();
	// Back to who entered. From inside alone.
	void leave();

private:
	static void start(unsigned high, unsigned low);

	struct Unmap {
		std::size_t size;
		void operator()(void *p) const;
	};

	std::function<void()> body;
	std::unique_ptr<void, Unmap> stack;
	ucontext_t inside{}, outside{};
	// For the address sanitizer, which has to know whose stack is in use.
	void *inside_fake = nullptr;
	const void *outside_stack = nullptr;
	std::size_t outside_size = 0;
};
