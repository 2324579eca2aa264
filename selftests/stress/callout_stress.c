// SPDX-License-Identifier: GPL-2.0
/*
 * Torture: sessions that arm, move, stop and are freed at once, on all CPUs, while their callouts
 * fire.
 *
 * Each worker plays one session after the other. A session is one allocation with a lock of some
 * kind and a callout in it. It is armed for about now (also the past), perhaps on another CPU,
 * perhaps with a window, perhaps moved later by a store; its handler may arm it again; its class of affinity
 * may change while it is pending. After about as long as it takes to fire the session ends, in one of the ways
 * that there are:
 *
 *	locked stop	lock, callout_stop(), unlock, kfree() in the next statement
 *	drain		no lock: callout_drain(), kfree()
 *	async drain	no lock: callout_async_drain(), kfree() there or in the function that it calls
 *	self		no lock: the handler frees the session
 *	wait		nothing is stopped: the handler must come
 *
 * Or it has several callouts, strong ones of one CPU or such as go where they like, armed for one time: while no CPU
 * comes or goes the strong ones run as they were armed.
 *
 * What is proven of each callout, by counts that the lock (or drain) protects: it ran once for each
 * arm that was not replaced or stopped, never early, never twice at once, and never after the stop.
 * A run after the kfree() is KASAN's to find, and the handler's, by the magic.
 *
 * insmod does the work and fails if anything was found.
 */
#include <linux/callout.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>

static int seconds = 30;
module_param(seconds, int, 0444);
MODULE_PARM_DESC(seconds, "how long to run at least (30)");
static int stops;
module_param(stops, int, 0444);
MODULE_PARM_DESC(stops, "go on until so many locked stops raced an expiry that was due (0)");
static int limit_seconds = 3600;
module_param(limit_seconds, int, 0444);
MODULE_PARM_DESC(limit_seconds, "but give up after so long, which is a failure (3600)");
static bool race;
module_param(race, bool, 0444);
MODULE_PARM_DESC(race, "nothing but arm, stop when it is due, free (no)");
static bool hotplug;
module_param(hotplug, bool, 0444);
MODULE_PARM_DESC(hotplug, "take CPUs offline and online meanwhile (no)");
static int cycles;
module_param(cycles, int, 0444);
MODULE_PARM_DESC(cycles, "with hotplug: go on until so many CPUs were taken offline and online (0)");
static int nr_workers;
module_param_named(workers, nr_workers, int, 0444);
MODULE_PARM_DESC(workers, "threads; 0: two for each CPU, with hotplug one for each second (0)");
static bool enough_now;
module_param_named(enough, enough_now, bool, 0644);
MODULE_PARM_DESC(enough, "written while it runs: end (no)");
static u64 seed = 1;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "of the random numbers (1)");

#define MAGIC		0x600dca11U
#define DEAD		0xdeadca11U
#define LOST_AFTER_MS	20000

enum kind {
	RAW, SPIN, RW, RW_SHARED, MUTEX, RWSEM, RWSEM_SHARED, LOCKED_KINDS,
	DRAIN = LOCKED_KINDS, ASYNC, SELF, ORDER, KINDS,
};

#define ROW	6	/* callouts of an ORDER session */

struct session {
	unsigned int magic;
	enum kind kind;
	union {
		raw_spinlock_t raw;
		spinlock_t spin;
		rwlock_t rw;
		struct mutex mutex;
		struct rw_semaphore rwsem;
	};
	struct callout c;
	atomic_t running;
	u64 earliest;		/* of the arm that is pending */
	unsigned int arms;	/* arms that ask for a run of their own: the lock, or before the first run */
	unsigned int runs;
	unsigned int again;	/* so often the handler arms it again */
	unsigned int refused;	/* such arms that may have come to nothing */
	bool direct;
	struct row *row;	/* of an ORDER session */
};

/* Of an ORDER session. */
struct row {
	struct {
		struct callout c;
		struct session *s;
	} one[ROW];
	unsigned int ran[ROW];	/* as they came */
	atomic_t n;
	bool early;
};

struct worker {
	struct task_struct *task;
	struct rnd_state rnd;
	u64 sessions, locked_stops, raced, replaced, moved, waits, drains, asyncs, selves, rows, classes;
} ____cacheline_aligned;

static struct worker *workers;
static atomic_t freed_elsewhere = ATOMIC_INIT(0), started_elsewhere = ATOMIC_INIT(0);
static atomic_t failures, offlined;
static atomic_t changes;	/* of the CPUs that are online: begun or over */
static bool done;

