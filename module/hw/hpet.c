// SPDX-License-Identifier: GPL-2.0
/*
 * Clock hpet: comparators of the HPET that nobody else uses, one a CPU, or one for all.
 *
 * One counter and a few comparators. hpet_claim.c says which are ours; registers and bits that
 * are not theirs are never written. There are two ways:
 *
 *   own	Comparators that can send messages (MSI), as many as CPUs are online or more: each
 *		CPU has one, whose interrupt is bound to it.
 *   one	Else one comparator for all CPUs, by an input of the I/O APIC.
 *
 * Either way a comparator has a fan-out (fanout.c), of one CPU or of all, which knows when it is
 * wanted next and whom to call. Here it is programmed for that, under the fan-out's lock. What
 * nobody wants any more leaves the comparator as it is: one interrupt for nobody.
 *
 * The counter is past the comparator
 * ==================================
 * A comparator fires when the counter equals it, not when it is past.
 *
 *	1. the counter is read, and so much added that it is not there before we are
 *	2. something holds us up: another bus master, system management
 *	3. the comparator is written: the counter has passed it, and comes by again in minutes
 *	   -> the counter is read once more, and unless there is time left the comparator gets a
 *	      greater distance, twice that of the last attempt. After a few, or when it is time by
 *	      then, the interrupt is one of software; as for a time that was past before.
 *
 * Some chips take the written value over only after some cycles, so "time left" is as much as
 * the kernel's own driver demands, HPET_LEFT. Where the interrupt comes all the same, there
 * are two, which is harmless.
 *
 * 32 bits
 * =======
 * Comparators are used with 32 bits, whatever they have: 64 are not written at once
 * everywhere, and 2^32 ticks are a minute or more. All comparisons are of differences, so the
 * counter may wrap. What is farther than a quarter of the range is set for a quarter, and
 * interrupts early. A comparator that was left alone fires once each time around, and QEMU's
 * at each wrap besides: spurious.
 *
 * read() has 64 bits. If the counter does, from there, high half twice. Else by the last that
 * was read, which a read moves on; a work item reads if nobody else does.
 *
 * Drift
 * =====
 * Intervals are measured by the HPET, time by the monotonic clock, and they may differ by 500
 * ppm each. So what is far is aimed at from 1/1024 before it: the second shot is from near.
 *
 * Ticks
 * =====
 * CO_PERIODIC: the comparator ticks by itself, if it can; else it is set on by a period at each
 * tick, counted from the one before, whenever the interrupt came. To the fan-out both are ticking:
 * it says when the first CPU wants ticks, and when the last has had enough.
 *
 * A comparator that is to tick by itself is told the first tick and then the period, by two
 * writes to one register, and takes the first for the period until it has the second:
 *
 *	1. the first tick is written
 *	2. we are held up, and the first tick comes: the next is set to twice the counter
 *	3. the period is written: the next but one will be right, in minutes
 *	   -> where the counter is at the first tick after 3, all is done again; after a few
 *	      attempts the ticks are those of a comparator that cannot tick.
 */
#include <linux/acpi.h>
#include <linux/atomic.h>
#include <linux/clocksource.h>
#include <linux/delay.h>
#include <linux/hpet.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include "../compat/compat.h"
#include "hpet.h"

#define HPET_LEFT	128U		/* cycles that must be left after the write */
#define HPET_LEAST	192U		/* the first attempt's least distance */
#define HPET_ATTEMPTS	4
#define HPET_FARTHEST	BIT(30)
#define FSEC_PER_NSEC	1000000UL
#define HPET_FAR_NS	(100 * NSEC_PER_MSEC)
#define HPET_CROSS_NS	15000		/* until a CPU has taken the call of another */

static bool assume_32bit;
module_param_named(hpet_32bit, assume_32bit, bool, 0444);
MODULE_PARM_DESC(hpet_32bit, "take the HPET's counter for one of 32 bits, as some have (N)");

/* What probe() found and took; constant until remove(). */
static struct {
	void __iomem *base;
	void __iomem *readable;		/* the same, from when all else is known; for read(), under RCU */
	u32 fs;				/* the counter's period */
	unsigned int block;
	unsigned int count;		/* comparators that the HPET has */
	bool wide;			/* the counter has 64 bits */
	bool own;			/* each CPU has a comparator */
	u32 period;			/* of ticks, or 0 in CO_DEADLINE */
	u64 farthest_ns;
	unsigned int used;		/* comparators in hpet_cmp */
} hpet;

