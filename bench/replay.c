// SPDX-License-Identifier: GPL-2.0
/*
 * Replays of a recorded trace (trace_format.h).
 *
 * cost: the operations back to back, with deadlines hours away so that nothing expires: what each kind of
 * operation costs with the timers that were really pending. What had expired when it was recorded is taken
 * off untimed. live: each operation at its time, and the timers expire; between operations the CPU counts
 * (see live.h), or with `idle` it sleeps as it would have.
 */
#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>
#include "live.h"

static_assert(sizeof(struct co_trace_header) == 32);
static_assert(sizeof(struct co_trace_record) == 24);

#define BLOCK	32U

enum kind { ARM, LATER, EARLIER, CANCEL, CANCEL_IDLE, EXPIRED, NKINDS };

static const char *const kind_names[NKINDS] = {
	"arm", "later", "earlier", "cancel", "cancel_idle", "expired",
};

/* One operation of a replay. */
struct step {
	u64 time;
	u64 when;		/* deadline; for a cost replay in the facility's unit */
	u32 item;
	u16 window_us;
	u8 kind;
};

struct steps {
	struct step *step;
	u64 count, expected;	/* expiries, were each on time */
	u64 end;		/* ns from the start */
};

static bool record_is_good(const struct co_trace_header *h, const struct co_trace_record *r, u64 last)
{
	return le64_to_cpu(r->time_ns) >= last && le64_to_cpu(r->time_ns) < 1ULL << 48 &&
	       le64_to_cpu(r->deadline_ns) < 1ULL << 62 && le32_to_cpu(r->timer) < le32_to_cpu(h->timers) &&
	       r->op >= CO_TRACE_ARM && r->op <= CO_TRACE_EXPIRED;
}

/* Is the trace one? Sets the number of timers. */
int bench_trace_check(struct bench_job *job)
{
	const struct co_trace_record *r;
	const struct co_trace_header *h;
	u64 last = 0, i;
	size_t bytes;

	h = bench_trace(&bytes);
	if (bytes < sizeof(*h) || memcmp(h->magic, CO_TRACE_MAGIC, sizeof(h->magic)) ||
	    !h->records || !h->timers || h->reserved || le32_to_cpu(h->timers) > BENCH_MAX_N ||
	    bytes != sizeof(*h) + (u64)le32_to_cpu(h->records) * sizeof(*r))
		return -ENOEXEC;
	r = (const void *)(h + 1);
	for (i = 0; i < le32_to_cpu(h->records); i++) {
		if (!record_is_good(h, r + i, last))
			return -ENOEXEC;
		last = le64_to_cpu(r[i].time_ns);
	}
	job->n = le32_to_cpu(h->timers);
	return 0;
}

static void add(struct steps *s, const struct step *step)
{
	s->step[s->count++] = *step;
}

/*
 * Add what a record says; @due is when its timer is due, 0 if it is not pending. An expiry that was not
 * recorded is made up where the timer is seen next; the replay waits for none itself.
 */
static void add_record(struct steps *s, const struct co_trace_record *r, u64 *due)
{
	struct step step = {
		.time = le64_to_cpu(r->time_ns),
		.when = le64_to_cpu(r->deadline_ns),
		.item = le32_to_cpu(r->timer),
		.window_us = le16_to_cpu(r->window_us),
	};
	bool expired = *due && (r->op == CO_TRACE_EXPIRED || *due <= step.time);

	if (expired) {
		step.kind = EXPIRED;
		add(s, &step);
		s->expected++;
		*due = 0;
	}
	if (r->op == CO_TRACE_ARM) {
		step.kind = !*due ? ARM : step.when >= *due ? LATER : EARLIER;
		*due = step.when ?: 1;
		add(s, &step);
	} else if (r->op == CO_TRACE_CANCEL) {
		step.kind = *due ? CANCEL : CANCEL_IDLE;
		*due = 0;
		add(s, &step);
	}
}

static int plan_steps(struct bench_job *job, struct steps *s)
{
	const struct co_trace_header *h;
	const struct co_trace_record *r;
	u64 limit, i, *due;
	size_t bytes;

	h = bench_trace(&bytes);
	r = (const void *)(h + 1);
	limit = job->limit_ms ? job->limit_ms * NSEC_PER_MSEC : U64_MAX;
	*s = (struct steps){ .end = min(limit, le64_to_cpu(h->duration_ns)) };
	due = vzalloc(array_size(job->n, sizeof(*due)));
	s->step = vmalloc(array3_size(le32_to_cpu(h->records), 2, sizeof(*s->step)));
	if (!due || !s->step) {
		vfree(due);
		vfree(s->step);
		return -ENOMEM;
	}
	for (i = 0; i < le32_to_cpu(h->records) && le64_to_cpu(r[i].time_ns) < limit; i++) {
		add_record(s, r + i, &due[le32_to_cpu(r[i].timer)]);
		if (i % 1024 == 0)
			cond_resched();
	}
	for (i = 0; i < job->n; i++)
		s->expected += due[i] && due[i] < s->end;
	vfree(due);
	return 0;
}

static void tell_plan(struct bench_job *job, const struct steps *s)
{
	bench_out(job, "timers %llu\noperations %llu\nexpected %llu\nduration_ns %llu\n", job->n, s->count,
		  s->expected, s->end);
}

/* ---- cost ----------------------------------------------------------------------------------- */

struct costs {
	u64 cycles[NKINDS], count[NKINDS];
};

