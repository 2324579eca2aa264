// SPDX-License-Identifier: GPL-2.0
/*
 * callout: the calls of callout(9) as changes of a callout's state.
 *
 * Why
 * ===
 * A network stack re-arms a timer for each packet and hardly ever lets it fire; it frees the timer
 * together with the session, under the session's lock, and cannot wait there. So three things are
 * to be cheap or simple: to move a deadline later (a store), to stop for good (atomic, no wait),
 * and to share interrupts (windows). The price is that a queue entry may be stale, and that the
 * dispatcher may find a lock taken. Both are paid by the dispatcher, when a deadline is near, not
 * by each packet.
 *
 *	  callout_reset()            clock interrupt        softirq, thread
 *	        |                          |                       |
 *	        v                          v                       v
 *	  +-- base of CPU n ---------------------------------------------+
 *	  | lock     queue[HARD]     queue[SOFT]     queue[THREAD]       |
 *	  |          queue[+ BOUND]  queue[+ BOUND]  queue[+ BOUND]      |
 *	  |          exec[HARD]      exec[SOFT]      exec[THREAD]        |
 *	  | next: what the clock is armed for      raised: told to run   |
 *	  +--------------------------------------------------------------+
 *
 * Each CPU has a base; a base has for each context that handlers run in two queues (what is armed; one of them of what
 * is bound to the CPU, for which see migrate.c) and an exec (what is being called). There is no list between them: a
 * dispatcher takes the first callout of its two queues, tries its lock, takes it off and calls it, one at a time. What is due but
 * not yet called is simply still queued, and can be stopped or moved like everything else that is
 * queued.
 *
 * State
 * =====
 *	IDLE	c_left == 0, on no queue
 *	QUEUED	c_left != 0, on the queue of base c_cpu with a key <= latest (co_latest()), or,
 *		while CO_GATE_RETRY counts, with a later key at which its lock is tried again
 *	RUNNING	exec[c_exec].curr == c; beside IDLE or QUEUED, as a handler may arm its callout
 *
 * A key is the latest allowed time. The clock is armed for the smallest key, and then every callout
 * at the head whose earliest time has come is called. One further back whose earliest time has come
 * too may have to wait behind a head whose has not; but that head's latest time is no later than
 * its own, so the interrupt that serves the head serves both. Hence the number of interrupts is
 * that of the greedy stabbing of all windows, which is the least possible.
 *
 * The rule
 * ========
 * A callout is dereferenced by the dispatcher only (a) under its CPU's base lock while it is on
 * that CPU's queue, or (b) with its associated lock held, taken by trylock under (a); and never
 * once its handler has been called, but to release that lock (not even that with
 * CALLOUT_RETURNUNLOCKED).
 *
 * Without a lock (b) is a claim: cmpxchg of c_left to 0 under (a). From there to the return of the
 * handler it is exec.curr that says so, and callout_drain() that waits for it.
 *
 * What may be relied on
 * =====================
 *  - Never early: a handler is called when the clock reads its earliest time or later.
 *  - Equal deadlines of one context run in the order in which one CPU armed them, also when moved:
 *    each arm and move stamps c_order from a counter of the arming CPU (the CPUs' counters are kept
 *    near each other, as they are compared modulo 2^32). A queue orders by its own copy of the
 *    stamp, taken when it keys the callout, as a move stores to c_order behind its back.
 *  - A base lock is held for one queue operation at most, and nothing is allocated, woken, printed
 *    or called under it. Interrupts are let in between two handlers, in the hard context after 64.
 *  - A handler never runs on two CPUs, or in two contexts, at once.
 *
 * Races
 * =====
 * Each of these has a test of its name in kunit/.
 *
 * Stop versus fire
 * ----------------
 *	CPU 0, holds c's lock		CPU 1, dispatcher
 *					1. base lock; c is first and due
 *					2. trylock(c's lock) fails
 *	3. callout_stop(c)		   postpone: new key, base unlock
 *	4. base lock; take c off; base unlock
 *	5. unlock; kfree(c)		6. base lock; c is not there
 * Had 2. succeeded, CPU 0 could not be the holder. Between 1. and the end of 2. CPU 0 cannot free
 * c, as 4. needs the base lock. Nothing of c is kept across the base unlock after 2.
 *
 * Stop after return
 * -----------------
 *	CPU 0				CPU 1, dispatcher
 *					1. handler returns
 *					2. exec.returned = true
 *					3. mutex_unlock(c's lock): owner cleared ...
 *	4. mutex_lock(c's lock)
 *	5. callout_stop(c): idle
 *	6. mutex_unlock, kfree(c)	7. ... mutex_unlock() looks at the mutex for waiters
 * A spinning lock is free in the one store that releases it, and that is done under the base lock
 * after exec.curr has been cleared, so 5. finds plain "idle". A sleeping lock's release goes on
 * after its next owner has it. So 5. sees RUNNING with exec.returned, reports "idle", and waits
 * till exec.curr changes. The dispatcher has preemption off from 2. until then, so the wait is
 * short and on another CPU. The same goes for a lock that was tried, taken, and is given back
 * because c was moved meanwhile.
 *
 * Drain versus re-arm
 * -------------------
 *	CPU 0				CPU 1, handler of c (no lock)
 *	1. callout_drain(c)
 *	2. lock both bases: c's queue, c's exec
 *	3. QUEUED: take off. RUNNING: join drainers
 *	4. unlock; sleep		5. callout_reset(c): is it being drained? return 0
 * As 3. is one step under both locks, an arm comes either before it and is undone, or after and
 * refused. The drainer stands on CPU 0's own stack; the dispatcher takes it off the exec under the
 * base lock and completes it last, and reads nothing of c.
 *
 * Drain versus move
 * -----------------
 * Drain is called without the lock, so it may take c off between a mover's look at c_left and its
 * store. The store then leaves a c that says pending and is on no queue. So who holds the base lock
 * goes by q_ref, not c_left, and so does callout_pending(); and as drain has closed the gate
 * (CO_GATE_IDLE) the next arm comes the long way and finds out. The move has come before the drain,
 * then, and was undone by it.
 *
 * arm_here() puts an idle c on this CPU's base without the lock of the one it was on last. A drain
 * that looks there meanwhile sees it either idle, or queued and c_cpu changed, and looks again; and
 * arm_here() does not touch c before one that takes it off has let go of it (q_ref is 0 last, and
 * is never 0 on the way from one place in a queue to another, or to another queue). As an idle c
 * may be armed at any moment, drain goes by what it saw once, with both locks held, and shuts the
 * gate by an atomic operation.
 *
 * Move versus fire
 * ----------------
 *	CPU 0, holds c's lock		CPU 1, dispatcher
 *	1. left <= c_left, gate 0
 *					2. c is first: latest <= key, due
 *					3. trylock fails; postpone
 *	4. c_left = left
 *					5. at the new key: latest > key, key by latest
 * A move never makes latest less than the key (1. compares with what the holder alone writes), so
 * an entry is only ever found too early, or late where 3. gave it a key beyond 4.'s, by 100 us, or
 * 20 ms in a crowd. With the lock taken in 3. instead, 1. and 4. are over, or have not begun and
 * then see c idle. Without a lock 4. is a cmpxchg from what 1. read; the claim is one too, and one
 * of the two fails.
 *
 * A busy lock and a crowd
 * -----------------------
 *	CPU 0, holds l			CPU 0, softirq that cuts it
 *					1. a thousand callouts of l are due: each is put off
 *					2. by now the first is due again
 * A lock that is found busy is tried again after 2, 4, ... 100 us. That alone would leave the
 * holder no time where trying all who wait takes longer, and least where the dispatcher is a
 * real-time thread. So those who wait are counted (exec.crowd), and from 26 on given 4 us each, up
 * to 20 ms, in steps of 65 us so that they share interrupts; the time counts from the trylock, not
 * from the beginning of the pass; and a pass ends after as many that were put off or re-keyed as it
 * would call handlers.
 *
 * Moved while the clock is armed
 * ------------------------------
 * A move is not told to the clock, so the interrupt comes for a head that has gone on. Heads are
 * re-keyed before the clock is armed, so only a move made after that costs an interrupt, and only
 * one.
 *
 * Running here, due there
 * -----------------------
 * Armed from its own handler on CPU 1 for CPU 2, c is due on CPU 2 while the handler is not done,
 * or in the hard interrupt that cuts the softirq it runs in. The dispatcher that finds it asks
 * co_running(): while c is on its queue, under its base lock, exec[c_exec].curr can only turn from
 * c to something else. It postpones c as if its lock were busy.
 *
 * Arm versus arm elsewhere
 * ------------------------
 * co_lock_base() reads c_cpu, locks that base and reads it again. An arm that takes c to another
 * CPU takes it off, sets c_cpu and unlocks; then it begins anew on the other base. In between c is
 * IDLE and nobody's.
 *
 * Handover versus everything (CPU offline)
 * ----------------------------------------
 * The base is closed to new arms (online, under the lock); its clock and tasklet are stopped; then
 * callouts go one by one to another base (see migrate.c). An arm that picked the base before
 * it was closed sees online under its lock, and picks another.
 *
 * Arm versus the clock
 * --------------------
 * base.next is changed under the base lock by the CPU itself, which then arms the clock, before it
 * lets interrupts in. Another CPU that queues something earlier sends an interrupt, which looks at
 * everything. While the interrupt is served next is 0, so that nobody bothers: it looks at the
 * queues last of all.
 *
 * Clock switch versus arm
 * -----------------------
 *	CPU 0, arms			CPU 1, switches from clock A to B
 *					1. on CPU 0: driven = false, next = 0; A stopped there
 *	2. key >= next: queued, and A
 *	   is not told
 *					3. all CPUs stopped: arm is B's from here on
 *					4. on CPU 0: B started; driven = true, next = first key
 *					   of all queues; B armed
 * next == 0 says that someone will look at the queues last of all, as in the interrupt; here it is 4.
 * A late interrupt of A, or one of B before 4., finds the base not driven and does nothing. No two
 * clocks are armed on one CPU, so nothing is called twice, and what 2. has queued is seen by 4. A CPU
 * that comes online between 1. and 4. is not driven either, and 4. starts it; one that goes is stopped
 * by what was started there (base.clock). Mode and clock change together: keys are made anew between
 * 3. and 4., a few at a time, and what is armed meanwhile has the new mode's key already.
 *
 * Periodic mode
 * -------------
 * While the clock ticks next is 0: it comes anyway, and arming costs nothing more. It stops when it
 * finds nothing queued at all, and next is NEVER then. Keys are the earliest times, so that a callout
 * runs at the first tick at or after it. One whose move, by a store, has made its earliest time less
 * than its key runs by that key, within its window.
 *
 * A worked example
 * ================
 * A TCP session with a spinlock arms its retransmit timer for 200 ms: c_left is set, heap slot
 * 4711, key T+200. Each of the next 500 segments moves it: c_left and c_order are stored, the slot
 * is as it was. At T+200 the clock's interrupt finds slot 4711 first with latest T+390: it sinks to
 * its place, and the next head's key is armed. The session closes at T+300: callout_stop() takes
 * the base lock, the last slot's entry goes to 4711's place, and the session is freed in the next
 * line.
 */
