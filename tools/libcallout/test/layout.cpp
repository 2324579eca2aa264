// SPDX-License-Identifier: MIT
// The structures' layout, for C++ that includes linux/callout.h, and through callout/abi.hpp.
#ifdef BY_ABI_HPP
#include <callout/abi.hpp>
#include <linux/callout.h> // adds nothing
using opaque = callout::abi::opaque;
#else
#include <linux/callout.h>
using opaque = callout;
#endif
#include <cstddef>

#define CHECK_SIZE(type, bytes) static_assert(sizeof(type) == (bytes));
#define CHECK(type, member, at, bytes)                                                             \
	static_assert(offsetof(type, member) == (at) && sizeof(type::member) == (bytes));
#include "layout.h"

struct shared {
	__u32 number;
	opaque c;
	__u64 after;
};
static_assert(sizeof(opaque) == CALLOUT_OPAQUE_SIZE && alignof(opaque) == CALLOUT_OPAQUE_ALIGN);
static_assert(offsetof(shared, c) == 8 && offsetof(shared, after) == 8 + CALLOUT_OPAQUE_SIZE);
