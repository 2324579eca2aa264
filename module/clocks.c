// SPDX-License-Identifier: GPL-2.0
/*
 * Which clock drives the callouts, in which mode: choice, switching, and giving up on one that failed.
 *
 * A switch goes through all CPUs twice: first each is taken from the old clock, then each is given to
 * the new one. In between no callout runs, for about a millisecond, and all else goes on; see "Clock switch
 * versus arm" in core.c. One switch at a time: co_clock_mutex. Lock order: co_clock_mutex -> CPU hotplug lock.
 * The hotplug lock is not held in between, as changing a static call takes it too; so CPUs may come and go
 * there, and base.clock says what has been started where.
 */
#include <linux/cpu.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/suspend.h>
#include "internal.h"
#include "trace.h"

struct callout_clock *const co_clocks[] = {
	&co_clk_proxy,
#ifdef CONFIG_HPET_TIMER
	&co_clk_hpet,
#endif
#ifdef CONFIG_X86
	&co_clk_pit,
#endif
	&co_clk_hrtimer,
	&co_clk_fake,
	NULL,
};

const char *const co_mode_names[] = { "deadline", "periodic", NULL };

/*
 * The clock in use, its mode, and the frequency of periodic mode. Written with co_clock_mutex held. A CPU that
 * comes online reads co_clock: before the switch's second round it is started by that, too, or by the first.
 */
struct callout_clock *co_clock;
enum co_mode co_mode;
u32 co_frequency_hz = 1000;
CO_EXPORT_FOR_TESTS(co_clock);
CO_EXPORT_FOR_TESTS(co_mode);
DEFINE_STATIC_KEY_FALSE(co_periodic);
DEFINE_MUTEX(co_clock_mutex);
static unsigned int generation;	/* even; advanced before a switch's second round */
static u64 failures;			/* clocks given up on */
static bool asleep;			/* no change by anyone: the machine is suspended */
static bool ending;			/* nor any more: the module is unloaded. co_clock_mutex */
static struct callout_clock *failed;	/* and nobody has seen to it yet */
/* A switch is between its two rounds: CPUs that come online are started by the second. */
static bool switching = true;

void co_no_arm(u64 ns) { }
u64 co_no_now(void) { return ktime_get(); }
DEFINE_STATIC_CALL(co_clock_arm, co_no_arm);
DEFINE_STATIC_CALL(co_clock_now, co_no_now);

/* ---- periodic mode -------------------------------------------------------------------------- */

/* The first tick after a time. Ticks are the multiples of 1/frequency, rounded up to nanoseconds. */
u64 co_next_tick(u64 now)
{
	u32 hz = READ_ONCE(co_frequency_hz), rem;
	u64 sec = div_u64_rem(now, NSEC_PER_SEC, &rem);
	u64 n = (u64)rem * hz / NSEC_PER_SEC + 1;

	return sec * NSEC_PER_SEC + div_u64(n * NSEC_PER_SEC + hz - 1, hz);
}
CO_EXPORT_FOR_TESTS(co_next_tick);

/* A clock that cannot tick by itself is armed for each tick. */
static void arm_tick(u64 ns)
{
	co_clock->arm(ns == CO_CLOCK_NEVER ? ns : co_next_tick(co_now()));
}

/* ---- one CPU -------------------------------------------------------------------------------- */

/**
 * co_clock_start() - let the clock in use drive a CPU
 * @b:	its base; nothing is done where a clock has been started already, or a switch will do it
 *
 * Context: A thread on that CPU; CPUs do not come and go meanwhile.
 * Return: 0 or an errno; then the CPU is not driven, and another clock is needed.
 */
int co_clock_start(struct co_base *b)
{
	int err;

	if (READ_ONCE(switching) || b->clock || !b->online)
		return 0;
	err = co_clock->start(b->cpu);
	if (err)
		return err;
	b->clock = co_clock;
	co_drive(b, true);
	return 0;
}

/**
 * co_clock_stop() - take a CPU from the clock that drives it
 * @b:	its base
 *
 * Context: As co_clock_start().
 */
void co_clock_stop(struct co_base *b)
{
	struct callout_clock *clock = b->clock;

	co_drive(b, false);
	if (!clock)
		return;
	clock->stop(b->cpu);
	b->clock = NULL;
}

