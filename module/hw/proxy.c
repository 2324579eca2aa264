// SPDX-License-Identifier: GPL-2.0
/*
 * Clock lapic-deadline, lapic, or whatever the CPU's tick device is: a proxy in front of it.
 *
 * The kernel owns the one precise timer that a CPU has. A clock event device that we register, rated one
 * above the real one, takes its place as the CPU's tick device; the real device stays where it is and is
 * driven by us. What the kernel asks for and what the callouts ask for share its one event:
 *
 *	kernel: set_next_ktime()     callouts: arm()
 *		      \                  /
 *		   p->kernel        p->callouts
 *			  \          /
 *			min(), if it is not p->armed already
 *			       |
 *			real->set_next_event()
 *
 * Finding the real device
 * =======================
 * The list of clock event devices is not exported, but a device that is registered is on it. A finder of
 * rating 0 that is a DUMMY is linked there and otherwise left alone. One node of the ring is the list's head
 * and no device: so of each node first the cpumask pointer is looked at, which for a CPU's own device is
 * cpumask_of(cpu), and only then the rest. The walk is done with interrupts off, while CPUs do not come and
 * go, and is bounded; the devices that drivers of other hardware register or unbind in that very microsecond
 * are linked and unlinked so that a reader of the list gets along (list_add(), list_del_init()).
 *
 * Taking and giving back
 * ======================
 * Interrupts are off from the finder to the end. The tick core moves the real device from the tick to its
 * list of released ones, shuts it down, and offers it for other duties: with C3STOP set meanwhile it is good
 * for none. (Without that the LAPIC became the broadcast device, and after the proxy had gone CPU 0 ticked on
 * the HPET.) Only then its event_handler is ours: earlier the core would have handed ours to the proxy.
 * Unbinding the proxy makes the core choose anew, and the real device is the best that is left.
 *
 * A device that has C3STOP of its own stops in deep idle states, and the kernel then lets another wake
 * the CPU: that is refused.
 *
 * Protection: a CPU's struct is used by that CPU with interrupts off; but start and stop by their thread.
 *
 * Interrupt
 * =========
 * The callouts go first, while nothing is programmed; then the kernel's handler, which programs the earlier
 * of the two as its last act. (From 7.1 on it may do so after it has returned: then p->armed says that
 * nobody did, and it is programmed for the callouts.) Callouts are called if their time is not after what the
 * device was programmed for, and so is the kernel, or if they are not; an early interrupt is harmless to both.
 *
 * The core learns of a time that has passed by -ETIME and tries again, at most so often, before it takes a
 * pause. We do not know whether it wants to be told (force), so the shortest possible event is programmed as
 * well: it is either replaced at once, or wanted.
 *
 * Eviction
 * ========
 * Somebody may unbind the proxy by /sys/devices/system/clockevents. The core then shuts it down first, as it
 * does for nothing else while we are there (suspend finds us gone). Nothing of ours may be done in that call;
 * an irq_work looks what has become of the proxy. Or the real device, and then it is registered anew before the
 * proxy goes, as the core would find none in its place.
 */
#include <linux/clockchips.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include "../compat/compat.h"
#include "clock.h"

/* The device is not armed: its interrupt has come, or it never was. */
#define NOT_ARMED	((u64)CO_CLOCK_NEVER - 1)

/**
 * struct proxy - one per CPU; fields are its CPU's with interrupts off, unless said otherwise
 * @dev:	the tick core's view of it
 * @real:	the device behind it; NULL: not installed. Changed by start and stop.
 * @kernel:	when the kernel wants its event
 * @callouts:	when the callouts want theirs
 * @armed:	what @real is programmed for; NEVER: it is stopped
 * @stopped:	@real is in its stopped state, and has to be set to one-shot before it is programmed
 * @busy:	nothing is programmed: in the interrupt, as it will be later; and once we are evicted
 * @handling:	the kernel's handler is being called
 * @leaving:	stop() is at work
 * @evicted:	looks whether somebody has unbound us
 * @programmed:	counts
 * @interrupts:	counts
 */
struct proxy {
	struct clock_event_device dev;
	struct clock_event_device *real;
	u64 kernel;
	u64 callouts;
	u64 armed;
	bool stopped;
	bool busy;
	bool handling;
	bool leaving;
	struct irq_work evicted;
	u64 programmed;
	u64 interrupts;
};

static DEFINE_PER_CPU(struct proxy, proxies);

