// SPDX-License-Identifier: GPL-2.0
/*
 * callout: the calls of callout(9) as changes of a callout's state.
 *
 * THEORY GOES HERE
 */
#include <linux/cpumask.h>
#include <linux/hardirq.h>
#include "internal.h"
#define CREATE_TRACE_POINTS
#include "trace.h"

DEFINE_PER_CPU(u32, callout_arm_seq);
EXPORT_PER_CPU_SYMBOL_GPL(callout_arm_seq);
u64 callout_tick_origin;
EXPORT_SYMBOL_GPL(callout_tick_origin);
DEFINE_MUTEX(callout_giant);
EXPORT_SYMBOL_GPL(callout_giant);
unsigned int co_default_precision_pct = 5;

/* arm()'s last argument: CPU plus one, or 0 to leave it; and whether to call from the interrupt. */
#define HOW_CPU		0xffffU
#define HOW_DIRECT	0x10000U

/* ---- life cycle ----------------------------------------------------------------------------- */

void __callout_init(struct callout *c, enum co_lock_class class, void *lock, int flags)
{
	const int known = CALLOUT_RETURNUNLOCKED | CALLOUT_SHAREDLOCK | CALLOUT_TRYLOCK;
	bool locked = class != CO_LOCK_NONE && class != CO_LOCK_NONE_THREAD;
	u8 attr;

	if (flags & ~known)
		co_misuse(CO_BAD_FLAGS, "callout_init_lock", _RET_IP_, "unknown ones ignored");
	if (class == CO_LOCK_GIANT) {
		lock = &callout_giant;
		/* It need not be held by who stops or resets, so it locks out the dispatcher alone. */
		locked = false;
	} else if (locked && !lock) {
		co_misuse(CO_BAD_LOCK, "callout_init_lock", _RET_IP_, "going on without one");
		class = CO_LOCK_NONE;
		locked = false;
	}
	attr = class | CO_ATTR_VALID;
	if (locked && (flags & CALLOUT_RETURNUNLOCKED))
		attr |= CO_ATTR_UNLOCKED;
	if ((class == CO_LOCK_RW || class == CO_LOCK_RWSEM) && (flags & CALLOUT_SHAREDLOCK))
		attr |= CO_ATTR_SHARED;
	co_debug_init(c);
	*c = (struct callout){
		.c_lock = lock,
		.c_cpu = raw_smp_processor_id(),
		.c_gate = CO_GATE_IDLE | (locked ? 0 : CO_GATE_NOLOCK),
		.c_attr = attr,
	};
	trace_callout_init(c);
}
EXPORT_SYMBOL_GPL(__callout_init);

static bool good_cpu(int cpu, const char *func, unsigned long caller)
{
	if (cpu < 0 || cpu >= nr_cpu_ids || !cpu_possible(cpu)) {
		co_misuse(CO_BAD_CPU, func, caller, "left where it was");
		return false;
	}
	if (!cpu_online(cpu))
		co_misuse(CO_BAD_CPU, func, caller, "runs elsewhere until that CPU is online");
	return true;
}

/**
 * callout_set_affinity() - where handlers of a callout should run
 * @c:		the callout
 * @class:	CALLOUT_AFFINITY_NONE, _WEAK or _STRONG
 * @cpu:	the CPU; negative: the one that arms it, each time
 *
 * A property of the callout as a whole, not of one arm. A pending callout stays where it is until it is
 * armed anew. A CPU that does not exist is warned of and leaves the choice as it was; on one that is not
 * online it runs elsewhere meanwhile.
 *
 * Source: A. Oppermann's list of what TCP needs of timers, 2007.
 *
 * Context: Any; with the associated lock held.
 */
