// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding socket filters.
 *
 * A socket is shown to see() by a probe, when its attach call succeeded, or by a
 * sweep.  There, under RCU, its sk_filter is read and a reference taken before
 * anything else; whether that was the first sight of it is decided later, in a
 * work item that may sleep.  So a missed probe costs time, and a filter seen
 * twice costs nothing.
 *
 * Left alone, and counted by reason: what is not a classic program that the
 * kernel compiled and whose instructions it kept, on a socket of a family and a
 * network namespace that are covered.
 */
#include "socket.h"

#include <linux/hashtable.h>
#include <linux/if_packet.h>
#include <linux/kprobes.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "left.h"
#include "module.h"
#include "quota.h"
#include "reaper.h"
#include "slot.h"
#include "sweep.h"

/* Sockets let go of filters without telling: how often we look. */
#define COLLECT_EVERY (HZ / 4)
/* Packet sockets are few and in a list; other sockets mean all open files. */
#define PACKET_EVERY 4
#define FILES_EVERY 40
/* Filters found and not collected since: more than this many asks for a look. */
#define FOUND_MANY 64

struct found {
	struct list_head link;
	struct hlist_node node;		/* by filter, which many sockets may share */
	struct sk_filter *filter;	/* referenced */
	struct ipjit_owner owner;
};

static LIST_HEAD(found);
static DEFINE_HASHTABLE(found_by_filter, 8);
static DEFINE_SPINLOCK(found_lock);
static atomic_t found_since;
static u32 ticks;
static unsigned long missed;
static bool probed;

static void tick(struct work_struct *work);
static DECLARE_DELAYED_WORK(tick_work, tick);

/* Sweeps will find it again, and then there may be room. */
static void left_for(const struct sk_filter *filter, int err)
{
	if (err == -ENOMEM)
		ipjit_left_once(filter, IPJIT_DEV_LEFT_no_memory);
	else if (err == -ENOSPC || err == -EDQUOT)
		ipjit_left_once(filter, IPJIT_DEV_LEFT_over_budget);
}

static struct found *first_found(void)
{
	struct found *one;

	spin_lock(&found_lock);
	one = list_first_entry_or_null(&found, struct found, link);
	if (one) {
		list_del(&one->link);
		hash_del(&one->node);
	}
	spin_unlock(&found_lock);
	return one;
}

static void take_found(struct work_struct *work)
{
	struct found *one;

	while ((one = first_found())) {
		left_for(one->filter, ipjit_slot_take(one->filter, &one->owner));
		kfree(one);
	}
}

static DECLARE_WORK(take_work, take_found);

/*
 * The interface that a packet socket is bound to is private to its family, which
 * tells it by getsockname(), and for the oldest type only its name, which we do
 * not ask for.  The family writes as many bytes as the device's address has, past
 * the end of a sockaddr_ll.  The socket's file is open or its list entry
 * protected by RCU while we ask; a release clears `sk` only a grace period after
 * the entry went.
 */
static u32 bound_to(struct sock *sk)
{
	struct sockaddr_storage room = {};
	const struct sockaddr_ll *address = (struct sockaddr_ll *)&room;
	struct socket *socket = READ_ONCE(sk->sk_socket);

	BUILD_BUG_ON(sizeof(room) <
		     offsetof(struct sockaddr_ll, sll_addr) + MAX_ADDR_LEN);
	if (sk->sk_family != AF_PACKET || !socket)
		return sk->sk_bound_dev_if;
	if (sk->sk_type == SOCK_PACKET ||
	    socket->ops->getname(socket, (struct sockaddr *)&room, 0) < 0)
		return 0;
	return address->sll_ifindex;
}

static void describe(struct ipjit_owner *owner, struct sock *sk,
		     const struct bpf_prog *prog, struct task_struct *task)
{
	owner->family = sk->sk_family;
	owner->type = sk->sk_type;
	owner->protocol = sk->sk_protocol;
	owner->ifindex = bound_to(sk);
	owner->uid = from_kuid_munged(&init_user_ns, sk->sk_uid);
	owner->netns = sock_net(sk)->ns.inum;
	/* The kernel blinded this one, so its constants are chosen by a stranger. */
	if (prog->blinded)
		owner->flags |= IPJIT_DEV_HARDENED;
	if (task)
		memcpy(owner->comm, task->comm, sizeof(owner->comm));
}

/* IPJIT_DEV_LEFT_COUNT: it is ours to take. */
static enum ipjit_dev_left reason_to_leave(const struct sock *sk,
					   const struct bpf_prog *prog)
{
	if (!bpf_prog_was_classic(prog))
		return IPJIT_DEV_LEFT_extended;
	if (sk->sk_family != AF_PACKET && sk->sk_family != AF_INET &&
	    sk->sk_family != AF_INET6)
		return IPJIT_DEV_LEFT_family;
	if (!ipjit_all_netns && !net_eq(sock_net(sk), &init_net))
		return IPJIT_DEV_LEFT_namespace;
	if (!prog->jited)
		return IPJIT_DEV_LEFT_interpreted;
	if (!prog->orig_prog)
		return IPJIT_DEV_LEFT_sourceless;
	return IPJIT_DEV_LEFT_COUNT;
}