/*
 * The real devices' set_next_event(), the same on all CPUs. Each time that the kernel programs its tick device
 * comes by here, so the call is a direct one. Changed by probe().
 */
static int no_next_event(unsigned long ticks, struct clock_event_device *real) { return -ENODEV; }
DEFINE_STATIC_CALL(co_proxy_next_event, no_next_event);
static int (*next_event_func)(unsigned long ticks, struct clock_event_device *real);

static char name[32] = "tick";

/* ---- programming ---------------------------------------------------------------------------- */

static noinline void program_shortest(struct proxy *p)
{
	struct clock_event_device *real = p->real;
	u64 delta = real->min_delta_ns;
	int i;

	/* As the core does it: a device may say that it was too late. */
	for (i = 0; i < 20; i++, delta += delta / 2) {
		if (!static_call(co_proxy_next_event)((unsigned long)((delta * real->mult) >> real->shift), real))
			return;
	}
}

static noinline void program_none(struct proxy *p)
{
	p->stopped = true;
	if (p->real->set_state_oneshot_stopped)
		p->real->set_state_oneshot_stopped(p->real);
}

static int program(struct proxy *p, u64 next)
{
	struct clock_event_device *real = p->real;
	s64 delta;

	if (unlikely(next == CO_CLOCK_NEVER)) {
		p->armed = next;
		program_none(p);
		return 0;
	}
	if (unlikely(p->stopped)) {
		p->stopped = false;
		if (real->set_state_oneshot)
			real->set_state_oneshot(real);
	}
	p->armed = next;
	p->programmed++;
	delta = next - ktime_get();
	if (likely(delta > (s64)real->min_delta_ns)) {
		delta = min_t(u64, delta, real->max_delta_ns);
		/* Its mult may have been refined since: never a copy. */
		if (likely(!static_call(co_proxy_next_event)((unsigned long)(((u64)delta * real->mult) >> real->shift),
						    real)))
			return 0;
	}
	program_shortest(p);
	return delta <= 0 && p->handling ? -ETIME : 0;
}

static __always_inline int update(struct proxy *p)
{
	u64 next = min(p->kernel, p->callouts);

	if (next == p->armed || p->busy)
		return 0;
	return program(p, next);
}

/* ---- what the tick core calls --------------------------------------------------------------- */

static int proxy_next(ktime_t expires, struct clock_event_device *dev)
{
	struct proxy *p = container_of(dev, struct proxy, dev);

	p->kernel = expires;
	return update(p);
}

/* Never called, but a device has to have it. */
static int proxy_next_ticks(unsigned long ticks, struct clock_event_device *dev)
{
	return proxy_next(ktime_get() + clockevent_delta2ns(ticks, dev), dev);
}

static int proxy_oneshot(struct clock_event_device *dev)
{
	return 0;
}

static int proxy_stopped(struct clock_event_device *dev)
{
	struct proxy *p = container_of(dev, struct proxy, dev);

	p->kernel = CO_CLOCK_NEVER;
	return update(p);
}

/* When it is installed, and when it is unbound: by us, or by somebody else. */
static int proxy_shutdown(struct clock_event_device *dev)
{
	struct proxy *p = container_of(dev, struct proxy, dev);

	p->kernel = CO_CLOCK_NEVER;
	if (!p->busy && !p->leaving) {
		/* The real device is the kernel's again: hands off. */
		p->busy = true;
		irq_work_queue(&p->evicted);
	}
	return 0;
}

static void proxy_look(struct irq_work *work)
{
	struct proxy *p = container_of(work, struct proxy, evicted);

	if (p->real && !p->leaving && clockevent_state_detached(&p->dev))
		co_clock_fail(&co_clk_proxy, "unbound from CPU %u by somebody", smp_processor_id());
}

/* ---- the interrupt -------------------------------------------------------------------------- */

/* The kernel's turn; its last act is to program the device. */
static __always_inline void kernel_event(struct proxy *p)
{
	p->handling = true;
	p->dev.event_handler(&p->dev);
	p->handling = false;
	if (likely(p->armed != NOT_ARMED))
		return;
	/* Deferred: the core programs when the interrupt is left. */
	p->kernel = CO_CLOCK_NEVER;
	if (p->callouts != CO_CLOCK_NEVER)
		update(p);
}

static noinline void callouts_event(struct proxy *p, bool kernel_too)
{
	p->busy = true;
	p->callouts = co_clock_event();
	p->busy = false;
	if (kernel_too)
		kernel_event(p);
	else
		update(p);
}

