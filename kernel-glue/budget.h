/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much code and how many tables may be in the kernel: of one user, of one
 * network namespace, in all.  What does not fit may push out what is colder.
 * The limit of filters is kept by quota.h.
 */
#ifndef IPJIT_BUDGET_H
#define IPJIT_BUDGET_H

#include <linux/types.h>

#include "uapi/ipjit.h"

struct ipjit_slot;
struct ipjit_version;

enum ipjit_scope {
	IPJIT_SCOPE_ALL = 0,
	IPJIT_SCOPE_USER = 1,
	IPJIT_SCOPE_NETNS = 2,
	IPJIT_SCOPES
};

/* What is too much, and for whom. */
struct ipjit_excess {
	enum ipjit_scope scope;
	u64 code, table;	/* bytes */
};

/* Whether `version` would break a limit, and by how much. */
bool ipjit_budget_broken(const struct ipjit_slot *slot,
			 const struct ipjit_version *version,
			 struct ipjit_excess *excess);

/*
 * Evicts filters of the scope that are colder than `slot`, the coldest first,
 * until they held as much as is too much, and waits until their memory is free.
 * -ENOSPC: none is colder.  One caller at a time.
 */
int ipjit_budget_make_room(struct ipjit_slot *slot,
			   const struct ipjit_excess *excess);

/* How many filters a user may have. */
u64 ipjit_budget_filters_user(void);

void ipjit_budget_set(const struct ipjit_dev_budget *budget);
int ipjit_budget_use(struct ipjit_dev_use *use);

#endif
