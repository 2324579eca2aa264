// SPDX-License-Identifier: GPL-2.0
/*
 * The base of each CPU: what its clock is armed for, memory for its queues, and CPUs that come and go.
 */
#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/smpboot.h>
#include <linux/vmalloc.h>
#include "internal.h"
#include "trace.h"

DEFINE_PER_CPU(struct co_base, co_bases);
CO_EXPORT_FOR_TESTS(co_bases);
static DEFINE_PER_CPU(struct task_struct *, co_thread);
static enum cpuhp_state hp_state;
static bool exiting;

/* How long to wait before memory that could not be had is asked for again. */
#define GROW_RETRY	(HZ / 50 ?: 1)

/* ---- the clock ------------------------------------------------------------------------------ */

u64 co_now(void)
{
	return static_call(co_clock_now)();
}

/* Serves an arm from another CPU by looking at everything. Hard interrupt, on the base's CPU. */
static void kick(void *info)
{
	struct co_base *b = info;
	u64 next;

	/* Only now may the csd be used again; what is armed from here on is seen below. */
	co_lock(b);
	b->kicked = false;
	b->stats.kicks++;
	co_unlock(b);
	next = co_interrupt(false);
	if (next != CO_CLOCK_NEVER)
		static_call(co_clock_arm)(next);
}

/**
 * co_clock_event() - what a clock calls when its interrupt comes
 *
 * Context: Hard interrupt, interrupts off, no lock held; on the CPU that was armed.
 * Return: The next time to arm, or CO_CLOCK_NEVER.
 */
u64 co_clock_event(void)
{
	u64 next = co_interrupt(true);

	if (static_branch_unlikely(&co_faulty))
		return co_fault_next(next);
	return next;
}

/*
 * @key comes before all that the clock is armed for. It need not be told if the dispatcher of that
 * context has been told to run, which looks again before it rests, or if another CPU has told it.
 */
bool co_armed_first(struct co_base *b, enum co_ctx ctx, u64 key)
{
	lockdep_assert_held(&b->lock);
	/* Offline: its clock has been stopped, and co_hand_over() tells the next base's. */
	if (!b->online || (b->raised & BIT(ctx)))
		return false;
	if (b == this_cpu_ptr(&co_bases)) {
		b->next = static_branch_unlikely(&co_periodic) ? 0 : key;
		b->stats.programmed++;
		return true;
	}
	if (b->kicked)
		return false;
	b->kicked = true;
	return true;
}

/* What co_armed_first() asks for. Interrupts off, no base lock. */
void co_tell_clock(struct co_base *b, u64 next)
{
	if (b == this_cpu_ptr(&co_bases)) {
		trace_callout_clock_program(b->cpu, next);
		static_call(co_clock_arm)(next);
	} else {
		/* Fails if the CPU has just gone: its callouts have been handed over then. */
		smp_call_function_single_async(b->cpu, &b->csd);
	}
}

/* Put callouts that were moved where they belong, until the first is one that was not; a few at most. */
void co_rekey_first(struct co_base *b, struct co_queue *q)
{
	struct co_entry e;
	int tries = 8;

	while ((e = co_q_first(q)).c && tries--) {
		u64 order = READ_ONCE(e.c->c_order), key = co_key(co_latest(e.c), order);

		if (!co_moved(&e, key, order) || (e.c->c_gate & CO_GATE_RETRY))
			break;
		b->stats.rekeyed++;
		co_q_rekey(q, e.c, key);
		co_unlock(b);
		co_lock(b);
	}
}

/* Which of the two queues of a context, that is not bound or is, has what comes first; neither is empty. */
struct co_queue *co_earlier_queue(struct co_queue *free)
{
	struct co_queue *bound = free + CO_BOUND;
	struct co_entry f = co_q_first(free), b = co_q_first(bound);

	return f.key < b.key || (f.key == b.key && co_seq_before(f.seq, b.seq)) ? free : bound;
}

/* When has the first callout of a queue to be dealt with, and from when on may it be? In periodic mode that is its key. */
struct co_due co_first_due(const struct co_entry *e)
{
	struct co_due due = { .latest = e->key, .earliest = e->key };