void callout_set_affinity(struct callout *c, enum callout_affinity class, int cpu)
{
	unsigned long flags;
	struct co_base *b;

	if (!co_check_init(c, "callout_set_affinity", _RET_IP_))
		return;
	co_check_locked(c, "callout_set_affinity", _RET_IP_);
	if (class > CALLOUT_AFFINITY_STRONG) {
		co_misuse(CO_BAD_FLAGS, "callout_set_affinity", _RET_IP_, "class left as it was");
		return;
	}
	if (cpu >= 0 && !good_cpu(cpu, "callout_set_affinity", _RET_IP_))
		return;
	local_irq_save(flags);
	b = co_lock_base(c);
	c->c_attr = (c->c_attr & ~CO_ATTR_AFFINITY) | class << 5;
	c->c_home = cpu < 0 ? 0 : cpu + 1;
	co_unlock(b);
	local_irq_restore(flags);
}
EXPORT_SYMBOL_GPL(callout_set_affinity);

/* ---- arming --------------------------------------------------------------------------------- */

static bool being_drained(const struct callout *c)
{
	const struct co_exec *e = co_running(c);

	return e && (READ_ONCE(e->drained) || !list_empty(&e->drainers));
}

/* Take a callout that is pending off its queue. */
static __always_inline void take_off(struct co_base *b, struct callout *c)
{
	WRITE_ONCE(c->c_left, 0);
	co_q_remove(co_queue_of(b, c), c);
	co_debug_deactivate(c);
}

/* Let the queues be seen to. Not under a base lock. */
static noinline void want_memory(struct co_base *b)
{
	irq_work_queue(&b->grow_irq);
}

static noinline void trace_start(const struct co_base *b, const struct callout *c)
{
	trace_callout_start(c, c->c_func, co_latest(c), co_window(c), b->cpu);
}

/*
 * On the base that it is to be on: queue it, or if it is @queued move it. Sets what the base lock
 * protects; what the associated lock does is there already.
 */
static __always_inline void enqueue_unlock(struct co_base *b, struct callout *c, u64 left, bool queued)
{
	struct co_queue *q = co_queue_of(b, c);
	bool wants = false;
	u64 key = ~left;

	WRITE_ONCE(c->c_left, left);
	b->stats.armed++;
	if (trace_callout_start_enabled())
		trace_start(b, c);
	if (queued) {
		co_q_rekey(q, c, key);
	} else {
		co_debug_activate(c);
		wants = co_q_insert(q, c, key);
	}
	if (unlikely(key < b->next) && co_armed_first(b, co_ctx(c), key)) {
		co_unlock(b);
		co_tell_clock(b, key);
	} else {
		co_unlock(b);
	}
	if (unlikely(wants))
		want_memory(b);
}

static __always_inline void set_call(struct callout *c, u32 window, callout_func_t *func, void *arg)
{
	c->c_func = func;
	c->c_arg = arg;
	WRITE_ONCE(c->c_order, (u64)window << 32 | __callout_next_seq());
}

/*
 * Put a callout on a queue, or move it there, whatever there is to heed.
 *
 * It goes to the CPU that was asked for; else it stays where it is pending; else it goes to this CPU.
 * Where that means another base than the one it is on, it is taken off, told its new base, and dealt
 * with again from there: one base lock at a time, so that no order among them is needed.
 */
static int arm(struct callout *c, u64 left, u32 window, callout_func_t *func, void *arg,
	       unsigned int how)
{
	u8 direct = how & HOW_DIRECT ? CO_GATE_DIRECT : 0;
	struct co_base *b, *to;
	unsigned long flags;
	int was = 0;
	bool queued;

	local_irq_save(flags);
	for (;;) {
		b = co_lock_base(c);
		if (c->c_gate & CO_GATE_SHUT || being_drained(c)) {
			co_unlock(b);
			local_irq_restore(flags);
			return 0;
		}
		if (how & HOW_CPU)
			c->c_home = how & HOW_CPU;
		queued = c->c_left;
		if (c->c_home)
			to = co_pick_base(c->c_home - 1);
		else
			to = queued ? b : co_pick_base(-1);
		if (to == b && !(queued && ((c->c_gate ^ direct) & CO_GATE_DIRECT)))
			break;
		if (queued) {
			take_off(b, c);
			was = 1;
		}
		c->c_cpu = to->cpu;
		co_unlock(b);
	}
	set_call(c, window, func, arg);
	c->c_gate = (c->c_gate & (CO_GATE_NOLOCK | CO_GATE_SPILL)) | direct;
	enqueue_unlock(b, c, left, queued);
	local_irq_restore(flags);
	return was | queued;
}

