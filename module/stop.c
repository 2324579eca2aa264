// SPDX-License-Identifier: GPL-2.0
/*
 * callout_stop(), callout_drain() and their relatives. The theory is at the top of core.c.
 */
#include <linux/hardirq.h>
#include "internal.h"
#include "trace.h"

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
	pending = co_unqueue(b, c);
	b->stats.stopped += pending;
	c->c_gate |= gate;
	co_unlock(b);
	local_irq_restore(flags);
	if (e) {
		/*
		 * "Stop after return". The dispatcher changes curr before it clears returned: what
		 * is not "returned" and still curr runs. It may be done with this one by now.
		 */
		if (!co_has_lock(c) || (!smp_load_acquire(&e->returned) && co_running(c)))
			return 0;
		while (co_running(c))
			cpu_relax();
	}
	return pending ? 1 : -1;
}

/* The end of stop() where the callout leaves a hole that is not simply filled. */
static noinline int stop_fill(struct co_base *b, struct co_queue *q, u32 hole, u64 key, u64 who,
			      unsigned long flags)
{
	co_heap_fill(&q->heap, hole, key, who);
	co_raw_unlock(b);
	local_irq_restore(flags);
	return 1;
}

/* What of a callout tells where it is and how to take it off, at one go. */
union where {
	u64 word;
	struct {
		u16 home;
		u16 exec;
		u16 cpu;
		u8 gate;
		u8 attr;
	};
};
static_assert(offsetof(struct callout, c_attr) == offsetof(struct callout, c_home) + 7);

/*
 * Stop, and set more bits of the gate. With a lock, which the caller holds, an idle callout is
 * nobody else's: that is told without the base lock. A pending one is taken off as arm_here() puts
 * it on: what is unusual goes to stop_any().
 */
static __always_inline int stop(struct callout *c, u8 gate)
{
	const u8 other = CO_GATE_NOLOCK | CO_GATE_DIRECT | CO_GATE_RETRY | CO_GATE_SPILL;
	union where at = { .word = READ_ONCE(*(u64 *)&c->c_home) };
	unsigned long flags;
	struct co_slot last;
	struct co_queue *q;
	struct co_base *b;
	u32 ref, hole;

	gate |= CO_GATE_IDLE;
	if (unlikely(at.gate & other || (at.exec && co_running(c))) || trace_callout_cancel_enabled())
		return stop_any(c, gate);
	if (!c->c_left) {
		WRITE_ONCE(c->c_gate, at.gate | gate);
		return -1;
	}
	local_irq_save(flags);
	b = per_cpu_ptr(&co_bases, at.cpu);
	if (unlikely(!co_trylock_quick(b)))
		goto unusual;
	/* It may have been handed over to another CPU, tried and postponed, or drained. */
	ref = c->q_ref;
	if (unlikely(READ_ONCE(*(u64 *)&c->c_home) != at.word || !ref)) {
		co_raw_unlock(b);
		goto unusual;
	}
	b->stats.stopped++;
	WRITE_ONCE(c->c_left, 0);
	co_debug_deactivate(c);
	q = co_attr_queue_of(b, c);
	WRITE_ONCE(c->c_gate, gate);
	c->q_ref = 0;
	hole = co_heap_free_ref(&q->heap, ref);
	last = co_heap_take_last(&q->heap);
	if ((u32)last.who != ref) {
		if (co_heap_inner(&q->heap, hole) || !co_heap_stays(&q->heap, hole, last.key))
			return stop_fill(b, q, hole, last.key, last.who, flags);
		co_heap_put(&q->heap, hole, last.key, last.who);
	}
	co_raw_unlock(b);
	local_irq_restore(flags);
	return 1;

unusual:
	local_irq_restore(flags);
	return stop_any(c, gate);
}

static noinline int stop_checked(struct callout *c, unsigned long caller)
{
	if (!co_check_init(c, "callout_stop", caller))
		return -1;
	co_debug_assert_init(c);
	co_check_locked(c, true, "callout_stop", caller);
	return stop_any(c, CO_GATE_IDLE);
}

