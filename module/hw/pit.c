// SPDX-License-Identifier: GPL-2.0
/*
 * Clock pit: counter 0 of the PC's i8253, where the kernel has left it unused.
 *
 * When it is unused
 * =================
 * The kernel needs the PIT to calibrate the local APICs' timers, unless it knows their frequency or they have
 * the TSC-deadline mode, and has it as tick device until they take over. What becomes of it:
 *
 *	state of the kernel's device "pit"		IRQ 0			here
 *	1. there is none: it was not needed		free, counter stopped	taken by request_irq()
 *	2. shut down: broadcast device, in case the	kernel's; none comes	taken, see below
 *	   CPUs' own stop in deep sleep
 *	3. detached: another is the broadcast device	kernel's; none comes	taken, as 2
 *	4. one-shot or periodic: it is the tick device	kernel's		refused
 *	   (no local APIC), or the broadcast is in use
 *	5. HPET in legacy replacement mode		the HPET's		refused
 *
 * Whatever the state, an interrupt has to come in probe(), or the clock is refused: chipsets can gate the
 * PIT's clock, and firmware can leave an HPET in the way that the kernel was told not to use.
 *
 * Taking it from the kernel, and giving it back
 * =============================================
 * In state 2 a broadcast device of ours, stand_in, is registered, rated above the PIT's. The tick core installs
 * it, and thereby detaches the PIT, whose functions it calls no more. IRQ 0 still arrives at the PIT's
 * event_handler, which is now ours. To find the PIT, stand_in is first registered as a dummy, which the tick
 * core does not take but links into its list, and the list is walked from there.
 *
 * If the kernel needs its broadcast (a CPU enters a deep sleep) it switches stand_in to one-shot or periodic.
 * From then on the PIT is the kernel's: the flag "yielded" is set under i8253_lock, under which every write of
 * ours looks at it; stand_in passes on what it is told, and what it gets; and the clock fails.
 *
 * To give it back, the PIT is rated above stand_in and registered anew, and the core exchanges them again,
 * whether it is in use or not. A deadline of the kernel's that is pending then is evaluated again by the core.
 *
 * CPU 0, going offline, would take the detached PIT off the list, as that is for CPU 0 alone: hence it is
 * for all CPUs meanwhile. CPUs do not come and go while the two are exchanged.
 *
 * Programming it
 * ==============
 * The counter is relative, so no write can miss its deadline; it can be late by the time between the look at
 * the clock and the write. It has 16 bits, 54.9 ms: a later deadline is reached by early interrupts, each of
 * which programs the next. So that of the drift between the PIT and the monotonic time only the last 54.9 ms
 * count. An old interrupt that comes after a new count was written is an early one.
 *
 * The interrupt is an edge. The one place where it can be lost is the IO-APIC, while the interrupt is moved
 * away from a CPU that goes offline, and is masked: then the counter is programmed again.
 *
 * Locks: the fan-out's, then i8253_lock, which the kernel takes under that of its broadcast.
 */
#include <linux/clockchips.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/i8253.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <asm/hpet.h>
#include "fanout.h"

#define MODE_STOPPED	0x30	/* counter 0, both bytes, mode 0 */
#define MODE_ONE_SHOT	0x38	/* mode 4 */
#define MODE_PERIODIC	0x34	/* mode 2 */

#define MIN_TICKS	15	/* as the kernel's */
#define MAX_TICKS	0xffff
#define DRIFT_PPM	100	/* two crystals */
#define MAX_DEVICES	(4 * NR_CPUS)	/* of the kernel, to bound the walk over them */

static DEFINE_PER_CPU(struct co_fanout_cpu, fanout_cpus);

/* Constant between probe() and remove(), unless said otherwise. */
static struct {
	struct co_fanout fanout;
	struct clock_event_device *kernels;	/* the kernel's device, or NULL: IRQ 0 is ours */
	const struct cpumask *cpumask;		/* that device's own */
	void (*idle)(struct clock_event_device *dev);	/* its event_handler when detached */
	u16 latch;				/* periodic: ticks of the PIT in one of ours */
	u8 mode;				/* last written to the PIT. i8253_lock */
	bool yielded;				/* the kernel has it. i8253_lock; a stale read is one spurious event */
	int hotplug;				/* of cpuhp_setup_state() */
} pit;

/* ---- the hardware ---------------------------------------------------------------------------- */

static void write_mode(u8 mode)
{
	lockdep_assert_held(&i8253_lock);
	pit.mode = mode;
	outb_p(mode, PIT_MODE);
}

static void write_count(u16 count)
{
	lockdep_assert_held(&i8253_lock);
	outb_p(count & 0xff, PIT_CH0);
	outb_p(count >> 8, PIT_CH0);
}

/*
 * A one-shot counter is stopped by the mode; one that emulators have going on needs a new count as well, as the
 * kernel writes it. In QEMU that makes one more interrupt, 54.9 ms later.
 */
static void write_stop(bool going_on)
{
	write_mode(MODE_STOPPED);
	if (going_on) {
		write_count(0);
		write_mode(MODE_STOPPED);
	}
}