static long stop_here(void *unused)
{
	co_clock_stop(this_cpu_ptr(&co_bases));
	return 0;
}

static long start_here(void *unused)
{
	return co_clock_start(this_cpu_ptr(&co_bases));
}

/* ---- all CPUs ------------------------------------------------------------------------------- */

/* Stop the clock in use everywhere. */
static void stop_all(void)
{
	unsigned int cpu;

	cpus_read_lock();
	WRITE_ONCE(switching, true);
	smp_wmb();	/* Before what is read changes. Pairs with callout_clock_generation()'s caller. */
	for_each_online_cpu(cpu)
		work_on_cpu(cpu, stop_here, NULL);
	cpus_read_unlock();
}

/* Everything is stopped: make that clock the one in use. */
static void take(struct callout_clock *clock, enum co_mode mode, u32 hz)
{
	bool was = static_key_enabled(&co_periodic);

	/* What has failed so far has been stopped; this may be the same clock, started anew. */
	xchg(&failed, NULL);
	WRITE_ONCE(co_clock, clock);
	WRITE_ONCE(co_mode, mode);
	WRITE_ONCE(co_frequency_hz, hz);
	co_fault_clear();
	static_call_update(co_clock_arm, mode == CO_PERIODIC && !clock->hw_periodic ? arm_tick : clock->arm);
	static_call_update(co_clock_now, clock->now ?: co_no_now);
	if (mode == CO_PERIODIC)
		static_branch_enable(&co_periodic);
	else
		static_branch_disable(&co_periodic);
	if (was != (mode == CO_PERIODIC))
		co_rekey_all();
}

/* Start the clock in use everywhere. On failure it is stopped again everywhere. */
static int start_all(void)
{
	unsigned int cpu;
	int err = 0;

	cpus_read_lock();
	WRITE_ONCE(generation, generation + 2);
	smp_store_release(&switching, false);	/* Pairs with callout_clock_generation(). */
	for_each_online_cpu(cpu) {
		err = work_on_cpu(cpu, start_here, NULL);
		if (err)
			break;
	}
	cpus_read_unlock();
	if (err)
		stop_all();
	return err;
}

static int probe(struct callout_clock *clock, enum co_mode mode, u32 hz)
{
	return clock->probe(mode, mode == CO_PERIODIC ? hz : 0);
}

static void remove(struct callout_clock *clock)
{
	if (clock->remove)
		clock->remove();
}

/* What was in use before comes back; and where even that is no longer possible, hrtimer. */
static void go_back(struct callout_clock *old, enum co_mode mode, u32 hz, bool probed)
{
	if (!probed && probe(old, mode, hz))
		goto safe;
	take(old, mode, hz);
	if (!start_all())
		return;
	remove(old);
safe:
	failures++;
	pr_warn("callout: clock %s is lost too; clock hrtimer instead\n", old->name);
	probe(&co_clk_hrtimer, mode, hz);
	take(&co_clk_hrtimer, mode, hz);
	start_all();
}

/*
 * Another clock, mode or frequency. On failure what is in use goes on, or is started anew. co_clock_mutex is
 * held.
 */
static int change(struct callout_clock *clock, enum co_mode mode, u32 hz)
{
	struct callout_clock *old = co_clock;
	enum co_mode old_mode = co_mode;
	u32 old_hz = co_frequency_hz;
	bool same = clock == old;
	int err;

	lockdep_assert_held(&co_clock_mutex);
	if (same && mode == old_mode && (hz == old_hz || mode == CO_DEADLINE)) {
		WRITE_ONCE(co_frequency_hz, hz);
		WRITE_ONCE(generation, generation + 2);
		return 0;
	}
	if (!same) {
		err = probe(clock, mode, hz);
		if (err)
			return err;
	}
	stop_all();
	if (same) {
		remove(old);
		err = probe(clock, mode, hz);
		if (err) {
			go_back(old, old_mode, old_hz, false);
			return err;
		}
	}
	take(clock, mode, hz);
	clock->why[0] = 0;	/* from here on it may fail */
	err = start_all();
	if (err) {
		remove(clock);
		go_back(old, old_mode, old_hz, !same);
		return err;
	}
	if (!same)
		remove(old);
	trace_callout_clock_switch(old->name, clock->name, co_mode_names[mode], mode ? hz : 0);
	return 0;
}