/* What to call is in the callout already. */
static noinline int arm_stored(struct callout *c, u64 left)
{
	return arm(c, left, c->c_order >> 32, c->c_func, c->c_arg, 0);
}

/*
 * The usual case of arm(): a lock, which the caller holds, no CPU, no flags, idle; there is a slot, and
 * the clock comes in time as it is. Then nothing needs to be called, and no register saved: what is
 * unusual goes to arm(), in a tail call.
 *
 * What the associated lock protects is stored before the base lock is taken. An idle callout is on no
 * queue and so nobody else's: it changes its base without a look at the old one.
 */
static __always_inline bool can_arm_here(const struct callout *c, callout_func_t *func)
{
	const u8 other = CO_GATE_NOLOCK | CO_GATE_DIRECT | CO_GATE_SHUT | CO_GATE_SPILL;

	return !IS_ENABLED(CONFIG_LOCKDEP) && likely(func && !c->c_home && !(c->c_gate & other) &&
						     c->c_attr & CO_ATTR_VALID && !co_running(c));
}

/* The end of arm_here() where the callout is before its parent. */
static noinline int arm_rise(struct co_base *b, struct co_queue *q, struct callout *c, u64 key,
			     unsigned long flags)
{
	co_q_append(q, c, key);
	co_raw_unlock(b);
	local_irq_restore(flags);
	return 0;
}

static __always_inline int arm_here(struct callout *c, u64 left, u32 window, callout_func_t *func,
				    void *arg)
{
	unsigned long flags;
	struct co_queue *q;
	struct co_base *b;

	set_call(c, window, func, arg);
	if (unlikely(c->c_left) || trace_callout_start_enabled())
		return arm_stored(c, left);
	local_irq_save(flags);
	b = this_cpu_ptr(&co_bases);
	if (unlikely(!co_trylock_quick(b)))
		goto unusual;
	q = co_class_queue_of(b, c);
	if (unlikely(!b->online || ~left < b->next || !co_q_roomy(q))) {
		co_raw_unlock(b);
		goto unusual;
	}
	c->c_cpu = b->cpu;
	c->c_gate = 0;
	WRITE_ONCE(c->c_left, left);
	b->stats.armed++;
	co_debug_activate(c);
	if (!co_q_stays_last(q, ~left))
		return arm_rise(b, q, c, ~left, flags);
	co_q_append_last(q, c, ~left);
	co_raw_unlock(b);
	local_irq_restore(flags);
	return 0;

unusual:
	local_irq_restore(flags);
	return arm_stored(c, left);
}

/*
 * A pending callout without a lock is moved later by one cmpxchg, which the dispatcher's claim (and any
 * other arm or stop) excludes.
 */
static bool move_nolock(struct callout *c, u64 left, u32 window, callout_func_t *func, void *arg,
			unsigned int how)
{
	u8 gate = CO_GATE_NOLOCK | (how & HOW_DIRECT ? CO_GATE_DIRECT : 0);
	u64 old = READ_ONCE(c->c_left);

	if (left > old || READ_ONCE(c->c_gate) != gate || how & HOW_CPU || c->c_func != func ||
	    c->c_arg != arg || c->c_order >> 32 != window)
		return false;
	WRITE_ONCE(c->c_order, (u64)window << 32 | __callout_next_seq());
	return try_cmpxchg(&c->c_left, &old, left);
}

/* arm(), after a look at what the caller may have got wrong. */
static noinline int arm_checked(struct callout *c, u64 left, u32 window, callout_func_t *func,
				void *arg, unsigned int how, const char *what, unsigned long caller)
{
	if (!co_check_init(c, what, caller))
		return 0;
	if (!func) {
		co_misuse(CO_BAD_FUNC, what, caller, "not armed");
		return 0;
	}
	if (how & HOW_CPU && !good_cpu((int)(how & HOW_CPU) - 1, what, caller))
		how &= ~HOW_CPU;
	co_check_locked(c, what, caller);
	co_debug_assert_init(c);
	if (READ_ONCE(c->c_gate) & CO_GATE_SHUT) {
		co_misuse(CO_BAD_SHUT, what, caller, "not armed");
		return 0;
	}
	if (!co_has_lock(c) && move_nolock(c, left, window, func, arg, how))
		return 1;
	return arm(c, left, window, func, arg, how);
}

