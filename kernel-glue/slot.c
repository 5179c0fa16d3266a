// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry of slots, and what a slot's pointer must be.
 *
 * Slots are found by id (xarray) and by filter (hash of its address).  The
 * registry holds one reference, every version one, and a finder borrows one
 * under RCU.  The last reference puts the filter: by then all versions are gone,
 * and they go only after a grace period in which bpf_func was the kernel's.
 */
#include "slot.h"

#include <linux/errno.h>
#include <linux/hashtable.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "event.h"
#include "quota.h"
#include "reaper.h"
#include "trampoline.h"

static DEFINE_XARRAY(by_id);
static DEFINE_HASHTABLE(by_filter, 10);
static DEFINE_SPINLOCK(filters_lock);
static DEFINE_MUTEX(collecting);
static atomic64_t last_id;
static atomic_t slots;

static const void *target(const struct ipjit_slot *slot)
{
	struct ipjit_policy policy = ipjit_policy_get();
	const struct ipjit_version *version;

	if (slot->dead || policy.paused || policy.mode == IPJIT_DEV_OFF ||
	    ipjit_slot_is_closed(slot))
		return slot->kernel;
	version = rcu_dereference_protected(slot->running,
					    lockdep_is_held(&slot->lock));
	if (!version)
		version = slot->waiting;
	if (policy.shadow)
		return version->trampoline[IPJIT_KIND_SHADOW];
	if (policy.mode == IPJIT_DEV_ON)
		return version->trampoline[IPJIT_KIND_ON];
	return version->trampoline[IPJIT_KIND_OBSERVE];
}

void ipjit_slot_settle(struct ipjit_slot *slot)
{
	u64 wrong;

	lockdep_assert_held(&slot->lock);
	do {
		wrong = READ_ONCE(slot->wrong);
		WRITE_ONCE(*(const void **)&slot->prog->bpf_func, target(slot));
		/* Pairs with the cmpxchg of ipjit_slot_wrong(), which stores after it. */
		smp_mb();
	} while (wrong != READ_ONCE(slot->wrong));
}

static struct ipjit_slot *slot_new(struct sk_filter *filter,
				   const struct ipjit_owner *owner)
{
	struct ipjit_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL);

	if (!slot)
		return NULL;
	atomic_inc(&slots);
	slot->id = atomic64_inc_return(&last_id);
	slot->filter = filter;
	slot->prog = filter->prog;
	slot->kernel = (ipjit_bpf_fn)READ_ONCE(slot->prog->bpf_func);
	slot->owner = *owner;
	slot->flags = owner->flags;
	slot->born_ns = ktime_get_ns();
	mutex_init(&slot->lock);
	INIT_LIST_HEAD(&slot->versions);
	refcount_set(&slot->refs, 1);
	INIT_WORK(&slot->retreat, ipjit_version_retreat_work);
	return slot;
}

static struct ipjit_slot *find(const struct sk_filter *filter)
{
	struct ipjit_slot *slot;

	hash_for_each_possible_rcu(by_filter, slot, seen, (unsigned long)filter)
		if (slot->filter == filter)
			return slot;
	return NULL;
}

bool ipjit_slot_has(const struct sk_filter *filter)
{
	bool has;

	rcu_read_lock();
	has = find(filter);
	rcu_read_unlock();
	return has;
}

/* What a socket may change after it attached; a sweep met it again. */
bool ipjit_slot_meet(const struct sk_filter *filter, u32 ifindex, bool locked)
{
	struct ipjit_slot *slot;

	rcu_read_lock();
	slot = find(filter);
	if (slot) {
		WRITE_ONCE(slot->owner.ifindex, ifindex);
		WRITE_ONCE(slot->locked, locked);
	}
	rcu_read_unlock();
	return slot;
}

/*
 * Both ways to find it, or none.  Filters are taken over one after the other, so
 * there is no other slot of this one since ipjit_slot_take() looked.
 */
static int enter(struct ipjit_slot *slot)
{
	int err = xa_err(xa_store(&by_id, slot->id, slot, GFP_KERNEL));

	if (err)
		return err;
	spin_lock(&filters_lock);
	hash_add_rcu(by_filter, &slot->seen, (unsigned long)slot->filter);
	spin_unlock(&filters_lock);
	return 0;
}

static void leave(struct ipjit_slot *slot)
{
	xa_erase(&by_id, slot->id);
	spin_lock(&filters_lock);
	hash_del_rcu(&slot->seen);
	spin_unlock(&filters_lock);
}

/* Found by the registry before it is settled, so no change of policy misses it. */
static int start(struct ipjit_slot *slot)
{
	int err;

	mutex_lock(&slot->lock);
	list_add(&slot->waiting->link, &slot->versions);
	err = enter(slot);
	if (!err) {
		smp_mb(); /* pairs with ipjit_policy_set() */
		ipjit_slot_settle(slot);
		ipjit_event_post(IPJIT_DEV_ATTACHED, slot->id, 0);
	} else {
		slot->dead = true;
	}
	mutex_unlock(&slot->lock);
	return err;
}

