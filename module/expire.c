// SPDX-License-Identifier: GPL-2.0
/*
 * Expiry: from the clock's interrupt to the handlers, in each of the three contexts.
 */
#include "lock.h"
#include "trace.h"

unsigned int co_handler_warn_us = 2000;
u64 co_handler_warn_cycles = U64_MAX;

/* Handlers called by one hard interrupt before it ends, to let others in. */
#define HARD_BATCH	64
/* Callouts dealt with by one softirq, or by the thread before it offers the CPU. */
#define SOFT_BATCH	256
/* How often a busy lock is tried again on the spot. */
#define SPINS		4
/* How soon a busy lock is tried again, at the latest, where few wait for one. */
#define RETRY_MAX_NS	(100ULL * NSEC_PER_USEC)
/* Of a crowd that waits for locks: time for each, how many count, and how fine the time is. */
#define CROWD_NS	4000ULL
#define CROWD_MAX	5000U
#define CROWD_ROUND_NS	(1ULL << 16)

enum step { STEP_NONE, STEP_AGAIN, STEP_RAN };

/* Release and take the base around what may not be done under it; interrupts on but in CO_HARD. */
static __always_inline void open_base(struct co_base *b, enum co_ctx ctx)
{
	co_unlock(b);
	if (ctx != CO_HARD)
		local_irq_enable();
	if (ctx == CO_THREAD) {
		/* finish() may have let a waiter go, with interrupts off: this looks. */
		preempt_disable();
		preempt_enable();
	}
}

static __always_inline void close_base(struct co_base *b, enum co_ctx ctx)
{
	if (ctx != CO_HARD)
		local_irq_disable();
	co_lock(b);
}

/* ---- slow handlers -------------------------------------------------------------------------- */

/* Tell of each function once; of more than there is room for, not at all. */
static noinline void handler_was_slow(struct co_base *b, callout_func_t *func, u64 cycles)
{
	static callout_func_t *told[32];
	unsigned int i;

	WRITE_ONCE(b->stats.slow_handlers, b->stats.slow_handlers + 1);
	for (i = 0; i < ARRAY_SIZE(told); i++) {
		callout_func_t *old = READ_ONCE(told[i]);

		if (old == func)
			return;
		if (!old && !cmpxchg(&told[i], NULL, func)) {
			pr_warn("callout: handler %ps ran for %llu us (handler_warn_us is %u)\n",
				func, co_cheap_to_us(cycles), co_handler_warn_us);
			return;
		}
	}
}

static __always_inline void call_handler(struct co_base *b, struct callout *c, callout_func_t *func,
					 void *arg, u64 now)
{
	u64 start, cycles;

	trace_callout_expire_entry(c, func, now);
	start = co_cheap_clock();
	func(arg);
	cycles = co_cheap_clock() - start;
	trace_callout_expire_exit(c);
	if (unlikely(cycles > READ_ONCE(co_handler_warn_cycles)))
		handler_was_slow(b, func, cycles);
}

/* ---- one callout ---------------------------------------------------------------------------- */

/* Someone waits for the handler that has just returned. */
static noinline void wake_drainers(struct co_base *b, enum co_ctx ctx, void *arg)
{
	struct co_exec *e = &b->exec[ctx];
	callout_func_t *drained = e->drained;
	struct co_drainer *d, *next;
	LIST_HEAD(wake);

	e->drained = NULL;
	list_splice_init(&e->drainers, &wake);
	open_base(b, ctx);
	if (drained)
		drained(arg);
	list_for_each_entry_safe(d, next, &wake, link)
		complete(&d->done);
	close_base(b, ctx);
}

/*
 * The handler has returned (or was not called after all): release the lock, if it is @held, and
 * forget the callout, which may be gone. A spinning lock is released under the base lock, so that
 * its next holder finds the callout idle; for a sleeping lock see "Stop after return" in core.c.
 */
static __always_inline void finish(struct co_base *b, enum co_ctx ctx, u8 attr, void *lock,
				   bool held, void *arg)
{
	struct co_exec *e = &b->exec[ctx];
	bool spins = co_lock_spins(attr & CO_ATTR_CLASS);

	if (unlikely(held && !spins)) {
		preempt_disable();
		WRITE_ONCE(e->returned, true);
		co_release(attr, lock);
		close_base(b, ctx);
		smp_store_release(&e->curr, NULL);
		smp_store_release(&e->returned, false);	/* Pairs with stop_any(). */
		preempt_enable();
	} else {
		close_base(b, ctx);
		smp_store_release(&e->curr, NULL);	/* Pairs with co_running(). */
	}
	if (held && spins)
		co_release(attr, lock);
	if (unlikely(e->drained || !list_empty(&e->drainers)))
		wake_drainers(b, ctx, arg);
}

/*
 * Its lock is busy, or its handler still runs elsewhere: try again a little later each time. See "A busy
 * lock and a crowd" in core.c.
 */
