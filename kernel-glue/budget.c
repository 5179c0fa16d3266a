// SPDX-License-Identifier: GPL-2.0-only
/*
 * Budgets.
 *
 * Use is summed over the slots when somebody asks, which is at an install and
 * in USE: there is no second set of books that could drift from the truth.  It
 * counts what waits for a grace period, so whoever is over a limit waits for one
 * before others lose their code.
 *
 * Cold is who had few packets a second since it was last looked at.  A filter
 * pushes out only colder ones, so two filters cannot push out each other in
 * turns; one younger than WARM_UP is as hot as can be, for nothing is known of
 * it yet, and is not pushed out.
 */
#include "budget.h"

#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "cache.h"
#include "reaper.h"
#include "slot.h"
#include "socket.h"

#define WARM_UP (10 * NSEC_PER_SEC)
#define WINDOW NSEC_PER_SEC	/* a rate is of at least so long */

static DEFINE_SPINLOCK(limit_lock);
static struct ipjit_dev_budget limit = {
	.code_user = IPJIT_CACHE_SIZE / 2,
	.code_netns = IPJIT_CACHE_SIZE,
	.code_all = IPJIT_CACHE_SIZE,
	.table_user = 16u << 20,
	.table_netns = 64u << 20,
	.table_all = 64u << 20,
	.filters_user = 1024,
};
static atomic64_t evictions;

static struct ipjit_dev_budget limits(void)
{
	struct ipjit_dev_budget now;

	spin_lock(&limit_lock);
	now = limit;
	spin_unlock(&limit_lock);
	return now;
}

static u64 key_of(const struct ipjit_slot *slot, enum ipjit_scope scope)
{
	switch (scope) {
	case IPJIT_SCOPE_USER:
		return slot->owner.uid;
	case IPJIT_SCOPE_NETNS:
		return slot->owner.netns;
	default:
		return 0;
	}
}

/* Puts `slot` and returns the next one of the scope, with a reference. */
static struct ipjit_slot *next_of(struct ipjit_slot *slot,
				  enum ipjit_scope scope, u64 key)
{
	u64 after = 0;

	do {
		if (slot) {
			after = slot->id;
			ipjit_slot_put(slot);
		}
		cond_resched();
		slot = ipjit_slot_next(after);
	} while (slot && key_of(slot, scope) != key);
	return slot;
}

static void sum(struct ipjit_dev_use *use, enum ipjit_scope scope, u64 key)
{
	struct ipjit_slot *slot;
	u64 code, table;

	for (slot = next_of(NULL, scope, key); slot;
	     slot = next_of(slot, scope, key)) {
		ipjit_slot_bytes(slot, 0, &code, &table);
		use->code += code;
		use->table += table;
		use->filters++;
	}
}

u64 ipjit_budget_filters_user(void)
{
	return READ_ONCE(limit.filters_user);
}

static u64 beyond(u64 use, u64 most)
{
	return use > most ? use - most : 0;
}

bool ipjit_budget_broken(const struct ipjit_slot *slot,
			 const struct ipjit_version *version,
			 struct ipjit_excess *excess)
{
	const struct ipjit_dev_budget now = limits();
	const u64 code[] = {now.code_all, now.code_user, now.code_netns};
	const u64 table[] = {now.table_all, now.table_user, now.table_netns};
	u64 tables = (u64)version->tables.nr_pages << PAGE_SHIFT;
	enum ipjit_scope scope;

	for (scope = 0; scope < IPJIT_SCOPES; scope++) {
		struct ipjit_dev_use use = {
			.code = version->code.size, .table = tables,
		};

		sum(&use, scope, key_of(slot, scope));
		*excess = (struct ipjit_excess){
			.scope = scope,
			.code = beyond(use.code, code[scope]),
			.table = beyond(use.table, table[scope]),
		};
		if (excess->code || excess->table)
			return true;
	}
	return false;
}

/* Packets a second, in 1/1024. */
static u64 heat_of(struct ipjit_slot *slot)
{
	u64 now = ktime_get_ns();
	u64 since = slot->heat.since_ns ? slot->heat.since_ns : slot->born_ns;
	struct ipjit_dev_filter f = {};

	if (now - slot->born_ns < WARM_UP)
		return U64_MAX;
	if (slot->heat.since_ns && now - since < WINDOW)
		return slot->heat.rate;
	ipjit_slot_describe(slot, &f);
	/* Sums over CPUs that go on counting: never surely ascending. */
	f.packets = max(f.packets, slot->heat.packets);
	slot->heat.rate = mul_u64_u64_div_u64(f.packets - slot->heat.packets,
					      NSEC_PER_SEC << 10, now - since);
	slot->heat.packets = f.packets;
	slot->heat.since_ns = now;
	return slot->heat.rate;
}

static bool has_code(struct ipjit_slot *slot)
{
	bool has;

	rcu_read_lock();
	has = rcu_dereference(slot->running) || rcu_dereference(slot->general);
	rcu_read_unlock();
	return has;
}

static struct ipjit_slot *find_coldest(struct ipjit_slot *than,
				       enum ipjit_scope scope)
{
	u64 key = key_of(than, scope), least = heat_of(than);
	struct ipjit_slot *slot, *coldest = NULL;

	for (slot = next_of(NULL, scope, key); slot;
	     slot = next_of(slot, scope, key)) {
		if (slot == than || !has_code(slot) || heat_of(slot) >= least)
			continue;
		if (coldest)
			ipjit_slot_put(coldest);
		refcount_inc(&slot->refs);
		coldest = slot;
		least = heat_of(slot);
	}
	return coldest;
}

/* Takes a filter's code away, and what it held off the excess. */
static void push_out(struct ipjit_slot *slot, struct ipjit_excess *rest)
{
	u64 code, table;

	ipjit_slot_bytes(slot, 1, &code, &table);
	rest->code -= min(code, rest->code);
	rest->table -= min(table, rest->table);
	/* Or it was given back meanwhile, and its memory is free likewise. */
	if (ipjit_slot_evict(slot, false))
		return;
	atomic64_inc(&evictions);
	ipjit_left_count(IPJIT_DEV_LEFT_evicted);
}

int ipjit_budget_make_room(struct ipjit_slot *slot,
			   const struct ipjit_excess *excess)
{
	struct ipjit_excess rest = *excess;
	struct ipjit_slot *coldest;
	bool any = false;

	while (rest.code || rest.table) {
		coldest = find_coldest(slot, rest.scope);
		if (!coldest)
			break;
		push_out(coldest, &rest);
		ipjit_slot_put(coldest);
		any = true;
	}
	if (!any)
		return -ENOSPC;
	/* Once no CPU can be in it. */
	ipjit_reaper_flush();
	return 0;
}

void ipjit_budget_set(const struct ipjit_dev_budget *budget)
{
	spin_lock(&limit_lock);
#define SET(field) (limit.field = budget->field ? budget->field : limit.field)
	SET(code_user);
	SET(code_netns);
	SET(code_all);
	SET(table_user);
	SET(table_netns);
	SET(table_all);
	SET(filters_user);
#undef SET
	spin_unlock(&limit_lock);
}

int ipjit_budget_use(struct ipjit_dev_use *use)
{
	enum ipjit_scope scope = use->what;
	u64 key = use->key;

	if (use->pad || use->what >= IPJIT_SCOPES ||
	    (scope == IPJIT_SCOPE_ALL && key))
		return -EINVAL;
	use->code = 0;
	use->table = 0;
	use->filters = 0;
	sum(use, scope, key);
	use->evictions = atomic64_read(&evictions);
	use->limit = limits();
	return 0;
}