static struct co_hpet hpet_cmp[CO_HPET_MAX];
static DEFINE_PER_CPU(struct co_fanout_cpu, fanout_cpus);
static DEFINE_MUTEX(hpet_starting);

/* ---- the counter ----------------------------------------------------------------------------- */

static u32 counter(void)
{
	return readl(hpet.base + HPET_COUNTER);
}

static atomic64_t last_read;		/* where the counter has 32 bits */

static u64 read_wide(void __iomem *base)
{
	u32 high, low;

	do {
		high = readl(base + HPET_COUNTER + 4);
		low = readl(base + HPET_COUNTER);
	} while (high != readl(base + HPET_COUNTER + 4));
	return (u64)high << 32 | low;
}

static u64 read_narrow(void __iomem *base)
{
	u64 last = atomic64_read(&last_read);
	/* Another CPU may have moved it on since, to later than what we read. */
	u64 now = last + (s32)(readl(base + HPET_COUNTER) - (u32)last);

	if ((s64)(now - last) > 0)
		atomic64_cmpxchg(&last_read, last, now);
	return now;
}

/* Somebody may read while remove() takes the registers away, so that waits for readers: RCU. */
static u64 hpet_read(void)
{
	void __iomem *base;
	u64 now = 0;

	preempt_disable();
	base = smp_load_acquire(&hpet.readable);	/* Pairs with hpet_probe(). */
	if (base)
		now = hpet.wide ? read_wide(base) : read_narrow(base);
	preempt_enable();
	return now;
}

static void keep_reading(struct work_struct *work);
static DECLARE_DELAYED_WORK(reading, keep_reading);

static void keep_reading(struct work_struct *work)
{
	hpet_read();
	schedule_delayed_work(&reading, nsecs_to_jiffies(hpet.farthest_ns));
}

/* ---- one comparator, under its lock ---------------------------------------------------------- */

static void set_cfg(struct co_hpet *hc, u32 cfg)
{
	hc->cfg = cfg;
	writel(cfg, hc->regs);
}

/* Sets the comparator, unless the counter is as good as there. */
static bool set_cmp(struct co_hpet *hc, u32 target, u32 *now)
{
	writel(target, hc->regs + CO_HPET_CMP);
	*now = counter();
	if ((s32)(target - *now) >= (s32)HPET_LEFT)
		return true;
	hc->late++;
	return false;
}

/* How far from now to aim for what is so far away. See "Drift". */
static u32 aim(u64 distance)
{
	distance = min(distance, hpet.farthest_ns);
	if (distance > HPET_FAR_NS)
		distance -= distance >> 10;
	return co_from_ns(co_clk_hpet.rate, distance);
}

/* See "The counter is past the comparator". */
static bool program_in_time(struct co_hpet *hc, u64 ns)
{
	u32 least = HPET_LEAST, now, due, target;
	u64 at = ktime_get();
	int i;

	if (ns <= at)
		return false;
	now = counter();
	due = now + aim(ns - at);
	for (i = 0; i < HPET_ATTEMPTS; i++, least *= 2) {
		target = (s32)(due - now) < (s32)least ? now + least : due;
		if (set_cmp(hc, target, &now))
			return true;
		if ((s32)(due - now) <= 0)
			return false;
	}
	return false;
}

/* The next tick after now: the next but one and so on if the interrupt came so late. */
static void program_tick(struct co_hpet *hc)
{
	u32 now = counter(), p = hpet.period;

	do {
		if ((s32)(hc->tick - now) < (s32)HPET_LEAST)
			hc->tick += ((now + HPET_LEAST - hc->tick) / p + 1) * p;
	} while (!set_cmp(hc, hc->tick, &now));
}