static noinline void postpone(struct co_base *b, struct co_exec *e, struct co_queue *q,
			      struct callout *c)
{
	unsigned int n = (c->c_gate & CO_GATE_RETRY) >> 4;
	u64 now = co_now(), crowd;

	b->stats.contended++;
	if (!n)
		e->crowd++;
	n = min(n + 1, 7U);
	WRITE_ONCE(c->c_gate, (c->c_gate & ~CO_GATE_RETRY) | n << 4);
	crowd = min(e->crowd, CROWD_MAX) * CROWD_NS;
	if (likely(crowd <= RETRY_MAX_NS))
		co_q_rekey(q, c, now + min(NSEC_PER_USEC << n, RETRY_MAX_NS));
	else
		co_q_rekey(q, c, (now + crowd) | (CROWD_ROUND_NS - 1));
}

static __always_inline bool try_a_little(const struct callout *c)
{
	int i;

	if (likely(co_trylock(c)))
		return true;
	for (i = 0; IS_ENABLED(CONFIG_SMP) && i < SPINS; i++) {
		cpu_relax();
		if (co_trylock(c))
			return true;
	}
	return false;
}

/* It was moved between the look at it and the trylock: look again. */
static noinline void give_back(struct co_base *b, enum co_ctx ctx, struct callout *c, u8 attr,
			       void *lock, void *arg)
{
	if (!lock)
		return;
	if (co_lock_spins(attr & CO_ATTR_CLASS)) {
		co_release(attr, lock);
		return;
	}
	if ((attr & CO_ATTR_CLASS) == CO_LOCK_GIANT) {
		/* Nobody frees it. */
		open_base(b, ctx);
		co_release(attr, lock);
		close_base(b, ctx);
		return;
	}
	c->c_exec = co_exec_id(b, ctx);
	b->exec[ctx].curr = c;
	open_base(b, ctx);
	finish(b, ctx, attr, lock, true, arg);
}

/* Of which class, and was it where it was asked to be? */
static __always_inline void count_fired(struct co_base *b, u8 attr, u16 home)
{
	struct co_class_stats *s = &b->stats.of[attr >> 6];

	if (likely(!home || home == b->home))
		s->home++;
	else
		s->away++;
}

/*
 * Deal with the first callout of a context: re-key it if it was moved, call it if it is due. Does one
 * queue operation per hold of the base lock.
 */
static __always_inline enum step step(struct co_base *b, enum co_ctx ctx, u64 now)
{
	struct co_exec *e = &b->exec[ctx];
	struct co_queue *q;
	const struct co_entry first = co_first(b, ctx, &q);
	const u16 id = co_exec_id(b, ctx);
	u64 left, latest, order;
	callout_func_t *func;
	bool retry, held;
	struct callout *c = first.c;
	void *arg, *lock;
	u16 home;
	u8 attr;

	if (!c)
		return STEP_NONE;
	left = READ_ONCE(c->c_left);
	order = READ_ONCE(c->c_order);
	latest = ~left;
	retry = unlikely(c->c_gate & CO_GATE_RETRY);
	if (retry && first.key > now)
		return STEP_NONE;
	if (!retry && unlikely(co_moved(&first, co_key(latest, order), order))) {
		b->stats.rekeyed++;
		co_q_rekey(q, c, co_key(latest, order));
		return STEP_AGAIN;
	}
	if (co_earliest(latest, order) > now) {
		if (!retry)
			return STEP_NONE;
		co_unpostpone(b, c);
		co_q_rekey(q, c, co_key(latest, order));
		return STEP_AGAIN;
	}
	if (unlikely(c->c_exec != id && co_running(c)) || unlikely(!try_a_little(c))) {
		postpone(b, e, q, c);
		return STEP_AGAIN;
	}

	/* Nobody moves it any more but, where it has no lock, by the cmpxchg that ours excludes. */
	attr = c->c_attr;
	lock = c->c_lock;
	arg = c->c_arg;
	if (!co_has_lock(c) ? unlikely(!try_cmpxchg(&c->c_left, &left, 0)) :
			      unlikely(READ_ONCE(c->c_left) != left || READ_ONCE(c->c_order) != order)) {
		give_back(b, ctx, c, attr, lock, arg);
		return STEP_AGAIN;
	}
	WRITE_ONCE(c->c_left, 0);
	if (retry)
		co_unpostpone(b, c);
	co_q_pop(q, c);
	c->q_ref = 0;
	func = c->c_func;
	c->c_exec = id;
	e->curr = c;
	b->stats.fired[ctx]++;
	home = c->c_home;
	co_debug_deactivate(c);
	open_base(b, ctx);
	call_handler(b, c, func, arg, now);
	held = lock && !(attr & CO_ATTR_UNLOCKED);
	finish(b, ctx, attr, lock, held, arg);
	count_fired(b, attr, home);
	return STEP_RAN;
}

/*
 * Orders of arming are compared modulo 2^32, also those of different CPUs, whose callouts meet on one
 * queue. So a counter that is behind is brought up, whenever its CPU is interrupted.
 */
