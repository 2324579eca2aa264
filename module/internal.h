/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of callout.ko share. The theory is at the top of core.c.
 *
 * Lock order: associated lock -> base lock -> base lock of a higher-numbered CPU; and group lock -> lock of the group
 * above -> base lock (group.h). Associated and group locks do not meet. The dispatcher takes associated locks from
 * under the base lock by trylock alone. Under a base lock nothing is allocated, woken, printed or called back, and one
 * queue operation is done at most; two where a callout goes from one queue to another.
 */
#ifndef CALLOUT_INTERNAL_H
#define CALLOUT_INTERNAL_H

#include <linux/callout.h>
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/jump_label.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/static_call.h>
#include <linux/workqueue.h>
#include "compat/compat.h"
#include "group.h"
#include "hw/clock.h"
#include "queue/queue.h"
#include "window.h"

/* The contexts that handlers are called in. */
enum co_ctx { CO_HARD, CO_SOFT, CO_THREAD, CO_NCTX };

/* Each has two queues: of callouts that others may take while this CPU sleeps, and of those bound to a CPU. */
#define CO_BOUND	CO_NCTX
#define CO_NQUEUES	(2 * CO_NCTX)

/* c_attr */
#define CO_ATTR_CLASS		0x07	/* enum co_lock_class */
#define CO_ATTR_UNLOCKED	0x08	/* CALLOUT_RETURNUNLOCKED */
#define CO_ATTR_SHARED		0x10	/* CALLOUT_SHAREDLOCK */
#define CO_ATTR_VALID		0x20	/* has been initialised */
#define CO_ATTR_AFFINITY	0xc0	/* enum co_affinity << 6 */
#define CO_ATTR_BOUND		0x80	/* strong or on: not to be taken away from its CPU */

/* enum callout_affinity, and what an arm for a CPU makes of CALLOUT_AFFINITY_NONE. */
enum co_affinity {
	CO_AFF_NONE = CALLOUT_AFFINITY_NONE,
	CO_AFF_WEAK = CALLOUT_AFFINITY_WEAK,
	CO_AFF_STRONG = CALLOUT_AFFINITY_STRONG,
	CO_AFF_ON,
	CO_NAFF,
};
static_assert(CO_AFF_ON << 6 == CO_ATTR_AFFINITY && CO_AFF_STRONG << 6 == CO_ATTR_BOUND);

/* c_home: no CPU was asked for, but it was on this one before it was moved to another. Until it is armed anew. */
#define CO_HOME_MOVED		0x8000

/* Someone asleep in callout_drain(), on his own stack. */
struct co_drainer {
	struct list_head link;
	struct completion done;
};

/**
 * struct co_exec - what one context of one CPU is running
 * @curr:	callout whose handler is being called. Written under the base lock. Read under it, or
 *		anywhere by co_running(): while a callout is queued elsewhere, or belongs to the
 *		reader, it can only turn from "this one" to something else.
 * @returned:	the handler has returned and its sleeping lock is being released. Written by the
 *		dispatcher, set with that lock held; exact for who holds it, used by no one else.
 * @crowd:	callouts queued here whose lock was found busy. Base lock.
 * @drained:	to be called when the handler has returned. Base lock.
 * @drainers:	to be woken then. Base lock.
 */
struct co_exec {
	struct callout *curr;
	bool returned;
	u32 crowd;
	callout_func_t *drained;
	struct list_head drainers;
} __aligned(64);

/* Two arrays of @n pages each; see mem.c. Changed by one CPU's growing alone. */
struct co_mem {
	struct page **pages;
	unsigned int n;
	void *map;
};

/* Of one class, as co_stats. */
struct co_class_stats {
	u64 armed;		/* arms and moves, but those by a store */
	u64 home;		/* handlers called on the CPU that was asked for, or where it was armed */
	u64 away;		/* elsewhere */
	u64 migrated;		/* taken from this CPU while pending: it slept, went offline, or came back */
};