/**
 * callout_stop() - the handler will not run
 * @c: the callout; its lock, where it has one, is held for writing
 *
 * With a lock: when this returns nobody refers to the callout or to the lock, and both may be freed
 * at once. (Called from the handler itself: the callout may be freed, the lock not before the
 * dispatcher has released it, unless CALLOUT_RETURNUNLOCKED.) Without a lock, and for Giant, the
 * handler may be running when it returns 0, and callout_drain() is what waits for it.
 *
 * Source: FreeBSD callout(9); atomic as asked for by A. Oppermann, 2007.
 *
 * Context: Any; does not sleep.
 * Return: 1 if it was pending and will not run; -1 if there was nothing to stop; 0 if the handler
 * is running and was not stopped (with a lock this is only seen from the handler itself, and after
 * CALLOUT_RETURNUNLOCKED); a further run it was armed for is off.
 */
int callout_stop(struct callout *c)
{
	if (IS_ENABLED(CONFIG_LOCKDEP) || IS_ENABLED(CONFIG_DEBUG_OBJECTS) ||
	    unlikely(!(c->c_attr & CO_ATTR_VALID)))
		return stop_checked(c, _RET_IP_);
	return stop(c, 0);
}
EXPORT_SYMBOL_GPL(callout_stop);

/**
 * callout_shutdown() - stop for good
 * @c: the callout; its lock, where it has one, is held for writing
 *
 * As callout_stop(), and a later arm is refused, returns 0 and is warned of once; until the callout
 * is initialised anew. Where there is no lock callout_drain() is to follow.
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
	co_check_locked(c, true, "callout_shutdown", _RET_IP_);
	stop(c, CO_GATE_SHUT);
}
EXPORT_SYMBOL_GPL(callout_shutdown);

/*
 * Lock the base that a callout is on and the one that its handler was last called on, so that both its
 * states stand still. True if it is queued; @e is where its handler is being called, or NULL. An idle
 * one may be armed on a third base from now on: nothing is to be looked up anew.
 */
static bool lock_both(struct callout *c, struct co_base **on, struct co_base **ran, struct co_exec **e)
{
	for (;;) {
		unsigned int cpu = READ_ONCE(c->c_cpu), id = READ_ONCE(c->c_exec);
		struct co_base *b = per_cpu_ptr(&co_bases, cpu);
		struct co_base *r = id ? co_exec_base(id) : b;
		bool queued;

		co_lock_two(b, r);
		/* arm_here() changes c_cpu, then q_ref, without b's lock. Only what was seen now is b's. */
		queued = smp_load_acquire(&c->q_ref) || c->c_gate & CO_GATE_SPILL;
		if (likely(READ_ONCE(c->c_cpu) == cpu && c->c_exec == id)) {
			*on = b;
			*ran = r;
			*e = id ? &r->exec[(id & 3) - 1] : NULL;
			if (*e && (*e)->curr != c)
				*e = NULL;
			return queued;
		}
		co_unlock_two(b, r);
	}
}

/*
 * Drain's part on the queue side. The gate is shut by an atomic operation, as the holder of an idle
 * callout's lock stores to it without ours.
 */
static void take_off(struct co_base *on, struct callout *c, bool pending)
{
	const unsigned int gate = 8 * (offsetof(struct callout, c_gate) % sizeof(long));

	set_bit(gate + ilog2(CO_GATE_IDLE), (unsigned long *)&c->c_home);
	if (pending) {
		co_unqueue(on, c);
		on->stats.stopped++;
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
	/* The idle loop serves the interrupts that other CPUs send, and is not in_hardirq() then. */
	return e == &b->exec[CO_HARD] ? irqs_disabled() : in_serving_softirq() && !in_hardirq();
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
 * When this returns nobody refers to the callout or its lock. Until the handler has returned arms
 * are refused. Called from the callout's own handler, or (as far as the kernel can tell) with its lock held, it
 * warns once and does what callout_stop() does.
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
	pending = lock_both(c, &on, &ran, &e);
	take_off(on, c, pending);
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
 * @drained:	called with the handler's argument, in the handler's context, without a lock, when
 *		the running handler has returned; only where this returns 0
 *
 * Until the handler has returned arms are refused. Nothing refers to the callout when @drained is
 * called, nor when this returned another value than 0. From the own handler it is fine.
 *
 * Source: FreeBSD callout(9).
 *
 * Context: Any; does not sleep.
 * Return: 0 if @drained will be called; 1 if a pending call was cancelled and nothing runs; -1 if
 * there was nothing to stop. A second call while the first @drained is due is warned of and returns
 * 0; its @drained is not called.
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
	pending = lock_both(c, &on, &ran, &e);
	take_off(on, c, pending);
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
	co_unqueue(b, c);
	co_unlock(b);
	local_irq_restore(flags);
}