#include <linux/cpumask.h>
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
		/* Who stops or resets need not hold it: it locks out the dispatcher alone. */
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
 * @cpu:	the CPU; negative: the one that arms it, each time that it is not pending
 *
 * A property of the callout as a whole, not of one arm. A strong one runs on its CPU, which is woken for it. A weak one
 * runs there if that CPU is awake and the deadline, when armed, within weak_window_ms; else where one of class none does:
 * on any CPU that is awake and not isolated. For class none @cpu means nothing.
 *
 * A pending callout goes at once where it is to be then, and keeps its deadline and its turn among equal ones; from its
 * own handler this is for the next arm. A CPU that does not exist is warned of and leaves class and CPU as they were.
 * While the CPU is offline, which is warned of too, a strong callout runs elsewhere, and comes back with the CPU.
 *
 * Later arms that name a CPU change the CPU. Where the class is none they bind the callout to it, as strong ones
 * are, until this function is called again.
 *
 * Source: A. Oppermann's list of what TCP needs of timers, 2007.
 *
 * Context: Any; with the associated lock held.
 */
void callout_set_affinity(struct callout *c, enum callout_affinity class, int cpu)
{
	if (!co_check_init(c, "callout_set_affinity", _RET_IP_))
		return;
	co_check_locked(c, true, "callout_set_affinity", _RET_IP_);
	if (class > CALLOUT_AFFINITY_STRONG) {
		co_misuse(CO_BAD_FLAGS, "callout_set_affinity", _RET_IP_, "class left as it was");
		return;
	}
	if (cpu >= 0 && !good_cpu(cpu, "callout_set_affinity", _RET_IP_))
		return;
	co_set_affinity(c, (enum co_affinity)class, cpu < 0 || class == CALLOUT_AFFINITY_NONE ? 0 : co_home(cpu));
}
EXPORT_SYMBOL_GPL(callout_set_affinity);

