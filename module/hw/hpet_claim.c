// SPDX-License-Identifier: GPL-2.0
/*
 * Which of the HPET's comparators are free, and keeping them so that nobody else gets them.
 *
 * Where the kernel has the driver of /dev/hpet, it owns what the kernel itself does not use,
 * and gives a comparator to each open. So we open the device, as any program would, and find
 * out which comparator that got us. Only HPET_INFO tells, and it writes to a user's memory: to
 * a page that the process which loads the module, or writes to sysfs, is lent for the moment.
 * A worker has no such memory. But the driver's private data of an open file are the
 * comparator's, for ever, so a comparator that was seen once is known by them; one that was
 * not is given back.
 *
 * The device has no order for comparators but its own, so all are opened, and those that are
 * not wanted closed again. A program that opens it just then may find it busy.
 *
 * A file that a process closes is released when it returns to user space, one that a kernel
 * thread closes by __fput_sync() at once. The next probe() wants the comparators back before
 * that, so a worker closes them.
 *
 * Where there is no such driver nobody hands out comparators, and what the kernel does not use
 * is free. It uses the first two, for ticks and the RTC; and where the local APIC's timer
 * stops in deep sleep, those with MSI, one a CPU.
 *
 * Everything here is called by probe() and remove(), one at a time.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hpet.h>
#include <linux/io.h>
#include <linux/major.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <asm/cpufeature.h>
#include "../compat/compat.h"
#include "hpet.h"

#if IS_ENABLED(CONFIG_HPET)

/* By comparator: the open file. */
static struct file *claims[CO_HPET_MAX];

/* Comparators that were seen, by the driver's private data: a mark, never looked into. */
static struct { void *mark; unsigned int num; } seen[CO_HPET_MAX];
static unsigned int nseen;

struct closing {
	struct work_struct work;
	struct file *files[CO_HPET_MAX];
	unsigned int n;
};

static void close_them(struct work_struct *work)
{
	struct closing *c = container_of(work, struct closing, work);

	while (c->n)
		__fput_sync(c->files[--c->n]);
}

static void close_all(struct closing *c)
{
	INIT_WORK_ONSTACK(&c->work, close_them);
	schedule_work(&c->work);
	flush_work(&c->work);
	destroy_work_on_stack(&c->work);
}

/* The comparator that an open got, or -1 if that cannot be learned, or is another HPET's. */
static int which_comparator(struct file *file)
{
	struct hpet_info info;
	unsigned long page;
	unsigned int i;
	long err;

	for (i = 0; i < nseen; i++) {
		if (seen[i].mark == file->private_data)
			return seen[i].num;
	}
	if (!current->mm || nseen == CO_HPET_MAX)
		return -1;
	page = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(page))
		return -1;
	err = file->f_op->unlocked_ioctl(file, HPET_INFO, page);
	if (!err && copy_from_user(&info, (void __user *)page, sizeof(info)))
		err = -EFAULT;
	vm_munmap(page, PAGE_SIZE);
	if (err || info.hi_hpet || info.hi_timer >= CO_HPET_MAX)
		return -1;
	seen[nseen].mark = file->private_data;
	seen[nseen++].num = info.hi_timer;
	return info.hi_timer;
}

static struct file *open_one(void)
{
	struct file *file = filp_open("/dev/hpet", O_RDONLY | O_NONBLOCK, 0);

	/* A path is only a name; this is the driver. */
	if (!IS_ERR(file) && (!S_ISCHR(file_inode(file)->i_mode) ||
			      file_inode(file)->i_rdev != MKDEV(MISC_MAJOR, HPET_MINOR) ||
			      !file->f_op->unlocked_ioctl)) {
		fput(file);
		file = ERR_PTR(-ENXIO);
	}
	return file;
}

/**
 * co_hpet_claim() - take all comparators that nobody uses
 * @base:	the HPET's registers
 * @count:	how many comparators it has
 * @mine:	which they are, a bit each
 *
 * Context: A process's or a worker; may sleep.
 * Return: 0, or what co_clock_refuse() returned.
 */
int co_hpet_claim(void __iomem *base, unsigned int count, u32 *mine)
{
	struct closing unknown = { .n = 0 };
	struct file *file;
	unsigned int i, found = 0;
	int num;

	*mine = 0;
	for (i = 0; i < CO_HPET_MAX; i++) {
		file = open_one();
		if (IS_ERR(file))
			break;
		found++;
		num = which_comparator(file);
		if (num < 0 || num >= count || claims[num]) {
			unknown.files[unknown.n++] = file;
			continue;
		}
		claims[num] = file;
		*mine |= BIT(num);
	}
	close_all(&unknown);
	if (*mine)
		return 0;
	if (found)
		return co_clock_refuse(&co_clk_hpet, -ENODEV,
				       "cannot learn which comparators /dev/hpet gives");
	if (PTR_ERR(file) == -EBUSY)
		return co_clock_refuse(&co_clk_hpet, -EBUSY,
				       "all comparators are in use: kernel, /dev/hpet");
	return co_clock_refuse(&co_clk_hpet, PTR_ERR(file),
			       "the kernel has /dev/hpet, but it cannot be opened: %pe", file);
}

/**
 * co_hpet_unclaim() - give comparators back
 * @which: a bit each; of those that were claimed
 *
 * Context: A process's or a worker; may sleep.
 */
void co_hpet_unclaim(u32 which)
{
	struct closing c = { .n = 0 };
	unsigned int num;

	for (num = 0; num < CO_HPET_MAX; num++) {
		if (!(which & BIT(num)))
			continue;
		c.files[c.n++] = claims[num];
		claims[num] = NULL;
	}
	close_all(&c);
}

#else /* !CONFIG_HPET */

int co_hpet_claim(void __iomem *base, unsigned int count, u32 *mine)
{
	unsigned int num, msi;
	u32 cfg;

	msi = boot_cpu_has(X86_FEATURE_ARAT) ? 0 : num_possible_cpus();
	*mine = 0;
	for (num = 2; num < count; num++) {
		cfg = readl(base + HPET_Tn_CFG(num));
		if (msi && (cfg & HPET_TN_FSB_CAP))
			msi--;
		else if (!(cfg & HPET_TN_ENABLE))
			*mine |= BIT(num);
	}
	if (*mine)
		return 0;
	return co_clock_refuse(&co_clk_hpet, -EBUSY, "all of its %u comparators are in use", count);
}

void co_hpet_unclaim(u32 which)
{
}

#endif