static void fail(const struct session *s, const char *what)
{
	if (atomic_inc_return(&failures) <= 20)
		pr_err("callout_stress: FAILED: %s: kind %d, %u arms, %u runs\n", what, s->kind, s->arms,
		       s->runs);
}

static u32 below(struct worker *w, u32 n)
{
	return prandom_u32_state(&w->rnd) % n;
}

/* ---- the session's lock --------------------------------------------------------------------- */

static unsigned long lock_session(struct session *s)
{
	unsigned long flags = 0;

	switch (s->kind) {
	case RAW:
		raw_spin_lock_irqsave(&s->raw, flags);
		break;
	case SPIN:
		/* Without disabling softirqs: the dispatcher only tries. C_DIRECT_EXEC likewise. */
		spin_lock(&s->spin);
		break;
	case RW:
	case RW_SHARED:
		write_lock(&s->rw);
		break;
	case MUTEX:
		mutex_lock(&s->mutex);
		break;
	case RWSEM:
	case RWSEM_SHARED:
		down_write(&s->rwsem);
		break;
	default:
		break;
	}
	return flags;
}

static void unlock_session(struct session *s, unsigned long flags)
{
	switch (s->kind) {
	case RAW:
		raw_spin_unlock_irqrestore(&s->raw, flags);
		break;
	case SPIN:
		spin_unlock(&s->spin);
		break;
	case RW:
	case RW_SHARED:
		write_unlock(&s->rw);
		break;
	case MUTEX:
		mutex_unlock(&s->mutex);
		break;
	case RWSEM:
	case RWSEM_SHARED:
		up_write(&s->rwsem);
		break;
	default:
		break;
	}
}

static void init_session(struct session *s)
{
	switch (s->kind) {
	case RAW:
		raw_spin_lock_init(&s->raw);
		callout_init_lock(&s->c, &s->raw, 0);
		break;
	case SPIN:
		spin_lock_init(&s->spin);
		callout_init_lock(&s->c, &s->spin, 0);
		break;
	case RW:
	case RW_SHARED:
		rwlock_init(&s->rw);
		callout_init_lock(&s->c, &s->rw, s->kind == RW ? 0 : CALLOUT_SHAREDLOCK);
		break;
	case MUTEX:
		mutex_init(&s->mutex);
		callout_init_lock(&s->c, &s->mutex, 0);
		break;
	case RWSEM:
	case RWSEM_SHARED:
		init_rwsem(&s->rwsem);
		callout_init_lock(&s->c, &s->rwsem, s->kind == RWSEM ? 0 : CALLOUT_SHAREDLOCK);
		break;
	default:
		callout_init(&s->c, 1);
		break;
	}
}

static void free_session(struct session *s)
{
	s->magic = DEAD;
	kfree(s);
}

/* ---- handlers ------------------------------------------------------------------------------- */

static void handler(void *arg)
{
	struct session *s = arg;

	if (s->magic != MAGIC) {
		fail(s, "ran after the session was freed");
		return;
	}
	if (atomic_inc_return(&s->running) != 1)
		fail(s, "two runs at once");
	if (ktime_get() < s->earliest)
		fail(s, "early");
	s->runs++;
	if (s->runs > s->arms)
		fail(s, "ran more often than armed");
	if (s->again) {
		s->again--;
		s->arms++;
		s->earliest = ktime_get() + 20 * NSEC_PER_USEC;
		callout_set_within(&s->c, s->earliest, s->earliest, handler, s);
		/* Refused because it is being drained, or drained already: the return is 0 both times. */
		if (!callout_pending(&s->c))
			s->refused++;
	}
	if (s->kind == SELF && !s->again && !callout_pending(&s->c)) {
		free_session(s);
		atomic_inc(&freed_elsewhere);
		return;
	}
	atomic_dec(&s->running);
}

static void drained(void *arg)
{
	struct session *s = arg;

	if (s->magic != MAGIC || atomic_read(&s->running))
		fail(s, "drained while it runs");
	free_session(s);
	atomic_inc(&freed_elsewhere);
}

/* ---- what a session does -------------------------------------------------------------------- */