/* Counters of one base, written under its lock (or by its CPU with interrupts off), read anyhow. */
struct co_stats {
	struct co_class_stats of[CO_NAFF];
	u64 stopped;		/* pending ones taken off by stop, drain, shutdown */
	u64 fired[CO_NCTX];	/* handlers called */
	u64 rekeyed;		/* heads found stale, that is, moved later by a store */
	u64 contended;		/* trylocks of associated locks that failed */
	u64 interrupts;		/* calls by the clock */
	u64 late;		/* of these, later than CO_LATE_NS after what it was armed for */
	u64 programmed;		/* the clock was armed from outside its interrupt */
	u64 kicks;		/* interrupts sent to another CPU for an arm there */
	u64 slow_handlers;	/* ran longer than handler_warn_us */
	u64 displaced;		/* bound ones that went elsewhere as this CPU went offline */
	u64 pulled;		/* taken by this CPU from one that sleeps, to be run */
	u64 woken;		/* calls by the clock that found this CPU asleep */
	u64 spared;		/* times that others took what was due here, and this CPU slept on */
	u64 max_hold;		/* longest hold of the base lock in cycles; while measured */
};

/* What is counted beside them. */
struct co_totals {
	struct co_stats sum;
	u64 armed;		/* of all classes */
	u64 migrated;		/* likewise */
	u64 pending;		/* queued now */
	u64 spilled;		/* arms that found no slot in a queue */
	u64 misuses;		/* of the API, all kinds */
	u64 clock_failures;	/* clocks given up on */
	u64 rescued;		/* looks of the watchdog that found a CPU overdue, and served it */
};

/* A counter's name, and where it is in struct co_totals. */
struct co_counter {
	const char *name;
	unsigned int at;
};

#define CO_NCOUNTERS	39
extern const struct co_counter co_counters[CO_NCOUNTERS];

/**
 * struct co_base - one per possible CPU
 * @lock:	protects what follows unless said otherwise
 * @online:	may be armed on
 * @isolated:	by the kernel's command line: it gets no callout that is not bound to it. Constant.
 * @takes_any:	online and not isolated. A stale read is of a CPU that is just coming or going, and is made good as
 *		the base's lock is taken.
 * @asleep:	idle, or not online: others look after what is not bound to it. Changed by the CPU itself; read under
 *		@lock, or as a hint.
 * @driven:	a clock is started here and serves it. False while one clock follows another, and offline.
 * @next:	what the clock is armed for: nothing queued here that no one is looking after is
 *		earlier. 0 while the interrupt is being served: it looks after everything. NEVER
 *		while not online, too. Also 0 while not driven, and in periodic mode while the clock
 *		ticks. Changed by the CPU itself; others kick it.
 * @watch:	when something of those CPUs that this one looks after is due. May be too early. Others lower it.
 * @raised:	bit per context whose dispatcher has been told to run, and will look for itself
 * @kicked:	an interrupt is on its way, @csd is in use
 * @queue:	by context, and by context + CO_BOUND
 * @mem:	memory of the queues, likewise; @grow's, or its CPU's coming online
 * @exec:	by context
 * @stats:	counters
 * @hold_start:	for @stats.max_hold
 * @cpu:	constant
 * @home:	c_home of what is asked to run here. Constant.
 * @premature:	calls by the clock before the time that it was armed for, since the watchdog's last look
 * @timely:	others
 * @clock:	that was started here, or NULL. Changed on this CPU, in a thread, where CPUs do not come and
 *		go, or by hotplug.
 * @csd:	by the owner of @kicked
 * @tasklet:	softirq dispatcher
 * @thread:	thread dispatcher; set before @online, valid while it is
 * @grow_irq:	from where no wake-up is allowed to @grow
 * @grow:	gives the queues memory
 */
