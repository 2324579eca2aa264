// SPDX-License-Identifier: GPL-2.0
/*
 * Where callouts are: which CPU's base one is armed on, and how it gets to another while it is pending.
 *
 * A callout is bound (class strong, or armed for a CPU by callout_reset_on()), or it is not (weak, none). A base has
 * queues of both kinds, so that a CPU that falls asleep need not look through what it has: its clock is armed for the
 * first that is bound, and for the others it leaves a note in its group (group.c), where those who are awake look
 * after it. Nothing goes from queue to queue by that, and when the CPU wakes all is still there.
 *
 *	CPU 3, asleep			CPU 0, awake
 *	queue		40 70 90	watch: 40, the earliest of the notes that it looks after
 *	queue, bound	1000		its clock is armed for the least of its own first, and watch
 *	clock		1000
 *	note		40
 *
 * At 40, or when an interrupt of its own comes while the first of CPU 3 may be run, CPU 0 pulls: all that may be run by
 * then goes to its own queues, one callout at a time, and is dispatched there; the note is 70 then. So callouts of
 * several CPUs whose windows overlap share one interrupt. The last CPU to fall asleep keeps watch, with its clock armed;
 * but if another that sleeps is to wake in time for all, that one does, or each CPU that is idle would wake.
 *
 * Where one is armed
 * ------------------
 *	strong, on	its CPU; while that is offline: another, and it comes home when the CPU does
 *	weak		its CPU, if that is awake and it is to run within weak_window_ms, or if armed there; else as none
 *	none		where it is pending, if that CPU is awake; else this CPU
 * Isolated CPUs (nohz_full=, isolcpus=) get what is bound to them, and nothing else: what is armed there goes to a CPU
 * that is awake, as near as there is one.
 *
 * Moving
 * ------
 * A pending callout goes from base to base under both locks, which are taken in the order of their CPUs: taken off one
 * queue, c_cpu set, put on the other. Who wants it waits for the base that it was on and finds c_cpu changed. Key, stamp
 * and c_left stay, so it is as early or late as it was, equal deadlines keep their order, and a move by a store does not
 * notice. It is one callout for each hold of the locks, so that it does not matter how many there are. Only one that is
 * put off for a busy lock is tried anew.
 *
 * Races; tests of them are in kunit/sleep.c and affinity.c, and in selftests/host/sim, which has the CPUs go on at any step.
 *
 * Pull versus everything
 * ----------------------
 * A pull looks, under both locks, whether the CPU is asleep still, and whether what is first is due still: it may have
 * been stopped, moved, or pulled by another. A note is a hint, and may be too early, never too late: what is armed on a
 * sleeping CPU later on (it is bound, or was armed by an interrupt there) has that CPU look by itself, as on any other.
 *
 * Sleep versus put off
 * --------------------
 *	CPU 0, has pulled		CPU 3, asleep
 *	1. looks: the first is at 90
 *					2. wakes; 50 is armed; sleeps, leaves a note: 50
 *	3. makes the note say 90
 * So 1. and 3. are one under the lock of the group, and 1. takes the base lock below it and looks whether the CPU is
 * asleep. If it is just falling asleep its own note comes later, and if it is just waking none is wanted.
 *
 * Sleep versus arm
 * ----------------
 *	CPU 0, falls asleep		CPU 1, isolated or going offline
 *	1. asleep; its first is at 90
 *					2. finds CPU 0 awake in its group, or nobody: queues 50 there;
 *					   the clock is armed for 40, so it need not be told
 *	3. leaves a note: 90
 *	4. clock = 1000, the first that is bound
 * So from 1. to 4. it says that its clock is armed for never, and 2. sends an interrupt, which comes after 4. Also while it
 * looks for the first that is bound, as it lets go of the base for each that was moved.
 *
 * Watch versus note
 * -----------------
 *	CPU 0, looks for what to watch	CPU 3, falls asleep
 *	1. reads the notes: 70
 *					2. leaves a note: 40, finds CPU 0 the watcher
 *					3. CPU 0's base: watch = 40
 *	4. watch = 70
 * So watch is made NEVER before 1., and 4. only ever lowers it.
 *
 * Online versus displaced
 * -----------------------
 *	CPU 0, arms for CPU 3		CPU 3, comes online
 *	1. CPU 3 is not online
 *					2. online = true
 *					3. looks for its own on CPU 0's queues, CPU 0's base locked
 *	4. queues it on CPU 0
 * 1. and 4. are within one hold of CPU 0's base. Either that comes before 3., which finds it; or after, and then 1. sees
 * what was so before 3., that is 2.
 */