	if (!static_branch_unlikely(&co_periodic) && !(e->c->c_gate & CO_GATE_RETRY))
		due.earliest = co_earliest(e->key, READ_ONCE(e->c->c_order));
	return due;
}

/*
 * Look at what no dispatcher is looking after. With @raise, what is due in another context than the
 * hard interrupt is added to it, and its second considered, as its dispatcher may have no more to
 * do than the first: but not if the second, with a window like the first's, is due as well, for then the
 * clock would come while the dispatcher, which arms it again, is still at work. The result is as of the end:
 * what comes while moved ones are put in their place is not missed. Also at what it watches for others that sleep.
 * Returns the time to arm the clock for.
 */
u64 co_look(struct co_base *b, u64 now, u8 *raise)
{
	u64 next = CO_CLOCK_NEVER;
	enum co_ctx ctx;

	for (ctx = 0; ctx < CO_NCTX; ctx++) {
		struct co_queue *q = &b->queue[ctx];

		if (b->raised & BIT(ctx))
			continue;
		if (!co_q_empty(q))
			co_rekey_first(b, q);
		if (!co_q_empty(q + CO_BOUND))
			co_rekey_first(b, q + CO_BOUND);
	}
	for (ctx = 0; ctx < CO_NCTX; ctx++) {
		struct co_queue *q, *other;
		struct co_entry e;
		u64 key, first;

		if (b->raised & BIT(ctx))
			continue;
		e = co_first(b, ctx, &q);
		if (!e.c)
			continue;
		key = e.key;
		first = co_first_due(&e).earliest;
		if (raise && ctx != CO_HARD && first <= now) {
			other = q == &b->queue[ctx] ? q + CO_BOUND : q - CO_BOUND;
			*raise |= BIT(ctx);
			key = co_q_second(q);
			if (unlikely(!co_q_empty(other)))
				key = min(key, co_q_first(other).key);
			if (key <= now || key - now <= e.key - first)
				continue;
		}
		next = min(next, key);
	}
	return min(next, b->watch.latest);
}

/*
 * Arm this CPU's clock anew if it must come at another time now. In periodic mode it begins to tick; it stops where the
 * CPU sleeps and nothing is wanted of it, else by itself. Releases the base.
 */
void co_program(struct co_base *b, u64 next)
{
	bool program;

	if (static_branch_unlikely(&co_periodic))
		program = b->driven && (next == CO_CLOCK_NEVER ? b->asleep && !b->next : b->next);
	else
		program = b->driven && next != b->next;
	if (program) {
		b->next = static_branch_unlikely(&co_periodic) && next != CO_CLOCK_NEVER ? 0 : next;
		b->stats.programmed++;
	}
	co_unlock(b);
	if (program)
		co_tell_clock(b, next);
}

/*
 * A dispatcher has come to rest: arm the clock anew. Releases the base. What is due meanwhile makes it come at once.
 */
void co_reprogram(struct co_base *b)
{
	co_program(b, co_look(b, 0, NULL));
}

/*
 * The clock has been started on this CPU, or is about to be stopped: from now on it looks after the
 * queues, or no one does. See "Clock switch versus arm" in core.c. It is awake, as this runs here. Interrupts on.
 */
void co_drive(struct co_base *b, bool on)
{
	local_irq_disable();
	if (on && b->asleep && b->online)
		co_awaken(b);
	else
		co_lock(b);
	b->driven = on && b->online;
	b->premature = b->timely = 0;
	if (!b->driven) {
		b->next = b->online ? 0 : CO_CLOCK_NEVER;
		co_unlock(b);
	} else {
		b->next = CO_CLOCK_NEVER;
		co_reprogram(b);
	}
	local_irq_enable();
}

/* Send a CPU an interrupt that looks at everything, unless one is on its way. */
void co_kick(struct co_base *b)
{
	bool mine;

	local_irq_disable();
	co_lock(b);
	mine = b->driven && !b->kicked;
	if (mine)
		b->kicked = true;
	co_unlock(b);
	if (mine)
		smp_call_function_single_async(b->cpu, &b->csd);
	local_irq_enable();
}

