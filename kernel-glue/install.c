// SPDX-License-Identifier: GPL-2.0-only
/*
 * INSTALL, step by step:
 *
 *	ask        numbers in range; the filter exists, and runs `expected`
 *	copy       contract, code, tables: once (unit.c)
 *	verify     no lock held; then the scan of hardened filters
 *	place      memory, trampolines, budgets: one install at a time
 *	publish    compares `expected` again, under the slot's lock
 *
 * The early look at `expected` only saves work.  Nothing is held while user
 * memory is touched, not even a reference: a page that a caller keeps from
 * arriving holds up nobody but that caller.  The socket may close at any step;
 * from `verify` to `publish` our reference keeps slot and program, and publish
 * finds the slot dead.
 */
#include "install.h"

#include <asm/cpufeature.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "budget.h"
#include "harden.h"
#include "reaper.h"
#include "slot.h"
#include "socket.h"
#include "thunk.h"
#include "unit.h"

#define MAX_GUARD 1024

/* Placing and publishing; outside all locks of slot.h. */
static DEFINE_MUTEX(placing);
static atomic64_t installs, refusals;

u32 ipjit_install_isa(void)
{
	u32 isa = 0;

	if (boot_cpu_has(X86_FEATURE_MOVBE))
		isa |= IPJIT_ISA_MOVBE;
	if (boot_cpu_has(X86_FEATURE_POPCNT))
		isa |= IPJIT_ISA_POPCNT;
	if (boot_cpu_has(X86_FEATURE_ABM))
		isa |= IPJIT_ISA_LZCNT;
	if (boot_cpu_has(X86_FEATURE_BMI1))
		isa |= IPJIT_ISA_BMI1;
	if (boot_cpu_has(X86_FEATURE_BMI2))
		isa |= IPJIT_ISA_BMI2;
	return isa;
}

u32 ipjit_install_needs(void)
{
	u32 needs = 0;

	if (ipjit_return_thunk())
		needs |= IPJIT_DEV_RETURN_THUNK;
	if (IS_ENABLED(CONFIG_X86_KERNEL_IBT))
		needs |= IPJIT_DEV_IBT;
	return needs;
}

void ipjit_install_totals(u64 *accepted, u64 *refused)
{
	*accepted = atomic64_read(&installs);
	*refused = atomic64_read(&refusals);
}

static bool is_sane(const struct ipjit_dev_install *ask)
{
	return (ask->tier == 1 || ask->tier == 2) && ask->guard <= MAX_GUARD;
}

static u64 running(const struct ipjit_slot *slot)
{
	const struct ipjit_version *now;
	u64 id;

	rcu_read_lock();
	now = rcu_dereference(slot->running);
	id = now ? now->id : 0;
	rcu_read_unlock();
	return id;
}

/* A daemon may try again; the filter is one all the same. */
static void count_left(struct ipjit_slot *slot, enum ipjit_dev_left reason)
{
	if (!test_and_set_bit(reason, &slot->left_for))
		ipjit_left_count(reason);
}

static int scan_if_hardened(struct ipjit_slot *slot,
			    const struct ipjit_unit *unit,
			    struct ipjit_report *report)
{
	const struct sock_fprog_kern *program = ipjit_slot_program(slot);
	struct ipjit_hardened_hit hit;
	int found;

	if (!(slot->owner.flags & IPJIT_DEV_HARDENED))
		return 0;
	found = ipjit_harden_scan(program->filter, program->len, unit->code,
				  unit->code_len, &hit);
	if (found <= 0)
		return found;
	count_left(slot, IPJIT_DEV_LEFT_hardened);
	report->accepted = 0;
	report->offset = hit.offset;
	snprintf(report->state, sizeof(report->state),
		 "constant %#x of a hardened filter stands in its code",
		 hit.constant);
	return -EACCES;
}

/* Sets `refused` where `report` says why. */
static int check(struct ipjit_slot *slot, struct ipjit_unit *unit,
		 const struct ipjit_offer *offer, struct ipjit_report *report,
		 bool *refused)
{
	int err = ipjit_unit_verify(unit, offer, report);

	if (!err)
		err = scan_if_hardened(slot, unit, report);
	*refused = err == -EPERM || err == -EACCES || err == -EINVAL;
	if (*refused)
		atomic64_inc(&refusals);
	return err;
}