/* Called in tail position, so that the address it would return to is the caller's of the API. */
static noinline int arm_anyhow(struct callout *c, u64 left, u32 window, callout_func_t *func, void *arg)
{
	return arm_checked(c, left, window, func, arg, 0, "callout_reset", _RET_IP_);
}

/* callout_reset() and relatives with sound times, where a store will not do. */
int __callout_arm(struct callout *c, u64 left, u32 window, callout_func_t *func, void *arg)
{
	if (can_arm_here(c, func))
		return arm_here(c, left, window, func, arg);
	return arm_anyhow(c, left, window, func, arg);
}
EXPORT_SYMBOL_GPL(__callout_arm);

static unsigned int how_cpu(int cpu)
{
	/* Beyond what fits is no CPU either: good_cpu() says so. */
	return cpu == -1 ? 0 : (unsigned int)clamp(cpu, -1, (int)HOW_CPU - 1) + 1 ?: HOW_CPU;
}

int __callout_reset_ticks(struct callout *c, int ticks, callout_func_t *func, void *arg, int cpu)
{
	u64 left;

	if (unlikely(ticks < 1)) {
		if (ticks < 0)
			co_misuse(CO_BAD_TIME, "callout_reset", _RET_IP_, "negative ticks taken as 1");
		ticks = 1;
	}
	left = __callout_ticks_left(ticks);
	return arm_checked(c, left, 0, func, arg, how_cpu(cpu), "callout_reset", _RET_IP_);
}
EXPORT_SYMBOL_GPL(__callout_reset_ticks);

static int arm_window(struct callout *c, s64 earliest, s64 latest, callout_func_t *func, void *arg,
		      unsigned int how, const char *what, unsigned long caller)
{
	earliest = max_t(s64, earliest, 0);
	latest = max_t(s64, latest, 0);
	return arm_checked(c, ~latest, co_window_pack(latest - earliest), func, arg, how, what, caller);
}

int __callout_set_within(struct callout *c, ktime_t earliest, ktime_t latest, callout_func_t *func,
			 void *arg)
{
	if (unlikely(latest < earliest)) {
		co_misuse(CO_BAD_WINDOW, "callout_set_within", _RET_IP_,
			  "latest is before earliest, taken as that");
		latest = earliest;
	}
	return arm_window(c, earliest, latest, func, arg, 0, "callout_set_within", _RET_IP_);
}
EXPORT_SYMBOL_GPL(__callout_set_within);

/* Nanoseconds of a deadline: rounded up, so that sbinuptime() has reached it when they have passed. */
static s64 deadline_ns(sbintime_t sbt)
{
	return (sbt >> 32) * NSEC_PER_SEC +
	       (s64)(((u64)(u32)sbt * NSEC_PER_SEC + U32_MAX) >> 32);
}

static s64 last_tick_ns(void)
{
	return ~__callout_ticks_left(0);
}

/* The least precision that the flags and the default ask for, for an interval. */
static s64 precision(s64 interval, int flags)
{
	int prel = C_PRELGET(flags);

	if (prel >= 0)
		return interval >> min(prel, 63);
	return interval / 100 * READ_ONCE(co_default_precision_pct);
}