#include <linux/cpu.h>
#include "internal.h"
#include "trace.h"
#include <trace/events/power.h>

unsigned int co_weak_window_ms = 100;

/* Callouts that one interrupt takes from sleeping CPUs. */
#define PULL_BATCH	64

static struct co_base *base(unsigned int cpu)
{
	return per_cpu_ptr(&co_bases, cpu);
}

/* ---- where one is armed --------------------------------------------------------------------- */

static bool takes_any(unsigned int cpu)
{
	return READ_ONCE(base(cpu)->takes_any);
}

/* For what is not bound, or has lost its CPU: this base, else one that is awake, else any. Preemption off. */
static struct co_base *anywhere(void)
{
	struct co_base *here = this_cpu_ptr(&co_bases);
	int cpu;

	if (takes_any(here->cpu))
		return here;
	cpu = co_group_near(here->cpu, takes_any);
	if (cpu >= 0)
		return base(cpu);
	for_each_online_cpu(cpu) {
		if (takes_any(cpu))
			return base(cpu);
	}
	if (READ_ONCE(here->online))
		return here;
	for_each_online_cpu(cpu) {
		if (READ_ONCE(base(cpu)->online))
			return base(cpu);
	}
	return here;
}

static bool soon(u64 left)
{
	s64 in = ~left - co_now();

	return in <= (s64)READ_ONCE(co_weak_window_ms) * NSEC_PER_MSEC;
}

/**
 * co_base_for() - the base to arm a callout on
 * @attr:	c_attr of the callout
 * @home:	c_home
 * @left:	c_left, as these are to be
 * @on:		the base that it is on, or is about to be; or NULL
 *
 * Context: Interrupts off, the base that it is on or was last is locked. What is found may have changed when its lock is
 * taken: then it is to be asked again, with @on.
 * Return: A base, online if there is any.
 */
struct co_base *co_base_for(u8 attr, u16 home, u64 left, struct co_base *on)
{
	struct co_base *b;

	home &= ~CO_HOME_MOVED;

	if (on && !READ_ONCE(on->online))
		on = NULL;
	if (attr & CO_ATTR_BOUND) {
		b = home ? base(home - 1) : on ?: this_cpu_ptr(&co_bases);
		if (likely(READ_ONCE(b->online)))
			return b;
		return on ?: anywhere();
	}
	if (home && attr >> 6 == CO_AFF_WEAK && takes_any(home - 1)) {
		b = base(home - 1);
		if (b == this_cpu_ptr(&co_bases) || (!READ_ONCE(b->asleep) && soon(left)))
			return b;
	}
	if (on && takes_any(on->cpu) && !READ_ONCE(on->asleep))
		return on;
	return anywhere();
}

/* ---- from base to base ---------------------------------------------------------------------- */

/*
 * Take the first of a queue to another base; both are locked. One that was put off is tried at its own time again. Returns
 * its key there; @wants is set if that queue wants memory.
 */
static u64 move(struct co_base *from, struct co_queue *q, struct co_base *to, struct callout *c, u64 key, bool *wants)
{
	if (unlikely(c->c_gate & CO_GATE_RETRY)) {
		co_unpostpone(from, c);
		key = min(key, co_key(co_latest(c), c->c_order));
	}
	co_q_remove(q, c);
	if (!c->c_home)
		WRITE_ONCE(c->c_home, from->home | CO_HOME_MOVED);
	else if (c->c_home == (to->home | CO_HOME_MOVED))
		WRITE_ONCE(c->c_home, 0);
	WRITE_ONCE(c->c_cpu, to->cpu);
	from->stats.of[co_affinity(c)].migrated++;
	*wants |= co_q_insert(co_queue_of(to, c), c, key);
	trace_callout_migrate(c, from->cpu, to->cpu, key);
	return key;
}