/* Arm for about now; the lock is held. A pending run is replaced, one that is over is not. */
static void arm(struct worker *w, struct session *s)
{
	s64 in = (s64)below(w, 400) * NSEC_PER_USEC - 100 * NSEC_PER_USEC;
	u64 window = below(w, 4) ? 0 : below(w, 100) * NSEC_PER_USEC;
	int cpu = below(w, 2) ? -1 : below(w, nr_cpu_ids);
	u64 at = ktime_get() + in;
	int was;

	s->arms++;
	s->earliest = at;
	if (cpu >= 0 && !cpu_online(cpu))
		cpu = -1;
	if (cpu >= 0 || s->direct)
		was = callout_reset_sbt_on(&s->c, nstosbt(at), 0, handler, s, cpu,
					   C_ABSOLUTE | (s->direct ? C_DIRECT_EXEC : 0));
	else
		was = callout_set_within(&s->c, at, at + window, handler, s);
	if (was) {
		s->arms--;
		w->replaced++;
	}
}

/* Move later if it is pending; the lock is held. */
static void move(struct worker *w, struct session *s)
{
	u64 old = s->earliest, at = old + below(w, 300) * NSEC_PER_USEC;

	if (!callout_pending(&s->c) || s->direct)
		return;
	s->earliest = at;
	if (!callout_set_within(&s->c, at, at, handler, s))
		fail(s, "a move of a pending callout found none");
	w->moved++;
}

/* Another class, or CPU; the lock is held. */
static void other_class(struct worker *w, struct session *s)
{
	int cpu = below(w, 2) ? -1 : (int)below(w, nr_cpu_ids);
	bool pending = callout_pending(&s->c);

	if (cpu >= 0 && !cpu_online(cpu))
		cpu = -1;
	callout_set_affinity(&s->c, below(w, CALLOUT_AFFINITY_STRONG + 1), cpu);
	if (pending && !callout_pending(&s->c))
		fail(s, "no longer pending when its class was changed");
	w->classes++;
}

static void pause(struct worker *w)
{
	u32 dice = below(w, 16);

	if (dice < 8)
		udelay(below(w, 150));
	else if (dice < 10)
		usleep_range(10, 400);
}

/* Nothing is stopped: it must come. */
static void wait_session(struct worker *w, struct session *s)
{
	unsigned long flags, end = jiffies + msecs_to_jiffies(LOST_AFTER_MS);
	bool over;

	do {
		usleep_range(50, 200);
		flags = lock_session(s);
		over = s->runs == s->arms && !callout_pending(&s->c);
		unlock_session(s, flags);
	} while (!over && time_before(jiffies, end));
	if (!over)
		fail(s, "lost");
	w->waits++;
}

static void locked_session(struct worker *w, struct session *s)
{
	unsigned long flags;
	u64 now;
	int i, n, ret;

	flags = lock_session(s);
	arm(w, s);
	unlock_session(s, flags);
	for (i = 0, n = below(w, 4); i < n; i++) {
		pause(w);
		flags = lock_session(s);
		switch (below(w, 4)) {
		case 0:
			arm(w, s);
			break;
		case 1:
			other_class(w, s);
			break;
		default:
			move(w, s);
			break;
		}
		unlock_session(s, flags);
	}
	if (!below(w, 16))
		wait_session(w, s);
	pause(w);

	flags = lock_session(s);
	now = ktime_get();
	ret = callout_stop(&s->c);
	w->locked_stops++;
	if (ret == 1 && now >= s->earliest)
		w->raced++;
	if (ret == 0 || s->runs + (ret == 1) != s->arms)
		fail(s, ret == 1 ? "stopped one that ran" : ret ? "lost before the stop" :
								  "stop says it runs");
	if (callout_pending(&s->c) || callout_active(&s->c) || atomic_read(&s->running))
		fail(s, "not idle after the stop");
	s->magic = DEAD;
	unlock_session(s, flags);
	kfree(s);
}

/* No more than what the promise says, as often as possible: about every second one is due. */
static void race_session(struct worker *w, struct session *s)
{
	unsigned long flags;
	u64 now;
	int ret;

	flags = lock_session(s);
	s->arms = 1;
	s->earliest = ktime_get() + below(w, 20) * NSEC_PER_USEC;
	callout_set_within(&s->c, s->earliest, s->earliest, handler, s);
	unlock_session(s, flags);
	udelay(below(w, 30));
	flags = lock_session(s);
	/* Let the dispatcher find the lock taken. */
	if (!below(w, 4))
		udelay(20);
	now = ktime_get();
	ret = callout_stop(&s->c);
	w->locked_stops++;
	w->raced += ret == 1 && now >= s->earliest;
	if (ret == 0 || s->runs + (ret == 1) != 1)
		fail(s, "a stop that raced");
	s->magic = DEAD;
	unlock_session(s, flags);
	kfree(s);
}