static u16 count_until(u64 ns)
{
	u64 now = ktime_get_ns();

	return clamp_t(u64, ns > now ? co_from_ns(co_clk_pit.rate, ns - now) : 0, MIN_TICKS, MAX_TICKS);
}

/* See struct co_fanout. */
static void pit_program(struct co_fanout *f, u64 ns)
{
	raw_spin_lock(&i8253_lock);
	if (pit.yielded) {
		/* not ours */
	} else if (ns == CO_CLOCK_NEVER) {
		/* Once: a stray interrupt comes here again. */
		if (pit.mode != MODE_STOPPED)
			write_stop(pit.latch);
	} else if (pit.latch) {
		write_mode(MODE_PERIODIC);
		write_count(pit.latch);
	} else {
		if (pit.mode != MODE_ONE_SHOT)
			write_mode(MODE_ONE_SHOT);
		write_count(count_until(ns));
	}
	raw_spin_unlock(&i8253_lock);
}

static irqreturn_t pit_interrupt(int irq, void *dev)
{
	co_fanout_interrupt(&pit.fanout);
	return IRQ_HANDLED;
}

/* ---- standing in for the kernel's device ------------------------------------------------------- */

static struct clock_event_device stand_in;

/* Called by the tick core, with its broadcast lock held, and interrupts off. */
static void yield_to_kernel(void)
{
	bool before;

	raw_spin_lock(&i8253_lock);
	before = pit.yielded;
	WRITE_ONCE(pit.yielded, true);
	raw_spin_unlock(&i8253_lock);
	if (!before)
		co_clock_fail(&co_clk_pit, "the kernel needs it as broadcast device");
}

static int stand_in_oneshot(struct clock_event_device *dev)
{
	yield_to_kernel();
	return pit.kernels->set_state_oneshot(pit.kernels);
}

static int stand_in_periodic(struct clock_event_device *dev)
{
	yield_to_kernel();
	return pit.kernels->set_state_periodic(pit.kernels);
}

static int stand_in_shutdown(struct clock_event_device *dev)
{
	raw_spin_lock(&i8253_lock);
	if (pit.yielded)
		write_stop(true);
	raw_spin_unlock(&i8253_lock);
	return 0;
}

static int stand_in_next_event(unsigned long delta, struct clock_event_device *dev)
{
	return pit.kernels->set_next_event(delta, pit.kernels);
}

/* IRQ 0, as the kernel hands it on. */
static void kernels_interrupt(struct clock_event_device *dev)
{
	if (READ_ONCE(pit.yielded))
		stand_in.event_handler(&stand_in);
	else
		co_fanout_interrupt(&pit.fanout);
}

static void unregister_stand_in(void)
{
	WARN_ON(clockevents_unbind_device(&stand_in, cpumask_first(cpu_online_mask)));
}

/*
 * Finds the kernel's device, or NULL. One node of the list is its head, and no device: it is told by what
 * would be its cpumask, before anything is read through that.
 */
static struct clock_event_device *find_kernels(void)
{
	struct clock_event_device *dev;
	struct list_head *node;
	int n = 0;

	for (node = stand_in.list.next; node != &stand_in.list && n < MAX_DEVICES; node = node->next, n++) {
		const struct cpumask *mask;

		dev = list_entry(node, struct clock_event_device, list);
		mask = READ_ONCE_NOCHECK(dev->cpumask);
		if ((mask == cpumask_of(0) || mask == cpu_possible_mask) && !strcmp(dev->name, "pit"))
			return dev;
	}
	return NULL;
}

/* The kernel's device is unused, or is not there. */
static int look_for_kernels(void)
{
	stand_in = (struct clock_event_device){
		.name = "callout-pit",
		.features = CLOCK_EVT_FEAT_DUMMY,
		.cpumask = cpu_possible_mask,
		.irq = -1,
	};
	clockevents_register_device(&stand_in);
	pit.kernels = find_kernels();
	unregister_stand_in();

	if (pit.kernels && !clockevent_state_shutdown(pit.kernels) && !clockevent_state_detached(pit.kernels))
		return -EBUSY;
	return 0;
}

/*
 * Lets the tick core take its device back, if stand_in has its place. What the core finds as event_handler must
 * be the one of a detached device: by that it knows that it has to look for a deadline that is pending.
 */
static void give_back(void)
{
	struct clock_event_device *dev = pit.kernels;
	int rating = dev->rating;

	WRITE_ONCE(dev->event_handler, pit.idle);
	if (!clockevent_state_detached(&stand_in)) {
		WARN_ON(clockevents_unbind_device(dev, cpumask_first(cpu_online_mask)));
		dev->rating = stand_in.rating + 1;
		clockevents_register_device(dev);
		dev->rating = rating;
	}
	dev->cpumask = pit.cpumask;
	unregister_stand_in();
}

