/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in for the kernel's header of this name: time that tests move by hand. */
#ifndef HOST_LINUX_JIFFIES_H
#define HOST_LINUX_JIFFIES_H

#include <linux/ktime.h>

#define HZ		250
#define TICK_NSEC	(NSEC_PER_SEC / HZ)

extern unsigned long volatile jiffies;

#endif
