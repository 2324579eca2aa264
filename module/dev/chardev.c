// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/callout: the file operations, and the arguments of its ioctls. include/uapi/linux/callout.h is the specification.
 *
 * What of the program's is read again, as it was no more than looked at, is checked again. What is written to it is written last.
 */
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include "../internal.h"
#include "dev.h"

#define CHUNK		32	/* elements of a vector that are dealt with in one hold of the lock */

unsigned int co_dev_max_timers = 1 << 20;

static_assert(sizeof(struct callout_timer) == 6 * sizeof(u64) && sizeof(struct callout_vector) == 3 * sizeof(u64));
static_assert(sizeof(struct callout) == CALLOUT_OPAQUE_SIZE && __alignof__(struct callout) == CALLOUT_OPAQUE_ALIGN);

/* ---- ioctls --------------------------------------------------------------------------------- */

/* An argument that begins with its size and flags: see include/uapi. @least is the size of its first version. */
static int get_argument(void *to, size_t size, size_t least, const void __user *from)
{
	u32 usize;

	if (get_user(usize, (const u32 __user *)from))
		return -EFAULT;
	if (usize < least || usize > PAGE_SIZE)
		return usize < least ? -EINVAL : -E2BIG;
	return copy_struct_from_user(to, size, from, usize);
}

static int do_info(struct co_dev *d, void __user *arg)
{
	struct callout_info info;
	const struct callout_clock *clock = READ_ONCE(co_clock);
	u32 size;
	int err = get_argument(&info, sizeof(info), sizeof(info), arg);

	if (err)
		return err;
	if (info.flags)
		return -EINVAL;
	size = info.size;
	memset(&info, 0, sizeof(info));
	info.size = size;
	info.features = co_dev_selftest ? CALLOUT_FEATURE_TEST : 0;
	strscpy(info.clock, clock->name, sizeof(info.clock));
	strscpy(info.mode, co_mode_names[READ_ONCE(co_mode)], sizeof(info.mode));
	info.resolution_ns = callout_clock_accuracy(0);
	info.min_interval_ns = (u64)READ_ONCE(co_dev_min_interval_us) * NSEC_PER_USEC;
	info.max_timers = min(READ_ONCE(co_dev_max_timers), CO_T_MAX);
	info.max_user_timers = READ_ONCE(co_dev_max_user_timers);
	info.max_events = info.max_timers ? roundup_pow_of_two(info.max_timers) : 1;
	info.timers = smp_load_acquire(&d->timers);
	info.events = info.timers ? d->events : 0;
	info.budget = READ_ONCE(co_dev_budget);
	return copy_to_user(arg, &info, min_t(size_t, size, sizeof(info))) ? -EFAULT : 0;
}

static int do_setup(struct co_dev *d, void __user *arg)
{
	struct callout_setup s;
	u32 most = min(READ_ONCE(co_dev_max_timers), CO_T_MAX), charged;
	struct co_user *user;
	int err = get_argument(&s, sizeof(s), sizeof(s), arg);

	if (err)
		return err;
	if (s.flags || !s.timers || s.timers > most || !s.events || s.events > roundup_pow_of_two(most))
		return -EINVAL;
	err = mutex_lock_interruptible(&d->reading);
	if (err)
		return err;
	if (d->timers) {
		err = -EBUSY;
		goto out;
	}
	charged = max(s.timers, s.events);
	user = co_user_charge(charged);
	err = PTR_ERR_OR_ZERO(user);
	if (err)
		goto out;
	d->user = user;
	d->charged = charged;
	err = co_timers_init(d, s.timers, roundup_pow_of_two(s.events));
	if (err)
		co_user_uncharge(user, charged);
out:
	mutex_unlock(&d->reading);
	return err;
}

static int do_test(void __user *arg)
{
	struct callout_test t;
	int err = get_argument(&t, sizeof(t), sizeof(t), arg);

	if (err)
		return err;
	if (t.flags)
		return -EINVAL;
	err = co_dev_test(&t);
	if (err)
		return err;
	return copy_to_user(arg + offsetof(struct callout_test, result), t.result, sizeof(t.result)) ? -EFAULT : 0;
}

/*
 * Each takes @n elements from @from, deals with them, and gives back what is written: see struct callout_vector. Fewer if
 * memory ends: how many is returned, or -EFAULT if it is none. What was read and cannot be written has been done.
 */
typedef int chunk_t(struct co_dev *d, void __user *from, unsigned int n);

/* Of @n elements, without those that @left bytes belong to. */
static int whole(unsigned int n, unsigned long left, size_t size)
{
	n -= DIV_ROUND_UP(left, size);
	return n ?: -EFAULT;
}

/*
 * In words: that is less, for so few bytes, than a copy of any length. @follows: whether some may be of other clocks than
 * CLOCK_MONOTONIC.
 */
