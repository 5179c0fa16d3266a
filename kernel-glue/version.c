// SPDX-License-Identifier: GPL-2.0-only
/*
 * Versions: built whole while nobody sees them, published by one store, retired
 * under the slot's lock, freed after a grace period.
 *
 *	publish 1	running = general = new		old ones retire
 *	publish 2	running = new			old running one retires
 *	retreat		running = general		old running one retires
 *	evict, wrong	running = general = none	both retire
 *
 * Whenever a version retires, the slot is settled under the same lock, so
 * prog->bpf_func points elsewhere before the grace period begins.
 */
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include "event.h"
#include "reaper.h"
#include "slot.h"
#include "socket.h"
#include "trampoline.h"

static atomic64_t last_id;

static void set_tables(struct ipjit_version *version)
{
	const struct ipjit_contract *contract = &version->contract;
	u64 at = 0;
	u32 i;

	for (i = 0; i < contract->nr_tables; i++) {
		version->table[contract->table[i].at] = version->tables.at + at;
		at = ALIGN(at + contract->table[i].size, 64);
	}
}

struct ipjit_version *ipjit_version_new(struct ipjit_slot *slot,
					const struct ipjit_dev_install *install,
					const struct ipjit_contract *contract,
					const u8 *code, const u8 *tables)
{
	struct ipjit_version *version = kvzalloc(sizeof(*version), GFP_KERNEL);
	int err = -ENOMEM;

	if (!version)
		return ERR_PTR(err);
	refcount_inc(&slot->refs);
	version->slot = slot;
	INIT_LIST_HEAD(&version->link);
	if (install) {
		version->id = atomic64_inc_return(&last_id);
		version->tier = install->tier;
		version->guard = install->guard;
		version->code_bytes = install->code_len;
		version->contract = *contract;
		err = ipjit_tables_make(&version->tables, tables,
					install->tables_len);
		if (err)
			goto err_free;
		set_tables(version);
	}
	version->count = ipjit_count_new(version->contract.counters,
					 GFP_KERNEL);
	if (!version->count) {
		err = -ENOMEM;
		goto err_free;
	}
	err = ipjit_trampoline_write(version, code, version->code_bytes);
	if (err)
		goto err_free;
	return version;

err_free:
	ipjit_version_free(version);
	return ERR_PTR(err);
}

void ipjit_version_free(struct ipjit_version *version)
{
	ipjit_cache_free(&version->code);
	ipjit_tables_free(&version->tables);
	free_percpu(version->count);
	ipjit_slot_put(version->slot);
	kvfree(version);
}

static struct ipjit_version *locked(struct ipjit_version __rcu *const *version,
				    struct ipjit_slot *slot)
{
	return rcu_dereference_protected(*version,
					 lockdep_is_held(&slot->lock));
}

/* Both at once, and retires what is no longer either. */
static void set_versions(struct ipjit_slot *slot, struct ipjit_version *running,
			 struct ipjit_version *general)
{
	struct ipjit_version *old_running = locked(&slot->running, slot);
	struct ipjit_version *old_general = locked(&slot->general, slot);

	rcu_assign_pointer(slot->general, general);
	rcu_assign_pointer(slot->running, running);
	ipjit_slot_settle(slot);
	if (old_running && old_running != running && old_running != general)
		ipjit_reap_version(old_running);
	if (old_general && old_general != old_running &&
	    old_general != running && old_general != general)
		ipjit_reap_version(old_general);
}

static u64 running_id(struct ipjit_slot *slot)
{
	struct ipjit_version *running = locked(&slot->running, slot);

	return running ? running->id : 0;
}

static u64 packets_so_far(struct ipjit_slot *slot)
{
	struct ipjit_sums sums = slot->folded;
	struct ipjit_version *version;

	list_for_each_entry(version, &slot->versions, link)
		ipjit_count_sum(&sums, version->count);
	return sums.packets;
}

int ipjit_version_publish(struct ipjit_version *version, u64 expected)
{
	struct ipjit_slot *slot = version->slot;
	int err = 0;

	mutex_lock(&slot->lock);
	if (slot->dead)
		err = -ENOENT;
	else if (ipjit_slot_is_closed(slot))
		err = -EPERM;
	else if (running_id(slot) != expected)
		err = -ESTALE;
	if (err)
		goto out;
	if (!slot->published)
		slot->first_native = packets_so_far(slot);
	slot->published = true;
	list_add_tail(&version->link, &slot->versions);
	set_versions(slot, version,
		     version->tier == 1 ? version :
					  locked(&slot->general, slot));
out:
	mutex_unlock(&slot->lock);
	return err;
}