/**
 * callout_reset_sbt_on() - run a function at a time with a precision, on a CPU
 * @c:		the callout; its lock, where it has one, is held
 * @sbt:	an interval from now; with C_HARDCLOCK from the last tick boundary, and at least a tick;
 *		with C_ABSOLUTE (or C_PRECALC) a time on the scale of sbinuptime(), that is
 *		CLOCK_MONOTONIC. A negative interval is warned of and taken as 0; a past time is due at once.
 * @pr:		how much later it may run, to share an interrupt with others; not negative. For an interval it
 *		is raised to what C_PREL(x) says (interval >> x), or else to default_precision_pct of it.
 * @func:	the handler, not NULL
 * @arg:	its argument
 * @cpu:	where to run, kept for later arms; -1 leaves that as it is. One that does not exist is
 *		warned of and taken as -1; on one that is offline it runs elsewhere.
 * @flags:	C_DIRECT_EXEC: from the hard interrupt (no lock, or a spinning one). C_PREL(x), C_HARDCLOCK,
 *		C_ABSOLUTE, C_PRECALC, C_CATCH. Unknown ones are warned of and ignored.
 *
 * callout_reset_sbt() is this with @cpu -1, callout_reset_sbt_curcpu() with the caller's CPU, and the
 * callout_schedule_sbt family keeps handler and argument.
 *
 * Source: FreeBSD callout(9).
 *
 * Context: Any, also from the handler itself; with the associated lock held for writing.
 * Return: 1 if a pending call was replaced, else 0. 0 and not armed while the callout is being
 * drained, and after callout_shutdown().
 */
int callout_reset_sbt_on(struct callout *c, sbintime_t sbt, sbintime_t pr, callout_func_t *func,
			 void *arg, int cpu, int flags)
{
	const int known = C_DIRECT_EXEC | C_PREL(0x7e) | C_HARDCLOCK | C_ABSOLUTE | C_PRECALC | C_CATCH;
	unsigned int how = how_cpu(cpu);
	s64 earliest, window;

	if (unlikely(flags & ~(known | C_PREL(0x3e))))
		co_misuse(CO_BAD_FLAGS, "callout_reset_sbt", _RET_IP_, "unknown ones ignored");
	if (unlikely(pr < 0)) {
		co_misuse(CO_BAD_WINDOW, "callout_reset_sbt", _RET_IP_, "negative, taken as 0");
		pr = 0;
	}
	window = sbttons(pr);
	if (flags & (C_ABSOLUTE | C_PRECALC)) {
		earliest = deadline_ns(sbt);
	} else {
		s64 interval = deadline_ns(sbt);

		if (unlikely(interval < 0)) {
			co_misuse(CO_BAD_TIME, "callout_reset_sbt", _RET_IP_,
				  "negative interval taken as 0");
			interval = 0;
		}
		if (flags & C_HARDCLOCK)
			interval = max_t(s64, interval, TICK_NSEC);
		earliest = (flags & C_HARDCLOCK ? last_tick_ns() : (s64)co_now()) + interval;
		window = max(window, precision(interval, flags));
	}
	if (flags & C_DIRECT_EXEC) {
		/* Raw locks are served from there anyway; on PREEMPT_RT the spinning ones sleep. */
		if (co_class_ctx[co_class(c)] == CO_THREAD && !IS_ENABLED(CONFIG_PREEMPT_RT))
			co_misuse(CO_BAD_CONTEXT, "callout_reset_sbt", _RET_IP_, "runs in the thread");
		else if (co_class(c) == CO_LOCK_NONE ||
			 (co_class(c) != CO_LOCK_RAW && !IS_ENABLED(CONFIG_PREEMPT_RT)))
			how |= HOW_DIRECT;
	}
	return arm_window(c, earliest, earliest + window, func, arg, how, "callout_reset_sbt",
			  _RET_IP_);
}
EXPORT_SYMBOL_GPL(callout_reset_sbt_on);

/**
 * callout_when() - what callout_reset_sbt() would make of an interval, for C_PRECALC
 * @sbt:	as in callout_reset_sbt_on()
 * @pr:		likewise
 * @flags:	likewise; with C_ABSOLUTE or C_PRECALC the inputs pass through
 * @sbt_res:	the time
 * @pr_res:	the precision
 *
 * Source: FreeBSD callout(9).
 *
 * Context: Any.
 */
