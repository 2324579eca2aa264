/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/callout: many timers on one file descriptor.
 *
 *	fd = open("/dev/callout", O_RDWR | O_CLOEXEC);
 *	ioctl(fd, CALLOUT_IOC_SETUP, &setup);		timers 0 to n - 1, and a ring for their events
 *	ioctl(fd, CALLOUT_IOC_ARM, &vector);		arm as many of them as one likes
 *	read(fd, events, sizeof(events));		or poll, epoll, SIGIO, or the ring in shared memory
 *
 * A descriptor has one table, shared by all who have the descriptor by dup(), fork() or SCM_RIGHTS. All times are in
 * nanoseconds. The layout is the same for 32-bit and 64-bit programs. callout(4) is the manual page.
 *
 * Every argument begins with its size, as the program knows it, and flags. A longer one than the kernel knows is taken if
 * what is beyond is zero (else E2BIG), a shorter one than the first version is not (EINVAL). Unknown flags are EINVAL,
 * unknown commands ENOTTY. Where a call fails it has written nothing.
 */
#ifndef _UAPI_LINUX_CALLOUT_H
#define _UAPI_LINUX_CALLOUT_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define CALLOUT_IOC_MAGIC	0xDC
#define CALLOUT_IOC_INFO	_IO(CALLOUT_IOC_MAGIC, 0)	/* struct callout_info */
#define CALLOUT_IOC_SETUP	_IO(CALLOUT_IOC_MAGIC, 1)	/* struct callout_setup */
#define CALLOUT_IOC_ARM		_IO(CALLOUT_IOC_MAGIC, 2)	/* struct callout_vector of struct callout_timer */
#define CALLOUT_IOC_CANCEL	_IO(CALLOUT_IOC_MAGIC, 3)	/* struct callout_vector of struct callout_id */
#define CALLOUT_IOC_GET		_IO(CALLOUT_IOC_MAGIC, 4)	/* struct callout_vector of struct callout_timer */
#define CALLOUT_IOC_TEST	_IO(CALLOUT_IOC_MAGIC, 5)	/* struct callout_test */

/**
 * struct callout_info - what there is, filled in by CALLOUT_IOC_INFO
 * @size:		of the structure as the caller knows it; no more than that is written
 * @flags:		0
 * @features:		CALLOUT_FEATURE_*
 * @clock:		the clock that drives the callouts; the name ends with a 0
 * @mode:		"deadline" or "periodic"
 * @resolution_ns:	of that clock
 * @min_interval_ns:	periods that are shorter are counted in full, but reported no more often than that
 * @max_timers:		that a descriptor may have
 * @max_user_timers:	that all descriptors of a user may have together; a ring counts as so many as it was to take events, if
 *			that is more
 * @max_events:		that a ring may have
 * @timers:		of this descriptor; 0 before CALLOUT_IOC_SETUP
 * @events:		that its ring takes; likewise
 * @budget:		how many expiries of a user the kernel deals with at once, in a second; what is beyond waits until the
 *			program calls poll(), epoll_wait() or read(), or for a thread that takes what others leave of a CPU
 */
struct callout_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 features;
	char clock[16];
	char mode[16];
	__aligned_u64 resolution_ns;
	__aligned_u64 min_interval_ns;
	__u32 max_timers;
	__u32 max_user_timers;
	__u32 max_events;
	__u32 timers;
	__u32 events;
	__u32 budget;
};

#define CALLOUT_FEATURE_TEST	(1ULL << 0)	/* CALLOUT_IOC_TEST does something */

/**
 * struct callout_setup - argument of CALLOUT_IOC_SETUP
 * @size:	of the structure
 * @flags:	0
 * @timers:	how many; 1 to max_timers
 * @events:	how many the ring is to take; rounded up to a power of two
 *
 * Once for a descriptor. Errors: EBUSY it has been done; EINVAL out of range; EDQUOT the user has too many timers;
 * ENOMEM.
 */
struct callout_setup {
	__u32 size;
	__u32 flags;
	__u32 timers;
	__u32 events;
};

/**
 * struct callout_vector - argument of CALLOUT_IOC_ARM, _CANCEL and _GET
 * @size:	of the structure
 * @flags:	0
 * @entries:	address of an array
 * @count:	how many elements it has
 * @reserved:	0
 *
 * The call returns how many elements it has dealt with, in their order; each has a result of its own. That is less than
 * @count if there is a signal, or memory that cannot be accessed, after the first one. Errors: ENXIO before
 * CALLOUT_IOC_SETUP; EFAULT, also where the first results could not be written, of what has been done; EINTR.
 */
struct callout_vector {
	__u32 size;
	__u32 flags;
	__aligned_u64 entries;
	__u32 count;
	__u32 reserved;
};

/**
 * struct callout_timer - one timer, to be armed or looked at
 * @id:		which; 0 to timers - 1
 * @flags:	CALLOUT_ARM_*; from CALLOUT_IOC_GET also CALLOUT_ARMED
 * @clockid:	CLOCK_MONOTONIC, CLOCK_BOOTTIME or CLOCK_REALTIME. A timer of CLOCK_REALTIME follows the clock when that is set,
 *		unless it was armed with CALLOUT_ARM_RELATIVE: it is one of CLOCK_MONOTONIC then.
 * @result:	written: negative is -errno; else, 1 if the timer was armed before the call, and then of that no event comes; 0
 *		if not
 * @deadline:	when it is to expire; up to 2^63 - 1. What is over has expired: its event is there when the call returns,
 *		or the timer waits for room in the ring.
 * @interval:	0, or the period in which it expires again, up to 2^63 - 1. Deadlines do not drift: they are @deadline plus a
 *		whole number of intervals. Those that were missed are counted in the next event.
 * @window:	how much later it may be, so that interrupts are shared
 * @user_data:	goes with its events
 *
 * One that is armed already is replaced. Results: ENOENT no such timer; EINVAL unknown flag or clock, a time out of
 * range, CALLOUT_ARM_CLOCK_SET on anything but an absolute CLOCK_REALTIME.
 *
 * CALLOUT_IOC_GET reads @id alone and writes the rest; @deadline is absolute, and 0 if the timer is not armed.
 */