struct co_base {
	raw_spinlock_t lock;
	bool online;
	bool driven;
	bool kicked;
	bool isolated;
	bool takes_any;
	bool asleep;
	u8 raised;
	u16 home;
	unsigned int cpu;
	u64 next;
	struct co_due watch;
	struct co_queue queue[CO_NQUEUES];
	struct co_mem mem[CO_NQUEUES];
	struct co_exec exec[CO_NCTX];
	struct co_stats stats;
	u32 premature;
	u32 timely;
	u64 hold_start;
	struct callout_clock *clock;
	call_single_data_t csd;
	struct tasklet_struct tasklet;
	struct task_struct *thread;
	struct irq_work grow_irq;
	struct delayed_work grow;
} ____cacheline_aligned;

DECLARE_PER_CPU(struct co_base, co_bases);
extern struct mutex callout_giant;

/* Later than this is more than a busy CPU explains, if it is always so. */
#define CO_LATE_NS	(10 * (u64)NSEC_PER_MSEC)
/* So many calls before their time, between two looks of the watchdog, and twice as many as others, are a storm. */
#define CO_STORM	100U

/* ---- state accessors ------------------------------------------------------------------------ */

static inline u64 co_latest(const struct callout *c)
{
	return ~READ_ONCE(c->c_left);
}

static inline u64 co_window(const struct callout *c)
{
	return co_window_unpack(READ_ONCE(c->c_order) >> 32);
}

/* The earliest time of a deadline @latest with the window in @order. */
static __always_inline u64 co_earliest(u64 latest, u64 order)
{
	u64 window;

	if (likely(!(order >> 32)))
		return latest;
	window = co_window_unpack(order >> 32);
	return latest > window ? latest - window : 0;
}

/*
 * Was the first of a queue moved by a store, so that it is to be re-keyed? A move to the same deadline
 * counts too: it goes behind those armed for it meanwhile.
 */
static __always_inline bool co_moved(const struct co_entry *e, u64 latest, u64 order)
{
	if (likely(latest == e->key))
		return unlikely((u32)order != e->seq);
	return latest > e->key;
}

static inline enum co_lock_class co_class(const struct callout *c)
{
	return c->c_attr & CO_ATTR_CLASS;
}

static inline bool co_has_lock(const struct callout *c)
{
	return !(READ_ONCE(c->c_gate) & CO_GATE_NOLOCK);
}

extern const u8 co_class_ctx[];

static inline enum co_ctx co_ctx(const struct callout *c)
{
	return unlikely(c->c_gate & CO_GATE_DIRECT) ? CO_HARD : co_class_ctx[co_class(c)];
}

static inline enum co_affinity co_affinity(const struct callout *c)
{
	return c->c_attr >> 6;
}

static inline bool co_bound(const struct callout *c)
{
	return c->c_attr & CO_ATTR_BOUND;
}

/* c_home of what is asked to run on a CPU. */
static inline u16 co_home(unsigned int cpu)
{
	return cpu + 1;
}

extern u16 co_attr_queue[];

/* Where it goes but for C_DIRECT_EXEC. */
static inline struct co_queue *co_attr_queue_of(struct co_base *b, const struct callout *c)
{
	return (void *)b + co_attr_queue[c->c_attr];
}

static inline struct co_queue *co_queue_of(struct co_base *b, const struct callout *c)
{
	if (unlikely(c->c_gate & CO_GATE_DIRECT))
		return &b->queue[co_bound(c) ? CO_HARD + CO_BOUND : CO_HARD];
	return co_attr_queue_of(b, c);
}

static inline u16 co_exec_id(const struct co_base *b, enum co_ctx ctx)
{
	return b->cpu << 2 | (ctx + 1);
}

/* The base that a handler was last called on; @id is not 0. */
static inline struct co_base *co_exec_base(unsigned int id)
{
	return per_cpu_ptr(&co_bases, id >> 2);
}

/* Is the handler being called, or its lock being released? Pairs with finish() in expire.c. */
static inline struct co_exec *co_running(const struct callout *c)
{
	unsigned int id = READ_ONCE(c->c_exec);
	struct co_exec *e;

	if (!id)
		return NULL;
	e = &co_exec_base(id)->exec[(id & 3) - 1];
	return unlikely(smp_load_acquire(&e->curr) == c) ? e : NULL;
}