void callout_when(sbintime_t sbt, sbintime_t pr, int flags, sbintime_t *sbt_res, sbintime_t *pr_res)
{
	sbintime_t from;

	if (flags & (C_ABSOLUTE | C_PRECALC)) {
		*sbt_res = sbt;
		*pr_res = pr;
		return;
	}
	if (flags & C_HARDCLOCK) {
		sbt = max(sbt, nstosbt(TICK_NSEC));
		from = nstosbt(last_tick_ns());
	} else {
		from = nstosbt(co_now());
	}
	*sbt_res = sbt > 0 && from > SBT_MAX - sbt ? SBT_MAX : from + sbt;
	*pr_res = max(pr, precision(sbt, flags));
}
EXPORT_SYMBOL_GPL(callout_when);

/* ---- stopping ------------------------------------------------------------------------------- */

/* Whatever its state. */
static noinline int stop_any(struct callout *c, u8 gate)
{
	const struct co_exec *e;
	unsigned long flags;
	struct co_base *b;
	bool pending;

	local_irq_save(flags);
	b = co_lock_base(c);
	e = co_running(c);
	pending = c->c_left;
	if (pending) {
		take_off(b, c);
		b->stats.stopped++;
	}
	c->c_gate = (c->c_gate & ~CO_GATE_RETRY) | gate;
	co_unlock(b);
	local_irq_restore(flags);
	if (e) {
		if (!co_has_lock(c) || !READ_ONCE(e->returned))
			return 0;
		/* "Stop after return" */
		while (co_running(c))
			cpu_relax();
	}
	return pending ? 1 : -1;
}

/* The end of stop() where the callout leaves a hole that is not simply filled. */
static noinline int stop_fill(struct co_base *b, struct co_queue *q, u32 hole, u64 key,
			      struct callout *last, unsigned long flags)
{
	co_heap_fill(&q->heap, hole, key, last);
	co_raw_unlock(b);
	local_irq_restore(flags);
	return 1;
}

/*
 * Stop, and set more bits of the gate. With a lock, which the caller holds, an idle callout is nobody
 * else's: that is told without the base lock. A pending one is taken off as in arm_here(): what is
 * unusual goes to stop_any().
 */
static __always_inline int stop(struct callout *c, u8 gate)
{
	unsigned long flags;
	struct co_slot last;
	struct co_queue *q;
	struct co_base *b;
	u32 hole;

	gate |= CO_GATE_IDLE;
	if (unlikely(c->c_gate & (CO_GATE_NOLOCK | CO_GATE_SPILL) || co_running(c)) ||
	    trace_callout_cancel_enabled())
		return stop_any(c, gate);
	if (!c->c_left) {
		WRITE_ONCE(c->c_gate, c->c_gate | gate);
		return -1;
	}
	local_irq_save(flags);
	b = per_cpu_ptr(&co_bases, READ_ONCE(c->c_cpu));
	if (unlikely(!co_trylock_quick(b)))
		goto unusual;
	if (unlikely(c->c_cpu != b->cpu || c->c_gate & CO_GATE_SPILL)) {
		co_raw_unlock(b);
		goto unusual;
	}
	b->stats.stopped++;
	WRITE_ONCE(c->c_left, 0);
	co_debug_deactivate(c);
	q = co_queue_of(b, c);
	WRITE_ONCE(c->c_gate, (c->c_gate & ~CO_GATE_RETRY) | gate);
	hole = c->q_slot;
	last = co_heap_take_last(&q->heap);
	if (last.c != c) {
		if (co_heap_inner(&q->heap, hole) || !co_heap_stays(&q->heap, hole, last.key))
			return stop_fill(b, q, hole, last.key, last.c, flags);
		co_heap_put(&q->heap, hole, last.key, last.c);
	}
	co_raw_unlock(b);
	local_irq_restore(flags);
	return 1;

unusual:
	local_irq_restore(flags);
	return stop_any(c, gate);
}

/* In tail position, as arm_anyhow(). */
static noinline int stop_checked(struct callout *c)
{
	if (!co_check_init(c, "callout_stop", _RET_IP_))
		return -1;
	co_debug_assert_init(c);
	co_check_locked(c, "callout_stop", _RET_IP_);
	return stop_any(c, CO_GATE_IDLE);
}

