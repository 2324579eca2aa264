// SPDX-License-Identifier: GPL-2.0
// What the module has given the kernel to call, as the machine calls it. On the CPU that it is for.
#pragma once

#include "machine.hpp"

void kernel_reset();
void cpu_comes(CpuId id);
void cpu_goes(CpuId id);
void run_dispatcher(Machine::Cpu &c);
void idle_begins(bool begins);

// For who looks for a race: the last steps, which SIM_STEPS=n shows when a run fails.
void note_step(const char *what, int number);
void print_steps();