/* The same, and then @to's clock and memory are seen to. Releases both. */
static void move_and_tell(struct co_base *from, struct co_queue *q, struct co_base *to, struct callout *c, u64 key)
{
	bool wants = false, program;

	key = move(from, q, to, c, key, &wants);
	program = key < to->next && co_armed_first(to, co_ctx(c), key);
	co_unlock_two(from, to);
	if (program)
		co_tell_clock(to, key);
	if (wants)
		irq_work_queue(&to->grow_irq);
}

/**
 * co_set_affinity() - another class or CPU, in one step with going where that means
 * @c:		the callout
 * @affinity:	the class
 * @home:	c_home
 *
 * Context: Any; with the associated lock held.
 */
void co_set_affinity(struct callout *c, enum co_affinity affinity, u16 home)
{
	struct co_base *from, *to, *wanted;
	bool wants = false, program = false, queued;
	unsigned long flags;
	struct co_queue *q;
	u64 key = 0;
	u8 attr;

	local_irq_save(flags);
	for (to = this_cpu_ptr(&co_bases);; to = wanted) {
		from = base(READ_ONCE(c->c_cpu));
		co_lock_two(from, to);
		wanted = to;
		if (READ_ONCE(c->c_cpu) == from->cpu) {
			attr = (c->c_attr & ~CO_ATTR_AFFINITY) | affinity << 6;
			queued = co_queued(c);
			wanted = queued ? co_base_for(attr, home, c->c_left, from) : from;
			if (wanted == from || wanted == to)
				break;
		}
		co_unlock_two(from, to);
	}
	q = co_queue_of(from, c);
	c->c_attr = attr;
	WRITE_ONCE(c->c_home, home);
	if (queued && (wanted != from || co_queue_of(from, c) != q)) {
		co_unpostpone(from, c);
		co_q_remove(q, c);
		WRITE_ONCE(c->c_cpu, wanted->cpu);
		key = co_key(co_latest(c), c->c_order);
		wants = co_q_insert(co_queue_of(wanted, c), c, key);
		program = key < wanted->next && co_armed_first(wanted, co_ctx(c), key);
	}
	if (queued && wanted != from) {
		from->stats.of[affinity].migrated++;
		trace_callout_migrate(c, from->cpu, wanted->cpu, key);
	}
	co_unlock_two(from, to);
	if (program)
		co_tell_clock(wanted, key);
	if (wants)
		irq_work_queue(&wanted->grow_irq);
	local_irq_restore(flags);
}

/* ---- sleep ---------------------------------------------------------------------------------- */

/* The first of a base's queues, bound or not, that no dispatcher looks after. May let go of the base meanwhile. */
static struct co_due first_due(struct co_base *b, unsigned int bound)
{
	struct co_due due = CO_DUE_NEVER;
	enum co_ctx ctx;

	for (ctx = 0; ctx < CO_NCTX; ctx++) {
		if (!(b->raised & BIT(ctx)))
			co_rekey_first(b, &b->queue[ctx + bound]);
	}
	for (ctx = 0; ctx < CO_NCTX; ctx++) {
		struct co_entry e = co_q_first(&b->queue[ctx + bound]);

		if (e.c && !(b->raised & BIT(ctx)))
			due = co_due_min(due, co_first_due(&e));
	}
	return due;
}

/* For co_group_put_off(). */
static struct co_due note_of(unsigned int cpu)
{
	struct co_base *b = base(cpu);
	struct co_due due;

	co_lock(b);
	due = first_due(b, 0);
	if (!b->asleep || !b->online)
		due = CO_DUE_NEVER;
	co_unlock(b);
	return due;
}

