/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A slot is one socket filter that was taken over; a version is one piece of
 * verified code for it.  docs/kernel.md tells the life of both.
 *
 * A slot holds a reference on its sk_filter from before prog->bpf_func is ever
 * touched until after it was put back and a grace period has passed.  Whoever
 * finds that this reference is the last one gives the filter back.
 *
 * What runs is decided in one place, ipjit_slot_settle(): from mode, pause,
 * shadow and the slot's versions follows the one pointer that is stored.
 *
 * Lock order, outermost first:
 *
 *	verbs			one change of policy at a time: control.c
 *	policy mutex		mode, pause, shadow
 *	placing			one install at a time finds room and publishes: install.c
 *	collecting		one look at a time for filters that all have let go of
 *	slot->lock		versions of one slot, prog->bpf_func
 *	cache and table locks	inside cache.c and table.c
 *	found_lock		filters found, in socket.c
 *	registry spinlocks	ids, filters, places; retired versions; filters left
 *	event queue's spinlock
 *
 * Policy mutex, placing and collecting are not taken inside each other.  Verbs,
 * placing and collecting are held across grace periods, which holds up others who
 * want the same; within slot->lock nobody waits for one.  Verification and
 * copying from user space hold no lock.  A sweep meets sockets under the locks of
 * a task and its table of open files, and takes registry spinlocks there.  The
 * packet path takes no lock: RCU and per-CPU data only.
 */
#ifndef IPJIT_SLOT_H
#define IPJIT_SLOT_H

#include <linux/filter.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "cache.h"
#include "count.h"
#include "table.h"
#include "uapi/ipjit.h"

/* What a trampoline does with a packet. */
enum ipjit_kind {
	IPJIT_KIND_ON,		/* ours decides */
	IPJIT_KIND_OBSERVE,	/* the kernel's decides; sampled packets run both */
	IPJIT_KIND_SHADOW,	/* every packet runs both */
	IPJIT_KINDS
};

struct ipjit_slot;

/* Immutable once published, but for the counts and `left`. */
struct ipjit_version {
	struct ipjit_slot *slot;	/* outlives its versions */
	u64 id;				/* 0: the kernel's own code, waiting */
	u32 tier;			/* 0: waiting */
	u32 guard;			/* of 1024 packets */
	u32 code_bytes;
	u32 stack_bytes;
	ipjit_entry_fn entry;		/* what C may call; NULL: waiting */
	const void *trampoline[IPJIT_KINDS];
	struct ipjit_percpu __percpu *count;
	struct ipjit_extent code;	/* trampolines and body */
	struct ipjit_tables tables;
	const void *table[IPJIT_MAX_CTX_TABLES];	/* for ctx->tables */
	u32 left;			/* 1: the guard asked for a retreat */
	struct list_head link;		/* among its slot's versions */
	struct list_head reap;		/* retired: waits for a grace period */
	struct ipjit_contract contract;
};

/* What is known of the socket that attached the filter. */
struct ipjit_owner {
	u32 family;
	u32 type;
	u32 protocol;
	u32 ifindex;
	u32 uid;
	u32 flags;			/* enum ipjit_dev_filter_flags */
	u64 netns;
	char comm[TASK_COMM_LEN];
};

/* How busy it is, as budget.c last saw it, which is also who writes it. */
struct ipjit_heat {
	u64 packets;
	u64 since_ns;
	u64 rate;			/* packets a second, in 1/1024 */
};

typedef unsigned int (*ipjit_bpf_fn)(const void *skb,
				     const struct bpf_insn *insns);

struct ipjit_slot {
	u64 id;				/* never reused */
	struct bpf_prog *prog;
	ipjit_bpf_fn kernel;		/* prog->bpf_func as found */
	struct ipjit_version *waiting;	/* runs while there is no version */
	struct ipjit_version __rcu *running;	/* NULL: waiting */
	struct ipjit_version __rcu *general;	/* what a retreat goes to */
	struct ipjit_owner owner;
	u64 born_ns;			/* CLOCK_MONOTONIC */
	struct ipjit_heat heat;
	unsigned long left_for;		/* bit enum ipjit_dev_left: counted */
	u64 wrong;			/* version of ours that a packet proved wrong; packet path */

	struct mutex lock;		/* all below, and the two above */
	bool published;			/* a version of ours, once */
	bool dead;			/* given back; bpf_func is the kernel's */
	u32 flags;			/* enum ipjit_dev_filter_flags */
	u64 first_native;		/* once published */
	u64 retreats;
	struct ipjit_sums folded;	/* of versions that are gone */
	struct list_head versions;	/* all that exist, retired ones too */

	struct sk_filter *filter;	/* our reference, until the last one on us */
	refcount_t refs;		/* on this struct: registry, versions, users */
	struct hlist_node seen;		/* by filter */
	bool lonely;			/* the collector's mark */
	bool locked;			/* SO_LOCK_FILTER, when last met */
	struct work_struct retreat;	/* what the packet path began */
	struct rcu_head rcu;
};