/**
 * callout_stop() - the handler will not run
 * @c: the callout; its lock, where it has one, is held for writing
 *
 * With a lock: when this returns nobody refers to the callout or to the lock, and both may be freed at
 * once. (Called from the handler itself: the callout may be freed, the lock not before the dispatcher has
 * released it, unless CALLOUT_RETURNUNLOCKED.) Without a lock, and for Giant, the handler may be running
 * when it returns 0, and callout_drain() is what waits for it.
 *
 * Source: FreeBSD callout(9); atomic as asked for by A. Oppermann, 2007.
 *
 * Context: Any; does not sleep.
 * Return: 1 if it was pending and will not run; -1 if there was nothing to stop; 0 if the handler is
 * running and was not stopped (with a lock this is only seen from the handler itself, and after
 * CALLOUT_RETURNUNLOCKED); a further run it was armed for is off.
 */
int callout_stop(struct callout *c)
{
	if (IS_ENABLED(CONFIG_LOCKDEP) || IS_ENABLED(CONFIG_DEBUG_OBJECTS) ||
	    unlikely(!(c->c_attr & CO_ATTR_VALID)))
		return stop_checked(c);
	return stop(c, 0);
}
EXPORT_SYMBOL_GPL(callout_stop);

/**
 * callout_shutdown() - stop for good
 * @c: the callout; its lock, where it has one, is held for writing
 *
 * As callout_stop(), and a later arm is refused, returns 0 and is warned of once; until the callout is
 * initialised anew. Where there is no lock callout_drain() is to follow.
 *
 * Source: the kernel's timer_shutdown().
 *
 * Context: As callout_stop().
 */
void callout_shutdown(struct callout *c)
{
	if (unlikely(!co_check_init(c, "callout_shutdown", _RET_IP_)))
		return;
	co_debug_assert_init(c);
	co_check_locked(c, "callout_shutdown", _RET_IP_);
	stop(c, CO_GATE_SHUT);
}
EXPORT_SYMBOL_GPL(callout_shutdown);

/*
 * Lock the base that a callout is on and the one that its handler was last called on, so that both its
 * states stand still.
 */
static void lock_both(struct callout *c, struct co_base **on, struct co_base **ran)
{
	for (;;) {
		unsigned int cpu = READ_ONCE(c->c_cpu), id = READ_ONCE(c->c_exec);
		struct co_base *b = per_cpu_ptr(&co_bases, cpu);
		struct co_base *r = id ? co_exec_base(id) : b;

		co_lock_two(b, r);
		if (likely(c->c_cpu == cpu && c->c_exec == id)) {
			*on = b;
			*ran = r;
			return;
		}
		co_unlock_two(b, r);
	}
}

/* Does the handler that is to be waited for wait for us? */
static bool own_handler(const struct callout *c)
{
	const struct co_exec *e = co_running(c);
	const struct co_base *b;

	if (!e)
		return false;
	b = co_exec_base(READ_ONCE(c->c_exec));
	if (e == &b->exec[CO_THREAD])
		return current == b->thread;
	if (b->cpu != raw_smp_processor_id())
		return false;
	return e == &b->exec[CO_HARD] ? in_hardirq() : in_serving_softirq() && !in_hardirq();
}

static bool bad_drain(const struct callout *c, const char *func, unsigned long caller)
{
	if (own_handler(c)) {
		co_misuse(CO_BAD_DRAIN, func, caller, "called from its own handler, only stopped");
		return true;
	}
	if (co_has_lock(c) && co_lock_held(c, false) == 1) {
		co_misuse(CO_BAD_DRAIN, func, caller, "its lock is held, only stopped");
		return true;
	}
	return false;
}

/**
 * callout_drain() - stop, and wait until the handler has returned, on whatever CPU
 * @c: the callout; its lock is not held
 *
 * When this returns nobody refers to the callout or its lock. While it waits, arms are refused. Called
 * from the callout's own handler, or (as far as the kernel can tell) with its lock held, it warns once
 * and does what callout_stop() does.
 *
 * Source: FreeBSD callout(9), but for the value after a wait, where the code was followed.
 *
 * Context: May sleep.
 * Return: 1 if a pending call was cancelled, else -1.
 */
