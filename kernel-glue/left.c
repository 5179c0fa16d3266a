// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filters left alone.
 *
 * Sweeps meet the same ones again and again, and hold no reference on them; so
 * what was counted is remembered by address and reason, for two rounds.  An
 * address that is used again within that time, and left for the same reason,
 * makes one filter uncounted: it is a statistic.
 */
#include "left.h"

#include <linux/atomic.h>
#include <linux/hashtable.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "socket.h"

#define REMEMBERED_MAX 16384

struct remembered {
	struct hlist_node node;
	const struct sk_filter *filter;
	enum ipjit_dev_left reason;
	u32 round;
};

static atomic64_t counts[IPJIT_DEV_LEFT_COUNT];
static DEFINE_HASHTABLE(memory, 8);
static DEFINE_SPINLOCK(lock);
static u32 round_now, nr_remembered;

void ipjit_left_count(enum ipjit_dev_left reason)
{
	atomic64_inc(&counts[reason]);
}

void ipjit_left_read(u64 left[16])
{
	u32 i;

	for (i = 0; i < IPJIT_DEV_LEFT_COUNT; i++)
		left[i] = atomic64_read(&counts[i]);
}

static struct remembered *find(const struct sk_filter *filter)
{
	struct remembered *one;

	hash_for_each_possible(memory, one, node, (unsigned long)filter)
		if (one->filter == filter)
			return one;
	return NULL;
}

void ipjit_left_once(const struct sk_filter *filter, enum ipjit_dev_left reason)
{
	struct remembered *one;

	spin_lock(&lock);
	one = find(filter);
	if (one) {
		one->round = round_now;
		if (one->reason != reason)
			ipjit_left_count(reason);
		one->reason = reason;
		goto out;
	}
	if (nr_remembered >= REMEMBERED_MAX)
		goto out;
	one = kmalloc(sizeof(*one), GFP_ATOMIC | __GFP_NOWARN);
	if (!one)
		goto out;
	one->filter = filter;
	one->reason = reason;
	one->round = round_now;
	hash_add(memory, &one->node, (unsigned long)filter);
	nr_remembered++;
	ipjit_left_count(reason);
out:
	spin_unlock(&lock);
}

static void forget(u32 rounds)
{
	struct hlist_node *next;
	struct remembered *one;
	u32 bucket;

	hash_for_each_safe(memory, bucket, next, one, node) {
		if (round_now - one->round < rounds)
			continue;
		hash_del(&one->node);
		nr_remembered--;
		kfree(one);
	}
}

void ipjit_left_round(void)
{
	spin_lock(&lock);
	round_now++;
	forget(2);
	spin_unlock(&lock);
}

void ipjit_left_forget(void)
{
	spin_lock(&lock);
	forget(0);
	spin_unlock(&lock);
}
