/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in for the kernel's header of this name: there is one CPU. */
#ifndef HOST_LINUX_PERCPU_H
#define HOST_LINUX_PERCPU_H

#define DECLARE_PER_CPU(type, name)	extern type name
#define this_cpu_inc(name)		((void)++(name))
#define this_cpu_read(name)		(name)
#define this_cpu_inc_return(name)	(++(name))
#define raw_smp_processor_id()		0

#endif