int callout_drain(struct callout *c)
{
	struct co_base *on, *ran;
	struct co_drainer d;
	struct co_exec *e;
	bool pending;

	if (unlikely(!co_check_init(c, "callout_drain", _RET_IP_)))
		return -1;
	co_debug_assert_init(c);
	if (unlikely(bad_drain(c, "callout_drain", _RET_IP_)))
		return stop(c, 0);
	might_sleep();
	init_completion(&d.done);
	local_irq_disable();
	lock_both(c, &on, &ran);
	pending = c->c_left;
	if (pending) {
		take_off(on, c);
		on->stats.stopped++;
	}
	c->c_gate = (c->c_gate & ~CO_GATE_RETRY) | CO_GATE_IDLE;
	e = co_running(c);
	if (e)
		list_add_tail(&d.link, &e->drainers);
	co_unlock_two(on, ran);
	local_irq_enable();
	if (e)
		wait_for_completion(&d.done);
	return pending ? 1 : -1;
}
EXPORT_SYMBOL_GPL(callout_drain);

/**
 * callout_async_drain() - stop, and be told when the handler has returned
 * @c:		the callout
 * @drained:	called with the handler's argument, in the handler's context, without a lock, when the
 *		running handler has returned; only where this returns 0
 *
 * Until then arms are refused. Nothing refers to the callout when @drained is called, nor when this
 * returned another value than 0. From the own handler it is fine.
 *
 * Source: FreeBSD callout(9).
 *
 * Context: Any; does not sleep.
 * Return: 0 if @drained will be called; 1 if a pending call was cancelled and nothing runs; -1 if there
 * was nothing to stop. A second call while the first @drained is due is warned of and returns 0; its
 * @drained is not called.
 */
int callout_async_drain(struct callout *c, callout_func_t *drained)
{
	struct co_base *on, *ran;
	bool pending, twice = false;
	unsigned long flags;
	struct co_exec *e;

	if (unlikely(!co_check_init(c, "callout_async_drain", _RET_IP_)))
		return -1;
	co_debug_assert_init(c);
	if (unlikely(!drained)) {
		co_misuse(CO_BAD_FUNC, "callout_async_drain", _RET_IP_, "only stopped");
		return stop(c, 0);
	}
	local_irq_save(flags);
	lock_both(c, &on, &ran);
	pending = c->c_left;
	if (pending) {
		take_off(on, c);
		on->stats.stopped++;
	}
	c->c_gate = (c->c_gate & ~CO_GATE_RETRY) | CO_GATE_IDLE;
	e = co_running(c);
	if (e) {
		twice = e->drained;
		if (!twice)
			e->drained = drained;
	}
	co_unlock_two(on, ran);
	local_irq_restore(flags);
	if (unlikely(twice))
		co_misuse(CO_BAD_DRAIN, "callout_async_drain", _RET_IP_,
			  "already to be told, only the first is");
	return e ? 0 : pending ? 1 : -1;
}
EXPORT_SYMBOL_GPL(callout_async_drain);

/**
 * callout_deactivate() - say that the callout has been served: callout_active() is false
 * @c: the callout; its lock, where it has one, is held
 *
 * Source: FreeBSD callout(9).
 *
 * Context: Any.
 */
void callout_deactivate(struct callout *c)
{
	unsigned long flags;
	struct co_base *b;

	if (unlikely(!co_check_init(c, "callout_deactivate", _RET_IP_)))
		return;
	local_irq_save(flags);
	b = co_lock_base(c);
	c->c_gate |= CO_GATE_IDLE;
	co_unlock(b);
	local_irq_restore(flags);
}
EXPORT_SYMBOL_GPL(callout_deactivate);

/* For debugobjects' repairs: off the queue, whatever else is wrong. */
void co_take_off(struct callout *c)
{
	unsigned long flags;
	struct co_base *b;

	local_irq_save(flags);
	b = co_lock_base(c);
	if (c->c_left) {
		WRITE_ONCE(c->c_left, 0);
		co_q_remove(co_queue_of(b, c), c);
	}
	co_unlock(b);
	local_irq_restore(flags);
}