static int take_from_kernel(void)
{
	struct clock_event_device *dev = pit.kernels;

	stand_in.features = dev->features;
	stand_in.rating = dev->rating + 1;
	stand_in.mult = dev->mult;
	stand_in.shift = dev->shift;
	stand_in.min_delta_ns = dev->min_delta_ns;
	stand_in.max_delta_ns = dev->max_delta_ns;
	stand_in.min_delta_ticks = dev->min_delta_ticks;
	stand_in.max_delta_ticks = dev->max_delta_ticks;
	stand_in.set_state_oneshot = stand_in_oneshot;
	stand_in.set_state_periodic = stand_in_periodic;
	stand_in.set_state_shutdown = stand_in_shutdown;
	stand_in.set_next_event = stand_in_next_event;
	stand_in.event_handler = dev->event_handler;
	clockevents_register_device(&stand_in);
	if (!clockevent_state_detached(dev)) {
		unregister_stand_in();
		return -EBUSY;
	}
	pit.cpumask = dev->cpumask;
	dev->cpumask = cpu_possible_mask;
	pit.idle = dev->event_handler;
	WRITE_ONCE(dev->event_handler, kernels_interrupt);
	return 0;
}

/* ---- the clock --------------------------------------------------------------------------------- */

static int acquire(void)
{
	int err;

	cpus_read_lock();
	err = look_for_kernels();
	if (!err && pit.kernels)
		err = take_from_kernel();
	cpus_read_unlock();
	if (err)
		return co_clock_refuse(&co_clk_pit, err, "the kernel uses it, for its tick or its broadcast");

	if (!pit.kernels)
		err = request_irq(0, pit_interrupt, IRQF_NO_THREAD, "callout-pit", &pit);
	if (err)
		return co_clock_refuse(&co_clk_pit, err, "cannot have IRQ 0 (error %d)", err);
	return 0;
}

static void program_locked(u64 ns)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pit.fanout.lock, flags);
	pit_program(&pit.fanout, ns);
	raw_spin_unlock_irqrestore(&pit.fanout.lock, flags);
}

static bool interrupt_comes(void)
{
	bool comes;

	program_locked(ktime_get_ns() + NSEC_PER_MSEC);
	comes = co_fanout_wait(&pit.fanout);
	program_locked(CO_CLOCK_NEVER);
	return comes;
}

/* Moving the interrupt away from a CPU that dies masks it for a moment, in which the edge may come. */
static int cpu_is_dead(unsigned int cpu)
{
	co_fanout_retry(&pit.fanout);
	return 0;
}

static void pit_remove(void)
{
	cpuhp_remove_state_nocalls(pit.hotplug);
	program_locked(CO_CLOCK_NEVER);
	if (pit.kernels) {
		cpus_read_lock();
		give_back();
		cpus_read_unlock();
		synchronize_irq(0);
	} else {
		free_irq(0, &pit);
	}
}

static int pit_probe(enum co_mode mode, u32 hz)
{
	int err;

	if (is_hpet_enabled())
		return co_clock_refuse(&co_clk_pit, -EBUSY, "the HPET has its interrupt (legacy replacement)");

	pit.latch = 0;
	co_clk_pit.drift_ppm = DRIFT_PPM;
	if (mode == CO_PERIODIC) {
		pit.latch = DIV_ROUND_CLOSEST(PIT_TICK_RATE, hz);
		co_clk_pit.drift_ppm += abs((s32)(pit.latch * hz) - PIT_TICK_RATE) / (PIT_TICK_RATE / 1000000);
	}
	pit.mode = MODE_STOPPED;
	pit.yielded = false;
	co_fanout_init(&pit.fanout, &fanout_cpus, pit_program, mode == CO_PERIODIC);

	pit.hotplug = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "callout/pit:dead", NULL, cpu_is_dead);
	if (pit.hotplug < 0)
		return co_clock_refuse(&co_clk_pit, pit.hotplug, "no CPU hotplug state");
	err = acquire();
	if (err) {
		cpuhp_remove_state_nocalls(pit.hotplug);
		return err;
	}
	if (!interrupt_comes()) {
		pit_remove();
		return co_clock_refuse(&co_clk_pit, -ENODEV, "its interrupt does not come");
	}
	return 0;
}

static int pit_start(unsigned int cpu)
{
	co_fanout_start(&pit.fanout, cpu);
	return 0;
}

static void pit_stop(unsigned int cpu)
{
	co_fanout_stop(&pit.fanout, cpu);
}

static void pit_arm(u64 ns)
{
	co_fanout_arm(&pit.fanout, ns);
}

static int pit_counters(char *buf)
{
	struct co_fanout_counts counts = { };

	co_fanout_count(&pit.fanout, &counts);
	return co_fanout_print(&counts, buf);
}

/*
 * Accuracy: the shortest count is 12.6 us, five accesses to ports take 1 us each on a real machine, and
 * a call to another CPU some more.
 */
struct callout_clock co_clk_pit = {
	.name = "pit",
	.rating = 110,
	.min_hz = 19,
	.max_hz = 10000,
	.hw_periodic = true,
	.rate = { .mult = ((u64)PIT_TICK_RATE << 32) / NSEC_PER_SEC, .shift = 32 },
	.accuracy_ns = 30000,
	.drift_ppm = DRIFT_PPM,
	.probe = pit_probe,
	.remove = pit_remove,
	.start = pit_start,
	.stop = pit_stop,
	.arm = pit_arm,
	.counters = pit_counters,
};