static bool is_found(const struct sk_filter *filter)
{
	struct found *one;

	hash_for_each_possible(found_by_filter, one, node, (unsigned long)filter)
		if (one->filter == filter)
			return true;
	return false;
}

/* With a reference and a place of its own, so that the list of them is bounded. */
static int enter(struct found *one, struct sk_filter *filter)
{
	int err;

	if (is_found(filter))
		return -EEXIST;
	err = ipjit_quota_take(one->owner.uid);
	if (err)
		return err;
	if (!refcount_inc_not_zero(&filter->refcnt)) {
		ipjit_quota_give(one->owner.uid);
		return -ENOENT;
	}
	one->filter = filter;
	list_add_tail(&one->link, &found);
	hash_add(found_by_filter, &one->node, (unsigned long)filter);
	return 0;
}

static int find(struct sk_filter *filter, struct sock *sk,
		struct task_struct *task)
{
	struct found *one = kzalloc(sizeof(*one), GFP_ATOMIC | __GFP_NOWARN);
	int err;

	if (!one)
		return -ENOMEM;
	describe(&one->owner, sk, filter->prog, task);
	spin_lock(&found_lock);
	err = enter(one, filter);
	spin_unlock(&found_lock);
	if (err) {
		kfree(one);
		return err;
	}
	queue_work(system_highpri_wq, &take_work);
	if (atomic_inc_return(&found_since) == FOUND_MANY)
		mod_delayed_work(system_unbound_wq, &tick_work, 0);
	return 0;
}

void ipjit_socket_see(struct sock *sk, struct task_struct *task)
{
	enum ipjit_dev_left reason;
	struct sk_filter *filter;

	if (!sk_fullsock(sk) || ipjit_policy_get().mode == IPJIT_DEV_OFF)
		return;
	rcu_read_lock();
	filter = rcu_dereference(sk->sk_filter);
	if (!filter || ipjit_slot_meet(filter, bound_to(sk),
				       sock_flag(sk, SOCK_FILTER_LOCKED)))
		goto out;
	reason = reason_to_leave(sk, filter->prog);
	if (reason != IPJIT_DEV_LEFT_COUNT) {
		ipjit_left_once(filter, reason);
		goto out;
	}
	left_for(filter, find(filter, sk, task));
out:
	rcu_read_unlock();
}

/* sk_attach_filter(fprog, sk): the socket is kept from entry to return. */
static int attach_enter(struct kretprobe_instance *instance,
			struct pt_regs *regs)
{
	*(struct sock **)instance->data = (struct sock *)regs->si;
	return 0;
}

static int attach_return(struct kretprobe_instance *instance,
			 struct pt_regs *regs)
{
	if (!regs_return_value(regs))
		ipjit_socket_see(*(struct sock **)instance->data, current);
	return 0;
}
NOKPROBE_SYMBOL(attach_enter);
NOKPROBE_SYMBOL(attach_return);

static struct kretprobe attach_probe = {
	.kp.symbol_name = "sk_attach_filter",
	.entry_handler = attach_enter,
	.handler = attach_return,
	.data_size = sizeof(struct sock *),
	.maxactive = 64,
};

static bool missed_some(void)
{
	unsigned long now = attach_probe.nmissed + attach_probe.kp.nmissed;
	bool some = now != missed;

	missed = now;
	return some;
}

/*
 * On no CPU's own workers: a look at all open files of a large machine takes
 * long, and what waits for those workers would wait for it.
 */
static void tick(struct work_struct *work)
{
	ticks++;
	atomic_set(&found_since, 0);
	ipjit_slot_collect();
	if (ipjit_policy_get().mode != IPJIT_DEV_OFF) {
		if (ticks % PACKET_EVERY == 0)
			ipjit_sweep_packet();
		if (ticks % FILES_EVERY == 0 || missed_some())
			ipjit_sweep_files();
	}
	queue_delayed_work(system_unbound_wq, &tick_work, COLLECT_EVERY);
}

void ipjit_socket_sweep(void)
{
	if (!ipjit_enabled)
		return;
	ipjit_slot_collect();
	ipjit_sweep_packet();
	ipjit_sweep_files();
	flush_work(&take_work);
}

int ipjit_socket_init(void)
{
	int err;

	if (!ipjit_enabled)
		return 0;
	err = register_kretprobe(&attach_probe);
	probed = !err;
	if (err)
		pr_notice("ipjit: no probe on sk_attach_filter (%d): filters are found by sweeps only\n",
			  err);
	queue_delayed_work(system_unbound_wq, &tick_work, 0);
	return 0;
}

/* Whoever came in before the probe went is waited for: it may have found some. */
void ipjit_socket_uninit(void)
{
	if (!ipjit_enabled)
		return;
	if (probed)
		unregister_kretprobe(&attach_probe);
	cancel_delayed_work_sync(&tick_work);
	flush_work(&take_work);
	ipjit_left_forget();
}