static void proxy_event(struct clock_event_device *real)
{
	struct proxy *p = this_cpu_ptr(&proxies);
	u64 was = p->armed;

	p->armed = NOT_ARMED;
	p->interrupts++;
	if (p->callouts <= was)
		callouts_event(p, p->kernel <= was);
	else
		kernel_event(p);
}

/* ---- finding, taking, giving back ----------------------------------------------------------- */

/* The CPU's tick device, by way of a finder that is on the same list. Interrupts off. */
static struct clock_event_device *find(const struct clock_event_device *finder)
{
	const struct cpumask *mine = cpumask_of(smp_processor_id());
	struct list_head *node = finder->list.next;
	int n = 0;

	for (; node != &finder->list && n < 4096; node = READ_ONCE(node->next), n++) {
		struct clock_event_device *dev = list_entry(node, struct clock_event_device, list);

		if (READ_ONCE_NOCHECK(dev->cpumask) == mine &&
		    (clockevent_state_oneshot(dev) || clockevent_state_oneshot_stopped(dev)))
			return dev;
	}
	return NULL;
}

struct taking {
	struct clock_event_device finder;
	char name[sizeof(name)];
	int err;
	const char *why;
	u64 min_delta_ns;
	struct co_rate rate;
	int (*next_event)(unsigned long ticks, struct clock_event_device *real);
};

/* Register a device, while a CPU's real one, on the list or about to be, is good for no other duty. Interrupts off. */
static void register_beside(struct clock_event_device *real, struct clock_event_device *dev)
{
	real->features |= CLOCK_EVT_FEAT_C3STOP;
	clockevents_register_device(dev);
	real->features &= ~CLOCK_EVT_FEAT_C3STOP;
}

/* On the CPU, interrupts off: find its device and, with @p, take its place. */
static void take(struct taking *t, struct proxy *p)
{
	struct clock_event_device *real;

	t->finder = (struct clock_event_device){
		.name = "callout-finder",
		.features = CLOCK_EVT_FEAT_ONESHOT | CLOCK_EVT_FEAT_DUMMY,
		.cpumask = cpumask_of(smp_processor_id()),
	};
	clockevents_register_device(&t->finder);
	real = find(&t->finder);
	t->err = -ENODEV;
	t->why = "no tick device in one-shot mode";
	if (!real)
		return;
	strscpy(t->name, real->name, sizeof(t->name));
	t->why = "the tick device stops in deep idle states (C3STOP)";
	if (real->features & CLOCK_EVT_FEAT_C3STOP)
		return;
	t->why = "the tick device cannot be programmed by intervals";
	if (!real->set_next_event)
		return;
	t->why = "the CPUs' tick devices differ";
	if (p && real->set_next_event != next_event_func)
		return;
	t->why = NULL;
	t->err = 0;
	t->next_event = real->set_next_event;
	t->min_delta_ns = real->min_delta_ns;
	t->rate = (struct co_rate){ .mult = real->mult, .shift = real->shift };
	if (!p)
		return;

	p->dev = (struct clock_event_device){
		.name = "callout",
		.features = CLOCK_EVT_FEAT_ONESHOT | CO_CLOCK_EVT_FEAT_KTIME,
		.rating = real->rating + 1,
		.cpumask = cpumask_of(smp_processor_id()),
		.irq = real->irq,
		.mult = real->mult,
		.shift = real->shift,
		.min_delta_ns = real->min_delta_ns,
		.max_delta_ns = real->max_delta_ns,
		.min_delta_ticks = real->min_delta_ticks,
		.max_delta_ticks = real->max_delta_ticks,
		.set_next_event = proxy_next_ticks,
		.set_next_ktime = proxy_next,
		.set_state_oneshot = proxy_oneshot,
		.set_state_oneshot_stopped = proxy_stopped,
		.set_state_shutdown = proxy_shutdown,
	};
	p->kernel = p->callouts = CO_CLOCK_NEVER;
	p->armed = NOT_ARMED;
	p->busy = true;
	p->leaving = false;
	p->stopped = false;
	p->real = real;
	register_beside(real, &p->dev);
	p->busy = false;
	if (!clockevent_state_oneshot(&p->dev) && !clockevent_state_oneshot_stopped(&p->dev)) {
		p->real = NULL;
		t->why = "the kernel does not take the proxy for a tick device";
		t->err = -EBUSY;
		return;
	}
	real->event_handler = proxy_event;
	if (real->set_state_oneshot)
		real->set_state_oneshot(real);
	update(p);
}

