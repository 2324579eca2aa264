// SPDX-License-Identifier: GPL-2.0
// The queue code as C++ sees it: the module's own headers, with the macros undone that would hurt
// others.
#pragma once

#include <cstddef>
#include <cstdint>

#define class class_ // a parameter's name in callout.h
extern "C" {
#include <module/queue/queue.h>
#include <module/window.h>
}
#undef class
#undef likely
#undef unlikely
#undef noinline
#undef static_assert
#undef min
#undef max
