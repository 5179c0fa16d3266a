// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event queues.
 *
 * A full queue forgets its oldest event: what a slow reader finds is recent,
 * and the count of what it missed comes with the first event that it gets.  All
 * queues hang on one list under one spinlock; so that posting stays short, the
 * number of open files is limited, and some are kept for who may change policy.
 */
#include "event.h"

#include <linux/err.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define QUEUE_EVENTS 1024u	/* a power of two */
#define MOST_QUEUES 64
#define KEPT_QUEUES 16		/* of these, for CAP_NET_ADMIN */
#define READ_EVENTS 16u		/* copied at a time */

struct ipjit_queue {
	struct list_head link;
	wait_queue_head_t wait;
	u32 head, tail;		/* free running: written at head, read at tail */
	u32 lost;
	struct ipjit_dev_event event[QUEUE_EVENTS];
};

static LIST_HEAD(queues);
static DEFINE_SPINLOCK(queues_lock);	/* the list and all that hangs on it */
static unsigned int nr_queues;
static u64 lost_in_all;

struct ipjit_queue *ipjit_queue_new(bool privileged)
{
	struct ipjit_queue *queue;
	bool room;

	queue = kvzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	if (!queue)
		return NULL;
	init_waitqueue_head(&queue->wait);
	spin_lock_irq(&queues_lock);
	room = nr_queues < (privileged ? MOST_QUEUES :
					 MOST_QUEUES - KEPT_QUEUES);
	if (room) {
		list_add_tail(&queue->link, &queues);
		nr_queues++;
	}
	spin_unlock_irq(&queues_lock);
	if (room)
		return queue;
	kvfree(queue);
	return ERR_PTR(-EBUSY);
}

void ipjit_queue_free(struct ipjit_queue *queue)
{
	spin_lock_irq(&queues_lock);
	list_del(&queue->link);
	nr_queues--;
	spin_unlock_irq(&queues_lock);
	kvfree(queue);
}

static void put(struct ipjit_queue *queue, const struct ipjit_dev_event *event)
{
	if (queue->head - queue->tail == QUEUE_EVENTS) {
		queue->tail++;
		queue->lost++;
		lost_in_all++;
	}
	queue->event[queue->head++ % QUEUE_EVENTS] = *event;
	wake_up_interruptible_poll(&queue->wait, EPOLLIN | EPOLLRDNORM);
}

void ipjit_event_post(enum ipjit_dev_event_type type, u64 id, u64 version)
{
	struct ipjit_dev_event event = {
		.type = type, .id = id, .version = version,
	};
	struct ipjit_queue *queue;
	unsigned long flags;

	spin_lock_irqsave(&queues_lock, flags);
	list_for_each_entry(queue, &queues, link)
		put(queue, &event);
	spin_unlock_irqrestore(&queues_lock, flags);
}

u64 ipjit_events_lost(void)
{
	u64 lost;

	spin_lock_irq(&queues_lock);
	lost = lost_in_all;
	spin_unlock_irq(&queues_lock);
	return lost;
}

static u32 take(struct ipjit_queue *queue, struct ipjit_dev_event *to, u32 most)
{
	u32 n = 0;

	spin_lock_irq(&queues_lock);
	while (n < most && queue->tail != queue->head)
		to[n++] = queue->event[queue->tail++ % QUEUE_EVENTS];
	if (n) {
		to[0].lost = queue->lost;
		queue->lost = 0;
	}
	spin_unlock_irq(&queues_lock);
	return n;
}

static bool has_events(struct ipjit_queue *queue)
{
	return READ_ONCE(queue->head) != READ_ONCE(queue->tail);
}

ssize_t ipjit_queue_read(struct ipjit_queue *queue, char __user *to,
			 size_t bytes, bool nonblock)
{
	struct ipjit_dev_event some[READ_EVENTS];
	size_t done = 0;
	u32 n;

	if (bytes < sizeof(some[0]))
		return -EINVAL;
	do {
		n = min_t(size_t, READ_EVENTS,
			  (bytes - done) / sizeof(some[0]));
		n = n ? take(queue, some, n) : 0;
		if (copy_to_user(to + done, some, n * sizeof(some[0]))) {
			/* These are gone; the reader's next event says so. */
			spin_lock_irq(&queues_lock);
			queue->lost += n + some[0].lost;
			lost_in_all += n;
			spin_unlock_irq(&queues_lock);
			return done ? done : -EFAULT;
		}
		done += n * sizeof(some[0]);
		if (done && n < READ_EVENTS)
			return done;
		if (!done && nonblock)
			return -EAGAIN;
		if (!done && wait_event_interruptible(queue->wait,
						      has_events(queue)))
			return -ERESTARTSYS;
	} while (true);
}

__poll_t ipjit_queue_poll(struct ipjit_queue *queue, struct file *file,
			  poll_table *wait)
{
	poll_wait(file, &queue->wait, wait);
	return has_events(queue) ? EPOLLIN | EPOLLRDNORM : 0;
}