static void retreat_locked(struct ipjit_slot *slot)
{
	struct ipjit_version *running = locked(&slot->running, slot);
	struct ipjit_version *general = locked(&slot->general, slot);
	u64 left = running->id;

	if (!ipjit_version_takes_back(general, running))
		general = NULL;
	set_versions(slot, general, general);
	slot->retreats++;
	ipjit_event_post(IPJIT_DEV_RETREATED, slot->id, left);
}

int ipjit_slot_retreat(struct ipjit_slot *slot, u64 version)
{
	int err = -ESTALE;

	mutex_lock(&slot->lock);
	if (slot->dead) {
		err = -ENOENT;
	} else if (version && running_id(slot) == version) {
		retreat_locked(slot);
		err = 0;
	}
	mutex_unlock(&slot->lock);
	return err;
}

static void wrong_locked(struct ipjit_slot *slot)
{
	if (test_and_set_bit(IPJIT_DEV_LEFT_wrong, &slot->left_for))
		return;
	set_versions(slot, NULL, NULL);
	ipjit_left_count(IPJIT_DEV_LEFT_wrong);
	ipjit_event_post(IPJIT_DEV_WRONG_NOW, slot->id, READ_ONCE(slot->wrong));
	pr_notice_ratelimited("ipjit: filter %llu: version %llu gave another verdict than the kernel's code, which decides from now on\n",
		slot->id, READ_ONCE(slot->wrong));
}

/* The packet path has stored the pointer already; this makes it the truth. */
void ipjit_version_retreat_work(struct work_struct *work)
{
	struct ipjit_slot *slot = container_of(work, struct ipjit_slot, retreat);
	struct ipjit_version *running;

	mutex_lock(&slot->lock);
	running = locked(&slot->running, slot);
	if (!slot->dead && READ_ONCE(slot->wrong))
		wrong_locked(slot);
	else if (!slot->dead && running && READ_ONCE(running->left))
		retreat_locked(slot);
	mutex_unlock(&slot->lock);
	ipjit_slot_put(slot);
}

int ipjit_slot_evict(struct ipjit_slot *slot, bool command)
{
	int err = -ENOENT;

	mutex_lock(&slot->lock);
	if (!slot->dead) {
		u64 left = running_id(slot);

		if (command)
			slot->flags |= IPJIT_DEV_EVICTED;
		set_versions(slot, NULL, NULL);
		ipjit_event_post(IPJIT_DEV_EVICTED_NOW, slot->id, left);
		err = 0;
	}
	mutex_unlock(&slot->lock);
	return err;
}

void ipjit_version_retire_all(struct ipjit_slot *slot)
{
	set_versions(slot, NULL, NULL);
	ipjit_reap_version(slot->waiting);
}

int ipjit_version_counters(struct ipjit_slot *slot, u64 id,
			   struct ipjit_dev_counters *counters)
{
	struct ipjit_version *version;
	int err = -ESTALE;
	int cpu;
	u32 i;

	mutex_lock(&slot->lock);
	list_for_each_entry(version, &slot->versions, link) {
		struct ipjit_sums sums = {};

		if (version->id != id)
			continue;
		ipjit_count_sum(&sums, version->count);
		counters->packets = sums.packets;
		memset(counters->count, 0, sizeof(counters->count));
		for_each_possible_cpu(cpu)
			for (i = 0; i < version->contract.counters; i++)
				counters->count[i] += READ_ONCE(
					per_cpu_ptr(version->count, cpu)
						->counters[i]);
		err = 0;
		break;
	}
	mutex_unlock(&slot->lock);
	return err;
}

void ipjit_slot_bytes(struct ipjit_slot *slot, u32 tier, u64 *code, u64 *table)
{
	struct ipjit_version *version;

	*code = 0;
	*table = 0;
	mutex_lock(&slot->lock);
	list_for_each_entry(version, &slot->versions, link) {
		if (version->tier < tier)
			continue;
		*code += version->code.size;
		*table += (u64)version->tables.nr_pages << PAGE_SHIFT;
	}
	mutex_unlock(&slot->lock);
}
