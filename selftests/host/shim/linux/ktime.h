/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in for the kernel's header of this name. */
#ifndef HOST_LINUX_KTIME_H
#define HOST_LINUX_KTIME_H

#include <linux/types.h>

#define NSEC_PER_USEC	1000L
#define NSEC_PER_MSEC	1000000L
#define NSEC_PER_SEC	1000000000L

typedef s64 ktime_t;

#endif
