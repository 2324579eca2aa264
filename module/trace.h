/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints callout:callout_*: each change of a callout's state but a move by a store. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM callout

#if !defined(CALLOUT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define CALLOUT_TRACE_H

#include <linux/tracepoint.h>
#include "compat/compat.h"

DECLARE_EVENT_CLASS(callout_class,
	TP_PROTO(const void *c),
	TP_ARGS(c),
	TP_STRUCT__entry(__field(const void *, c)),
	TP_fast_assign(__entry->c = c;),
	TP_printk("callout=%p", __entry->c)
);

DEFINE_EVENT(callout_class, callout_init, TP_PROTO(const void *c), TP_ARGS(c));
DEFINE_EVENT(callout_class, callout_cancel, TP_PROTO(const void *c), TP_ARGS(c));
DEFINE_EVENT(callout_class, callout_expire_exit, TP_PROTO(const void *c), TP_ARGS(c));

/* Armed, or moved the long way; latest and window in nanoseconds. */
TRACE_EVENT(callout_start,
	TP_PROTO(const void *c, void *func, u64 latest, u64 window, unsigned int cpu),
	TP_ARGS(c, func, latest, window, cpu),
	TP_STRUCT__entry(
		__field(const void *, c)
		__field(void *, func)
		__field(u64, latest)
		__field(u64, window)
		__field(unsigned int, cpu)
	),
	TP_fast_assign(
		__entry->c = c;
		__entry->func = func;
		__entry->latest = latest;
		__entry->window = window;
		__entry->cpu = cpu;
	),
	TP_printk("callout=%p function=%ps latest=%llu window=%llu cpu=%u", __entry->c,
		  __entry->func, __entry->latest, __entry->window, __entry->cpu)
);

TRACE_EVENT(callout_expire_entry,
	TP_PROTO(const void *c, void *func, u64 now),
	TP_ARGS(c, func, now),
	TP_STRUCT__entry(
		__field(const void *, c)
		__field(void *, func)
		__field(u64, now)
	),
	TP_fast_assign(
		__entry->c = c;
		__entry->func = func;
		__entry->now = now;
	),
	TP_printk("callout=%p function=%ps now=%llu", __entry->c, __entry->func, __entry->now)
);

TRACE_EVENT(callout_clock_program,
	TP_PROTO(unsigned int cpu, u64 next),
	TP_ARGS(cpu, next),
	TP_STRUCT__entry(
		__field(unsigned int, cpu)
		__field(u64, next)
	),
	TP_fast_assign(
		__entry->cpu = cpu;
		__entry->next = next;
	),
	TP_printk("cpu=%u next=%llu", __entry->cpu, __entry->next)
);

/* Another clock, mode or frequency; hz is 0 in deadline mode. */
TRACE_EVENT(callout_clock_switch,
	TP_PROTO(const char *from, const char *to, const char *mode, u32 hz),
	TP_ARGS(from, to, mode, hz),
	TP_STRUCT__entry(
		__string(from, from)
		__string(to, to)
		__string(mode, mode)
		__field(u32, hz)
	),
	TP_fast_assign(
		CO_ASSIGN_STR(from, from);
		CO_ASSIGN_STR(to, to);
		CO_ASSIGN_STR(mode, mode);
		__entry->hz = hz;
	),
	TP_printk("from=%s to=%s mode=%s hz=%u", __get_str(from), __get_str(to), __get_str(mode),
		  __entry->hz)
);

TRACE_EVENT(callout_migrate,
	TP_PROTO(const void *c, unsigned int from, unsigned int to, u64 key),
	TP_ARGS(c, from, to, key),
	TP_STRUCT__entry(
		__field(const void *, c)
		__field(unsigned int, from)
		__field(unsigned int, to)
		__field(u64, key)
	),
	TP_fast_assign(
		__entry->c = c;
		__entry->from = from;
		__entry->to = to;
		__entry->key = key;
	),
	TP_printk("callout=%p from=%u to=%u key=%llu", __entry->c, __entry->from, __entry->to,
		  __entry->key)
);

/* A CPU is idle: it wakes at next, and leaves to others what is due at left. */
TRACE_EVENT(callout_cpu_sleep,
	TP_PROTO(unsigned int cpu, u64 next, u64 left),
	TP_ARGS(cpu, next, left),
	TP_STRUCT__entry(
		__field(unsigned int, cpu)
		__field(u64, next)
		__field(u64, left)
	),
	TP_fast_assign(
		__entry->cpu = cpu;
		__entry->next = next;
		__entry->left = left;
	),
	TP_printk("cpu=%u next=%llu left=%llu", __entry->cpu, __entry->next, __entry->left)
);

TRACE_EVENT(callout_cpu_wake,
	TP_PROTO(unsigned int cpu),
	TP_ARGS(cpu),
	TP_STRUCT__entry(__field(unsigned int, cpu)),
	TP_fast_assign(__entry->cpu = cpu;),
	TP_printk("cpu=%u", __entry->cpu)
);

#endif /* CALLOUT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