/* Is there anything that the CPU, or who looks after it, should have run before a time, and that no dispatcher looks after? */
u8 co_overdue(struct co_base *b, u64 before, u64 *interrupts)
{
	u8 overdue = 0;
	unsigned int i;

	local_irq_disable();
	co_lock(b);
	*interrupts = b->stats.interrupts;
	for (i = 0; b->driven && i < CO_NQUEUES; i++) {
		struct co_entry e = co_q_first(&b->queue[i]);

		if (e.c && !(b->raised & BIT(i % CO_NCTX)) && e.key < before)
			overdue |= b->asleep && i < CO_BOUND ? CO_OVERDUE_LEFT : CO_OVERDUE;
	}
	if (b->driven && b->watch.latest < before)
		overdue |= CO_OVERDUE;
	b->premature = b->timely = 0;
	co_unlock(b);
	local_irq_enable();
	return overdue;
}

/*
 * Make the keys of all that is queued anew, as the mode has changed; one for each hold of a base. What has spilled
 * keeps its key until it is the first: that is within its window either way.
 */
void co_rekey_all(void)
{
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		struct co_base *b = per_cpu_ptr(&co_bases, cpu);

		for (i = 0; i < CO_NQUEUES; i++) {
			struct callout *c;
			u32 cursor = 0;

			while (cursor != U32_MAX) {
				local_irq_disable();
				co_lock(b);
				c = co_q_ops->next(&b->queue[i], &cursor);
				if (c && !(c->c_gate & CO_GATE_RETRY))
					co_q_rekey(&b->queue[i], c, co_key(co_latest(c), c->c_order));
				co_unlock(b);
				local_irq_enable();
				cond_resched();
			}
		}
	}
}

/* ---- two bases ------------------------------------------------------------------------------ */

/* Two bases, which may be one, in the order of their CPUs. Interrupts off. */
void co_lock_two(struct co_base *a, struct co_base *b)
{
	if (a->cpu > b->cpu)
		swap(a, b);
	co_lock(a);
	if (a != b)
		co_raw_lock_nested(b);
}

void co_unlock_two(struct co_base *a, struct co_base *b)
{
	if (a != b)
		co_raw_unlock(a->cpu > b->cpu ? a : b);
	co_unlock(a->cpu > b->cpu ? b : a);
}

/* ---- memory for the queues ------------------------------------------------------------------ */

/* Give a queue what it wants and bring back what it spilled. False if memory could not be had. */
static bool grow_queue(struct co_base *b, unsigned int i)
{
	struct co_queue *q = &b->queue[i];
	bool more, done;
	u32 n;

	do {
		while ((n = co_q_ops->wanted(q))) {
			size_t bytes = PAGE_ALIGN((size_t)n * CO_QUEUE_ELEMENT);
			void *old, *mem = co_mem_grow(&b->mem[i], bytes, b->cpu, &old);

			if (!mem)
				return false;
			local_irq_disable();
			co_lock(b);
			co_q_ops->grow(q, mem, mem + bytes, n);
			co_unlock(b);
			local_irq_enable();
			vunmap(old);
		}
		do {
			local_irq_disable();
			co_lock(b);
			more = co_q_ops->settle(q);
			done = more || co_q_ops->rest(q);
			co_unlock(b);
			local_irq_enable();
			cond_resched();
		} while (more);
	} while (!done);
	return true;
}

/* An arm may ask for memory late, when its CPU comes online once more: hence the mutex. */
void co_grow_queues(struct co_base *b)
{
	static DEFINE_MUTEX(growing);
	bool done = true;
	unsigned int i;

	mutex_lock(&growing);
	for (i = 0; i < CO_NQUEUES; i++)
		done &= grow_queue(b, i);
	mutex_unlock(&growing);
	if (!done)
		schedule_delayed_work(&b->grow, GROW_RETRY);
}

static void grow(struct work_struct *work)
{
	co_grow_queues(container_of(to_delayed_work(work), struct co_base, grow));
}

static void grow_from_irq(struct irq_work *work)
{
	struct co_base *b = container_of(work, struct co_base, grow_irq);

	mod_delayed_work(co_system_wq, &b->grow, 0);
}

/* ---- CPUs that come and go ------------------------------------------------------------------ */