/* take(), and what has to be done with interrupts on. */
static int take_here(struct taking *t, struct proxy *p)
{
	unsigned int cpu = smp_processor_id();

	local_irq_disable();
	take(t, p);
	local_irq_enable();
	clockevents_unbind_device(&t->finder, cpu);
	if (t->err && p && !list_empty(&p->dev.list) && p->dev.list.next)
		clockevents_unbind_device(&p->dev, cpu);
	return t->err;
}

/* On this CPU, as on the others: what is its tick device? */
static int look_here(struct taking *t)
{
	int err;

	cpus_read_lock();
	migrate_disable();
	err = take_here(t, NULL);
	migrate_enable();
	cpus_read_unlock();
	return err;
}

static void proxy_init(void)
{
	struct taking *t = kzalloc(sizeof(*t), GFP_KERNEL);
	int i;

	if (!t)
		return;
	/* While the machine boots the kernel may not have switched to one-shot mode yet. */
	for (i = 0; i < 30; i++) {
		if (!look_here(t) || hrtimer_resolution == 1)
			break;
		msleep(100);
	}
	if (t->name[0])
		strscpy(name, t->name, sizeof(name));
	kfree(t);
}

static int proxy_probe(enum co_mode mode, u32 hz)
{
	struct taking *t = kzalloc(sizeof(*t), GFP_KERNEL);
	unsigned int cpu;
	int err;

	if (!t)
		return co_clock_refuse(&co_clk_proxy, -ENOMEM, "no memory");
	for_each_possible_cpu(cpu)
		init_irq_work(&per_cpu(proxies, cpu).evicted, proxy_look);
	err = look_here(t);
	if (err) {
		co_clock_refuse(&co_clk_proxy, err, "%s", t->why);
	} else {
		next_event_func = t->next_event;
		static_call_update(co_proxy_next_event, t->next_event);
		co_clk_proxy.rate = t->rate;
		co_clk_proxy.accuracy_ns = t->min_delta_ns + 1000;
	}
	kfree(t);
	return err;
}

static int proxy_start(unsigned int cpu)
{
	struct taking *t = kzalloc(sizeof(*t), GFP_KERNEL);
	int err;

	if (!t)
		return co_clock_refuse(&co_clk_proxy, -ENOMEM, "no memory");
	err = take_here(t, per_cpu_ptr(&proxies, cpu));
	if (err)
		co_clock_refuse(&co_clk_proxy, err, "CPU %u: %s", cpu, t->why);
	kfree(t);
	return err;
}

/*
 * The real device is on the kernel's list, to be chosen when the proxy goes. Not if somebody has unbound it
 * meanwhile, which works at once, as no CPU ticks on it.
 */
static void relist(struct proxy *p)
{
	struct clock_event_device *real = p->real;

	local_irq_disable();
	if (list_empty(&real->list) && !clockevent_state_detached(&p->dev))
		register_beside(real, real);
	local_irq_enable();
}

static void proxy_stop(unsigned int cpu)
{
	struct proxy *p = per_cpu_ptr(&proxies, cpu);
	int tries = 10, err;

	if (!p->real)
		return;
	local_irq_disable();
	p->leaving = true;
	p->callouts = CO_CLOCK_NEVER;
	local_irq_enable();
	do {
		relist(p);
		/* The real device gets the kernel's handler back in the same step. */
		err = clockevents_unbind_device(&p->dev, cpu);
	} while (err && --tries);
	WARN_ON_ONCE(err);
	irq_work_sync(&p->evicted);
	p->real = NULL;
}

static void proxy_arm(u64 ns)
{
	struct proxy *p = this_cpu_ptr(&proxies);

	p->callouts = ns;
	update(p);
}

static int proxy_counters(char *buf)
{
	u64 programmed = 0, interrupts = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		programmed += per_cpu(proxies, cpu).programmed;
		interrupts += per_cpu(proxies, cpu).interrupts;
	}
	return scnprintf(buf, PAGE_SIZE, "interrupts %llu\nprogrammed %llu\n", interrupts, programmed);
}

struct callout_clock co_clk_proxy = {
	.name = name,
	.rating = 400,
	.min_hz = 1,
	.max_hz = 10000,
	.drift_ppm = 500,
	.init = proxy_init,
	.probe = proxy_probe,
	.start = proxy_start,
	.stop = proxy_stop,
	.arm = proxy_arm,
	.counters = proxy_counters,
};
