/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the module and the simulator meet: what the module needs besides the kernel (its clock, memory), and looks inside it.
 */
#ifndef SIM_MODULE_H
#define SIM_MODULE_H

#include <sim/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The machine's: this CPU's clock. */
void sim_arm(u64 ns);
u64 sim_now(void);

/* The module's, for the machine. */
void sim_module_init(bool periodic, u64 period);
void sim_module_exit(void);
u64 co_clock_event(void);

/* One base, when nothing runs. Times are the keys of what is first, or U64_MAX. */
struct sim_base {
	bool online;
	bool asleep;
	bool isolated;
	u64 next;		/* what the clock is armed for */
	u64 watch;
	u64 unbound;
	u64 bound;
	u32 queued;
	u64 pulled;
	u64 woken;
	u64 spared;
	u64 displaced;
	u64 migrated;
};

struct sim_base sim_look(unsigned int cpu);
/* Whose base lock is it? */
unsigned int sim_base_of(const struct sim_lock *l);

#ifdef __cplusplus
}
#endif

#endif