static void tell(void)
{
	if (co_mode == CO_PERIODIC)
		pr_info("callout: clock %s, periodic at %u Hz\n", co_clock->name, co_frequency_hz);
	else
		pr_info("callout: clock %s\n", co_clock->name);
}

/* ---- refusal and failure -------------------------------------------------------------------- */

/* clock->why = WHAT and the reason; in its callers' place only, for its format is theirs. */
#define tell_why(clock, what, fmt) do {							\
	size_t n_ = strscpy((clock)->why, what, sizeof((clock)->why));			\
	va_list args_;									\
											\
	va_start(args_, fmt);								\
	vscnprintf((clock)->why + n_, sizeof((clock)->why) - n_, fmt, args_);		\
	va_end(args_);									\
} while (0)

/**
 * co_clock_refuse() - tell, in the log and in sysfs, why a clock cannot be used
 * @clock:	the clock
 * @err:	an errno, negative
 * @fmt:	the reason, in one line without its end
 *
 * Context: May sleep.
 * Return: @err.
 */
int co_clock_refuse(struct callout_clock *clock, int err, const char *fmt, ...)
{
	tell_why(clock, "refused: ", fmt);
	pr_notice("callout: clock %s %s (%pe)\n", clock->name, clock->why, ERR_PTR(err));
	return err;
}


/* The fail-safe: whatever happens to the others, this one works. */
static void fail_safe(struct work_struct *work)
{
	struct callout_clock *clock;

	mutex_lock(&co_clock_mutex);
	clock = xchg(&failed, NULL);
	if (clock && clock == co_clock && clock != &co_clk_hrtimer && !ending) {
		failures++;
		pr_warn("callout: clock %s %s; clock hrtimer instead\n", clock->name, clock->why);
		change(&co_clk_hrtimer, co_mode, co_frequency_hz);
	}
	mutex_unlock(&co_clock_mutex);
}
static DECLARE_WORK(fail_work, fail_safe);

static void fail_irq_func(struct irq_work *work)
{
	schedule_work(&fail_work);
}
static struct irq_work fail_irq = IRQ_WORK_INIT_HARD(fail_irq_func);

/**
 * co_clock_fail() - a clock does not work any more; another is taken, soon
 * @clock:	the clock
 * @fmt:	what happened, in one line without its end; NULL if it has been told already
 *
 * Context: Any: an irq_work does what may have to wait.
 */
void co_clock_fail(struct callout_clock *clock, const char *fmt, ...)
{
	/* Once, until it has been dealt with. */
	if (!clock || cmpxchg(&failed, NULL, clock))
		return;
	if (fmt)
		tell_why(clock, "failed: ", fmt);
	irq_work_queue(&fail_irq);
}

/* The clock's own counters, while it is in use. As sysfs wants it: a length or an errno. */
int co_clock_counters(const struct callout_clock *clock, char *buf)
{
	int n = 0;

	if (!mutex_trylock(&co_clock_mutex))
		return -EBUSY;
	if (clock == co_clock && clock->counters)
		n = clock->counters(buf);
	mutex_unlock(&co_clock_mutex);
	return n;
}

/* How often the fail-safe was needed. */
u64 co_clock_failures(void)
{
	return READ_ONCE(failures);
}

/* ---- choice --------------------------------------------------------------------------------- */

static struct callout_clock *clock_named(const char *name)
{
	int i;

	for (i = 0; co_clocks[i]; i++) {
		if (sysfs_streq(name, co_clocks[i]->name))
			return co_clocks[i];
	}
	return NULL;
}

/* "hpet, hrtimer ..." for messages. */
static const char *clock_list(char *buf, size_t size)
{
	int i, n = 0;

	for (i = 0; co_clocks[i]; i++)
		n += scnprintf(buf + n, size - n, "%s%s", i ? ", " : "", co_clocks[i]->name);
	return buf;
}

static bool ticks_at(const struct callout_clock *clock, u32 hz)
{
	return hz >= clock->min_hz && hz <= clock->max_hz;
}