int ipjit_slot_take(struct sk_filter *filter, const struct ipjit_owner *owner)
{
	struct ipjit_slot *slot;
	int err;

	err = -EEXIST;
	if (ipjit_slot_has(filter))
		goto err_filter;
	err = -EOPNOTSUPP;
	if (!filter->prog->jited || ipjit_policy_get().mode == IPJIT_DEV_OFF)
		goto err_filter;
	err = -ENOMEM;
	slot = slot_new(filter, owner);
	if (!slot)
		goto err_filter;
	slot->waiting = ipjit_version_new(slot, NULL, NULL, NULL, NULL);
	err = PTR_ERR_OR_ZERO(slot->waiting);
	if (err)
		goto err_slot;
	refcount_inc(&slot->refs);
	err = start(slot);
	if (err)
		goto err_waiting;
	/* A change to OFF may have looked before this one could be found. */
	if (ipjit_policy_get().mode == IPJIT_DEV_OFF)
		ipjit_slot_give_back(slot);
	ipjit_slot_put(slot);
	return 0;

err_waiting:
	ipjit_slot_put(slot);
	ipjit_version_free(slot->waiting);
err_slot:
	ipjit_slot_put(slot);
	return err;

err_filter:
	ipjit_quota_give(owner->uid);
	ipjit_filter_put(filter);
	return err;
}

void ipjit_slot_give_back(struct ipjit_slot *slot)
{
	bool was_dead;

	mutex_lock(&slot->lock);
	was_dead = slot->dead;
	if (!was_dead) {
		slot->dead = true;
		ipjit_version_retire_all(slot);
		leave(slot);
		ipjit_event_post(IPJIT_DEV_RELEASED, slot->id, 0);
	}
	mutex_unlock(&slot->lock);
	if (!was_dead)
		ipjit_slot_put(slot);
}

/*
 * A reference count of one says that all sockets have let go, but a socket that
 * is being cloned may have read the pointer before; it takes its reference in an
 * RCU read section.  If the count is one before and after a grace period, nobody
 * can find the filter any more.
 */
void ipjit_slot_collect(void)
{
	struct ipjit_slot *slot;
	bool any = false;
	u64 id;

	mutex_lock(&collecting);
	for (id = 0; (slot = ipjit_slot_next(id)); ipjit_slot_put(slot)) {
		id = slot->id;
		slot->lonely = refcount_read(&slot->filter->refcnt) == 1;
		any |= slot->lonely;
	}
	if (any)
		synchronize_rcu();
	for (id = 0; any && (slot = ipjit_slot_next(id)); ipjit_slot_put(slot)) {
		id = slot->id;
		if (slot->lonely && refcount_read(&slot->filter->refcnt) == 1)
			ipjit_slot_give_back(slot);
	}
	mutex_unlock(&collecting);
}

struct ipjit_slot *ipjit_slot_get(u64 id)
{
	struct ipjit_slot *slot;

	rcu_read_lock();
	slot = xa_load(&by_id, id);
	if (slot && !refcount_inc_not_zero(&slot->refs))
		slot = NULL;
	rcu_read_unlock();
	return slot;
}

struct ipjit_slot *ipjit_slot_next(u64 after)
{
	unsigned long id = after;
	struct ipjit_slot *slot;

	rcu_read_lock();
	do {
		slot = xa_find_after(&by_id, &id, ULONG_MAX, XA_PRESENT);
	} while (slot && !refcount_inc_not_zero(&slot->refs));
	rcu_read_unlock();
	return slot;
}

void ipjit_slot_put(struct ipjit_slot *slot)
{
	if (!refcount_dec_and_test(&slot->refs))
		return;
	ipjit_filter_put(slot->filter);
	ipjit_quota_give(slot->owner.uid);
	atomic_dec(&slots);
	kfree_rcu(slot, rcu);
}

u32 ipjit_slots(void)
{
	return atomic_read(&slots);
}

void ipjit_slot_describe(struct ipjit_slot *slot,
			 struct ipjit_dev_filter *filter)
{
	const struct ipjit_version *running, *general, *version;
	struct ipjit_sums sums;

	memset(filter, 0, sizeof(*filter));
	mutex_lock(&slot->lock);
	running = rcu_dereference_protected(slot->running, true);
	general = rcu_dereference_protected(slot->general, true);
	sums = slot->folded;
	list_for_each_entry(version, &slot->versions, link)
		ipjit_count_sum(&sums, version->count);
	if (running) {
		filter->version = running->id;
		filter->tier = running->tier;
		filter->code_bytes = running->code_bytes;
		filter->table_bytes = running->tables.bytes;
	}
	if (general)
		filter->general = general->id;
	filter->flags = slot->flags;
	if (READ_ONCE(slot->wrong))
		filter->flags |= IPJIT_DEV_WRONG;
	if (READ_ONCE(slot->locked))
		filter->flags |= IPJIT_DEV_LOCKED;
	filter->retreats = slot->retreats;
	filter->first_native = slot->published ? slot->first_native :
						 IPJIT_DEV_NEVER;
	mutex_unlock(&slot->lock);

	filter->id = slot->id;
	filter->insns = slot->prog->orig_prog->len;
	filter->family = slot->owner.family;
	filter->type = slot->owner.type;
	filter->protocol = slot->owner.protocol;
	filter->ifindex = READ_ONCE(slot->owner.ifindex);
	filter->uid = slot->owner.uid;
	filter->netns = slot->owner.netns;
	filter->packets = sums.packets;
	filter->native = sums.native;
	filter->passed_on = sums.passed_on;
	filter->sampled = sums.sampled;
	filter->compared = sums.compared;
	filter->differences = sums.differences;
	filter->kernel_cycles = sums.kernel_cycles;
	filter->native_cycles = sums.native_cycles;
	filter->age_ns = ktime_get_ns() - slot->born_ns;
	memcpy(filter->comm, slot->owner.comm, sizeof(filter->comm));
}

int ipjit_slot_init(void)
{
	return ipjit_reaper_init();
}

void ipjit_slot_uninit(void)
{
	struct ipjit_slot *slot;
	u64 id;

	for (id = 0; (slot = ipjit_slot_next(id)); ipjit_slot_put(slot)) {
		id = slot->id;
		ipjit_slot_give_back(slot);
	}
	ipjit_reaper_uninit();
	WARN_ON(atomic_read(&slots));
}
