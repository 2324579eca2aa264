// SPDX-License-Identifier: GPL-2.0
/*
 * What takes the place of clocks.c, mem.c, check.c and watchdog.c; and looks inside the bases.
 */
#include <module/internal.h>
#include "module.h"

/* ---- clock ---------------------------------------------------------------------------------- */

bool co_periodic, co_faulty, co_measure_hold, co_thread_fifo;
static u64 period_ns;

/* No clock but the machine's: these stand for its name, for those it is compared with. */
struct callout_clock co_clk_hrtimer = { .name = "hrtimer", .rating = 100 };
struct callout_clock co_clk_fake = { .name = "fake" };
static struct callout_clock machines_clock = { .name = "machine", .rating = 100 };
struct callout_clock *co_clock = &machines_clock;

u64 co_next_tick(u64 now)
{
	return (now / period_ns + 1) * period_ns;
}

void sim_co_clock_arm(u64 ns)
{
	sim_arm(co_periodic && ns != CO_CLOCK_NEVER ? co_next_tick(sim_now()) : ns);
}

u64 sim_co_clock_now(void)
{
	return sim_now();
}

int co_clock_start(struct co_base *b)
{
	if (b->clock || !b->online)
		return 0;
	b->clock = co_clock;
	co_drive(b, true);
	return 0;
}

void co_clock_stop(struct co_base *b)
{
	co_drive(b, false);
	sim_arm(CO_CLOCK_NEVER);
	b->clock = NULL;
}

void co_clock_fail(struct callout_clock *clock, const char *fmt, ...)
{
	sim_fatal("the clock failed: %s", fmt);
}

void co_clocks_end(void)
{
}

u64 co_fault_next(u64 ns)
{
	return ns;
}

void co_hold_begin(struct co_base *b)
{
}

void co_hold_end(struct co_base *b)
{
}

/* ---- memory --------------------------------------------------------------------------------- */

void *co_mem_grow(struct co_mem *m, size_t bytes, unsigned int cpu, void **old)
{
	size_t had = m->n * PAGE_SIZE;
	u8 *map = aligned_alloc(64, 2 * bytes);

	memset(map, 0xff, 2 * bytes);
	if (had) {
		memcpy(map, m->map, had);
		memcpy(map + bytes, (u8 *)m->map + had, had);
	}
	*old = m->map;
	*m = (struct co_mem){ .n = bytes / PAGE_SIZE, .map = map };
	return map;
}

void co_mem_free(struct co_mem *m)
{
	free(m->map);
	*m = (struct co_mem){ };
}

/* ---- misuse --------------------------------------------------------------------------------- */

void co_misuse(enum co_misuse what, const char *func, unsigned long caller, const char *detail)
{
	/* Of a CPU that is offline. The workload does that on purpose. */
	if (what == CO_BAD_CPU)
		return;
	sim_fatal("misuse %d by %s(): %s", what, func, detail);
}

/* ---- for the machine ------------------------------------------------------------------------ */

/* No CPU is online: each brings its base up itself. */
void sim_module_init(bool periodic, u64 period)
{
	co_periodic = periodic;
	period_ns = period;
	callout_tick_origin = U64_MAX;
	memset(co_bases, 0, nr_cpu_ids * sizeof(co_bases[0]));
	/* So that one seed is one run, whatever was before. */
	memset(callout_arm_seq, 0, sizeof(callout_arm_seq));
	if (co_percpu_init() || co_idle_init())
		sim_fatal("no memory");
}

/* co_percpu_exit() is for once; there are many simulations in one program. */
void sim_module_exit(void)
{
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		for (i = 0; i < CO_NQUEUES; i++)
			co_mem_free(&co_bases[cpu].mem[i]);
	}
	co_migrate_exit();
}

struct sim_base sim_look(unsigned int cpu)
{
	const struct co_base *b = &co_bases[cpu];
	struct sim_base s = {
		.online = b->online, .asleep = b->asleep, .isolated = b->isolated, .next = b->next,
		.watch = b->watch.latest, .unbound = U64_MAX, .bound = U64_MAX, .pulled = b->stats.pulled,
		.woken = b->stats.woken, .spared = b->stats.spared, .displaced = b->stats.displaced,
	};
	unsigned int i;

	for (i = 0; i < CO_NAFF; i++)
		s.migrated += b->stats.of[i].migrated;
	for (i = 0; i < CO_NQUEUES; i++) {
		struct co_entry e = co_q_first(&b->queue[i]);
		u64 *first = i < CO_BOUND ? &s.unbound : &s.bound;

		if (e.c)
			*first = min(*first, e.key);
		s.queued += co_q_ops->count(&b->queue[i]);
	}
	return s;
}

unsigned int sim_base_of(const struct sim_lock *l)
{
	return container_of(l, struct co_base, lock.l)->cpu;
}
