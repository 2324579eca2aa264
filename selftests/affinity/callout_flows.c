// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions as TCP has them: does a timer's handler run on the CPU that has the session in its cache?
 *
 * A session belongs to a CPU, which seldom changes. There a thread "receives packets" of its sessions, at random, each
 * session's every 300 ms: a packet arms the delayed acknowledgement (40 ms), or stops it (with an answer), moves the
 * retransmission (200 ms) and the keepalive (2 s). One half of the CPUs does nothing else but spin, the other half sleeps
 * from one look for packets to the next, 5 to 45 ms later.
 *
 * Of each expiry it is counted whether it ran on the CPU that had touched the session last; the same of those alone whose
 * CPU was at work from the time on that they were armed for; and whether the handler found its own CPU idle.
 *
 * insmod does the work and prints "callout_flows: KIND packets expiries home at_work home_at_work found_idle interrupts":
 * at_work expiries whose session's CPU was at work, home_at_work those of them that ran there, interrupts all that
 * the local timers of the CPUs that sleep have made. It fails if a callout was early.
 */
#include <linux/delay.h>
#include <linux/prandom.h>
#include <linux/vmalloc.h>
#include "cpus.h"
#include "timers.h"

static int sessions = 2000;
module_param(sessions, int, 0444);
MODULE_PARM_DESC(sessions, "in all (2000)");
static int seconds = 10;
module_param(seconds, int, 0444);
MODULE_PARM_DESC(seconds, "how long to run (10)");

#define PACKET_EVERY_MS	300
/* Until the first keepalives have been set and moved. */
#define SETTLE_MS	500
#define LOOK_AFTER_MIN_MS	5
#define LOOK_AFTER_MAX_MS	45
/* One packet in so many finds its session on another CPU. */
#define MOVES_ONE_IN	500

enum timeout { DELAYED_ACK, RETRANSMIT, KEEPALIVE, TIMEOUTS };

static const u64 timeout_ms[TIMEOUTS] = { 40, 200, 2000 };

struct session {
	spinlock_t lock;
	unsigned int cpu;	/* whose it is */
	unsigned int touched;	/* by which CPU last */
	struct session_timer {
		struct timer t;
		struct session *s;
		u64 at;		/* 0: is not to run */
	} timer[TIMEOUTS];
};

struct flow {
	struct task_struct *task;
	struct rnd_state rnd;
	u64 since;	/* at work; 0: it sleeps */
	u64 packets, expiries, home, of_at_work, home_at_work, found_idle, early;
};

static struct session *all;
static bool counting, ending;
static DEFINE_PER_CPU(struct flow, flows);

static void expired(struct timer *t)
{
	struct session_timer *st = container_of(t, struct session_timer, t);
	unsigned int touched = st->s->touched;
	struct flow *here = this_cpu_ptr(&flows);
	u64 since = READ_ONCE(per_cpu(flows, touched).since);
	bool home = touched == smp_processor_id(), at_work = since && since <= st->at;

	/* Others' handlers may be under way while their timers are moved, and wait for the lock; not those of callouts. */
	here->early += kind != WHEEL && kind != HRTIMER && ktime_get() < st->at;
	if (!READ_ONCE(counting))
		return;
	here->expiries++;
	here->home += home;
	here->of_at_work += at_work;
	here->home_at_work += at_work && home;
	here->found_idle += is_idle_task(current);
}

static void start_timer(struct session_timer *st, u64 in_ms)
{
	st->at = ktime_get() + in_ms * NSEC_PER_MSEC;
	timer_arm(&st->t, st->at, 0);
}

/* A packet of some session of this CPU's. */
static void receive(struct flow *f)
{
	struct session *s = &all[prandom_u32_state(&f->rnd) % sessions];

	if (READ_ONCE(s->cpu) != smp_processor_id())
		return;
	spin_lock_bh(&s->lock);
	s->touched = smp_processor_id();
	f->packets += READ_ONCE(counting);
	if (prandom_u32_state(&f->rnd) & 1)
		timer_stop(&s->timer[DELAYED_ACK].t);
	else
		start_timer(&s->timer[DELAYED_ACK], timeout_ms[DELAYED_ACK]);
	start_timer(&s->timer[RETRANSMIT], timeout_ms[RETRANSMIT]);
	start_timer(&s->timer[KEEPALIVE], timeout_ms[KEEPALIVE]);
	if (!(prandom_u32_state(&f->rnd) % MOVES_ONE_IN))
		WRITE_ONCE(s->cpu, prandom_u32_state(&f->rnd) % num_online_cpus());
	spin_unlock_bh(&s->lock);
}