/* Lets the comparator tick by itself: first when to begin, then how to go on. See "Ticks". */
static bool start_own_ticks(struct co_hpet *hc)
{
	u32 first;

	writel(hc->cfg | HPET_TN_PERIODIC | HPET_TN_SETVAL, hc->regs);
	first = counter() + hpet.period;
	writel(first, hc->regs + CO_HPET_CMP);
	udelay(1);				/* some chips want that */
	writel(hpet.period, hc->regs + CO_HPET_CMP);
	if ((s32)(first - counter()) < (s32)HPET_LEFT) {
		hc->late++;
		return false;
	}
	hc->cfg |= HPET_TN_PERIODIC;
	return true;
}

static void start_ticks(struct co_hpet *hc)
{
	int i;

	for (i = 0; i < HPET_ATTEMPTS && (hc->found & HPET_TN_PERIODIC_CAP); i++) {
		if (start_own_ticks(hc))
			return;
	}
	writel(hc->cfg, hc->regs);
	hc->tick = counter();
	program_tick(hc);
}

static void stop_ticks(struct co_hpet *hc)
{
	if (hc->cfg & HPET_TN_PERIODIC)
		set_cfg(hc, hc->cfg & ~HPET_TN_PERIODIC);
	/* As far away as it can be; nothing else comes, but for one each time around. */
	writel(counter() - 1, hc->regs + CO_HPET_CMP);
}

/* See struct co_fanout. */
static void hpet_program(struct co_fanout *f, u64 ns)
{
	struct co_hpet *hc = container_of(f, struct co_hpet, fanout);

	lockdep_assert_held(&f->lock);
	if (hpet.period) {
		if (ns == CO_CLOCK_NEVER)
			stop_ticks(hc);
		else
			start_ticks(hc);
	} else if (ns != CO_CLOCK_NEVER && !program_in_time(hc, ns)) {
		irq_work_queue(&hc->soft);
	}
}

/* ---- interrupts ------------------------------------------------------------------------------ */

static void soft_interrupt(struct irq_work *work)
{
	co_fanout_interrupt(&container_of(work, struct co_hpet, soft)->fanout);
}

static void interrupt(struct co_hpet *hc)
{
	struct co_fanout *f = &hc->fanout;

	if (hpet.period) {
		raw_spin_lock(&f->lock);
		if (f->earliest != CO_CLOCK_NEVER && !(hc->cfg & HPET_TN_PERIODIC))
			program_tick(hc);
		raw_spin_unlock(&f->lock);
	}
	co_fanout_interrupt(f);
}

static irqreturn_t msi_interrupt(int irq, void *dev)
{
	interrupt(dev);
	return IRQ_HANDLED;
}

static irqreturn_t line_interrupt(int irq, void *dev)
{
	struct co_hpet *hc = dev;

	if (!(readl(hpet.base + HPET_STATUS) & BIT(hc->num)))
		return IRQ_NONE;
	writel(BIT(hc->num), hpet.base + HPET_STATUS);
	interrupt(hc);
	return IRQ_HANDLED;
}

/* ---- probe and remove ------------------------------------------------------------------------ */

static int hpet_find(void)
{
	struct acpi_table_hpet *table;
	struct acpi_table_header *header;
	u64 address = 0;
	u32 id, start;

	if (acpi_disabled || ACPI_FAILURE(acpi_get_table(ACPI_SIG_HPET, 0, &header)))
		return co_clock_refuse(&co_clk_hpet, -ENODEV, "ACPI tells of no HPET");
	table = (struct acpi_table_hpet *)header;
	if (table->address.space_id == ACPI_ADR_SPACE_SYSTEM_MEMORY)
		address = table->address.address;
	hpet.block = table->sequence;
	acpi_put_table(header);
	if (!address)
		return co_clock_refuse(&co_clk_hpet, -ENODEV, "ACPI has no address of the HPET");
	hpet.base = ioremap(address, HPET_MMAP_SIZE);
	if (!hpet.base)
		return co_clock_refuse(&co_clk_hpet, -ENOMEM, "cannot map its registers");

	id = readl(hpet.base + HPET_ID);
	hpet.fs = readl(hpet.base + HPET_PERIOD);
	hpet.wide = (id & HPET_ID_64BIT) && !assume_32bit;
	hpet.count = ((id & HPET_ID_NUMBER) >> HPET_ID_NUMBER_SHIFT) + 1;
	if (id == U32_MAX || hpet.fs < HPET_MIN_PERIOD || hpet.fs > HPET_MAX_PERIOD)
		return co_clock_refuse(&co_clk_hpet, -ENODEV,
				       "no HPET is at %#llx: id %#x, period %u fs", address, id,
				       hpet.fs);
	if ((id & HPET_ID_LEGSUP) && !is_hpet_enabled())
		return co_clock_refuse(&co_clk_hpet, -ENODEV, "the kernel has disabled the HPET");
	start = counter();
	udelay(10);
	if (!(readl(hpet.base + HPET_CFG) & HPET_CFG_ENABLE) || start == counter())
		return co_clock_refuse(&co_clk_hpet, -ENODEV, "its counter stands still");
	return 0;
}

