// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of comparators that write a message to a CPU's local APIC, as PCI's MSI do.
 *
 * A domain of our own below the one that hands out vectors, or below that of the interrupt
 * remapping unit: whoever says that a domain of this name is its own is the parent. A parent
 * composes the message; we put it where the comparator finds it. That happens when an
 * interrupt is activated, and when its CPU is chosen, which start() does before the comparator
 * is programmed: an interrupt that hits between the message's two halves has nothing to tell.
 *
 * The kernel has the like for comparators that it uses itself. Its functions are not exported.
 */
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <asm/hw_irq.h>
#include <asm/irqdomain.h>
#include "../compat/compat.h"
#include "hpet.h"

/* Set by create, gone by destroy; only probe() and remove() come here. */
static struct irq_domain *domain;
static struct fwnode_handle *node;
static unsigned int block_id;

static void set_enabled(struct irq_data *d, bool on)
{
	struct co_hpet *hc = irq_data_get_irq_chip_data(d);
	unsigned long flags;

	raw_spin_lock_irqsave(&hc->fanout.lock, flags);
	if (on)
		hc->cfg |= HPET_TN_ENABLE | HPET_TN_FSB;
	else
		hc->cfg &= ~(HPET_TN_ENABLE | HPET_TN_FSB);
	writel(hc->cfg, hc->regs);
	raw_spin_unlock_irqrestore(&hc->fanout.lock, flags);
}

static void msi_mask(struct irq_data *d)
{
	set_enabled(d, false);
}

static void msi_unmask(struct irq_data *d)
{
	set_enabled(d, true);
}

static void msi_write(struct irq_data *d)
{
	struct co_hpet *hc = irq_data_get_irq_chip_data(d);
	struct irq_data *by = d->parent_data;
	struct msi_msg msg = {};

	while (by && !by->chip->irq_compose_msi_msg)
		by = by->parent_data;
	if (WARN_ON_ONCE(!by))
		return;
	by->chip->irq_compose_msi_msg(by, &msg);
	writel(msg.data, hc->regs + CO_HPET_ROUTE);
	writel(msg.address_lo, hc->regs + CO_HPET_ROUTE + 4);
}

static int msi_set_affinity(struct irq_data *d, const struct cpumask *mask, bool force)
{
	int ret = d->parent_data->chip->irq_set_affinity(d->parent_data, mask, force);

	if (ret >= 0 && ret != IRQ_SET_MASK_OK_DONE)
		msi_write(d);
	return ret;
}

static struct irq_chip msi_chip = {
	.name = "HPET-callout",
	.irq_mask = msi_mask,
	.irq_unmask = msi_unmask,
	.irq_ack = irq_chip_ack_parent,
	.irq_set_affinity = msi_set_affinity,
	.irq_retrigger = irq_chip_retrigger_hierarchy,
	.flags = IRQCHIP_SKIP_SET_WAKE | IRQCHIP_AFFINITY_PRE_STARTUP,
};

static int domain_alloc(struct irq_domain *d, unsigned int virq, unsigned int n, void *arg)
{
	struct irq_alloc_info *info = arg;
	int err = irq_domain_alloc_irqs_parent(d, virq, n, arg);

	if (err)
		return err;
	irq_domain_set_info(d, virq, info->hwirq, &msi_chip, info->data, handle_edge_irq, NULL,
			    "edge");
	co_irq_moves_at_once(virq);
	return 0;
}

static int domain_activate(struct irq_domain *d, struct irq_data *data, bool reserve)
{
	msi_write(data);
	return 0;
}

static const struct irq_domain_ops domain_ops = {
	.alloc = domain_alloc,
	.free = irq_domain_free_irqs_common,
	.activate = domain_activate,
};

/**
 * co_hpet_msi_create() - make the domain
 * @block: the HPET's number, by which the remapping unit knows it
 *
 * Context: May sleep.
 * Return: 0, or an errno: comparators cannot have messages here.
 */
int co_hpet_msi_create(unsigned int block)
{
	struct irq_domain *parent;
	struct irq_fwspec spec;
	char name[32];

	/* The parents know an HPET by a name that begins like this. */
	snprintf(name, sizeof(name), "HPET-MSI-%u-callout", block);
	node = irq_domain_alloc_named_fwnode(name);
	if (!node)
		return -ENOMEM;
	spec.fwnode = node;
	spec.param_count = 1;
	spec.param[0] = block;
	parent = irq_find_matching_fwspec(&spec, DOMAIN_BUS_GENERIC_MSI);
	domain = parent ? irq_domain_create_hierarchy(parent, 0, 0, node, &domain_ops, NULL) : NULL;
	if (!domain) {
		irq_domain_free_fwnode(node);
		return parent ? -ENOMEM : -ENODEV;
	}
	block_id = block;
	return 0;
}

/**
 * co_hpet_msi_alloc() - get an interrupt for a comparator
 * @hc: the comparator, complete but for gsi and irq
 *
 * Context: May sleep.
 * Return: 0 or an errno.
 */
int co_hpet_msi_alloc(struct co_hpet *hc)
{
	struct irq_alloc_info info = {
		.type = X86_IRQ_ALLOC_TYPE_HPET,
		.devid = block_id,
		.hwirq = hc->num,
		.data = hc,
	};
	int irq = irq_domain_alloc_irqs(domain, 1, NUMA_NO_NODE, &info);

	if (irq <= 0)
		return irq ?: -ENOSPC;
	hc->irq = irq;
	hc->gsi = -1;
	return 0;
}

/**
 * co_hpet_msi_free() - give it back
 * @hc: the comparator; its interrupt is not requested
 *
 * Context: May sleep.
 */
void co_hpet_msi_free(struct co_hpet *hc)
{
	irq_dispose_mapping(hc->irq);
}

/**
 * co_hpet_msi_destroy() - take the domain away
 *
 * Context: May sleep. No interrupt is left in it.
 */
void co_hpet_msi_destroy(void)
{
	irq_domain_remove(domain);
	irq_domain_free_fwnode(node);
}