/* Have a CPU that is awake look after something more. False: it is not. */
static bool add_to_watch(struct co_base *b, struct co_due due)
{
	bool kick = false;

	co_lock(b);
	if (b->asleep) {
		co_unlock(b);
		return false;
	}
	b->watch = co_due_min(b->watch, due);
	if (due.latest < b->next && b->driven && !b->kicked)
		b->kicked = kick = true;
	co_unlock(b);
	if (kick)
		smp_call_function_single_async(b->cpu, &b->csd);
	return true;
}

/* Tell who looks after a group now. See "Told but asleep" in group.c. */
static void tell_watcher(const struct co_group *g, struct co_due due)
{
	int cpu;

	if (due.latest == U64_MAX)
		return;
	while ((cpu = co_group_watcher(g)) != -ENOENT) {
		if (cpu >= 0 && add_to_watch(base(cpu), due))
			break;
		cpu_relax();
	}
}

/* It looks after the groups that it is the watcher of, from now on. See "Watch versus note". Takes the base. */
static void take_watch(struct co_base *b)
{
	struct co_due due = co_group_watch(b->cpu);

	co_lock(b);
	b->watch = co_due_min(b->watch, due);
}

/*
 * The last one to fall asleep: does another one that sleeps wake in time for all this? It looks at all notes then. If it
 * does not, @b is who will be asked from now on.
 */
static bool is_kept(struct co_base *b, struct co_due left)
{
	static struct co_base *keeper;
	struct co_base *k = READ_ONCE(keeper);
	bool kept = false;

	if (k && k != b) {
		co_lock(k);
		kept = k->asleep && k->driven && k->next <= left.latest;
		co_unlock(k);
	}
	if (!kept && k != b)
		WRITE_ONCE(keeper, b);
	return kept;
}

/* Interrupts off. */
static void fall_asleep(struct co_base *b)
{
	struct co_due due, left;
	struct co_group *told;
	u64 next, was;

	co_lock(b);
	WRITE_ONCE(b->asleep, true);
	due = first_due(b, 0);
	/* What is queued here from now on is not in the note. See "Sleep versus arm". */
	was = b->next;
	b->next = CO_CLOCK_NEVER;
	co_unlock(b);
	told = co_group_asleep(b->cpu, due, &left);
	/* The last one keeps watch over all, its own included. */
	if (!told && is_kept(b, left))
		left = CO_DUE_NEVER;
	co_lock(b);
	b->watch = told ? CO_DUE_NEVER : left;
	next = min(first_due(b, CO_BOUND).latest, b->watch.latest);
	b->next = was;
	trace_callout_cpu_sleep(b->cpu, next, due.latest);
	co_program(b, next);
	if (told)
		tell_watcher(told, left);
}

/**
 * co_awaken() - this CPU is no longer idle: it looks after its own queues, and perhaps others'
 * @b: its base
 *
 * The clock is for the caller to arm.
 *
 * Context: Interrupts off, no base lock held. Takes the base lock.
 */
void co_awaken(struct co_base *b)
{
	co_lock(b);
	WRITE_ONCE(b->asleep, false);
	b->watch = CO_DUE_NEVER;
	co_unlock(b);
	trace_callout_cpu_wake(b->cpu);
	co_group_awake(b->cpu);
	take_watch(b);
}

/**
 * co_idle() - this CPU becomes idle, or is no longer
 * @begins: which of the two
 *
 * Context: Any, preemption off; no base lock held.
 */
void co_idle(bool begins)
{
	struct co_base *b = this_cpu_ptr(&co_bases);
	unsigned long flags;

	local_irq_save(flags);
	/* Without a clock it neither falls asleep nor wakes: that may be when the code of all this is patched. See co_drive(). */
	if (!b->driven || b->isolated || b->asleep == begins) {
		;
	} else if (begins) {
		fall_asleep(b);
	} else {
		co_awaken(b);
		co_reprogram(b);
	}
	local_irq_restore(flags);
}
CO_EXPORT_FOR_TESTS(co_idle);

/* ---- pull ----------------------------------------------------------------------------------- */