static int check_hz(const struct callout_clock *clock, u32 hz)
{
	if (ticks_at(clock, hz))
		return 0;
	pr_notice("callout: frequency_hz %u refused: clock %s ticks at %u to %u Hz\n", hz, clock->name,
		  clock->min_hz, clock->max_hz);
	return -ERANGE;
}

/* co_clock_set(), with co_clock_mutex held. */
static int set(const char *name, const char *mode, u32 hz)
{
	struct callout_clock *clock = name ? clock_named(name) : co_clock;
	int m = mode ? sysfs_match_string(co_mode_names, mode) : co_mode, err;
	bool given = hz;
	char buf[96];

	hz = hz ?: co_frequency_hz;
	if (!clock) {
		pr_notice("callout: no clock \"%.*s\"; there are %s\n", (int)strcspn(name, "\n"), name,
			  clock_list(buf, sizeof(buf)));
		return -EINVAL;
	}
	if (m < 0) {
		pr_notice("callout: no mode \"%.*s\"; there are deadline and periodic\n",
			  (int)strcspn(mode, "\n"), mode);
		return -EINVAL;
	}
	err = m == CO_PERIODIC || given ? check_hz(clock, hz) : 0;
	return err ?: change(clock, m, hz);
}

/**
 * co_clock_set() - change clock, mode or frequency
 * @name:	of the clock; NULL leaves it
 * @mode:	"deadline" or "periodic"; NULL leaves it
 * @hz:		frequency of periodic mode; 0 leaves it
 *
 * Context: May sleep.
 * Return: 0; -EINVAL: no such clock or mode; -ERANGE: not with that frequency; -EBUSY: another change is going
 * on; else what the clock says. Then everything is as it was.
 */
int co_clock_set(const char *name, const char *mode, u32 hz)
{
	int err;

	if (!mutex_trylock(&co_clock_mutex))
		return -EBUSY;
	err = asleep ? -EBUSY : set(name, mode, hz);
	if (!err)
		tell();
	mutex_unlock(&co_clock_mutex);
	return err;
}
CO_EXPORT_FOR_TESTS(co_clock_set);

/* ---- suspend -------------------------------------------------------------------------------- */

static struct callout_clock *before_suspend;

/* Clock hrtimer survives a suspend, so it drives the callouts meanwhile. */
static int suspend(struct notifier_block *nb, unsigned long event, void *unused)
{
	mutex_lock(&co_clock_mutex);
	switch (event) {
	case PM_HIBERNATION_PREPARE:
	case PM_SUSPEND_PREPARE:
	case PM_RESTORE_PREPARE:
		asleep = true;
		before_suspend = NULL;
		if (co_clock->rating > co_clk_hrtimer.rating) {
			before_suspend = co_clock;
			change(&co_clk_hrtimer, co_mode, co_frequency_hz);
		}
		break;
	case PM_POST_HIBERNATION:
	case PM_POST_SUSPEND:
	case PM_POST_RESTORE:
		asleep = false;
		if (before_suspend && co_clock == &co_clk_hrtimer &&
		    change(before_suspend, co_mode, co_frequency_hz)) {
			failures++;
			pr_warn("callout: clock %s does not come back; clock hrtimer goes on\n",
				before_suspend->name);
		}
		before_suspend = NULL;
		break;
	}
	mutex_unlock(&co_clock_mutex);
	return NOTIFY_DONE;
}

static struct notifier_block suspend_nb = { .notifier_call = suspend };

/* ---- conversions ---------------------------------------------------------------------------- */

/**
 * callout_clock_read() - the counter of the clock that drives the callouts
 *
 * Source: the 2009 callout rework's hwclocktick_t.
 *
 * Context: Any.
 * Return: Ticks since some time in the past. Ordered, as long as callout_clock_generation() is the same.
 */
hwclocktick_t callout_clock_read(void)
{
	const struct callout_clock *clock = READ_ONCE(co_clock);

	return clock->read ? clock->read() : co_from_ns(clock->rate, co_now());
}
EXPORT_SYMBOL_GPL(callout_clock_read);

/**
 * callout_clock_from_ns() - an interval in ticks of the clock that drives the callouts
 * @ns: nanoseconds
 *
 * Context: Any.
 * Return: Ticks, rounded up; saturates.
 */
