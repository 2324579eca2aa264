// SPDX-License-Identifier: GPL-2.0
/*
 * The watchdog: finds a clock that is silent, late, storming, or whose counter lies, and gives it up.
 *
 * Twice a second it looks at each CPU. What it takes for a fault, and what else looks the same:
 *
 *	silent	something should have run 100 ms ago (in periodic mode 100 ms and a tick), and the clock has not
 *		come since the last look. A CPU may also have been held up: so the CPU is sent an interrupt that
 *		runs what is due, and only if that was served and the same is found three times running it is
 *		the clock's fault.
 *	late	three looks running, nine tenths of a CPU's interrupts (two at least) were CO_LATE_NS behind,
 *		though hrtimers of the watchdog's own on that CPU, PEERS of them from one look to the next, were not.
 *		Those are only started where there were interrupts.
 *	storm	CO_STORM interrupts between two looks that came before their time, and twice as many as did
 *		not. Found by co_interrupt(). So is a clock that is early: it comes again and again until the
 *		time has come.
 *	liar	its counter has advanced by 5 % more or less than the time has, twice running.
 *
 * In periodic mode nothing is armed for a time, and only silence and lies are looked for.
 *
 * Until then nothing is lost: a CPU that is overdue is served by the look.
 *
 * In kernels with fault injection debugfs has callout/fault, to which the name of a fault may be written.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include "internal.h"

#define PERIOD		(HZ / 2)
#define OVERDUE_NS	(100 * (u64)NSEC_PER_MSEC)
#define STRIKES		3
#define PEERS		4
#define PEER_NS		(100 * (u64)NSEC_PER_MSEC)

/* What the last look saw of a CPU; and its peer, which has @peers and @peer_late while it is active. */
struct look {
	unsigned int generation;
	u64 interrupts;
	u64 late;
	u64 kicks;
	u8 silent;
	u8 lags;
	struct hrtimer peer;
	u8 peers;
	u64 peer_late;
};

/* The watchdog's own. */
static DEFINE_PER_CPU(struct look, looks);
static u64 rescued;
static u64 last_ns, last_ticks;
static unsigned int last_generation;
static bool last_sound;
static u8 lies;

/* How often a CPU that was overdue was served by the watchdog. */
u64 co_watchdog_rescued(void)
{
	return READ_ONCE(rescued);
}

/* ---- faults --------------------------------------------------------------------------------- */

enum fault { FAULT_NONE, FAULT_SILENT, FAULT_LATE, FAULT_EARLY, FAULT_STORM, FAULT_COUNTER };

static const char *const fault_names[] = {
	"none", "silent", "late", "early", "storm", "counter", NULL
};
static enum fault fault;
DEFINE_STATIC_KEY_FALSE(co_faulty);

/* What the clock in use makes of a time to arm. */
u64 co_fault_next(u64 ns)
{
	if (ns == CO_CLOCK_NEVER)
		return ns;
	switch (READ_ONCE(fault)) {
	case FAULT_SILENT:
		return CO_CLOCK_NEVER;
	case FAULT_LATE:
		return ns + 3 * CO_LATE_NS;
	case FAULT_EARLY:
		return ns - min_t(u64, ns, 20 * NSEC_PER_MSEC);
	case FAULT_STORM:
		return 0;
	default:
		return ns;
	}
}

static void fault_arm(u64 ns)
{
	co_clock->arm(co_fault_next(ns));
}

/* A fault is the clock's that it was made for. co_clock_mutex is held. */
void co_fault_clear(void)
{
	WRITE_ONCE(fault, FAULT_NONE);
	static_branch_disable(&co_faulty);
}

static int fault_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%s\n", fault_names[READ_ONCE(fault)]);
	return 0;
}

static int fault_open(struct inode *inode, struct file *file)
{
	return single_open(file, fault_show, NULL);
}

/* Not beside a switch: this fault, or the one before, may bring one about at once. */
static ssize_t fault_write(struct file *file, const char __user *from, size_t n, loff_t *pos)
{
	char buf[16] = { };
	int f;

	if (n >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, from, n))
		return -EFAULT;
	f = sysfs_match_string(fault_names, buf);
	if (f < 0)
		return f;
	mutex_lock(&co_clock_mutex);
	if (co_mode != CO_PERIODIC) {
		WRITE_ONCE(fault, f);
		static_call_update(co_clock_arm, f ? fault_arm : co_clock->arm);
		if (f)
			static_branch_enable(&co_faulty);
		else
			static_branch_disable(&co_faulty);
	} else {
		f = -EOPNOTSUPP;
	}
	mutex_unlock(&co_clock_mutex);
	return f < 0 ? f : n;
}