static void row_handler(void *arg)
{
	typeof(((struct row *)NULL)->one[0]) *one = arg;
	struct session *s = one->s;
	struct row *row = s->row;
	unsigned int n = atomic_fetch_inc(&row->n);

	if (s->magic != MAGIC || n >= ROW) {
		fail(s, "one of a row ran after the session was freed, or twice");
		return;
	}
	if (ktime_get() < s->earliest)
		row->early = true;
	WRITE_ONCE(row->ran[n], one - row->one);
}

/* Several at one time, without a lock, as those whose lock is busy let others run first. */
static void order_session(struct worker *w, struct session *s)
{
	unsigned long end = jiffies + msecs_to_jiffies(LOST_AFTER_MS);
	struct row *row = kzalloc(sizeof(*row), GFP_KERNEL);
	bool strong = below(w, 2), wait = below(w, 2);
	int i, cpu = below(w, nr_cpu_ids), was;
	unsigned int n, stopped = 0;

	if (!row) {
		free_session(s);
		return;
	}
	w->rows++;
	s->row = row;
	s->earliest = ktime_get() + below(w, 300) * NSEC_PER_USEC;
	if (!cpu_online(cpu))
		strong = false;
	was = atomic_read(&changes);
	for (i = 0; i < ROW; i++) {
		row->one[i].s = s;
		callout_init(&row->one[i].c, 1);
		if (strong)
			callout_set_affinity(&row->one[i].c, CALLOUT_AFFINITY_STRONG, cpu);
	}
	preempt_disable();
	for (i = 0; i < ROW; i++)
		callout_set_within(&row->one[i].c, s->earliest, s->earliest, row_handler, &row->one[i]);
	preempt_enable();
	do {
		pause(w);
	} while (wait && atomic_read(&row->n) < ROW && time_before(jiffies, end));
	for (i = 0; i < ROW; i++)
		stopped += callout_drain(&row->one[i].c) == 1;
	n = atomic_read(&row->n);
	s->runs = n;
	s->arms = ROW;
	if (n + stopped != ROW || (wait && stopped))
		fail(s, "lost one of a row");
	if (row->early)
		fail(s, "one of a row was early");
	for (i = 1; strong && i < n; i++) {
		if (row->ran[i] < row->ran[i - 1] && !(was & 1) && was == atomic_read(&changes))
			fail(s, "not in the order in which they were armed");
	}
	kfree(row);
	free_session(s);
}

static void drained_session(struct worker *w, struct session *s)
{
	unsigned int ran;
	int ret;

	arm(w, s);
	pause(w);
	ret = callout_drain(&s->c);
	w->drains++;
	ran = s->runs;
	if (callout_pending(&s->c) || atomic_read(&s->running))
		fail(s, "not idle after the drain");
	if (ran + (ret == 1) > s->arms || ran + (ret == 1) + s->refused < s->arms)
		fail(s, "lost before the drain");
	udelay(below(w, 20));
	if (s->runs != ran)
		fail(s, "ran after the drain");
	free_session(s);
}

static void async_session(struct worker *w, struct session *s)
{
	arm(w, s);
	pause(w);
	w->asyncs++;
	if (callout_async_drain(&s->c, drained) == 0)
		atomic_inc(&started_elsewhere);
	else
		free_session(s);
}

static void self_session(struct worker *w, struct session *s)
{
	w->selves++;
	atomic_inc(&started_elsewhere);
	arm(w, s);
	pause(w);
}

static int worker_main(void *arg)
{
	struct worker *w = arg;

	while (!kthread_should_stop()) {
		struct session *s = kzalloc(sizeof(*s), GFP_KERNEL);

		if (!s)
			continue;
		s->magic = MAGIC;
		s->kind = below(w, 4) ? below(w, LOCKED_KINDS) : LOCKED_KINDS + below(w, KINDS - LOCKED_KINDS);
		s->again = below(w, 4) ? 0 : below(w, 3);
		if (race) {
			s->again = 0;
			s->kind = below(w, LOCKED_KINDS);
			init_session(s);
			race_session(w, s);
			w->sessions++;
			cond_resched();
			continue;
		}
		/* On PREEMPT_RT nothing can be freed in the hard interrupt. */
		s->direct = (s->kind == SPIN || s->kind == DRAIN ||
			     (s->kind > DRAIN && !IS_ENABLED(CONFIG_PREEMPT_RT))) && !below(w, 3);
		init_session(s);
		if (s->kind != ORDER && below(w, 2))
			other_class(w, s);
		switch (s->kind) {
		case ORDER:
			order_session(w, s);
			break;
		case DRAIN:
			drained_session(w, s);
			break;
		case ASYNC:
			async_session(w, s);
			break;
		case SELF:
			s->again = 0;
			self_session(w, s);
			break;
		default:
			locked_session(w, s);
			break;
		}
		w->sessions++;
		cond_resched();
	}
	return 0;
}