/* @kick: the CPU is to wake after all. */
struct pull {
	struct co_base *to;
	u64 now;
	unsigned int batch;
	bool kick;
};

/* Does a handler sleep in this CPU's thread? What is put behind it may wait for long. */
static bool thread_blocks(const struct co_base *b)
{
	return b->exec[CO_THREAD].curr && !task_is_running(b->thread);
}

/* Take one callout, or put one that was moved in its place; both are locked. False: there is nothing to do. */
static bool pull_one(struct co_base *from, struct pull *p, bool *pulled, bool *wants)
{
	enum co_ctx ctx;

	for (ctx = 0; ctx < CO_NCTX; ctx++) {
		struct co_queue *q = &from->queue[ctx];
		struct co_entry e = co_q_first(q);
		u64 order, key;

		if (!e.c || from->raised & BIT(ctx))
			continue;
		order = READ_ONCE(e.c->c_order);
		key = co_key(co_latest(e.c), order);
		if (!(e.c->c_gate & CO_GATE_RETRY) && co_moved(&e, key, order)) {
			from->stats.rekeyed++;
			co_q_rekey(q, e.c, key);
			return true;
		}
		if (co_first_due(&e).earliest > p->now)
			continue;
		if (unlikely(ctx == CO_THREAD && thread_blocks(p->to))) {
			p->kick = !from->kicked && from->driven;
			from->kicked |= p->kick;
			continue;
		}
		move(from, q, p->to, e.c, e.key, wants);
		p->to->stats.pulled++;
		from->stats.spared += !*pulled;
		*pulled = true;
		return true;
	}
	return false;
}

/* Take from a CPU that sleeps what may be run. False: it is enough for one interrupt. */
static bool pull_from(unsigned int cpu, void *pull)
{
	struct pull *p = pull;
	struct co_base *from = base(cpu);
	bool more, pulled = false, wants = false;

	do {
		co_lock_two(from, p->to);
		more = from != p->to && from->asleep && pull_one(from, p, &pulled, &wants);
		co_unlock_two(from, p->to);
		if (unlikely(p->kick))
			smp_call_function_single_async(cpu, &from->csd);
		p->kick = false;
	} while (more && --p->batch);
	if (wants)
		irq_work_queue(&p->to->grow_irq);
	co_group_put_off(cpu, note_of);
	return p->batch;
}

/**
 * co_pull() - take from the CPUs that this one looks after what may be run
 * @b:		its base
 * @now:	the time
 *
 * Context: Hard interrupt, interrupts off, no lock held.
 */
void co_pull(struct co_base *b, u64 now)
{
	struct pull p = { .to = b, .now = now, .batch = PULL_BATCH };

	co_lock(b);
	b->watch = CO_DUE_NEVER;
	co_unlock(b);
	co_group_sleepers(b->cpu, now, pull_from, &p);
	take_watch(b);
	co_unlock(b);
}

/* ---- CPUs that come and go ------------------------------------------------------------------ */

/**
 * co_leave() - this CPU goes offline: nothing is armed here any more, and it watches nothing
 * @b: its base
 *
 * Context: On that CPU, a thread.
 */
void co_leave(struct co_base *b)
{
	struct co_due left = CO_DUE_NEVER;
	struct co_group *told = NULL;
	bool awake;

	local_irq_disable();
	co_lock(b);
	awake = !b->asleep;
	WRITE_ONCE(b->online, false);
	WRITE_ONCE(b->takes_any, false);
	b->driven = false;
	b->next = CO_CLOCK_NEVER;
	WRITE_ONCE(b->asleep, true);
	b->watch = CO_DUE_NEVER;
	co_unlock(b);
	if (awake && co_groups_used() && !b->isolated)
		told = co_group_asleep(b->cpu, CO_DUE_NEVER, &left);
	if (told)
		tell_watcher(told, left);
	local_irq_enable();
	/* All others are asleep: one of them is to wake and see to it. */
	if (!told && left.latest != U64_MAX)
		co_kick(anywhere());
}