static const struct file_operations fault_fops = {
	.owner = THIS_MODULE,
	.open = fault_open,
	.read = seq_read,
	.write = fault_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* ---- looking -------------------------------------------------------------------------------- */

/* In periodic mode a callout waits for the next tick besides. */
static u64 overdue_ns(void)
{
	if (READ_ONCE(co_mode) == CO_DEADLINE)
		return OVERDUE_NS;
	return OVERDUE_NS + NSEC_PER_SEC / READ_ONCE(co_frequency_hz);
}

/* How late are hrtimers on this CPU these days? Four of them, as one may be lucky. */
static enum hrtimer_restart peer_fires(struct hrtimer *timer)
{
	struct look *l = container_of(timer, struct look, peer);
	u64 now = ktime_get();

	l->peer_late = max(l->peer_late, now - (u64)hrtimer_get_expires(timer));
	if (++l->peers == PEERS)
		return HRTIMER_NORESTART;
	hrtimer_set_expires(timer, now + PEER_NS);
	return HRTIMER_RESTART;
}

static void start_peer(void *look)
{
	struct look *l = look;

	hrtimer_start(&l->peer, ktime_get() + PEER_NS, HRTIMER_MODE_ABS_PINNED_HARD);
}

enum peers { PEERS_UNKNOWN, PEERS_ON_TIME, PEERS_LATE };

/* How were the peers since the last look? Starts the next, if wanted. */
static enum peers look_at_peers(struct look *l, unsigned int cpu, bool wanted)
{
	enum peers were = PEERS_UNKNOWN;

	if (hrtimer_active(&l->peer))
		return were;
	if (l->peers == PEERS)
		were = l->peer_late < CO_LATE_NS / 2 ? PEERS_ON_TIME : PEERS_LATE;
	l->peers = 0;
	l->peer_late = 0;
	if (wanted)
		smp_call_function_single(cpu, start_peer, l, true);
	return were;
}

static void look_at(struct co_base *b, u64 now)
{
	struct look *l = per_cpu_ptr(&looks, b->cpu);
	struct callout_clock *clock = READ_ONCE(b->clock);
	u64 interrupts, late = READ_ONCE(b->stats.late), kicks = READ_ONCE(b->stats.kicks);
	u8 overdue = co_overdue(b, now - min(now, overdue_ns()), &interrupts);
	unsigned int g = callout_clock_generation();
	enum peers peers;
	bool some;

	/* Nobody answers for the clock before. */
	if (g != l->generation)
		l->silent = l->lags = 0;
	l->generation = g;
	if (interrupts != l->interrupts)
		l->silent = 0;
	if (overdue == CO_OVERDUE_LEFT) {
		/* It sleeps, and it is another's clock that has not come. */
		rescued++;
		co_kick(b);
	} else if (overdue && interrupts == l->interrupts) {
		/* Not if the CPU has not answered the last one. */
		if (!l->silent || kicks != l->kicks)
			l->silent++;
		rescued++;
		co_kick(b);
		if (l->silent >= STRIKES)
			co_clock_fail(clock, "silent on CPU %u", b->cpu);
	}
	/* Nothing can be told where they are few; and where an hrtimer is late, too, it is not the clock. */
	some = interrupts >= l->interrupts + 2;
	peers = look_at_peers(l, b->cpu, some);
	if (peers == PEERS_LATE)
		l->lags = 0;
	if (peers == PEERS_ON_TIME && some) {
		if ((late - l->late) * 10 >= (interrupts - l->interrupts) * 9)
			l->lags++;
		else
			l->lags = 0;
	}
	if (l->lags >= STRIKES) {
		l->lags = 0;
		co_clock_fail(clock, "late by 10 ms and more, each time, on CPU %u", b->cpu);
	}
	l->interrupts = interrupts;
	l->late = late;
	l->kicks = kicks;
}

static void look_at_counter(void)
{
	unsigned int g = callout_clock_generation();
	struct callout_clock *clock;
	u64 ns, ticks, by_ticks, by_time;
	bool sound;

	local_irq_disable();
	clock = READ_ONCE(co_clock);
	ns = co_now();
	ticks = callout_clock_read();
	if (READ_ONCE(fault) == FAULT_COUNTER)
		ticks += ticks / 8;
	/* Held up between the two? That would be found by this look and by the next, the other way round. */
	sound = co_now() - ns < NSEC_PER_MSEC;
	local_irq_enable();
	if (g == last_generation && sound && last_sound && (clock->read || READ_ONCE(fault) == FAULT_COUNTER)) {
		by_time = ns - last_ns;
		by_ticks = co_to_ns(clock->rate, ticks - last_ticks);
		if (by_ticks > by_time + by_time / 20 + NSEC_PER_MSEC ||
		    by_ticks + NSEC_PER_MSEC < by_time - by_time / 20)
			lies++;
		else
			lies = 0;
		if (lies == 2)
			co_clock_fail(clock, "its counter went %llu us in %llu us",
				      by_ticks / NSEC_PER_USEC, by_time / NSEC_PER_USEC);
	} else {
		lies = 0;
	}
	last_generation = g;
	last_sound = sound;
	last_ns = ns;
	last_ticks = ticks;
}

static void look(struct work_struct *work);
static DECLARE_DELAYED_WORK(watchdog, look);

static void look(struct work_struct *work)
{
	u64 now = co_now();
	unsigned int cpu;

	for_each_online_cpu(cpu)
		look_at(per_cpu_ptr(&co_bases, cpu), now);
	look_at_counter();
	schedule_delayed_work(&watchdog, PERIOD);
}

void co_watchdog_init(void)
{
	unsigned int cpu;

	/* Beside the counters. */
	if (IS_ENABLED(CONFIG_FAULT_INJECTION))
		debugfs_create_file("fault", 0600, co_stats_dir(), NULL, &fault_fops);
	for_each_possible_cpu(cpu)
		co_hrtimer_setup(&per_cpu(looks, cpu).peer, peer_fires, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	if (co_clock == &co_clk_fake)
		return;
	schedule_delayed_work(&watchdog, PERIOD);
}

void co_watchdog_exit(void)
{
	unsigned int cpu;

	cancel_delayed_work_sync(&watchdog);
	for_each_possible_cpu(cpu)
		hrtimer_cancel(&per_cpu(looks, cpu).peer);
}
