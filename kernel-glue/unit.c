// SPDX-License-Identifier: GPL-2.0-only
/*
 * Units: copied, limited, verified.
 *
 *   sizes        checked before anything is allocated; sums are of 64 bits
 *   contract     copied, then held against what this kernel offers
 *   code, tables copied once: the bytes verified are the bytes that will run
 *   verify       in a workspace of its own, linear in the code; few at a time,
 *                so that a storm of installs costs a few workspaces and no more
 */
#include "unit.h"

#include <asm/msr.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/semaphore.h>
#include <linux/uaccess.h>

#include "fill.h"
#include "rets.h"

#define VERIFIERS 2	/* at a time */

static struct semaphore verifiers =
	__SEMAPHORE_INITIALIZER(verifiers, VERIFIERS);
static atomic64_t verify_cycles, verify_bytes;

static bool contract_fits(const struct ipjit_contract *c,
			  const struct ipjit_offer *offer)
{
	/* max_len: the trampoline passes any head length that an skb can have. */
	return c->abi == IPJIT_ABI_VERSION && !(c->isa & ~offer->isa) &&
	       c->bases == (c->bases & IPJIT_BASE_DATA) &&
	       c->stack_bytes <= IPJIT_MAX_STACK && c->max_len >= U32_MAX &&
	       !(c->fields & ~IPJIT_FILL_FIELDS) && !c->exits && !c->resumes &&
	       !c->actions && c->counters <= IPJIT_MAX_COUNTERS &&
	       c->nr_tables <= IPJIT_MAX_CTX_TABLES && !c->pad;
}

/* The tables must fill tables_len, but for the padding between them. */
static int check_tables(const struct ipjit_unit *unit)
{
	u64 end = 0;
	u32 i;

	for (i = 0; i < unit->contract.nr_tables; i++) {
		const struct ipjit_table_ref *t = &unit->contract.table[i];

		if (t->place != IPJIT_TABLE_IN_CTX ||
		    t->at >= IPJIT_MAX_CTX_TABLES || !t->size ||
		    t->size > IPJIT_DEV_MAX_TABLES)
			return -EINVAL;
		end = ALIGN(end, IPJIT_TABLE_ALIGN);
		end += t->size;
	}
	if (unit->tables_len < end ||
	    unit->tables_len > ALIGN(end, IPJIT_TABLE_ALIGN))
		return -EINVAL;
	return 0;
}

static u8 *copy_in(u64 from, u32 bytes)
{
	u8 *to;

	if (from != (unsigned long)from)
		return ERR_PTR(-EFAULT);
	to = kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!to)
		return ERR_PTR(-ENOMEM);
	if (!copy_from_user(to, u64_to_user_ptr(from), bytes))
		return to;
	kvfree(to);
	return ERR_PTR(-EFAULT);
}

int ipjit_unit_copy(struct ipjit_unit *unit,
		    const struct ipjit_dev_install *ask,
		    const struct ipjit_offer *offer)
{
	int err;

	memset(unit, 0, sizeof(*unit));
	if (ask->code_len > IPJIT_DEV_MAX_CODE ||
	    ask->tables_len > IPJIT_DEV_MAX_TABLES)
		return -E2BIG;
	if (!ask->code_len)
		return -EINVAL;
	unit->code_len = ask->code_len;
	unit->tables_len = ask->tables_len;
	if (copy_from_user(&unit->contract, u64_to_user_ptr(ask->contract),
			   sizeof(unit->contract)))
		return -EFAULT;
	if (!contract_fits(&unit->contract, offer))
		return -EINVAL;
	err = check_tables(unit);
	if (err)
		return err;
	unit->code = copy_in(ask->code, ask->code_len);
	if (IS_ERR(unit->code))
		return PTR_ERR(unit->code);
	if (!ask->tables_len)
		return 0;
	unit->tables = copy_in(ask->tables, ask->tables_len);
	if (!IS_ERR(unit->tables))
		return 0;
	kvfree(unit->code);
	return PTR_ERR(unit->tables);
}

void ipjit_unit_free(struct ipjit_unit *unit)
{
	kvfree(unit->code);
	kvfree(unit->tables);
}

/* Dear code of 64 KiB takes tens of milliseconds: others may want the CPU. */
void ipjit_verify_give_way(void)
{
	cond_resched();
}

static int run_verifier(const struct ipjit_unit *unit,
			struct ipjit_report *report)
{
	size_t bytes = ipjit_verify_workspace(unit->code_len);
	void *workspace = kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
	u64 begun;
	int err;

	if (!workspace)
		return -ENOMEM;
	begun = rdtsc_ordered();
	err = ipjit_verify(&unit->contract, unit->code, unit->code_len,
			   unit->code_len, workspace, bytes, report);
	atomic64_add(rdtsc_ordered() - begun, &verify_cycles);
	atomic64_add(unit->code_len, &verify_bytes);
	kvfree(workspace);
	return err;
}

int ipjit_unit_verify(struct ipjit_unit *unit, const struct ipjit_offer *offer,
		      struct ipjit_report *report)
{
	int err = down_interruptible(&verifiers);

	if (err)
		return err;
	err = run_verifier(unit, report);
	up(&verifiers);
	if (!err && offer->return_thunk)
		err = ipjit_rets_check(unit->code, unit->code_len,
				       unit->contract.isa, report);
	return err;
}

void ipjit_unit_totals(u64 *cycles, u64 *bytes)
{
	*cycles = atomic64_read(&verify_cycles);
	*bytes = atomic64_read(&verify_bytes);
}
