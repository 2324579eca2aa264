/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file format `callout-trace 1`: what a workload did with its timers, in order of time.
 *
 * Little-endian, without padding: a header, then `records` records with times that never go back. The
 * kernel's replayer, the recorder and the driver share this file.
 */
#ifndef CALLOUT_TRACE_FORMAT_H
#define CALLOUT_TRACE_FORMAT_H

#ifdef __KERNEL__
#include <linux/types.h>
typedef __u64 co_trace_u64;
typedef __u32 co_trace_u32;
typedef __u16 co_trace_u16;
typedef __u8 co_trace_u8;
#else
#include <stdint.h>
typedef uint64_t co_trace_u64;
typedef uint32_t co_trace_u32;
typedef uint16_t co_trace_u16;
typedef uint8_t co_trace_u8;
#endif

#define CO_TRACE_MAGIC	"COTRACE1"

struct co_trace_header {
	char magic[8];			/* CO_TRACE_MAGIC, without its final zero */
	co_trace_u32 records;
	co_trace_u32 timers;		/* ids are 0 .. timers - 1 */
	co_trace_u64 duration_ns;	/* from the start of recording to its end */
	co_trace_u64 reserved;		/* 0 */
};

enum co_trace_op {
	CO_TRACE_ARM = 1,		/* armed, or moved: mod_timer(), hrtimer_start() */
	CO_TRACE_CANCEL = 2,
	CO_TRACE_EXPIRED = 3,		/* for information: in a replay the facility expires it */
};

enum co_trace_kind {
	CO_TRACE_TIMER_LIST = 0,
	CO_TRACE_HRTIMER = 1,
};

struct co_trace_record {
	co_trace_u64 time_ns;		/* since the start of recording */
	co_trace_u64 deadline_ns;	/* on the same scale; 0 where nothing is armed */
	co_trace_u32 timer;		/* id */
	co_trace_u16 window_us;		/* how much later than the deadline it may run; saturated */
	co_trace_u8 op;			/* enum co_trace_op */
	co_trace_u8 kind;		/* enum co_trace_kind: what it was when recorded */
};

#endif /* CALLOUT_TRACE_FORMAT_H */
