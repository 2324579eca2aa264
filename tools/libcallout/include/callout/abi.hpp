// SPDX-License-Identifier: MIT
// What the kernel defines, for C++: linux/callout.h, and its structures under shorter names.
//
// linux/callout.h has a `struct callout`, which C++ cannot tell from `namespace callout`. Here it
// is called callout_opaque. So this header stands in for linux/callout.h in C++, and comes first;
// linux/callout.h after it adds nothing. A header that is shared with the kernel and has a `struct
// callout` in it is included the same way: between
// `#define callout callout_opaque` and `#undef callout`.
#pragma once

#ifdef _UAPI_LINUX_CALLOUT_H
#error "include callout/abi.hpp, or any other header of libcallout, before linux/callout.h"
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" // callout_ring ends in an array without a size
#define callout callout_opaque
#include <linux/callout.h>
#undef callout
#pragma GCC diagnostic pop

namespace callout::abi {

using event = ::callout_event;
using info = ::callout_info;
using opaque = ::callout_opaque;
using ring = ::callout_ring;
using setup = ::callout_setup;
using timer = ::callout_timer;
using timer_id = ::callout_id;
using vector = ::callout_vector;

static_assert(sizeof(opaque) == CALLOUT_OPAQUE_SIZE && alignof(opaque) == CALLOUT_OPAQUE_ALIGN);

} // namespace callout::abi