static int hpet_set_rate(enum co_mode mode, u32 hz)
{
	struct co_rate *rate = &co_clk_hpet.rate;
	u64 period = 0, fs_hz = (u64)hpet.fs * hz;

	/* Not by a rounded frequency: the fraction of the two periods is exact. */
	clocks_calc_mult_shift(&rate->mult, &rate->shift, hpet.fs, FSEC_PER_NSEC, 1);
	hpet.farthest_ns = co_to_ns(*rate, HPET_FARTHEST);
	co_clk_hpet.accuracy_ns = co_to_ns(*rate, HPET_LEAST) + HPET_CROSS_NS;
	if (mode == CO_PERIODIC)
		period = div64_u64(FSEC_PER_NSEC * NSEC_PER_SEC + fs_hz / 2, fs_hz);
	if (period > HPET_FARTHEST || (mode == CO_PERIODIC && period < 4 * HPET_LEAST))
		return co_clock_refuse(&co_clk_hpet, -ERANGE,
				       "a period of %u fs makes no ticks of %u Hz", hpet.fs, hz);
	hpet.period = period;
	return 0;
}

static void adopt(struct co_hpet *hc, unsigned int num)
{
	memset(hc, 0, sizeof(*hc));
	hc->num = num;
	hc->regs = CO_HPET_TN(hpet.base, num);
	hc->found = readl(hc->regs);
	hc->owner = -1;
	hc->soft = IRQ_WORK_INIT_HARD(soft_interrupt);
	co_fanout_init(&hc->fanout, &fanout_cpus, hpet_program, hpet.period);
}

/* Away from the counter, and not enabled yet. */
static void quiet(struct co_hpet *hc, u32 more)
{
	u32 ours = HPET_TN_LEVEL | HPET_TN_ENABLE | HPET_TN_PERIODIC | HPET_TN_SETVAL |
		   HPET_TN_32BIT | HPET_TN_ROUTE | HPET_TN_FSB;

	set_cfg(hc, (hc->found & ~ours) | HPET_TN_32BIT | more);
	writel(counter() - 1, hc->regs + CO_HPET_CMP);
}

/* Those of some comparators that can do a certain thing. */
static u32 with_cap(u32 which, u32 cap)
{
	unsigned int num;

	for (num = 0; num < hpet.count; num++) {
		if (!(readl(hpet.base + HPET_Tn_CFG(num)) & cap))
			which &= ~BIT(num);
	}
	return which;
}

/* Takes a comparator for each CPU, if there are so many that have MSI. */
static bool take_own(u32 free)
{
	u32 msi = with_cap(free, HPET_TN_FSB_CAP);

	if (hweight32(msi) < num_online_cpus() || co_hpet_msi_create(hpet.block))
		return false;
	for (; msi && hpet.used < num_possible_cpus(); msi &= msi - 1) {
		adopt(&hpet_cmp[hpet.used], __ffs(msi));
		if (co_hpet_msi_alloc(&hpet_cmp[hpet.used]))
			break;
		quiet(&hpet_cmp[hpet.used++], 0);
	}
	hpet.own = hpet.used >= num_online_cpus();
	if (hpet.own)
		return true;
	while (hpet.used) {
		co_hpet_msi_free(&hpet_cmp[--hpet.used]);
		writel(hpet_cmp[hpet.used].found, hpet_cmp[hpet.used].regs);
	}
	co_hpet_msi_destroy();
	return false;
}

