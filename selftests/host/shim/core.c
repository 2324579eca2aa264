// SPDX-License-Identifier: GPL-2.0
/*
 * What core.c and the kernel define and the queues' tests need: time, the arming counter.
 */
#include <linux/callout.h>

unsigned long volatile jiffies;
u32 callout_arm_seq;
u64 callout_tick_origin = U64_MAX;
