// SPDX-License-Identifier: GPL-2.0
// The module and the kernel's stand-ins as C++ sees them, with the macros undone that would hurt
// others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#define class class_ // a parameter's name in callout.h
extern "C" {
#include <linux/callout.h>
#include <module/group.h>
#include <sim/locks.h>
#include <sim/module.h>
}
#undef class
#undef likely
#undef unlikely
#undef noinline
#undef static_assert
#undef min
#undef max
#undef swap
#undef clamp
#undef current
