/* SPDX-License-Identifier: GPL-2.0-only */
/* INSTALL: from bytes that nobody trusts to a pointer that packets follow. */
#ifndef IPJIT_INSTALL_H
#define IPJIT_INSTALL_H

#include "uapi/ipjit.h"

/*
 * 0 and install->version, or
 *	-EINVAL		the struct, the contract or its tables are not allowed here
 *	-E2BIG		more code or tables than may come in one piece
 *	-EFAULT		an address is not the caller's
 *	-ENOENT		no such filter
 *	-ESTALE		its version is not `expected`
 *	-EBUSY		it was evicted by command
 *	-EPERM		the verifier refused: the report says where and why
 *	-EACCES		a constant of a hardened filter stands in the code; report too
 *	-EDQUOT		over a budget, and nothing colder to push out
 *	-ENOSPC		the code cache is full likewise
 *	-ENOMEM, -EINTR
 */
int ipjit_install(struct ipjit_dev_install *install);

/* What this machine offers, as INFO says it. */
u32 ipjit_install_isa(void);
u32 ipjit_install_needs(void);

/* Units accepted and refused since load. */
void ipjit_install_totals(u64 *installs, u64 *refusals);

#endif
