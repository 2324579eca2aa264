/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of clock hpet share: a comparator, where its registers are, who gives it to
 * us, its MSI.
 */
#ifndef CALLOUT_HPET_H
#define CALLOUT_HPET_H

#include <linux/irq_work.h>
#include <asm/hpet.h>
#include "fanout.h"

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
 * @fanout:	its CPUs. Its lock also protects what follows, and the comparator's registers; it is taken
 *		with interrupts off, and within the interrupt's descriptor's lock.
 * @cfg:	what its configuration register was written with
 * @tick:	counter at the next tick, where ticks are emulated
 * @late:	how often the counter was past it, or too near, when it had been written; also read
 *		without the lock, for show
 */
struct co_hpet {
	unsigned int num;
	void __iomem *regs;
	u32 found;
	int gsi;
	unsigned int irq;
	int owner;
	struct irq_work soft;

	struct co_fanout fanout;
	u32 cfg;
	u32 tick;
	u64 late;
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
