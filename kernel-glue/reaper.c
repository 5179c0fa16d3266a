// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reaper: one work item that takes all that was retired, waits for one grace
 * period, and frees it.
 *
 * A filter's callers run prog->bpf_func inside an RCU read section, preemptible
 * or not, so after synchronize_rcu() no CPU is in a trampoline, a body or a C
 * function that one jumped to, if the pointer was settled before.
 */
#include "reaper.h"

#include <linux/filter.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "slot.h"

static DEFINE_SPINLOCK(lock);
static LIST_HEAD(retired);
static struct workqueue_struct *thread;

static void filter_free(struct rcu_head *rcu)
{
	struct sk_filter *filter = container_of(rcu, struct sk_filter, rcu);

	bpf_prog_destroy(filter->prog);
	kfree(filter);
}

/* What the kernel's own sk_filter_release() does, which is not exported. */
void ipjit_filter_put(struct sk_filter *filter)
{
	if (refcount_dec_and_test(&filter->refcnt))
		call_rcu(&filter->rcu, filter_free);
}

static void free_version(struct ipjit_version *version)
{
	struct ipjit_slot *slot = version->slot;

	mutex_lock(&slot->lock);
	list_del(&version->link);
	ipjit_count_sum(&slot->folded, version->count);
	mutex_unlock(&slot->lock);
	ipjit_version_free(version);
}

static void reap(struct work_struct *work)
{
	struct ipjit_version *version, *next;
	LIST_HEAD(due);

	spin_lock(&lock);
	list_splice_init(&retired, &due);
	spin_unlock(&lock);
	if (list_empty(&due))
		return;
	synchronize_rcu();
	list_for_each_entry_safe(version, next, &due, reap)
		free_version(version);
}

static DECLARE_WORK(reap_work, reap);

void ipjit_reap_version(struct ipjit_version *version)
{
	spin_lock(&lock);
	list_add_tail(&version->reap, &retired);
	spin_unlock(&lock);
	queue_work(thread, &reap_work);
}

void ipjit_reaper_flush(void)
{
	queue_work(thread, &reap_work);
	flush_workqueue(thread);
}

void ipjit_retreat_later(struct ipjit_slot *slot)
{
	refcount_inc(&slot->refs);
	if (!queue_work(thread, &slot->retreat))
		refcount_dec(&slot->refs);
}

int ipjit_reaper_init(void)
{
	thread = alloc_ordered_workqueue("ipjit", 0);
	return thread ? 0 : -ENOMEM;
}

/* A retreat may queue a reap, and callbacks of ours may still wait for RCU. */
void ipjit_reaper_uninit(void)
{
	ipjit_reaper_flush();
	ipjit_reaper_flush();
	destroy_workqueue(thread);
	rcu_barrier();
}