/* ---- arming --------------------------------------------------------------------------------- */

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
static __always_inline void enqueue_unlock(struct co_base *b, struct callout *c, u64 left,
					   bool queued)
{
	struct co_queue *q = co_queue_of(b, c);
	u64 key = co_key(~left, c->c_order);
	bool wants = false;

	WRITE_ONCE(c->c_left, left);
	b->stats.of[co_affinity(c)].armed++;
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

static __always_inline void set_call(struct callout *c, u64 window, callout_func_t *func, void *arg)
{
	c->c_func = func;
	c->c_arg = arg;
	WRITE_ONCE(c->c_order, window | __callout_next_seq());
}

/* co_base_for() where no CPU was named, and it is armed where it is or is on no queue; else by a call. */
static __always_inline struct co_base *base_for(const struct callout *c, u64 left, struct co_base *on)
{
	struct co_base *here = this_cpu_ptr(&co_bases);

	if (likely(!c->c_home && READ_ONCE(here->takes_any) && (!on || on == here)))
		return here;
	return co_base_for(c->c_attr, c->c_home, left, on);
}

/* May it not stay on the queue that it is on, whichever base it is to be on? */
static __always_inline bool leaves_queue(const struct callout *c, u8 direct, unsigned int how)
{
	return (c->c_gate ^ direct) & CO_GATE_DIRECT || (how & HOW_CPU && co_affinity(c) == CO_AFF_NONE);
}

/* The CPU that the caller asks for, if he does; what is only so because it was moved to another is over. */
static __always_inline void set_home(struct callout *c, bool queued, unsigned int how)
{
	if (how & HOW_CPU) {
		WRITE_ONCE(c->c_home, how & HOW_CPU);
		if (co_affinity(c) == CO_AFF_NONE)
			c->c_attr |= CO_AFF_ON << 6;
	} else if (!queued && c->c_home & CO_HOME_MOVED) {
		WRITE_ONCE(c->c_home, 0);
	}
}

/*
 * Put a callout on a queue, or move it there, whatever there is to heed.
 *
 * Where it has to go to another base than the one it is on (co_base_for()), it is taken off, told its new base, and
 * dealt with again from there: one base lock at a time, so that no order among them is needed.
 */
static int arm(struct callout *c, u64 left, u64 window, callout_func_t *func, void *arg,
	       unsigned int how)
{
	u8 direct = how & HOW_DIRECT ? CO_GATE_DIRECT : 0;
	struct co_base *b, *to = NULL;
	unsigned long flags;
	int was = 0;
	bool queued;

	local_irq_save(flags);
	for (;;) {
		b = co_lock_base(c);
		if (c->c_gate & CO_GATE_SHUT || co_being_drained(c)) {
			co_unlock(b);
			local_irq_restore(flags);
			return 0;
		}
		queued = co_queued(c);
		if (queued && leaves_queue(c, direct, how)) {
			co_unqueue(b, c);
			queued = false;
			was = 1;
		}
		set_home(c, queued, how);
		to = base_for(c, left, queued || to == b ? b : NULL);
		if (to == b)
			break;
		if (queued) {
			co_unqueue(b, c);
			was = 1;
		}
		WRITE_ONCE(c->c_cpu, to->cpu);
		co_unlock(b);
	}
	set_call(c, window, func, arg);
	co_unpostpone(b, c);
	c->c_gate = (c->c_gate & (CO_GATE_NOLOCK | CO_GATE_SPILL)) | direct;
	enqueue_unlock(b, c, left, queued);
	local_irq_restore(flags);
	return was | queued;
}

/* What to call is in the callout already. */
static noinline int arm_stored(struct callout *c, u64 left)
{
	return arm(c, left, c->c_order & ~(u64)U32_MAX, c->c_func, c->c_arg, 0);
}

/*
 * The usual case of arm(): a lock, which the caller holds, no CPU or this one, no flags, idle; there is a slot,
 * and the clock comes in time as it is. Then nothing needs to be called, and no register saved:
 * what is unusual goes to arm(), in a tail call.
 *
 * What the associated lock protects is stored before the base lock is taken. An idle callout is on
 * no queue and so nobody else's: it changes its base without a look at the old one.
 */
static __always_inline bool has_no_flags(const struct callout *c)
{
	return likely(!(c->c_gate & (CO_GATE_NOLOCK | CO_GATE_DIRECT | CO_GATE_SHUT | CO_GATE_SPILL)));
}

static __always_inline bool can_arm_here(const struct callout *c, callout_func_t *func)
{
	return !IS_ENABLED(CONFIG_LOCKDEP) && likely(func && has_no_flags(c) && c->c_attr & CO_ATTR_VALID);
}

/* Off its queue, and let go of by a drain that took it off. */
static __always_inline bool is_idle(const struct callout *c)
{
	return likely(!c->c_left && !smp_load_acquire(&c->q_ref));
}

/* May an idle one go to this queue of this CPU, as it is? */
static __always_inline bool fits_here(const struct co_base *b, const struct co_queue *q, const struct callout *c,
				      u64 left)
{
	/* An offline base is armed for never, so that every key is before that. */
	return likely(~left >= b->next && (b->takes_any || co_bound(c)) && (!c->c_home || c->c_home == b->home) &&
		      co_q_roomy(q));
}

/*
 * Where its handler is being called still, that is to be on @b, whose lock keeps a drain away, and no drain is to have
 * come before.
 */
static __always_inline bool runs_at_most_here(const struct co_base *b, const struct callout *c)
{
	const struct co_exec *e = co_running(c);

	return likely(!e || (co_exec_base(c->c_exec) == b && !e->drained && list_empty(&e->drainers)));
}

static __always_inline void set_here(struct co_base *b, struct callout *c, u64 left)
{
	WRITE_ONCE(c->c_cpu, b->cpu);
	WRITE_ONCE(c->c_gate, 0);
	WRITE_ONCE(c->c_left, left);
	smp_wmb();	/* c_cpu before q_ref: pairs with lock_both(). */
	b->stats.of[co_affinity(c)].armed++;
	co_debug_activate(c);
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

/* The end of arm_here() where nothing is left that could be unusual. */
static __always_inline int arm_locked(struct co_base *b, struct co_queue *q, struct callout *c,
				      u64 left, unsigned long flags)
{
	set_here(b, c, left);
	if (!co_q_stays_last(q, ~left))
		return arm_rise(b, q, c, ~left, flags);
	co_q_append_last(q, c, ~left);
	co_raw_unlock(b);
	local_irq_restore(flags);
	return 0;
}

/* The end of arm_here() where the handler has been called before. */
static noinline int arm_after_run(struct co_base *b, struct co_queue *q, struct callout *c, u64 left,
				  unsigned long flags)
{
	if (runs_at_most_here(b, c))
		return arm_locked(b, q, c, left, flags);
	co_raw_unlock(b);
	local_irq_restore(flags);
	return arm_stored(c, left);
}

static __always_inline int arm_here(struct callout *c, u64 left, u64 window, callout_func_t *func,
				    void *arg)
{
	unsigned long flags;
	struct co_queue *q;
	struct co_base *b;

	set_call(c, window, func, arg);
	if (!is_idle(c) || trace_callout_start_enabled())
		return arm_stored(c, left);
	if (static_branch_unlikely(&co_periodic) && window)
		return arm_stored(c, left);
	local_irq_save(flags);
	b = this_cpu_ptr(&co_bases);
	if (unlikely(!co_trylock_quick(b)))
		goto unusual;
	q = co_attr_queue_of(b, c);
	if (!fits_here(b, q, c, left)) {
		co_raw_unlock(b);
		goto unusual;
	}
	if (unlikely(c->c_exec))
		return arm_after_run(b, q, c, left, flags);
	return arm_locked(b, q, c, left, flags);

unusual:
	local_irq_restore(flags);
	return arm_stored(c, left);
}

/*
 * A pending callout without a lock is moved later by one cmpxchg, which the dispatcher's claim (and
 * any other arm or stop) excludes.
 */
static bool move_nolock(struct callout *c, u64 left, u64 window, callout_func_t *func, void *arg,
			unsigned int how)
{
	u8 gate = CO_GATE_NOLOCK | (how & HOW_DIRECT ? CO_GATE_DIRECT : 0);
	u64 old = READ_ONCE(c->c_left);

	if (left > old || READ_ONCE(c->c_gate) != gate || how & HOW_CPU || c->c_func != func ||
	    c->c_arg != arg || (c->c_order & ~(u64)U32_MAX) != window)
		return false;
	/* The low half only: another arm may be about to change the window. */
	WRITE_ONCE(*(u32 *)&c->c_order, __callout_next_seq());
	return try_cmpxchg(&c->c_left, &old, left);
}

/* arm(), after a look at what the caller may have got wrong. */
static noinline int arm_checked(struct callout *c, u64 left, u64 window, callout_func_t *func,
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
	co_check_locked(c, !(c->c_attr & CO_ATTR_SHARED), what, caller);
	co_debug_assert_init(c);
	if (READ_ONCE(c->c_gate) & CO_GATE_SHUT) {
		co_misuse(CO_BAD_SHUT, what, caller, "not armed");
		return 0;
	}
	if (!co_has_lock(c) && move_nolock(c, left, window, func, arg, how))
		return 1;
	return arm(c, left, window, func, arg, how);
}

static noinline int arm_anyhow(struct callout *c, u64 left, u64 window, callout_func_t *func,
			       void *arg, unsigned long caller)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP) && c->c_gate == CO_GATE_NOLOCK &&
	    move_nolock(c, left, window, func, arg, 0))
		return 1;
	return arm_checked(c, left, window, func, arg, 0, "callout_reset", caller);
}