static int get_timers(struct callout_timer *to, const struct callout_timer __user *from, unsigned int n, bool *follows)
{
	const u64 __user *begin = (const u64 __user *)from, *end = (const u64 __user *)(from + n), *at;
	u64 *word = (u64 *)to;
	u32 others = 0;

	if (!user_read_access_begin(from, n * sizeof(*from)))
		return -EFAULT;
	for (at = begin; at < end; at += 6, word += 6) {
		unsafe_get_user(word[0], at, fault);
		unsafe_get_user(word[1], at + 1, fault);
		unsafe_get_user(word[2], at + 2, fault);
		unsafe_get_user(word[3], at + 3, fault);
		unsafe_get_user(word[4], at + 4, fault);
		unsafe_get_user(word[5], at + 5, fault);
		others |= (u32)((struct callout_timer *)word)->clockid ^ CLOCK_MONOTONIC;
	}
fault:
	user_read_access_end();
	*follows = others;
	return (at - begin) / 6 ?: -EFAULT;
}

static int put_results(struct callout_timer __user *to, const struct callout_timer *from, unsigned int n)
{
	const struct callout_timer *at = from, *end = from + n;

	if (!user_write_access_begin(to, n * sizeof(*to)))
		return -EFAULT;
	for (; at < end; at++, to++)
		unsafe_put_user(at->result, &to->result, fault);
fault:
	user_write_access_end();
	return at - from ?: -EFAULT;
}

static int arm_chunk(struct co_dev *d, void __user *from, unsigned int n)
{
	struct callout_timer e[CHUNK] CO_UNINITIALIZED;
	bool follows = false;
	int there = get_timers(e, from, n, &follows);

	if (there < 0)
		return there;
	if (unlikely(follows && !READ_ONCE(d->follows)))
		co_clock_follow(d);
	co_timers_arm(d, e, there);
	return put_results(from, e, there);
}

static int cancel_chunk(struct co_dev *d, void __user *from, unsigned int n)
{
	struct callout_id e[CHUNK] CO_UNINITIALIZED;
	int there = whole(n, copy_from_user(e, from, n * sizeof(*e)), sizeof(*e)), i;

	if (there < 0)
		return there;
	spin_lock_bh(&d->lock);
	for (i = 0; i < there; i++)
		e[i].result = co_timer_cancel(d, e[i].id);
	spin_unlock_bh(&d->lock);
	return whole(there, copy_to_user(from, e, there * sizeof(*e)), sizeof(*e));
}

static int get_chunk(struct co_dev *d, void __user *from, unsigned int n)
{
	struct callout_timer e[CHUNK] CO_UNINITIALIZED;
	int there = whole(n, copy_from_user(e, from, n * sizeof(*e)), sizeof(*e)), i;

	if (there < 0)
		return there;
	spin_lock_bh(&d->lock);
	for (i = 0; i < there; i++)
		e[i].result = co_timer_get(d, &e[i]);
	spin_unlock_bh(&d->lock);
	return whole(there, copy_to_user(from, e, there * sizeof(*e)), sizeof(*e));
}

/* As get_argument(), quicker where the size is as it is here. */
static int get_vector(struct callout_vector *v, const void __user *from)
{
	const u64 __user *from_word = from;
	u64 *word = (u64 *)v;

	if (!user_read_access_begin(from_word, sizeof(*v)))
		return -EFAULT;
	unsafe_get_user(word[0], from_word, fault);
	unsafe_get_user(word[1], from_word + 1, fault);
	unsafe_get_user(word[2], from_word + 2, fault);
	user_read_access_end();
	return likely(v->size == sizeof(*v)) ? 0 : get_argument(v, sizeof(*v), sizeof(*v), from);
fault:
	user_read_access_end();
	return -EFAULT;
}

static int do_vector(struct co_dev *d, void __user *arg, chunk_t *chunk, size_t element)
{
	struct callout_vector v;
	u32 done = 0, n;
	int dealt, err = get_vector(&v, arg);

	if (err)
		return err;
	if (v.flags || v.reserved || v.count > INT_MAX)
		return -EINVAL;
	/* Pairs with the store-release of co_timers_init(). */
	if (!smp_load_acquire(&d->timers))
		return -ENXIO;
	while (done < v.count) {
		n = min_t(u32, CHUNK, v.count - done);
		dealt = chunk(d, u64_to_user_ptr(v.entries) + done * element, n);
		if (dealt < 0)
			return done ?: dealt;
		done += dealt;
		if (dealt < n || signal_pending(current))
			break;
		cond_resched();
	}
	return done;
}

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long argument)
{
	void __user *arg = (void __user *)argument;
	struct co_dev *d = file->private_data;

	switch (cmd) {
	case CALLOUT_IOC_ARM:
		return do_vector(d, arg, arm_chunk, sizeof(struct callout_timer));
	case CALLOUT_IOC_CANCEL:
		return do_vector(d, arg, cancel_chunk, sizeof(struct callout_id));
	case CALLOUT_IOC_GET:
		return do_vector(d, arg, get_chunk, sizeof(struct callout_timer));
	case CALLOUT_IOC_INFO:
		return do_info(d, arg);
	case CALLOUT_IOC_SETUP:
		return do_setup(d, arg);
	case CALLOUT_IOC_TEST:
		return do_test(arg);
	default:
		return -ENOTTY;
	}
}