/* ---- core.c --------------------------------------------------------------------------------- */

#define CO_SEVERAL	3	/* callouts that are armed in one hold of the base lock */

struct co_arming {
	struct callout *c;
	u64 left;	/* as c_left */
};

void co_arm_several(const struct co_arming *a, unsigned int n, callout_func_t *func);

/* ---- base lock ------------------------------------------------------------------------------ */

DECLARE_STATIC_KEY_FALSE(co_measure_hold);
void co_hold_begin(struct co_base *b);
void co_hold_end(struct co_base *b);

/*
 * Base locks are only held with interrupts off, so that the preemption count and the function calls
 * of raw_spin_lock() do nothing for them; without them a lock and unlock is 13 instructions, not
 * 34. Kernels that check locks get the whole of it.
 */
#if defined(CONFIG_DEBUG_SPINLOCK) || defined(CONFIG_DEBUG_LOCK_ALLOC)
#define co_raw_lock(b)		raw_spin_lock(&(b)->lock)
#define co_raw_lock_nested(b)	raw_spin_lock_nested(&(b)->lock, SINGLE_DEPTH_NESTING)
#define co_raw_unlock(b)	raw_spin_unlock(&(b)->lock)
#define co_raw_trylock(b)	raw_spin_trylock(&(b)->lock)
#else
#define co_raw_lock(b)		arch_spin_lock(&(b)->lock.raw_lock)
#define co_raw_lock_nested(b)	arch_spin_lock(&(b)->lock.raw_lock)
#define co_raw_unlock(b)	arch_spin_unlock(&(b)->lock.raw_lock)
#define co_raw_trylock(b)	arch_spin_trylock(&(b)->lock.raw_lock)
#endif

static __always_inline void co_lock(struct co_base *b)
{
	co_raw_lock(b);
	if (static_branch_unlikely(&co_measure_hold))
		co_hold_begin(b);
}

static __always_inline void co_unlock(struct co_base *b)
{
	if (static_branch_unlikely(&co_measure_hold))
		co_hold_end(b);
	co_raw_unlock(b);
}

/* Without a call: not where it is held, nor while holds are measured. Interrupts off. */
static __always_inline bool co_trylock_quick(struct co_base *b)
{
	return !static_branch_unlikely(&co_measure_hold) && co_raw_trylock(b);
}

/* Lock the base that a callout is on, or was last. Interrupts off. */
static __always_inline struct co_base *co_lock_base(struct callout *c)
{
	for (;;) {
		unsigned int cpu = READ_ONCE(c->c_cpu);
		struct co_base *b = per_cpu_ptr(&co_bases, cpu);

		co_lock(b);
		if (likely(READ_ONCE(c->c_cpu) == cpu))
			return b;
		co_unlock(b);
	}
}

/* ---- keys ----------------------------------------------------------------------------------- */

DECLARE_STATIC_KEY_FALSE(co_periodic);

/*
 * What a callout is queued by: the latest allowed time, so that the clock need not come before; in periodic
 * mode, where it comes anyway, the earliest.
 */
static __always_inline u64 co_key(u64 latest, u64 order)
{
	return static_branch_unlikely(&co_periodic) ? co_earliest(latest, order) : latest;
}

/* ---- the two queues of a context ------------------------------------------------------------ */

struct co_queue *co_earlier_queue(struct co_queue *free);

/* The first of a context, and whose first it is: mostly one of the two has something, or neither. */
static __always_inline struct co_entry co_first(struct co_base *b, enum co_ctx ctx, struct co_queue **queue)
{
	struct co_queue *q = &b->queue[ctx];

	if (co_q_empty(q))
		q += CO_BOUND;
	else if (unlikely(!co_q_empty(q + CO_BOUND)))
		q = co_earlier_queue(q);
	*queue = q;
	return co_q_first(q);
}

