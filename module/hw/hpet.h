/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of clock hpet share: a comparator, where its registers are, who gives it to
 * us, its MSI.
 */
#ifndef CALLOUT_HPET_H
#define CALLOUT_HPET_H

#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/spinlock.h>
#include <asm/hpet.h>

#define CO_HPET_MAX	32	/* comparators that the registers have room for */

/**
 * struct co_hpet - a comparator that is ours, and the CPUs that it serves
 * @num:	which of the HPET's. Set by probe(), as all up to @irq.
 * @regs:	its own registers
 * @found:	its configuration as it was found, for remove()
 * @gsi:	the I/O APIC's input that it is routed to, or -1 with MSI
 * @irq:	its interrupt
 * @owner:	the CPU that has it for itself, or -1. Under hpet_starting.
 * @soft:	an interrupt by software, where the comparator could not be set in time
 * @lock:	protects what follows, and the comparator's registers; taken with interrupts off,
 *		and within the interrupt's descriptor's lock.
 * @cfg:	what its configuration register was written with
 * @programmed:	the time that it is set for, or CO_CLOCK_NEVER. Not of interest in periodic mode.
 * @tick:	counter at the next tick, where ticks are emulated
 * @ticking:	CPUs that want ticks
 * @programs:	how often it was set
 * @interrupts:	how many came
 * @late:	how often the counter was past it, or too near, when it had been written
 * @ipis:	calls that were sent to other CPUs
 * @cpus:	the CPUs that are started
 *
 * The four counts are also read without the lock, for show.
 */
struct co_hpet {
	unsigned int num;
	void __iomem *regs;
	u32 found;
	int gsi;
	unsigned int irq;
	int owner;
	struct irq_work soft;

	raw_spinlock_t lock;
	u32 cfg;
	u64 programmed;
	u32 tick;
	unsigned int ticking;
	u64 programs;
	u64 interrupts;
	u64 late;
	u64 ipis;
	struct cpumask cpus;
};

/* A comparator's registers, from its first. */
#define CO_HPET_TN(base, num)	((base) + HPET_Tn_CFG(num))
#define CO_HPET_CMP		(HPET_Tn_CMP(0) - HPET_Tn_CFG(0))
#define CO_HPET_ROUTE		(HPET_Tn_ROUTE(0) - HPET_Tn_CFG(0))

/* hpet_claim.c */
int co_hpet_claim(void __iomem *base, unsigned int count, u32 *mine);
void co_hpet_unclaim(u32 which);

/* hpet_msi.c */
int co_hpet_msi_create(unsigned int block);
int co_hpet_msi_alloc(struct co_hpet *hc);
void co_hpet_msi_free(struct co_hpet *hc);
void co_hpet_msi_destroy(void);

#endif /* CALLOUT_HPET_H */