static __always_inline void keep_up_arm_seq(void)
{
	static u32 newest;
	u32 mine = __this_cpu_read(callout_arm_seq), other = READ_ONCE(newest);

	if ((s32)(other - mine) > 0)
		__this_cpu_write(callout_arm_seq, other);
	else if (mine - other > 1U << 16)
		WRITE_ONCE(newest, mine);
}

/* ---- the three contexts --------------------------------------------------------------------- */

/*
 * The clock comes before its time, again and again: it is told to be silent, and given up. The fail-safe is not:
 * there is none after it.
 */
static noinline u64 storm(struct co_base *b, u64 next)
{
	if (b->clock->rating <= co_clk_hrtimer.rating)
		return next;
	b->driven = false;
	b->next = 0;
	/* Nothing but an irq_work. */
	co_clock_fail(b->clock, "storm of interrupts on CPU %u", b->cpu);
	return CO_CLOCK_NEVER;
}

/* In periodic mode the clock ticks as long as anything is queued; what is raised is, too. */
static noinline u64 next_tick(struct co_base *b, u64 now)
{
	bool wanted = b->watch.latest != U64_MAX;
	unsigned int i;

	for (i = 0; i < CO_NQUEUES; i++)
		wanted |= !!co_q_first(&b->queue[i]).c;
	b->next = wanted ? 0 : CO_CLOCK_NEVER;
	return wanted ? co_next_tick(now) : CO_CLOCK_NEVER;
}

/**
 * co_interrupt() - serve this CPU
 * @clock:	the clock comes, and not another CPU that has armed something here
 *
 * Calls what is to be called from here, tells the dispatchers of the other contexts if they have
 * work, and leaves early enough to let others in.
 *
 * Context: Hard interrupt, interrupts off.
 * Return: The next time to arm, or CO_CLOCK_NEVER.
 */
u64 co_interrupt(bool clock)
{
	struct co_base *b = this_cpu_ptr(&co_bases);
	int batch = HARD_BATCH, again = HARD_BATCH;
	u64 now = co_now(), next;
	bool fresh = true;
	u8 raise = 0;

	co_lock(b);
	if (unlikely(!b->driven)) {
		co_unlock(b);
		return CO_CLOCK_NEVER;
	}
	if (clock) {
		b->stats.interrupts++;
		if (unlikely(now < b->next))
			b->premature++;
		else
			b->timely++;
		if (unlikely(b->next && now > b->next + CO_LATE_NS))
			b->stats.late++;
	}
	b->next = 0;
	keep_up_arm_seq();
	if (unlikely(b->asleep)) {
		b->stats.woken += clock;
		co_unlock(b);
		co_awaken(b);
	}
	if (unlikely(b->watch.earliest <= now)) {
		co_unlock(b);
		co_pull(b, now);
		co_lock(b);
	}
	while (batch && again) {
		enum step did = step(b, CO_HARD, now);

		if (did == STEP_RAN) {
			fresh = false;
			batch--;
		} else if (did == STEP_AGAIN) {
			again--;
		} else {
			if (fresh)
				break;
			/* Time has gone on, and a handler may have armed something for now. */
			now = co_now();
			fresh = true;
			continue;
		}
		co_unlock(b);
		co_lock(b);
	}
	next = co_look(b, now, &raise);
	WRITE_ONCE(b->raised, b->raised | raise);
	b->next = next;
	if (static_branch_unlikely(&co_periodic))
		next = next_tick(b, now);
	else if (unlikely(b->premature > CO_STORM && b->premature / 2 > b->timely && clock))
		next = storm(b, next);
	co_unlock(b);
	if (raise & BIT(CO_SOFT))
		tasklet_hi_schedule(&b->tasklet);
	if (raise & BIT(CO_THREAD))
		wake_up_process(b->thread);
	return next;
}

/*
 * Run what is due in the softirq or the thread. Returns true, still raised, if it stopped early to
 * let others in.
 */
static __always_inline bool run(struct co_base *b, enum co_ctx ctx)
{
	unsigned long end = jiffies + 2;
	int batch = SOFT_BATCH;
	bool fresh = true;
	u64 now;

	local_irq_disable();
	now = co_now();
	co_lock(b);
	for (;;) {
		enum step did = step(b, ctx, now);

		if (did == STEP_NONE) {
			if (fresh)
				break;
			now = co_now();
			fresh = true;
			continue;
		}
		fresh &= did != STEP_RAN;
		open_base(b, ctx);
		if (!--batch || time_after(jiffies, end))
			return true;
		close_base(b, ctx);
	}
	WRITE_ONCE(b->raised, b->raised & ~BIT(ctx));
	co_reprogram(b);
	local_irq_enable();
	return false;
}

void co_run_soft(struct tasklet_struct *t)
{
	if (run(this_cpu_ptr(&co_bases), CO_SOFT))
		tasklet_hi_schedule(t);
}

/* The thread's turn; called again while its bit is raised. */
void co_run_thread(struct co_base *b)
{
	run(b, CO_THREAD);
	cond_resched();
}