/* ---- reading -------------------------------------------------------------------------------- */

static ssize_t dev_read(struct file *file, char __user *to, size_t n, loff_t *pos)
{
	struct co_dev *d = file->private_data;
	ssize_t got;

	if (!smp_load_acquire(&d->timers))
		return -ENXIO;
	if (n < sizeof(struct callout_event))
		return -EINVAL;
	for (;;) {
		if (mutex_lock_interruptible(&d->reading))
			return -ERESTARTSYS;
		got = co_ring_read(d, to, n);
		mutex_unlock(&d->reading);
		if (got)
			return got;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		/* Where some wait all the time the next line does not look. */
		if (signal_pending(current))
			return -ERESTARTSYS;
		got = wait_event_interruptible(d->wait, co_ring_used(d) || READ_ONCE(d->nwaiting));
		if (got)
			return got;
	}
}

static __poll_t dev_poll(struct file *file, poll_table *wait)
{
	struct co_dev *d = file->private_data;

	poll_wait(file, &d->wait, wait);
	if (!smp_load_acquire(&d->timers))
		return EPOLLERR;
	co_timers_catch_up(d);
	return co_ring_used(d) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int dev_fasync(int fd, struct file *file, int on)
{
	struct co_dev *d = file->private_data;

	return fasync_helper(fd, file, on, &d->fasync);
}

/* ---- shared memory -------------------------------------------------------------------------- */

/* The table that is mapped from page @pgoff on, and which page of it that is. */
static void *table_at(struct co_dev *d, unsigned long *pgoff, size_t *size)
{
	unsigned long events = CALLOUT_MMAP_EVENTS >> PAGE_SHIFT;

	if (*pgoff < events) {
		*size = PAGE_ALIGN(d->timers * sizeof(*d->slot));
		return d->slot;
	}
	*pgoff -= events;
	*size = PAGE_ALIGN(struct_size(d->ring, event, d->events));
	return d->ring;
}

static vm_fault_t dev_fault(struct vm_fault *vmf)
{
	struct co_dev *d = vmf->vma->vm_file->private_data;
	unsigned long pgoff = vmf->pgoff;
	size_t size;
	void *table = table_at(d, &pgoff, &size);

	if (pgoff >= size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	vmf->page = vmalloc_to_page(table + (pgoff << PAGE_SHIFT));
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct dev_vm_ops = { .fault = dev_fault };

static int dev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct co_dev *d = file->private_data;
	unsigned long pgoff = vma->vm_pgoff;
	size_t size;

	if (!smp_load_acquire(&d->timers))
		return -ENXIO;
	/* Not VM_SHARED: the kernel takes that off where the file is not open for writing. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	table_at(d, &pgoff, &size);
	if (pgoff + vma_pages(vma) > size >> PAGE_SHIFT)
		return -EINVAL;
	vma->vm_ops = &dev_vm_ops;
	return 0;
}

/* ---- the file ------------------------------------------------------------------------------- */

static int dev_open(struct inode *inode, struct file *file)
{
	struct co_dev *d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);

	if (!d)
		return -ENOMEM;
	spin_lock_init(&d->lock);
	mutex_init(&d->reading);
	init_waitqueue_head(&d->wait);
	file->private_data = d;
	return nonseekable_open(inode, file);
}

static int dev_release(struct inode *inode, struct file *file)
{
	struct co_dev *d = file->private_data;

	co_clock_unfollow(d);
	co_timers_free(d);
	if (d->timers)
		co_user_uncharge(d->user, d->charged);
	kfree(d);
	return 0;
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.open = dev_open,
	.release = dev_release,
	.read = dev_read,
	.poll = dev_poll,
	.fasync = dev_fasync,
	.mmap = dev_mmap,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "callout",
	.fops = &dev_fops,
	.mode = 0600,
};

/**
 * co_chardev_init() - make /dev/callout
 *
 * Context: Process; may sleep.
 * Return: 0 or an error.
 */
int co_chardev_init(void)
{
	int err = co_timers_start();

	if (err)
		return err;
	err = misc_register(&device);
	if (err) {
		pr_err("callout: cannot make /dev/callout: %d\n", err);
		co_timers_finish();
	}
	return err;
}

/**
 * co_chardev_exit() - take it away; nobody has it open
 *
 * Context: Process; may sleep.
 */
void co_chardev_exit(void)
{
	misc_deregister(&device);
	co_timers_finish();
}