/* callout_reset() and relatives with sound times, where a store will not do. */
int __callout_arm(struct callout *c, u64 left, u64 window, callout_func_t *func, void *arg)
{
	if (can_arm_here(c, func))
		return arm_here(c, left, window, func, arg);
	return arm_anyhow(c, left, window, func, arg, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__callout_arm);

/**
 * co_arm_several() - callout_set_within() for a few callouts, without a window; each is its handler's argument
 * @a:		the callouts, initialised, and when they are to run. Their lock is one and is held.
 * @n:		how many; up to CO_SEVERAL, as the base lock is held for that long
 * @func:	the handler
 *
 * As one arm_here(): one lock and one look at the CPU for all of them. What is unusual goes the usual way, in its turn.
 *
 * Context: As callout_set_within().
 */
void co_arm_several(const struct co_arming *a, unsigned int n, callout_func_t *func)
{
	const struct co_arming *end = a + n;
	unsigned long flags;
	struct co_base *b;
	bool quick = false;

	if (!IS_ENABLED(CONFIG_LOCKDEP) && !trace_callout_start_enabled()) {
		local_irq_save(flags);
		b = this_cpu_ptr(&co_bases);
		quick = co_trylock_quick(b);
		if (!quick)
			local_irq_restore(flags);
	}
	for (; a < end; a++) {
		struct callout *c = a->c;
		const u64 left = a->left;

		if (likely(quick)) {
			struct co_queue *q = co_attr_queue_of(b, c);

			if (has_no_flags(c) && is_idle(c) && fits_here(b, q, c, left) &&
			    (likely(!c->c_exec) || runs_at_most_here(b, c))) {
				set_call(c, 0, func, c);
				set_here(b, c, left);
				co_q_append(q, c, ~left);
				continue;
			}
			quick = false;
			co_raw_unlock(b);
			local_irq_restore(flags);
		}
		__callout_arm(c, left, 0, func, c);
	}
	if (likely(quick)) {
		co_raw_unlock(b);
		local_irq_restore(flags);
	}
}

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
			co_misuse(CO_BAD_TIME, "callout_reset", _RET_IP_, "taken as 1 tick");
		ticks = 1;
	}
	left = __callout_ticks_left(ticks);
	return arm_checked(c, left, 0, func, arg, how_cpu(cpu), "callout_reset", _RET_IP_);
}
EXPORT_SYMBOL_GPL(__callout_reset_ticks);

