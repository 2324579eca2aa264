// SPDX-License-Identifier: GPL-2.0
// A function with a stack of its own, which others are left for and come back to.
#include "fiber.hpp"
#include <cstdint>
#include <new>
#include <sanitizer/common_interface_defs.h>
#include <sys/mman.h>
#include <utility>

#if !__has_feature(address_sanitizer)
static void __sanitizer_start_switch_fiber(void **, const void *, std::size_t) {}
static void __sanitizer_finish_switch_fiber(void *, const void **, std::size_t *) {}
#endif

namespace {

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

	__sanitizer_finish_switch_fiber(nullptr, &self->outside_stack, &self->outside_size);
	self->body();
	std::abort();
}

void Fiber::enter()
{
	void *fake = nullptr;

	__sanitizer_start_switch_fiber(&fake, inside.uc_stack.ss_sp, inside.uc_stack.ss_size);
	swapcontext(&outside, &inside);
	__sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
}

void Fiber::leave()
{
	__sanitizer_start_switch_fiber(&inside_fake, outside_stack, outside_size);
	swapcontext(&inside, &outside);
	__sanitizer_finish_switch_fiber(inside_fake, &outside_stack, &outside_size);
}
