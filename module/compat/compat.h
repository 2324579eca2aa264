/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every difference between kernel releases, and nothing else. Each wrapper names the release and the
 * change. Supported: 6.1 and later.
 */
#ifndef CALLOUT_COMPAT_H
#define CALLOUT_COMPAT_H

#include <linux/export.h>
#include <linux/hardirq.h>
#include <linux/hrtimer.h>
#include <linux/irq.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "callout needs Linux 6.1 or later"
#endif

/*
 * 6.13 (and backports: Kbuild looks for the name): hrtimer_setup() takes the function, and
 * hrtimer_init() goes in 6.15.
 */
static inline void co_hrtimer_setup(struct hrtimer *timer,
				    enum hrtimer_restart (*func)(struct hrtimer *), clockid_t clock,
				    enum hrtimer_mode mode)
{
#ifdef CO_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, func, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = func;
#endif
}

/*
 * 7.1: CLOCK_EVT_FEAT_KTIME is gone, and the feature that it came with is what makes the core call
 * set_next_ktime().
 */
#include <linux/clockchips.h>
#ifdef CLOCK_EVT_FEAT_KTIME
#define CO_CLOCK_EVT_FEAT_KTIME	CLOCK_EVT_FEAT_KTIME
#else
#define CO_CLOCK_EVT_FEAT_KTIME	CLOCK_EVT_FEAT_HRTIMER
#endif

/* 6.17: system_wq is called system_percpu_wq, and warned of by its old name later. */
#include <linux/workqueue.h>
#ifdef CO_HAVE_SYSTEM_PERCPU_WQ
#define co_system_wq	system_percpu_wq
#define co_system_unbound_wq	system_dfl_wq
#else
#define co_system_wq	system_wq
#define co_system_unbound_wq	system_unbound_wq
#endif

/* 6.14: what a new worker's thread does not do by itself any more. */
#include <linux/kthread.h>
#ifdef kthread_run_worker
#define co_run_worker(name)	kthread_run_worker(0, name)
#else
#define co_run_worker(name)	kthread_create_worker(0, name)
#endif

/* Not a release's but a compiler's: what CONFIG_INIT_STACK_ALL_ZERO is to leave alone. */
#if __has_attribute(__uninitialized__)
#define CO_UNINITIALIZED	__attribute__((__uninitialized__))
#else
#define CO_UNINITIALIZED
#endif

/* 6.10: __assign_str() takes the field alone. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define CO_ASSIGN_STR(field, from)	__assign_str(field)
#else
#define CO_ASSIGN_STR(field, from)	__assign_str(field, from)
#endif

/*
 * 7.0 and later (Kbuild looks for the name): HK_TYPE_DOMAIN changes as cpusets are partitioned, and what the command line
 * says is HK_TYPE_DOMAIN_BOOT.
 */
#include <linux/sched/isolation.h>
#ifdef CO_HAVE_HK_TYPE_DOMAIN_BOOT
#define CO_HK_TYPE_DOMAIN	HK_TYPE_DOMAIN_BOOT
#else
#define CO_HK_TYPE_DOMAIN	HK_TYPE_DOMAIN
#endif

/*
 * 6.15 (Kbuild looks for the name): IRQ_MOVE_PCNTXT goes, and what it asked for is so unless the chip has
 * IRQCHIP_MOVE_DEFERRED: an interrupt moves when its affinity is set, not when it comes next.
 */
static inline void co_irq_moves_at_once(unsigned int irq)
{
#ifdef CO_HAVE_IRQ_MOVE_PCNTXT
	irq_set_status_flags(irq, IRQ_MOVE_PCNTXT);
#endif
}

/*
 * 6.13: the namespace arguments of EXPORT_SYMBOL_NS_GPL() and MODULE_IMPORT_NS() become strings.
 * What the KUnit suites need of the inside is exported where the kernel has KUnit, and only there.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define CO_TEST_NAMESPACE	"CALLOUT_TEST"
#else
#define CO_TEST_NAMESPACE	CALLOUT_TEST
#endif

#if IS_ENABLED(CONFIG_KUNIT)
#define CO_EXPORT_FOR_TESTS(sym)	EXPORT_SYMBOL_NS_GPL(sym, CO_TEST_NAMESPACE)
#else
#define CO_EXPORT_FOR_TESTS(sym)
#endif

/*
 * 6.18: a KUnit case's generator of parameters is also given the test ("kunit: Pass parameterized test
 * context to generate_params()"). CO_GENERATOR(name) is its head, CO_GENERATE() a call of it.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define CO_GENERATOR(name)	const void *name(struct kunit *test, const void *prev, char *desc)
#define CO_GENERATE(name, test, prev, desc)	name(test, prev, desc)
#else
#define CO_GENERATOR(name)	const void *name(const void *prev, char *desc)
#define CO_GENERATE(name, test, prev, desc)	name(prev, desc)
#endif

/*
 * 7.2 (the benchmark's Kbuild looks for the name): the counters of irq_stat become an array ("x86/irq: Make
 * irqstats array based"). Timer interrupts of this CPU, those of the kernel's tick too.
 */
#ifndef CONFIG_X86_LOCAL_APIC
#define co_apic_timer_interrupts()	0
#elif defined(CO_HAVE_IRQ_COUNTS)
#define co_apic_timer_interrupts()	this_cpu_read(irq_stat.counts[IRQ_COUNT_APIC_TIMER])
#else
#define co_apic_timer_interrupts()	this_cpu_read(irq_stat.apic_timer_irqs)
#endif

/*
 * Not a release's but an architecture's: a clock of a few instructions, to tell long from short. On x86
 * the TSC, as local_clock() costs ten times as much.
 */
#ifdef CONFIG_X86_TSC
#include <asm/tsc.h>

static inline u64 co_cheap_clock(void)
{
	return rdtsc();
}

static inline u64 co_cheap_to_us(u64 cycles)
{
	return tsc_khz ? div_u64(cycles * 1000, tsc_khz) : 0;
}

static inline u64 co_cheap_from_us(u64 us)
{
	return tsc_khz ? us * tsc_khz / 1000 : U64_MAX;
}
#else
#include <linux/sched/clock.h>

static inline u64 co_cheap_clock(void)
{
	return local_clock();
}

static inline u64 co_cheap_to_us(u64 ns)
{
	return ns / NSEC_PER_USEC;
}

static inline u64 co_cheap_from_us(u64 us)
{
	return us * NSEC_PER_USEC;
}
#endif

#endif /* CALLOUT_COMPAT_H */