static __always_inline void do_step(const struct facility *f, struct bench_item *it,
				    const struct step *s)
{
	if (s->kind == LATER || s->kind == EARLIER)
		f->later(it, s->when);
	else if (s->kind == ARM)
		f->arm(it, s->when);
	else
		f->cancel(it);
}

static __always_inline void cost_block(const struct facility *f, struct bench_job *job,
				       const struct step *s, u64 count, struct costs *costs)
{
	unsigned long flags = begin(f);
	u64 i;

	for (i = 0; i < count; i++) {
		u64 start = co_cheap_clock();

		do_step(f, &job->items[s[i].item], &s[i]);
		costs->cycles[s[i].kind] += co_cheap_clock() - start;
		costs->count[s[i].kind]++;
	}
	end(f, flags);
}

static __always_inline int replay_cost(const struct facility *f, struct bench_job *job)
{
	struct costs costs = { };
	u64 pause = 0, now, i;
	struct steps s;
	int err;

	err = plan_steps(job, &s);
	if (err)
		return err;
	now = ktime_get();
	for (i = 0; i < s.count; i++)
		s.step[i].when = f->unit(now + BENCH_FAR_NS + s.step[i].when, now);
	setup_items(f, job);
	live_reset(job, 0);
	for (i = 0; i < s.count && !bench_should_stop(); i += BLOCK) {
		cost_block(f, job, s.step + i, min_t(u64, BLOCK, s.count - i), &costs);
		bench_pause(i, &pause);
	}
	tell_plan(job, &s);
	for (i = 0; i < NKINDS; i++)
		bench_out(job, "cost_%s %llu %llu\n", kind_names[i], costs.count[i], costs.cycles[i]);
	drain_items(f, job);
	vfree(s.step);
	return live_fired() ? -EIO : 0;
}

int bench_replay_cost(struct bench_job *job)
{
	return BENCH_WITH_FACILITY(replay_cost, job);
}

/* ---- live ----------------------------------------------------------------------------------- */

/* Where the replay ran behind the trace, as its CPU was busy with expiries or elsewhere. */
struct behind {
	u64 most, often;
};

#define BEHIND_NS	(100 * NSEC_PER_USEC)

/* Shorter waits are spun through, and the end of longer ones: it takes so long to be awake. */
#define SLEEP_NS	(100 * NSEC_PER_USEC)
#define AWAKE_NS	(20 * NSEC_PER_USEC)

static void sleep_until(ktime_t at)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_hrtimeout_range(&at, 0, HRTIMER_MODE_ABS);
}

static void wait_until(struct bench_job *job, struct live_clock *clock, u64 at, struct behind *behind)
{
	u64 now = ktime_get();

	if (job->idle && now + SLEEP_NS < at) {
		sleep_until(at - AWAKE_NS);
		now = ktime_get();
	}
	while (now < at) {
		live_spin(clock);
		now = ktime_get();
	}
	behind->most = max(behind->most, now - at);
	behind->often += now - at > BEHIND_NS;
}

static __always_inline void live_step(const struct facility *f, struct bench_job *job, u64 start,
				      const struct step *s)
{
	struct bench_item *it = &job->items[s->item];
	unsigned long flags = begin(f);

	if (s->kind == CANCEL || s->kind == CANCEL_IDLE) {
		f->cancel(it);
	} else {
		it->due_ns = start + div_u64(s->when, job->speed);
		f->within(it, it->due_ns, div_u64(s->window_us * NSEC_PER_USEC, job->speed));
	}
	end(f, flags);
}

/*
 * A start soon after @now. What the trace has of the wheel's timers is due at tick boundaries; let these
 * be tick boundaries again, or every one would wait for the next.
 */
static u64 live_start(u64 now)
{
	const struct co_trace_header *h;
	const struct co_trace_record *r;
	u64 i, off;
	size_t bytes;

	h = bench_trace(&bytes);
	r = (const void *)(h + 1);
	for (i = 0; i < le32_to_cpu(h->records); i++) {
		if (r[i].op != CO_TRACE_ARM || r[i].kind != CO_TRACE_TIMER_LIST)
			continue;
		div64_u64_rem(now + le64_to_cpu(r[i].deadline_ns) - ~callout_tick_origin, TICK_NSEC, &off);
		return now + TICK_NSEC - off;
	}
	return now;
}

static __always_inline int replay_live(const struct facility *f, struct bench_job *job)
{
	struct behind behind = { };
	struct live_clock clock;
	unsigned long flags;
	struct steps s;
	u64 start, i;
	int err;

	err = plan_steps(job, &s);
	if (err)
		return err;
	setup_items(f, job);
	live_reset(job, 0);
	live_clock_start(&clock);
	start = live_start(clock.ns);
	for (i = 0; i < s.count && !bench_should_stop(); i++) {
		if (s.step[i].kind == EXPIRED)
			continue;
		wait_until(job, &clock, start + div_u64(s.step[i].time, job->speed), &behind);
		live_step(f, job, start, &s.step[i]);
	}
	wait_until(job, &clock, start + div_u64(s.end, job->speed), &behind);
	flags = begin(f);
	live_clock_stop(&clock);
	live_tell(job, &clock);
	end(f, flags);
	tell_plan(job, &s);
	bench_out(job, "behind_max_ns %llu\nbehind_often %llu\n", behind.most, behind.often);
	drain_items(f, job);
	vfree(s.step);
	return 0;
}

int bench_replay_live(struct bench_job *job)
{
	return BENCH_WITH_FACILITY(replay_live, job);
}
