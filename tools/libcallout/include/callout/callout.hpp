// SPDX-License-Identifier: MIT
// libcallout: many timers on one file descriptor, re-armed by a store.
//
//	device.hpp	/dev/callout, opened
//	timer.hpp	one timer
//	batch.hpp	many of them by one call
//	ring.hpp	their events, in memory that is shared with the kernel
//	loop.hpp	coroutines that sleep, and functions that are called
//	clock.hpp, event.hpp, error.hpp, slot.hpp, task.hpp, abi.hpp: what these are made of
//
// callout(4) is the manual page of the device.
#pragma once

#include "abi.hpp"
#include "batch.hpp"
#include "clock.hpp"
#include "device.hpp"
#include "error.hpp"
#include "event.hpp"
#include "loop.hpp"
#include "ring.hpp"
#include "slot.hpp"
#include "task.hpp"
#include "timer.hpp"