struct callout_timer {
	__u32 id;
	__u32 flags;
	__s32 clockid;
	__s32 result;
	__aligned_u64 deadline;
	__aligned_u64 interval;
	__aligned_u64 window;
	__aligned_u64 user_data;
};

#define CALLOUT_ARM_RELATIVE	(1U << 0)	/* deadline counts from now */
#define CALLOUT_ARM_CLOCK_SET	(1U << 1)	/* have an event, too, each time that CLOCK_REALTIME is set */
#define CALLOUT_ARMED		(1U << 31)

/**
 * struct callout_id - one timer, to be cancelled
 * @id:		which
 * @result:	written: 1 it was armed, 0 it was not, or -ENOENT
 *
 * When the call has returned the timer does not expire any more. Events that it had before are still delivered; one that
 * waits, for room or beyond the budget, is armed, and has none.
 */
struct callout_id {
	__u32 id;
	__s32 result;
};

/**
 * struct callout_event - a timer has expired; what read() returns an array of, and what the ring holds
 * @id:		which
 * @flags:	CALLOUT_EVENT_*
 * @overruns:	how many periods have ended before, since its last event, without an event: the interval is shorter than the
 *		time it took to tell of it, or there was no room in the ring
 * @user_data:	of when it was armed
 * @deadline:	that has come, on the timer's clock
 * @fired_at:	when the kernel told of it, on the same clock; never before @deadline
 */
struct callout_event {
	__u32 id;
	__u32 flags;
	__aligned_u64 overruns;
	__aligned_u64 user_data;
	__aligned_u64 deadline;
	__aligned_u64 fired_at;
};

#define CALLOUT_EVENT_CLOCK_SET	(1U << 0)	/* the clock was set since the last event */
#define CALLOUT_EVENT_EXPIRED	(1U << 1)	/* the timer has expired; not set if the clock was set, and no more */

/*
 * mmap(), MAP_SHARED alone, from one of these offsets:
 *
 * CALLOUT_MMAP_SLOTS: __u64 deadline[timers]. The deadline of each armed timer, on its clock; 0 where it is not armed. An
 * armed timer is moved to a later time by a compare-and-swap of its word from the deadline that was read, not 0, to
 * the new one. If the word has changed meanwhile the timer has expired, or was armed or cancelled. A deadline that is
 * made earlier so, is not kept: the timer expires no earlier than it was armed for.
 *
 * CALLOUT_MMAP_EVENTS: struct callout_ring.
 */
#define CALLOUT_MMAP_SLOTS	0x00000000
#define CALLOUT_MMAP_EVENTS	0x10000000

/**
 * struct callout_ring - the events, in memory that is shared with the kernel
 * @head:	number of the next event to come, modulo 2^32. Written by the kernel, after the event: load-acquire.
 * @flags:	CALLOUT_RING_BACKLOG: timers have expired for whose events there is no room. They are armed still, and are told of, in
 *		no order, when some is made and the kernel is told, by poll() or read(), or by epoll_wait() unless that is
 *		edge-triggered, or sees it when another timer expires. Written by the kernel.
 * @size:	events that there is room for, a power of two. Written by the kernel, once.
 * @tail:	number of the next event to be taken. Written by who takes it, when it has been copied: store-release. read()
 *		takes from the same ring.
 * @event:	number n is event[n & (size - 1)]
 */
struct callout_ring {
	__u32 head;
	__u32 flags;
	__u32 size;
	__u32 reserved[13];
	__u32 tail;
	__u32 reserved2[15];
	struct callout_event event[];
};

#define CALLOUT_RING_BACKLOG	(1U << 0)

/**
 * struct callout_test - one of the kernel's own scenarios, run by CALLOUT_IOC_TEST
 * @size:	of the structure
 * @flags:	0
 * @name:	which; ends with a 0
 * @arg:	how many callouts; 1 to 2^20
 * @result:	written: what it has counted
 *
 *	order	callouts for one time			ran, ran out of order
 *	moves	callouts that are moved by stores	ran, ran early, arms and moves of a pending one
 *	stop	callouts stopped as they run, and freed	armed, stopped before they ran, had run
 *
 * Only where the module was loaded with selftest=1, else EOPNOTSUPP; EPERM without CAP_SYS_ADMIN; ENOENT no such scenario;
 * EINVAL; ENOMEM.
 */
struct callout_test {
	__u32 size;
	__u32 flags;
	char name[32];
	__aligned_u64 arg;
	__aligned_u64 result[4];
};

/*
 * A callout of the kernel's, for structures that are shared with it: its size and alignment, and nothing that can be used.
 * The kernel's own definition, linux/callout.h, is checked against these.
 */
#define CALLOUT_OPAQUE_SIZE	80
#define CALLOUT_OPAQUE_ALIGN	8
#ifndef __KERNEL__
struct callout {
	__u8 opaque[CALLOUT_OPAQUE_SIZE];
} __attribute__((aligned(CALLOUT_OPAQUE_ALIGN)));
#endif

#endif /* _UAPI_LINUX_CALLOUT_H */