/* A version within its budgets; -ENOSPC and -EDQUOT fill `excess`. */
static struct ipjit_version *try_to_place(struct ipjit_slot *slot,
					  const struct ipjit_dev_install *ask,
					  const struct ipjit_unit *unit,
					  struct ipjit_excess *excess)
{
	struct ipjit_version *version;

	version = ipjit_version_new(slot, ask, &unit->contract, unit->code,
				    unit->tables);
	*excess = (struct ipjit_excess){
		.scope = IPJIT_SCOPE_ALL,
		.code = unit->code_len,
	};
	if (IS_ERR(version) || !ipjit_budget_broken(slot, version, excess))
		return version;
	ipjit_version_free(version);
	return ERR_PTR(-EDQUOT);
}

static bool is_full(const struct ipjit_version *version)
{
	return PTR_ERR(version) == -ENOSPC || PTR_ERR(version) == -EDQUOT;
}

/*
 * The same, not published; waits for what has retired, and only then pushes out
 * what is colder, as often as others take the room meanwhile or it is in pieces.
 */
static struct ipjit_version *place(struct ipjit_slot *slot,
				   const struct ipjit_dev_install *ask,
				   const struct ipjit_unit *unit)
{
	struct ipjit_version *version;
	struct ipjit_excess excess;

	version = try_to_place(slot, ask, unit, &excess);
	if (!is_full(version))
		return version;
	ipjit_reaper_flush();
	do {
		version = try_to_place(slot, ask, unit, &excess);
		if (!is_full(version))
			return version;
	} while (!ipjit_budget_make_room(slot, &excess));
	count_left(slot, IPJIT_DEV_LEFT_over_budget);
	return version;
}

static int place_and_publish(struct ipjit_slot *slot,
			     struct ipjit_dev_install *ask,
			     const struct ipjit_unit *unit)
{
	struct ipjit_version *version;
	u64 id;
	int err;

	if (mutex_lock_interruptible(&placing))
		return -EINTR;
	version = place(slot, ask, unit);
	err = PTR_ERR_OR_ZERO(version);
	if (!err) {
		id = version->id;
		err = ipjit_version_publish(version, ask->expected);
		if (err)
			ipjit_version_free(version);
		else
			ask->version = id;
	}
	mutex_unlock(&placing);
	return err == -EPERM ? -EBUSY : err;
}

/* What would be refused anyway need not be copied. */
static int look(const struct ipjit_dev_install *ask)
{
	struct ipjit_slot *slot = ipjit_slot_get(ask->id);
	int err = 0;

	if (!slot)
		return -ENOENT;
	if (ipjit_slot_is_closed(slot))
		err = -EBUSY;
	else if (running(slot) != ask->expected)
		err = -ESTALE;
	ipjit_slot_put(slot);
	return err;
}

static int install_unit(struct ipjit_dev_install *ask, struct ipjit_unit *unit,
			const struct ipjit_offer *offer)
{
	struct ipjit_report *report;
	struct ipjit_slot *slot;
	bool refused;
	int err;

	slot = ipjit_slot_get(ask->id);
	if (!slot)
		return -ENOENT;
	err = -ENOMEM;
	report = kzalloc(sizeof(*report), GFP_KERNEL);
	if (!report)
		goto err_slot;
	err = check(slot, unit, offer, report, &refused);
	if (!err)
		err = place_and_publish(slot, ask, unit);
	ipjit_slot_put(slot);
	if (refused && ask->report &&
	    copy_to_user(u64_to_user_ptr(ask->report), report, sizeof(*report)))
		err = -EFAULT;
	kfree(report);
	return err;

err_slot:
	ipjit_slot_put(slot);
	return err;
}

int ipjit_install(struct ipjit_dev_install *ask)
{
	const struct ipjit_offer offer = {
		.isa = ipjit_install_isa(),
		.return_thunk = ipjit_return_thunk(),
	};
	struct ipjit_unit *unit;
	int err;

	ask->version = 0;
	if (!is_sane(ask))
		return -EINVAL;
	err = look(ask);
	if (err)
		return err;
	unit = kmalloc(sizeof(*unit), GFP_KERNEL);
	if (!unit)
		return -ENOMEM;
	err = ipjit_unit_copy(unit, ask, &offer);
	if (!err) {
		err = install_unit(ask, unit, &offer);
		ipjit_unit_free(unit);
	}
	kfree(unit);
	if (!err)
		atomic64_inc(&installs);
	return err;
}