static bool sleeps(unsigned int cpu)
{
	return cpu >= num_online_cpus() / 2;
}

/* At random times, so that they are not those when the timers come that are armed after a look. */
static void look_later(struct flow *f)
{
	u32 us = LOOK_AFTER_MIN_MS * USEC_PER_MSEC;

	us += prandom_u32_state(&f->rnd) % ((LOOK_AFTER_MAX_MS - LOOK_AFTER_MIN_MS) * USEC_PER_MSEC);
	usleep_range(us, us + 100);
}

static int receive_all(void *unused)
{
	struct flow *f = this_cpu_ptr(&flows);
	u64 tried = 0, begin = ktime_get();

	while (!kthread_should_stop()) {
		/* A try for each session and CPU would be one packet for each session. */
		u64 due = div_u64((ktime_get() - begin) * sessions, PACKET_EVERY_MS * NSEC_PER_MSEC);

		if (!f->since)
			WRITE_ONCE(f->since, ktime_get());
		for (; tried < due && !READ_ONCE(ending); tried++)
			receive(f);
		if (sleeps(smp_processor_id())) {
			WRITE_ONCE(f->since, 0);
			look_later(f);
		} else {
			cond_resched();
		}
	}
	return 0;
}

static void prepare(void)
{
	int i, j;

	for (i = 0; i < sessions; i++) {
		struct session *s = &all[i];

		spin_lock_init(&s->lock);
		s->cpu = i % num_online_cpus();
		for (j = 0; j < TIMEOUTS; j++) {
			s->timer[j].s = s;
			timer_init(&s->timer[j].t, expired, &s->lock);
		}
	}
}

static int start(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		struct flow *f = per_cpu_ptr(&flows, cpu);
		struct task_struct *t;

		prandom_seed_state(&f->rnd, cpu + 1);
		t = kthread_run_on_cpu(receive_all, NULL, cpu, "callout_flows/%u");
		if (IS_ERR(t))
			return PTR_ERR(t);
		f->task = t;
	}
	return 0;
}

static void end_timers(void)
{
	int i, j;

	WRITE_ONCE(ending, true);
	for (i = 0; i < sessions; i++) {
		for (j = 0; j < TIMEOUTS; j++)
			timer_end(&all[i].timer[j].t);
	}
}

static void stop(void)
{
	unsigned int cpu;

	for (cpu = nr_cpu_ids; cpu--;) {
		if (!cpu_possible(cpu) || !per_cpu(flows, cpu).task)
			continue;
		/* As long as there is a timer there are CPUs that are awake. */
		if (!sleeps(cpu))
			end_timers();
		kthread_stop(per_cpu(flows, cpu).task);
	}
	end_timers();
}

static u64 interrupts(void)
{
	unsigned int cpu;
	u64 n = 0;

	for_each_online_cpu(cpu)
		n += sleeps(cpu) ? timer_interrupts(cpu) : 0;
	return n;
}

static int report(u64 taken)
{
	struct flow sum = { };
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		const struct flow *f = per_cpu_ptr(&flows, cpu);

		sum.packets += f->packets;
		sum.expiries += f->expiries;
		sum.home += f->home;
		sum.of_at_work += f->of_at_work;
		sum.home_at_work += f->home_at_work;
		sum.found_idle += f->found_idle;
		sum.early += f->early;
	}
	pr_info("callout_flows: %s %llu %llu %llu %llu %llu %llu %llu\n", kind_name, sum.packets, sum.expiries,
		sum.home, sum.of_at_work, sum.home_at_work, sum.found_idle, taken);
	return sum.early ? -EIO : 0;
}

static int __init callout_flows_init(void)
{
	int err = choose_kind();
	u64 before;

	if (err || kind == NOTHING || sessions < 1)
		return -EINVAL;
	all = vcalloc(sessions, sizeof(*all));
	if (!all)
		return -ENOMEM;
	prepare();
	err = start();
	if (!err)
		msleep(SETTLE_MS);
	before = interrupts();
	WRITE_ONCE(counting, true);
	if (!err)
		msleep(1000 * seconds);
	WRITE_ONCE(counting, false);
	before = interrupts() - before;
	stop();
	err = err ?: report(before);
	vfree(all);
	return err;
}

static void __exit callout_flows_exit(void)
{
}

module_init(callout_flows_init);
module_exit(callout_flows_exit);
MODULE_DESCRIPTION("sessions whose timers run on the CPU that has them in cache, or do not");
MODULE_LICENSE("GPL");