/* ---- core.c --------------------------------------------------------------------------------- */

extern unsigned int co_default_precision_pct;
void co_take_off(struct callout *c);

/* What co_overdue() finds: the CPU's own to look after; left to others, as it sleeps. */
#define CO_OVERDUE	1
#define CO_OVERDUE_LEFT	2

/* ---- percpu.c ------------------------------------------------------------------------------- */

int co_percpu_init(void);
void co_percpu_exit(void);
u64 co_now(void);
bool co_armed_first(struct co_base *b, enum co_ctx ctx, u64 key);
void co_rekey_first(struct co_base *b, struct co_queue *q);
struct co_due co_first_due(const struct co_entry *e);
u64 co_look(struct co_base *b, u64 now, u8 *raise);
void co_program(struct co_base *b, u64 next);
void co_tell_clock(struct co_base *b, u64 next);
void co_reprogram(struct co_base *b);
void co_lock_two(struct co_base *a, struct co_base *b);
void co_unlock_two(struct co_base *a, struct co_base *b);
void co_drive(struct co_base *b, bool on);
void co_rekey_all(void);
u8 co_overdue(struct co_base *b, u64 before, u64 *interrupts);
void co_kick(struct co_base *b);
void co_grow_queues(struct co_base *b);

/* ---- migrate.c ------------------------------------------------------------------------------ */

extern unsigned int co_weak_window_ms;
int co_migrate_init(void);
void co_migrate_exit(void);
int co_idle_init(void);
void co_idle_exit(void);
void co_idle(bool begins);
struct co_base *co_base_for(u8 attr, u16 home, u64 left, struct co_base *on);
void co_set_affinity(struct callout *c, enum co_affinity affinity, u16 home);
void co_awaken(struct co_base *b);
void co_pull(struct co_base *b, u64 now);
void co_leave(struct co_base *b);
void co_hand_over(struct co_base *b);
void co_come_home(struct co_base *b);

/* ---- clocks.c ------------------------------------------------------------------------------- */

extern struct mutex co_clock_mutex;
extern struct callout_clock *co_clock;
extern enum co_mode co_mode;
extern u32 co_frequency_hz;
extern const char *const co_mode_names[];
extern struct callout_clock *const co_clocks[];
void co_no_arm(u64 ns);
u64 co_no_now(void);
DECLARE_STATIC_CALL(co_clock_arm, co_no_arm);
DECLARE_STATIC_CALL(co_clock_now, co_no_now);
u64 co_next_tick(u64 now);
int co_clock_start(struct co_base *b);
void co_clock_stop(struct co_base *b);
int co_clock_set(const char *name, const char *mode, u32 hz);
int co_clock_counters(const struct callout_clock *clock, char *buf);
int co_clocks_init(const char *name, const char *mode, u32 hz);
void co_clocks_exit(void);
void co_clocks_end(void);
u64 co_clock_failures(void);

/* ---- watchdog.c ----------------------------------------------------------------------------- */

void co_watchdog_init(void);
void co_watchdog_exit(void);
u64 co_watchdog_rescued(void);
u64 co_fault_next(u64 ns);
void co_fault_clear(void);
DECLARE_STATIC_KEY_FALSE(co_faulty);

/* ---- sysfs.c -------------------------------------------------------------------------------- */

int co_sysfs_init(void);
void co_sysfs_exit(void);

/* ---- main.c --------------------------------------------------------------------------------- */

extern bool co_thread_fifo;
void co_set_handler_warn_us(unsigned int us);

/* ---- mem.c ---------------------------------------------------------------------------------- */

void *co_mem_grow(struct co_mem *m, size_t bytes, unsigned int cpu, void **old);
void co_mem_free(struct co_mem *m);

/* ---- expire.c ------------------------------------------------------------------------------- */

extern unsigned int co_handler_warn_us;
extern u64 co_handler_warn_cycles;
u64 co_interrupt(bool clock);
void co_run_soft(struct tasklet_struct *t);
void co_run_thread(struct co_base *b);

