/* SPDX-License-Identifier: GPL-2.0 */
/* What the locks count and forget. */
#ifndef SIM_LOCKS_H
#define SIM_LOCKS_H

/* A new machine: nobody holds any. */
void sim_locks_reset(void);
/* Does this CPU hold any? */
bool sim_locks_held(void);
/* The most group locks that a CPU has held at once since the reset. */
unsigned int sim_group_locks_nested(void);

#endif
