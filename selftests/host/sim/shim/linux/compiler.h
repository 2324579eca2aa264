/* SPDX-License-Identifier: GPL-2.0 */
/* The host's stand-in, but each access that is marked as shared is a place where another CPU may go on. */
#ifndef SIM_LINUX_COMPILER_H
#define SIM_LINUX_COMPILER_H

#include_next <linux/compiler.h>

#ifdef __cplusplus
extern "C" {
#endif
extern bool sim_torn;
void sim_point_at(const char *func, int line);
#ifdef __cplusplus
}
#endif

/* Another CPU may go on here. */
#define sim_point()	(sim_torn ? sim_point_at(__func__, __LINE__) : (void)0)

#undef READ_ONCE
#undef WRITE_ONCE
#define READ_ONCE(x)	(*(sim_point(), (const volatile __typeof__(x) *)&(x)))
#define WRITE_ONCE(x, val)					\
	do {							\
		sim_point();					\
		*(volatile __typeof__(x) *)&(x) = (val);	\
	} while (0)

#endif