/* An input of the I/O APIC. Level and active low, as PCI's: it may be shared. */
static bool take_input(struct co_hpet *hc, unsigned int gsi, bool shared)
{
	int irq = acpi_register_gsi(NULL, gsi, ACPI_LEVEL_SENSITIVE, ACPI_ACTIVE_LOW);

	if (irq <= 0)
		return false;
	if (irq_has_action(irq) == shared) {
		quiet(hc, HPET_TN_LEVEL | gsi << HPET_TN_ROUTE_SHIFT);
		writel(BIT(hc->num), hpet.base + HPET_STATUS);
		if (!request_irq(irq, line_interrupt, IRQF_SHARED | IRQF_NO_THREAD, "callout-hpet",
				 hc)) {
			hc->irq = irq;
			hc->gsi = gsi;
			return true;
		}
		writel(hc->found, hc->regs);
	}
	acpi_unregister_gsi(gsi);
	return false;
}

static bool take_line(unsigned int num)
{
	u32 inputs = readl(hpet.base + HPET_Tn_CFG(num) + 4);
	struct co_hpet *hc = hpet_cmp;
	int gsi, shared;

	adopt(hc, num);
	for (shared = 0; shared < 2; shared++) {
		/* From above, as /dev/hpet takes the lowest; without ISA's. */
		for (gsi = 31; gsi >= 16; gsi--) {
			if ((inputs & BIT(gsi)) && take_input(hc, gsi, shared))
				return true;
		}
	}
	return false;
}

static void give_line(struct co_hpet *hc)
{
	writel(hc->found, hc->regs);
	writel(BIT(hc->num), hpet.base + HPET_STATUS);
	free_irq(hc->irq, hc);
	acpi_unregister_gsi(hc->gsi);
}

/* Whatever ACPI and the registers say. */
static bool interrupt_comes(struct co_hpet *hc)
{
	u32 ms = co_from_ns(co_clk_hpet.rate, NSEC_PER_MSEC);
	u32 now;

	raw_spin_lock_irq(&hc->fanout.lock);
	set_cmp(hc, counter() + ms, &now);
	raw_spin_unlock_irq(&hc->fanout.lock);
	return co_fanout_wait(&hc->fanout);
}

/* Takes one comparator for all CPUs, one that can tick by itself if there is any. */
static bool take_one(u32 free)
{
	u32 ticks = with_cap(free, HPET_TN_PERIODIC_CAP), others = free & ~ticks;

	for (; ticks | others; ticks ? (ticks &= ticks - 1) : (others &= others - 1)) {
		if (!take_line(__ffs(ticks ?: others)))
			continue;
		set_cfg(hpet_cmp, hpet_cmp->cfg | HPET_TN_ENABLE);
		if (interrupt_comes(hpet_cmp)) {
			hpet.used = 1;
			return true;
		}
		give_line(hpet_cmp);
	}
	return false;
}

static int hpet_take(void)
{
	struct co_hpet *hc;
	u32 free, rest;
	int err = co_hpet_claim(hpet.base, hpet.count, &free);

	if (err)
		return err;
	rest = free;
	/* In legacy replacement mode the first two have the interrupts of the PIT and the RTC. */
	if (readl(hpet.base + HPET_CFG) & HPET_CFG_LEGACY)
		free &= ~(BIT(0) | BIT(1));
	if (!take_own(free) && !take_one(free))
		err = co_clock_refuse(&co_clk_hpet, -ENODEV,
				      "free comparators (%#x): no MSI, nor an interrupt by an I/O APIC input from 16 on",
				      free);
	for (hc = hpet_cmp; hc < hpet_cmp + hpet.used; hc++)
		rest &= ~BIT(hc->num);
	co_hpet_unclaim(rest);
	return err;
}

static void unmap(void)
{
	void __iomem *base = hpet.base;

	if (!base)
		return;
	WRITE_ONCE(hpet.readable, NULL);
	synchronize_rcu();
	hpet.base = NULL;
	iounmap(base);
}

static int hpet_probe(enum co_mode mode, u32 hz)
{
	int err;

	memset(&hpet, 0, sizeof(hpet));
	err = hpet_find();
	if (!err)
		err = hpet_set_rate(mode, hz);
	if (err)
		goto err_unmap;
	err = hpet_take();
	if (err)
		goto err_unmap;
	atomic64_set(&last_read, counter());
	smp_store_release(&hpet.readable, hpet.base);	/* Pairs with hpet_read(). */
	if (!hpet.wide)
		keep_reading(NULL);
	return 0;

err_unmap:
	unmap();
	return err;
}

