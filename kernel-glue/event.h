/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happened to filters, told to everyone who has the device open.
 *
 * Each open file has a bounded queue of its own; a reader that does not keep
 * up loses events, and is told how many.  That is harmless: LIST tells all.
 */
#ifndef IPJIT_EVENT_H
#define IPJIT_EVENT_H

#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/types.h>

#include "uapi/ipjit.h"

struct ipjit_queue;

/* One for each open file; NULL without memory, ERR_PTR(-EBUSY) if too many. */
struct ipjit_queue *ipjit_queue_new(bool privileged);
void ipjit_queue_free(struct ipjit_queue *queue);
ssize_t ipjit_queue_read(struct ipjit_queue *queue, char __user *to,
			 size_t bytes, bool nonblock);
__poll_t ipjit_queue_poll(struct ipjit_queue *queue, struct file *file,
			  poll_table *wait);

/* Any context but the packet path, which defers it; takes a spinlock. */
void ipjit_event_post(enum ipjit_dev_event_type type, u64 id, u64 version);
/* Events that no queue had room for, in all. */
u64 ipjit_events_lost(void);

#endif
