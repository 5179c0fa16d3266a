// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions and their answers.  A slot is held by a reference while it is
 * asked, and no lock is held while an answer is copied out.
 */
#include "stats.h"

#include <linux/cpumask.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "cache.h"
#include "count.h"
#include "event.h"
#include "fill.h"
#include "install.h"
#include "sample.h"
#include "slot.h"
#include "socket.h"
#include "table.h"
#include "unit.h"

int ipjit_stats_info(struct ipjit_dev_info *info)
{
	const struct ipjit_policy policy = ipjit_policy_get();

	memset(info, 0, sizeof(*info));
	info->version = IPJIT_DEV_VERSION;
	info->abi = IPJIT_ABI_VERSION;
	info->mode = policy.mode;
	info->shadow = policy.shadow;
	info->paused = policy.paused;
	info->isa = ipjit_install_isa();
	info->needs = ipjit_install_needs();
	info->sample_shift = ipjit_sample_shift;
	info->filters = ipjit_slots();
	info->cpus = nr_cpu_ids;
	info->sample_area = ipjit_sample_area();
	info->fields = IPJIT_FILL_FIELDS;
	info->code_used = ipjit_cache_used();
	info->code_size = IPJIT_CACHE_SIZE;
	info->table_used = ipjit_tables_used();
	ipjit_unit_totals(&info->verify_cycles, &info->verify_bytes);
	ipjit_install_totals(&info->installs, &info->refusals);
	info->events_lost = ipjit_events_lost();
	ipjit_left_read(info->left);
	return 0;
}

int ipjit_stats_list(struct ipjit_dev_list *list)
{
	struct ipjit_dev_filter __user *to = u64_to_user_ptr(list->filters);
	struct ipjit_dev_filter filter;
	struct ipjit_slot *slot;
	u64 after = list->after;

	for (list->count = 0; list->count < list->capacity; list->count++) {
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
		slot = ipjit_slot_next(after);
		if (!slot)
			break;
		memset(&filter, 0, sizeof(filter));
		ipjit_slot_describe(slot, &filter);
		after = slot->id;
		ipjit_slot_put(slot);
		if (copy_to_user(to + list->count, &filter, sizeof(filter)))
			return -EFAULT;
	}
	return 0;
}

int ipjit_stats_filter(struct ipjit_dev_filter *filter)
{
	struct ipjit_slot *slot = ipjit_slot_get(filter->id);

	if (!slot)
		return -ENOENT;
	memset(filter, 0, sizeof(*filter));
	ipjit_slot_describe(slot, filter);
	ipjit_slot_put(slot);
	return 0;
}

/* A page of user memory may never come, and must not hold a filter meanwhile. */
static struct sock_filter *copy_of(const struct sock_fprog_kern *program)
{
	const size_t bytes = program->len * sizeof(*program->filter);
	struct sock_filter *insns = kvmalloc(bytes, GFP_KERNEL);

	if (!insns)
		return ERR_PTR(-ENOMEM);
	memcpy(insns, program->filter, bytes);
	return insns;
}

int ipjit_stats_program(struct ipjit_dev_program *program)
{
	struct ipjit_slot *slot = ipjit_slot_get(program->id);
	struct sock_filter *insns = NULL;
	int err = 0;

	if (!slot)
		return -ENOENT;
	program->count = ipjit_slot_program(slot)->len;
	if (program->count > program->capacity)
		err = -ENOSPC;
	else
		insns = copy_of(ipjit_slot_program(slot));
	ipjit_slot_put(slot);
	if (IS_ERR(insns))
		return PTR_ERR(insns);
	if (insns && copy_to_user(u64_to_user_ptr(program->insns), insns,
				  program->count * sizeof(*insns)))
		err = -EFAULT;
	kvfree(insns);
	return err;
}

int ipjit_stats_counters(struct ipjit_dev_counters *counters)
{
	struct ipjit_slot *slot = ipjit_slot_get(counters->id);
	int err;

	if (!slot)
		return -ENOENT;
	counters->packets = 0;
	memset(counters->count, 0, sizeof(counters->count));
	err = ipjit_version_counters(slot, counters->version, counters);
	ipjit_slot_put(slot);
	return err;
}

int ipjit_stats_retreat(const struct ipjit_dev_target *target)
{
	struct ipjit_slot *slot = ipjit_slot_get(target->id);
	int err;

	if (!slot)
		return -ENOENT;
	err = ipjit_slot_retreat(slot, target->version);
	ipjit_slot_put(slot);
	return err;
}