static void hpet_remove(void)
{
	struct co_hpet *hc;
	u32 which = 0;

	cancel_delayed_work_sync(&reading);
	for (hc = hpet_cmp; hc < hpet_cmp + hpet.used; hc++) {
		if (hpet.own) {
			writel(hc->found, hc->regs);
			co_hpet_msi_free(hc);
		} else {
			give_line(hc);
		}
		irq_work_sync(&hc->soft);
		which |= BIT(hc->num);
	}
	if (hpet.own)
		co_hpet_msi_destroy();
	co_hpet_unclaim(which);
	unmap();
}

/* ---- a CPU ----------------------------------------------------------------------------------- */

/* A comparator for a CPU of its own, whose interrupt is then bound to it. */
static struct co_hpet *get_own(unsigned int cpu)
{
	struct co_hpet *hc = NULL;
	unsigned int i;

	mutex_lock(&hpet_starting);
	for (i = 0; i < hpet.used && !hc; i++) {
		if (hpet_cmp[i].owner < 0)
			hc = &hpet_cmp[i];
	}
	if (hc)
		hc->owner = cpu;
	mutex_unlock(&hpet_starting);
	return hc;
}

static void put_own(struct co_hpet *hc)
{
	mutex_lock(&hpet_starting);
	hc->owner = -1;
	mutex_unlock(&hpet_starting);
}

static int bind_own(struct co_hpet *hc, unsigned int cpu)
{
	int err = request_irq(hc->irq, msi_interrupt,
			      IRQF_NO_AUTOEN | IRQF_NOBALANCING | IRQF_NO_THREAD, "callout-hpet", hc);

	if (err)
		return err;
	err = irq_set_affinity(hc->irq, cpumask_of(cpu));
	if (err) {
		free_irq(hc->irq, hc);
		return err;
	}
	enable_irq(hc->irq);
	return 0;
}

static int hpet_start(unsigned int cpu)
{
	struct co_hpet *hc = hpet.own ? get_own(cpu) : hpet_cmp;
	int err = 0;

	if (!hc)
		return co_clock_refuse(&co_clk_hpet, -ENOSPC,
				       "has %u comparators, and none for CPU %u", hpet.used, cpu);
	if (hpet.own)
		err = bind_own(hc, cpu);
	if (err) {
		put_own(hc);
		return co_clock_refuse(&co_clk_hpet, err, "no interrupt on CPU %u", cpu);
	}
	co_fanout_start(&hc->fanout, cpu);
	return 0;
}

static void hpet_stop(unsigned int cpu)
{
	struct co_fanout *f = per_cpu(fanout_cpus, cpu).fanout;
	struct co_hpet *hc = container_of(f, struct co_hpet, fanout);

	co_fanout_stop(f, cpu);
	if (hpet.own) {
		free_irq(hc->irq, hc);
		put_own(hc);
	}
	irq_work_sync(&hc->soft);
}

static void hpet_arm(u64 ns)
{
	co_fanout_arm(this_cpu_read(fanout_cpus.fanout), ns);
}

static int hpet_counters(char *buf)
{
	struct co_fanout_counts counts = { };
	struct co_hpet *hc;
	u64 late = 0;
	int n;

	for (hc = hpet_cmp; hc < hpet_cmp + hpet.used; hc++) {
		co_fanout_count(&hc->fanout, &counts);
		late += READ_ONCE(hc->late);
	}
	n = co_fanout_print(&counts, buf);
	return n + sysfs_emit_at(buf, n, "late_writes %llu\ncomparators %u\nper_cpu %d\n", late,
				 hpet.used, hpet.own);
}

struct callout_clock co_clk_hpet = {
	.name = "hpet",
	.rating = 250,
	.min_hz = 1,
	.max_hz = 10000,
	.hw_periodic = true,
	.drift_ppm = 500,
	.probe = hpet_probe,
	.remove = hpet_remove,
	.start = hpet_start,
	.stop = hpet_stop,
	.arm = hpet_arm,
	.read = hpet_read,
	.counters = hpet_counters,
};