hwclocktick_t callout_clock_from_ns(u64 ns)
{
	return co_from_ns(READ_ONCE(co_clock)->rate, ns);
}
EXPORT_SYMBOL_GPL(callout_clock_from_ns);

/**
 * callout_clock_to_ns() - an interval of the clock that drives the callouts in nanoseconds
 * @ticks: ticks
 *
 * Context: Any.
 * Return: Nanoseconds, rounded down; saturates.
 */
u64 callout_clock_to_ns(hwclocktick_t ticks)
{
	return co_to_ns(READ_ONCE(co_clock)->rate, ticks);
}
EXPORT_SYMBOL_GPL(callout_clock_to_ns);

/**
 * callout_clock_accuracy() - how far off its time an interrupt may be by the clock's own doing
 * @ns: how far ahead it is armed, in nanoseconds
 *
 * Callouts are never called early all the same: an interrupt that comes before its time is taken again.
 *
 * Context: Any.
 * Return: Nanoseconds, either way. In periodic mode that is from the tick.
 */
u64 callout_clock_accuracy(u64 ns)
{
	const struct callout_clock *clock = READ_ONCE(co_clock);

	return clock->accuracy_ns + mul_u64_u64_div_u64(ns, clock->drift_ppm, 1000000);
}
EXPORT_SYMBOL_GPL(callout_clock_accuracy);

/**
 * callout_clock_generation() - tells whether cached ticks are still good
 *
 * Context: Any.
 * Return: A number that changes whenever clock, mode or frequency do. While they do, it is another each time.
 */
unsigned int callout_clock_generation(void)
{
	static atomic_t other = ATOMIC_INIT(1);

	if (smp_load_acquire(&switching))	/* Pairs with start_all(). */
		return atomic_add_return(2, &other);
	return READ_ONCE(generation);
}
EXPORT_SYMBOL_GPL(callout_clock_generation);

/* ---- init and exit -------------------------------------------------------------------------- */

/* By rating, in the mode and with the frequency that are in use already; what is refused says why. */
static void choose(void)
{
	u32 hz = co_frequency_hz;
	int i;

	/* They are listed by rating. */
	for (i = 0; co_clocks[i] && co_clocks[i]->rating > co_clk_hrtimer.rating; i++) {
		if ((co_mode == CO_DEADLINE || ticks_at(co_clocks[i], hz)) && !change(co_clocks[i], co_mode, hz))
			return;
	}
}

/**
 * co_clocks_init() - drive the callouts by the clock that is asked for, or by the best that works
 * @name:	of the clock; "" for the best
 * @mode:	of co_mode_names
 * @hz:		frequency of periodic mode
 *
 * The bases are there, and not driven. Clock hrtimer (or fake) is started first, so that the choice is a switch.
 *
 * Context: May sleep.
 * Return: 0 or an errno, as co_clock_set().
 */
int co_clocks_init(const char *name, const char *mode, u32 hz)
{
	int err, i;

	for (i = 0; co_clocks[i]; i++) {
		if (co_clocks[i]->init)
			co_clocks[i]->init();
	}
	mutex_lock(&co_clock_mutex);
	/* Time that stands still is not to be preceded by one that goes on. */
	co_clock = strcmp(name, "fake") ? &co_clk_hrtimer : &co_clk_fake;
	err = probe(co_clock, CO_DEADLINE, 0);
	if (!err) {
		take(co_clock, CO_DEADLINE, co_frequency_hz);
		err = start_all();
	}
	if (!err && !hz)
		err = check_hz(clock_named(name) ?: co_clock, hz);
	if (!err)
		err = set(*name ? name : NULL, mode, hz);
	if (!err && !*name)
		choose();
	if (!err)
		tell();
	mutex_unlock(&co_clock_mutex);
	return err ?: register_pm_notifier(&suspend_nb);
}

/* No more changes. The clock in use goes on; if it fails, that is not heeded. */
void co_clocks_exit(void)
{
	unregister_pm_notifier(&suspend_nb);
	mutex_lock(&co_clock_mutex);
	ending = true;
	mutex_unlock(&co_clock_mutex);
}

/* All CPUs have been stopped, so that no clock can fail any more. */
void co_clocks_end(void)
{
	irq_work_sync(&fail_irq);
	cancel_work_sync(&fail_work);
	remove(co_clock);
}