/* ---- the run -------------------------------------------------------------------------------- */

/* Take each CPU but the first down and up. */
static void cycle_cpus(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (cpu == 0 || READ_ONCE(done))
			continue;
		atomic_inc(&changes);
		if (!remove_cpu(cpu))
			atomic_inc(&offlined);
		atomic_inc(&changes);
		msleep(20);
		atomic_inc(&changes);
		add_cpu(cpu);
		atomic_inc(&changes);
		msleep(20);
	}
}

static u64 total(size_t field)
{
	u64 n = 0;
	int i;

	for (i = 0; i < nr_workers; i++)
		n += READ_ONCE(*(u64 *)((char *)&workers[i] + field));
	return n;
}

#define TOTAL(field)	total(offsetof(struct worker, field))

static void report(const char *how, s64 ms)
{
	pr_info("callout_stress: %s: %llu sessions in %lld ms, %llu locked stops (%llu of a callout that was due)\n",
		how, TOTAL(sessions), ms, TOTAL(locked_stops), TOTAL(raced));
	pr_info("callout_stress: %llu rows of %d for one time, %llu times another class\n", TOTAL(rows), ROW, TOTAL(classes));
	pr_info("callout_stress: %llu replaced, %llu moved later, %llu waited for, %llu drains, %llu async drains, %llu freed by their handler, %d CPUs taken down\n",
		TOTAL(replaced), TOTAL(moved), TOTAL(waits), TOTAL(drains), TOTAL(asyncs),
		TOTAL(selves), atomic_read(&offlined));
}

static bool enough(ktime_t begin)
{
	s64 ms = ktime_ms_delta(ktime_get(), begin);

	if (atomic_read(&failures) || READ_ONCE(enough_now))
		return true;
	if (ms < seconds * 1000LL)
		return false;
	return (TOTAL(raced) >= stops && atomic_read(&offlined) >= cycles) || ms > limit_seconds * 1000LL;
}

static void stop_workers(void)
{
	int i;

	for (i = 0; i < nr_workers; i++)
		if (!IS_ERR_OR_NULL(workers[i].task))
			kthread_stop(workers[i].task);
}

static int __init callout_stress_init(void)
{
	ktime_t begin = ktime_get(), last = begin;
	struct session none = { };
	int i, tries, err = 0;

	if (!nr_workers)
		nr_workers = hotplug ? DIV_ROUND_UP(num_online_cpus(), 2) : 2 * num_online_cpus();
	workers = kcalloc(nr_workers, sizeof(*workers), GFP_KERNEL);
	if (!workers)
		return -ENOMEM;
	for (i = 0; i < nr_workers && !err; i++) {
		struct worker *w = &workers[i];

		prandom_seed_state(&w->rnd, seed + i);
		w->task = kthread_run(worker_main, w, "callout_stress/%d", i);
		err = PTR_ERR_OR_ZERO(w->task);
	}
	while (!err && !enough(begin)) {
		if (hotplug)
			cycle_cpus();
		else
			msleep(100);
		if (ktime_ms_delta(ktime_get(), last) > 10000) {
			last = ktime_get();
			report("so far", ktime_ms_delta(last, begin));
		}
	}
	WRITE_ONCE(done, true);
	stop_workers();
	for (tries = 0; tries < LOST_AFTER_MS / 10; tries++) {
		if (atomic_read(&freed_elsewhere) == atomic_read(&started_elsewhere))
			break;
		msleep(10);
	}
	if (atomic_read(&freed_elsewhere) != atomic_read(&started_elsewhere))
		fail(&none, "sessions that were to be freed by a handler were not");
	if (!err && TOTAL(raced) < stops)
		fail(&none, "too few stops raced an expiry within limit_seconds");
	if (!err && atomic_read(&offlined) < cycles)
		fail(&none, "too few CPUs were taken down within limit_seconds");
	if (atomic_read(&failures))
		err = -EIO;
	report(err ? "FAILED" : "passed", ktime_ms_delta(ktime_get(), begin));
	kfree(workers);
	return err;
}

static void __exit callout_stress_exit(void)
{
}

module_init(callout_stress_init);
module_exit(callout_stress_exit);
MODULE_DESCRIPTION("callout torture test");
MODULE_LICENSE("GPL");