static int base_online(unsigned int cpu)
{
	struct co_base *b = per_cpu_ptr(&co_bases, cpu);

	co_grow_queues(b);
	b->thread = per_cpu(co_thread, cpu);
	local_irq_disable();
	co_lock(b);
	b->raised = 0;
	b->kicked = false;
	b->next = 0;
	WRITE_ONCE(b->online, true);
	WRITE_ONCE(b->takes_any, !b->isolated);
	/* Until it has a clock: then it may be asked to watch. */
	WRITE_ONCE(b->asleep, co_groups_used() && !b->isolated);
	co_unlock(b);
	local_irq_enable();
	if (co_clock_start(b))
		co_clock_fail(co_clock, NULL);
	co_come_home(b);
	return 0;
}

/* On the CPU that goes, still able to run everything, its thread included. */
static int base_offline(unsigned int cpu)
{
	struct co_base *b = per_cpu_ptr(&co_bases, cpu);

	co_leave(b);
	co_clock_stop(b);
	tasklet_kill(&b->tasklet);
	irq_work_sync(&b->grow_irq);
	cancel_delayed_work_sync(&b->grow);
	if (!exiting)
		co_hand_over(b);
	return 0;
}

static int thread_should_run(unsigned int cpu)
{
	return READ_ONCE(per_cpu(co_bases, cpu).raised) & BIT(CO_THREAD);
}

static void thread_run(unsigned int cpu)
{
	co_run_thread(per_cpu_ptr(&co_bases, cpu));
}

static void thread_setup(unsigned int cpu)
{
	if (co_thread_fifo)
		sched_set_fifo(current);
}

static struct smp_hotplug_thread threads = {
	.store = &co_thread,
	.thread_should_run = thread_should_run,
	.thread_fn = thread_run,
	.setup = thread_setup,
	.thread_comm = "callout/%u",
};

/* ---- init and exit -------------------------------------------------------------------------- */

static void base_init(struct co_base *b, unsigned int cpu)
{
	unsigned int i;

	raw_spin_lock_init(&b->lock);
	b->cpu = cpu;
	b->home = co_home(cpu);
	b->next = CO_CLOCK_NEVER;
	for (i = 0; i < CO_NQUEUES; i++)
		co_q_ops->init(&b->queue[i]);
	for (i = 0; i < CO_NCTX; i++)
		INIT_LIST_HEAD(&b->exec[i].drainers);
	INIT_CSD(&b->csd, kick, b);
	tasklet_setup(&b->tasklet, co_run_soft);
	b->grow_irq = IRQ_WORK_INIT_HARD(grow_from_irq);
	INIT_DELAYED_WORK(&b->grow, grow);
}

static void bases_free(void)
{
	unsigned int cpu, i, left = 0;

	for_each_possible_cpu(cpu) {
		struct co_base *b = per_cpu_ptr(&co_bases, cpu);

		irq_work_sync(&b->grow_irq);
		cancel_delayed_work_sync(&b->grow);
		for (i = 0; i < CO_NQUEUES; i++) {
			left += co_q_ops->count(&b->queue[i]);
			co_q_ops->fini(&b->queue[i]);
			co_mem_free(&b->mem[i]);
		}
	}
	if (left)
		pr_warn("callout: %u callouts were pending at unload and will not run\n", left);
}

int co_percpu_init(void)
{
	unsigned int cpu;
	int err;

	co_queues_by_attr();
	for_each_possible_cpu(cpu)
		base_init(per_cpu_ptr(&co_bases, cpu), cpu);
	err = co_migrate_init();
	if (err)
		return err;
	err = smpboot_register_percpu_thread(&threads);
	if (err)
		goto err_migrate;
	hp_state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "callout:online", base_online,
				     base_offline);
	if (hp_state < 0) {
		err = hp_state;
		goto err_threads;
	}
	return 0;

err_threads:
	smpboot_unregister_percpu_thread(&threads);
err_migrate:
	co_migrate_exit();
	bases_free();
	return err;
}

void co_percpu_exit(void)
{
	exiting = true;
	cpuhp_remove_state(hp_state);
	smpboot_unregister_percpu_thread(&threads);
	co_migrate_exit();
	co_clocks_end();
	bases_free();
}