/* ---- lock.c --------------------------------------------------------------------------------- */

void co_queues_by_attr(void);
int co_lock_held(const struct callout *c, bool exclusive);

/* ---- check.c -------------------------------------------------------------------------------- */

enum co_misuse {
	CO_BAD_INIT, CO_BAD_LOCK, CO_BAD_FLAGS, CO_BAD_CPU, CO_BAD_FUNC, CO_BAD_TIME, CO_BAD_WINDOW,
	CO_BAD_SHUT, CO_BAD_NOT_LOCKED, CO_BAD_DRAIN, CO_BAD_CONTEXT, CO_NMISUSE,
};

void co_misuse(enum co_misuse what, const char *func, unsigned long caller, const char *detail);
u64 co_misuse_count(enum co_misuse what);
#ifdef CONFIG_DEBUG_OBJECTS
void co_debug_init(struct callout *c);
void co_debug_activate(struct callout *c);
void co_debug_deactivate(struct callout *c);
void co_debug_assert_init(struct callout *c);
#else
static inline void co_debug_init(struct callout *c) { }
static inline void co_debug_activate(struct callout *c) { }
static inline void co_debug_deactivate(struct callout *c) { }
static inline void co_debug_assert_init(struct callout *c) { }
#endif

static inline bool co_check_init(const struct callout *c, const char *func, unsigned long caller)
{
	if (likely(c->c_attr & CO_ATTR_VALID))
		return true;
	co_misuse(CO_BAD_INIT, func, caller, "nothing done");
	return false;
}

/* To arm, a shared lock may be held shared, as it is in the handler; to stop it may not. */
static inline void co_check_locked(const struct callout *c, bool exclusive, const char *func,
				   unsigned long caller)
{
	if (IS_ENABLED(CONFIG_LOCKDEP) && co_has_lock(c) && co_lock_held(c, exclusive) == 0)
		co_misuse(CO_BAD_NOT_LOCKED, func, caller, "going on, but nothing is certain");
}

/* ---- state changes under the base lock ------------------------------------------------------ */

static inline bool co_being_drained(const struct callout *c)
{
	const struct co_exec *e = co_running(c);

	return e && (READ_ONCE(e->drained) || !list_empty(&e->drainers));
}

/*
 * Is it on the queue of the base c_cpu, which is locked? c_left does not tell: the store of a move
 * that raced a drain may have come after it was taken off. See "Drain versus move" in core.c.
 */
static __always_inline bool co_queued(const struct callout *c)
{
	return READ_ONCE(c->q_ref) || (c->c_gate & CO_GATE_SPILL);
}

/* It is not, or no longer, put off for a busy lock. */
static __always_inline void co_unpostpone(struct co_base *b, struct callout *c)
{
	if (likely(!(c->c_gate & CO_GATE_RETRY)))
		return;
	WRITE_ONCE(c->c_gate, c->c_gate & ~CO_GATE_RETRY);
	b->exec[co_ctx(c)].crowd--;
}

/* Make it idle, wherever it was. True if it was queued. */
static __always_inline bool co_unqueue(struct co_base *b, struct callout *c)
{
	bool queued = co_queued(c);

	WRITE_ONCE(c->c_left, 0);
	if (!queued)
		return false;
	co_unpostpone(b, c);
	co_debug_deactivate(c);		/* first, as then it may be armed elsewhere */
	co_q_remove(co_queue_of(b, c), c);
	smp_store_release(&c->q_ref, 0);	/* Pairs with arm_here(). */
	return true;
}

/* ---- stats.c -------------------------------------------------------------------------------- */

void co_stats_init(void);
void co_stats_exit(void);
void co_list_init(struct dentry *dir);
struct dentry *co_stats_dir(void);
void co_stats_sum(struct co_stats *sum);
void co_totals(struct co_totals *t);
u64 co_counter_value(const struct co_totals *t, const struct co_counter *counter);

#endif /* CALLOUT_INTERNAL_H */
