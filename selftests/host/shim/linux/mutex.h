/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in for the kernel's header of this name: the queues only carry pointers to locks. */
#ifndef HOST_LINUX_MUTEX_H
#define HOST_LINUX_MUTEX_H

struct mutex;

#endif