int ipjit_slot_init(void);
/* All filters are given back; returns when nothing of ours can run. */
void ipjit_slot_uninit(void);

/*
 * Takes over a filter; the caller's reference on it and its owner's place
 * (quota.h) become the slot's, or are given up.  One caller at a time.
 * 0, -EEXIST, -EOPNOTSUPP (not jited, or mode OFF), -ENOSPC (no room in the code
 * cache), -ENOMEM.
 */
int ipjit_slot_take(struct sk_filter *filter, const struct ipjit_owner *owner);
bool ipjit_slot_has(const struct sk_filter *filter);
/* The same, and notes what the socket may have changed since. */
bool ipjit_slot_meet(const struct sk_filter *filter, u32 ifindex, bool locked);
/*
 * Gives a filter back: the kernel's code runs at once; the reference on the
 * filter goes with the last version, so after a grace period.
 */
void ipjit_slot_give_back(struct ipjit_slot *slot);
/* Gives back all filters that no socket holds any more. */
void ipjit_slot_collect(void);

/* A slot with a reference, or NULL. */
struct ipjit_slot *ipjit_slot_get(u64 id);
/* The one with the smallest id above `after`, or NULL. */
struct ipjit_slot *ipjit_slot_next(u64 after);
void ipjit_slot_put(struct ipjit_slot *slot);
u32 ipjit_slots(void);

/*
 * Whether the general version, or NULL, runs where `from` retreats.  Else the
 * kernel's own code does: from the general version itself, and past one whose
 * guard has fired, which looks no more.
 */
static inline bool ipjit_version_takes_back(const struct ipjit_version *general,
					    const struct ipjit_version *from)
{
	return general && general != from && !READ_ONCE(general->left);
}

/* Evicted by command, or wrong once: it takes no code any more. */
static inline bool ipjit_slot_is_closed(const struct ipjit_slot *slot)
{
	return (READ_ONCE(slot->flags) & IPJIT_DEV_EVICTED) ||
	       READ_ONCE(slot->wrong);
}

/* What FILTER and LIST say. */
void ipjit_slot_describe(struct ipjit_slot *slot,
			 struct ipjit_dev_filter *filter);
/* The classic program; valid as long as the caller's reference. */
static inline const struct sock_fprog_kern *
ipjit_slot_program(const struct ipjit_slot *slot)
{
	return slot->prog->orig_prog;
}

/*
 * INSTALL, after verification, no lock held.  new: allocates everything and
 * writes code that nothing points to yet; ERR_PTR(-ENOSPC, -ENOMEM, -EINVAL).
 * publish: stores the pointer; -ESTALE if the slot's version is not `expected`
 * (then free it), -ENOENT if the filter is gone, -EPERM if it takes no code
 * any more.
 */
struct ipjit_version *ipjit_version_new(struct ipjit_slot *slot,
					const struct ipjit_dev_install *install,
					const struct ipjit_contract *contract,
					const u8 *code, const u8 *tables);
int ipjit_version_publish(struct ipjit_version *version, u64 expected);
void ipjit_version_free(struct ipjit_version *version);

/* Of a slot that is dead: all versions, its waiting one too; lock is held. */
void ipjit_version_retire_all(struct ipjit_slot *slot);
/* Makes the truth what the packet path began: work of slot->retreat. */
void ipjit_version_retreat_work(struct work_struct *work);

/* Sums over CPUs: packets and the contract's counters of one version; -ESTALE. */
int ipjit_version_counters(struct ipjit_slot *slot, u64 id,
			   struct ipjit_dev_counters *counters);

/* Back to the general version; -ESTALE if `version` does not run. */
int ipjit_slot_retreat(struct ipjit_slot *slot, u64 version);
/* Takes all code away; `command`: and offers it none again. */
int ipjit_slot_evict(struct ipjit_slot *slot, bool command);
/* Bytes that a slot's live and retiring versions hold, of this tier or above. */
void ipjit_slot_bytes(struct ipjit_slot *slot, u32 tier, u64 *code, u64 *table);

/* Stores the pointer that policy and versions ask for; slot->lock is held. */
void ipjit_slot_settle(struct ipjit_slot *slot);

/* A verdict of ours is not the kernel's: the kernel's code from here on; packet path. */
void ipjit_slot_wrong(const struct ipjit_version *version);
/* Looks at this CPU's guard counter and retreats if it is due; packet path. */
void ipjit_guard_look(struct ipjit_version *version);

/* Policy: mode, shadow, pause; policy.c. */
struct ipjit_policy {
	enum ipjit_dev_mode mode;
	bool shadow;
	bool paused;
};

struct ipjit_policy ipjit_policy_get(void);
/*
 * Sets it and settles all slots; returns when no CPU runs what it forbids.
 * Mode OFF gives all filters back; another mode looks for filters again.
 */
int ipjit_policy_set(const struct ipjit_policy *policy);

#endif
