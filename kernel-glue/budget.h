/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much code and how many tables may be in the kernel: of one user, of one
 * network namespace, in all.  What does not fit may push out what is colder.
 */
#ifndef IPJIT_BUDGET_H
#define IPJIT_BUDGET_H

#include "uapi/ipjit.h"

struct ipjit_slot;
struct ipjit_version;

enum ipjit_scope {
	IPJIT_SCOPE_ALL = 0,
	IPJIT_SCOPE_USER = 1,
	IPJIT_SCOPE_NETNS = 2,
	IPJIT_SCOPES
};

/* The scope whose limit `version` would break, or IPJIT_SCOPES if it fits. */
enum ipjit_scope ipjit_budget_broken(const struct ipjit_slot *slot,
				     const struct ipjit_version *version);

/*
 * Evicts the coldest filter of the scope that is colder than `slot`, and waits
 * until its memory is free.  -ENOSPC: there is none.
 * One caller at a time.
 */
int ipjit_budget_make_room(struct ipjit_slot *slot, enum ipjit_scope scope);

void ipjit_budget_set(const struct ipjit_dev_budget *budget);
int ipjit_budget_use(struct ipjit_dev_use *use);

#endif
