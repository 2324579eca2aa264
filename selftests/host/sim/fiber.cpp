// SPDX-License-Identifier: GPL-2.0
// A function with a stack of its own, which others are left for and come back to.
#include "fiber.hpp"
#include <cstdint>
#include <new>
#include <sanitizer/common_interface_defs.h>
#include <sys/mman.h>
#include <utility>

namespace {

// The address sanitizer is told of each switch, where it is there.
#if __has_feature(address_sanitizer)
void begin_switch(void **fake, const void *stack, std::size_t size)
{
	__sanitizer_start_switch_fiber(fake, stack, size);
}

void end_switch(void *fake, const void **stack, std::size_t *size)
{
	__sanitizer_finish_switch_fiber(fake, stack, size);
}
#else
void begin_switch(void **, const void *, std::size_t) {}
void end_switch(void *, const void **, std::size_t *) {}
#endif

void *map_stack(std::size_t size)
{
	void *p = mmap(nullptr, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		throw std::bad_alloc();
	// Below it is nothing that is written to without notice.
	mprotect(p, 4096, PROT_NONE);
	return p;
}

} // namespace

void Fiber::Unmap::operator()(void *p) const
{
	munmap(p, size);
}

Fiber::Fiber(std::function<void()> b, std::size_t size)
	: body(std::move(b)), stack(map_stack(size), Unmap{size})
{
	const auto self = reinterpret_cast<std::uintptr_t>(this);

	getcontext(&inside);
	inside.uc_stack.ss_sp = stack.get();
	inside.uc_stack.ss_size = size;
	makecontext(&inside, reinterpret_cast<void (*)()>(start), 2,
		    static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
}

Fiber::~Fiber() = default;

void Fiber::start(unsigned high, unsigned low)
{
	auto *self = reinterpret_cast<Fiber *>(static_cast<std::uintptr_t>(high) << 32 | low);

	end_switch(nullptr, &self->outside_stack, &self->outside_size);
	self->body();
	std::abort();
}

void Fiber::enter()
{
	void *fake = nullptr;

	begin_switch(&fake, inside.uc_stack.ss_sp, inside.uc_stack.ss_size);
	swapcontext(&outside, &inside);
	end_switch(fake, nullptr, nullptr);
}

void Fiber::leave()
{
	begin_switch(&inside_fake, outside_stack, outside_size);
	swapcontext(&inside, &outside);
	end_switch(inside_fake, &outside_stack, &outside_size);
}