/* Hand the first callout of a queue over. False when there is none. See "Handover" in core.c. */
static bool hand_over(struct co_base *from, unsigned int i)
{
	struct co_queue *q = &from->queue[i];
	struct co_base *to;
	struct co_entry e;

	local_irq_disable();
	to = anywhere();
	co_lock_two(from, to);
	e = co_q_first(q);
	if (e.c && to->online) {
		from->stats.displaced += i >= CO_BOUND;
		move_and_tell(from, q, to, e.c, e.key);
	} else {
		co_unlock_two(from, to);
	}
	local_irq_enable();
	return e.c;
}

/**
 * co_hand_over() - all that is pending on a CPU that goes offline goes to others
 * @b: its base
 *
 * Context: After co_leave(), a thread, may sleep.
 */
void co_hand_over(struct co_base *b)
{
	unsigned int i;

	for (i = 0; i < CO_NQUEUES; i++) {
		while (hand_over(b, i))
			cond_resched();
	}
}

/* Look a little further through a queue for one that is bound to @b, and take it there. */
static void fetch(struct co_base *from, struct co_queue *q, struct co_base *b, u32 *cursor)
{
	struct callout *c;

	local_irq_disable();
	co_lock_two(from, b);
	c = co_q_ops->next(q, cursor);
	if (c && (c->c_home & ~CO_HOME_MOVED) == b->home)
		move_and_tell(from, q, b, c, co_key(co_latest(c), c->c_order));
	else
		co_unlock_two(from, b);
	local_irq_enable();
}

/* Under the lock, as who has found a CPU offline may be about to queue something. See "Online versus displaced". */
static bool empty(struct co_base *from, const struct co_queue *q)
{
	u32 count;

	local_irq_disable();
	co_lock(from);
	count = co_q_ops->count(q);
	co_unlock(from);
	local_irq_enable();
	return !count;
}

/**
 * co_come_home() - what is bound to a CPU that has come online comes back from others
 * @b: its base, online
 *
 * What has spilled on another CPU comes into its queue first; if there is no memory for that it stays displaced.
 *
 * Context: A thread, may sleep.
 */
void co_come_home(struct co_base *b)
{
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		struct co_base *from = base(cpu);

		if (from == b)
			continue;
		for (i = CO_BOUND; i < CO_NQUEUES; i++) {
			u32 cursor = 0;

			if (empty(from, &from->queue[i]))
				continue;
			co_grow_queues(from);
			while (cursor != U32_MAX) {
				fetch(from, &from->queue[i], b, &cursor);
				cond_resched();
			}
		}
	}
}

/* ---- init and exit -------------------------------------------------------------------------- */

static bool isolated(unsigned int cpu)
{
	return !housekeeping_cpu(cpu, HK_TYPE_TIMER) || !housekeeping_cpu(cpu, CO_HK_TYPE_DOMAIN);
}

/* Before any CPU is online. */
int co_migrate_init(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		base(cpu)->isolated = isolated(cpu);
		base(cpu)->asleep = true;
		base(cpu)->watch = CO_DUE_NEVER;
	}
	return co_groups_init(nr_cpu_ids);
}

/* When no CPU is online any more. */
void co_migrate_exit(void)
{
	co_groups_exit();
}

/* The idle loop's tracepoint. Before 6.3 the end comes with interrupts on. */
static void idle_loop(void *unused, unsigned int state, unsigned int cpu)
{
	co_idle(state != (u32)PWR_EVENT_EXIT);
}

static bool listening;

/*
 * From now on the CPUs' idleness is heeded. One that is idle already is taken for awake until it is interrupted. Without
 * tracepoints nobody is known to sleep; nor with a time that tests move, who say when.
 */
int co_idle_init(void)
{
	int err;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS) || !co_groups_used() || co_clock == &co_clk_fake)
		return 0;
	err = register_trace_cpu_idle(idle_loop, NULL);
	listening = !err;
	return err;
}

void co_idle_exit(void)
{
	if (!listening)
		return;
	unregister_trace_cpu_idle(idle_loop, NULL);
	tracepoint_synchronize_unregister();
}