static int arm_window(struct callout *c, s64 earliest, s64 latest, callout_func_t *func, void *arg,
		      unsigned int how, const char *what, unsigned long caller)
{
	u64 window;

	earliest = max_t(s64, earliest, 0);
	latest = max_t(s64, latest, 0);
	window = (u64)co_window_pack(latest - earliest) << 32;
	return arm_checked(c, ~latest, window, func, arg, how, what, caller);
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

/* Nanoseconds of a deadline: rounded up, so that sbinuptime() has reached it when they have. */
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

/* May it be called from the hard interrupt on demand? With a raw lock it is anyway. */
static bool can_be_direct(const struct callout *c)
{
	switch (co_class(c)) {
	case CO_LOCK_NONE:
	case CO_LOCK_NONE_THREAD:
		return true;
	case CO_LOCK_SPIN:
	case CO_LOCK_RW:
		return !IS_ENABLED(CONFIG_PREEMPT_RT);
	default:
		return false;
	}
}

/**
 * callout_reset_sbt_on() - run a function at a time with a precision, on a CPU
 * @c:		the callout; its lock, where it has one, is held
 * @sbt:	an interval from now; with C_HARDCLOCK from the last tick boundary, and at least a
 *		tick; with C_ABSOLUTE (or C_PRECALC) a time on the scale of sbinuptime(), that is
 *		CLOCK_MONOTONIC. A negative interval is warned of and taken as 0; a past time is
 *		due at once.
 * @pr:		how much later it may run, to share an interrupt with others; not negative. For an
 *		interval it is raised to what C_PREL(x) says (interval >> x), or else to
 *		default_precision_pct of it.
 * @func:	the handler, not NULL
 * @arg:	its argument
 * @cpu:	where to run, kept for later arms; -1 leaves that as it is. One that does not exist
 *		is warned of and taken as -1; while one is offline it runs elsewhere. For a weak callout it is
 *		no more than that, see callout_set_affinity(); others are bound to it.
 * @flags:	C_DIRECT_EXEC: from the hard interrupt (no lock, or a spinning one). C_PREL(x),
 *		C_HARDCLOCK, C_ABSOLUTE, C_PRECALC, C_CATCH. Unknown ones are warned of and
 *		ignored.
 *
 * callout_reset_sbt() is this with @cpu -1, callout_reset_sbt_curcpu() with the caller's CPU, and
 * the callout_schedule_sbt family keeps handler and argument.
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
	const int known = C_DIRECT_EXEC | 0xfe | C_HARDCLOCK | C_ABSOLUTE | C_PRECALC | C_CATCH;
	unsigned int how = how_cpu(cpu);
	s64 earliest, window;

	if (unlikely(flags & ~known))
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
		if (can_be_direct(c))
			how |= HOW_DIRECT;
		else if (co_class(c) >= CO_LOCK_MUTEX)
			co_misuse(CO_BAD_CONTEXT, "callout_reset_sbt", _RET_IP_, "left to it");
	}
	return arm_window(c, earliest, earliest + window, func, arg, how, "callout_reset_sbt",
			  _RET_IP_);
}
EXPORT_SYMBOL_GPL(callout_reset_sbt_on);

/**
 * callout_when() - what callout_reset_sbt() would make of an interval, not negative, for C_PRECALC
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
