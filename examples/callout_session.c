// SPDX-License-Identifier: GPL-2.0
/*
 * An example: sessions as of TCP, each with three callouts under the session's one lock.
 *
 * The retransmit timer is moved later by each acknowledgement, the delayed-ack timer is started by
 * a segment and mostly stopped by the next, the keepalive timer is moved by both and hardly ever
 * fires. A session is closed under its lock: three times callout_stop(), unlock, kfree(). Nothing
 * is waited for, and no handler has to look whether the session is still there.
 *
 * A thread plays the network: it opens sessions, feeds each with segments and acknowledgements,
 * loses some of them, and closes them. insmod prints nothing; rmmod prints what happened.
 */
#include <linux/callout.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>

static int sessions = 64;
module_param(sessions, int, 0444);
MODULE_PARM_DESC(sessions, "how many sessions are open at a time (64)");

#define RETRANSMIT_TICKS	(HZ / 5)
#define DELAYED_ACK_TICKS	(HZ / 25)
#define KEEPALIVE_TICKS		(2 * HZ)

struct session {
	spinlock_t lock;
	struct callout retransmit;
	struct callout delayed_ack;
	struct callout keepalive;
	unsigned int unacked;	/* segments that the peer has not acknowledged; @lock */
	bool ack_owed;		/* we owe the peer an acknowledgement; @lock */
};

static struct session **table;
static struct task_struct *network;
static atomic_t segments, acks, retransmits, delayed_acks, keepalives, closed;

/* Handlers are called with the session's lock held. */

static void retransmit(void *arg)
{
	struct session *s = arg;

	atomic_inc(&retransmits);
	callout_schedule(&s->retransmit, 2 * RETRANSMIT_TICKS);
}

static void delayed_ack(void *arg)
{
	struct session *s = arg;

	s->ack_owed = false;
	atomic_inc(&delayed_acks);
}

static void keepalive(void *arg)
{
	struct session *s = arg;

	atomic_inc(&keepalives);
	callout_schedule(&s->keepalive, KEEPALIVE_TICKS);
}

static struct session *session_open(void)
{
	struct session *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	spin_lock_init(&s->lock);
	callout_init_lock(&s->retransmit, &s->lock, 0);
	callout_init_lock(&s->delayed_ack, &s->lock, 0);
	callout_init_lock(&s->keepalive, &s->lock, 0);
	spin_lock(&s->lock);
	callout_reset(&s->keepalive, KEEPALIVE_TICKS, keepalive, s);
	spin_unlock(&s->lock);
	return s;
}

static void session_close(struct session *s)
{
	spin_lock(&s->lock);
	callout_stop(&s->retransmit);
	callout_stop(&s->delayed_ack);
	callout_stop(&s->keepalive);
	spin_unlock(&s->lock);
	kfree(s);
	atomic_inc(&closed);
}

/* A segment came in, and one went out. */
static void session_segment(struct session *s)
{
	spin_lock(&s->lock);
	atomic_inc(&segments);
	s->unacked++;
	callout_reset(&s->retransmit, RETRANSMIT_TICKS, retransmit, s);
	callout_reset(&s->keepalive, KEEPALIVE_TICKS, keepalive, s);
	if (s->ack_owed) {
		/* Every second segment is acknowledged at once. */
		s->ack_owed = false;
		callout_stop(&s->delayed_ack);
	} else {
		s->ack_owed = true;
		callout_reset(&s->delayed_ack, DELAYED_ACK_TICKS, delayed_ack, s);
	}
	spin_unlock(&s->lock);
}

static void session_ack(struct session *s)
{
	spin_lock(&s->lock);
	atomic_inc(&acks);
	s->unacked = 0;
	callout_stop(&s->retransmit);
	callout_reset(&s->keepalive, KEEPALIVE_TICKS, keepalive, s);
	spin_unlock(&s->lock);
}

/* What happens to one session in one round. */
static void session_round(int i)
{
	u32 dice = get_random_u32() % 100;

	if (!table[i]) {
		table[i] = session_open();
	} else if (dice < 2) {
		session_close(table[i]);
		table[i] = NULL;
	} else if (dice < 60) {
		session_segment(table[i]);
	} else if (dice < 98) {
		session_ack(table[i]);
	}
	/* else: lost on the way */
}

static int network_thread(void *unused)
{
	unsigned int round = 0;
	int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < sessions; i++)
			session_round(i);
		/* Now and then nothing comes for a while, and the acknowledgements that are owed are sent. */
		schedule_timeout_interruptible(++round % 64 ? 1 : HZ / 10);
	}
	return 0;
}

static int __init callout_session_init(void)
{
	if (sessions < 1 || sessions > 1 << 20)
		return -EINVAL;
	table = kcalloc(sessions, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	network = kthread_run(network_thread, NULL, "callout_session");
	if (IS_ERR(network)) {
		kfree(table);
		return PTR_ERR(network);
	}
	return 0;
}

static void __exit callout_session_exit(void)
{
	int i;

	kthread_stop(network);
	for (i = 0; i < sessions; i++)
		if (table[i])
			session_close(table[i]);
	kfree(table);
	pr_info("callout_session: segments %d, acks %d, closed %d\n", atomic_read(&segments),
		atomic_read(&acks), atomic_read(&closed));
	pr_info("callout_session: retransmits %d, delayed acks %d, keepalives %d\n",
		atomic_read(&retransmits), atomic_read(&delayed_acks), atomic_read(&keepalives));
}

module_init(callout_session_init);
module_exit(callout_session_exit);
MODULE_DESCRIPTION("callout example: TCP-like sessions");
MODULE_LICENSE("GPL");
