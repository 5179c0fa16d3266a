/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one INSTALL brought in: bytes copied once into kernel memory, checked
 * there, never looked at again in user space.
 */
#ifndef IPJIT_UNIT_H
#define IPJIT_UNIT_H

#include <linux/types.h>

#include "uapi/ipjit.h"
#include "verifier/verify.h"

#define IPJIT_TABLE_ALIGN 64	/* each table begins at a multiple of it */

struct ipjit_unit {
	struct ipjit_contract contract;
	u32 code_len, tables_len;
	u8 *code;
	u8 *tables;		/* NULL if there are none */
};

/* What this machine offers to a contract. */
struct ipjit_offer {
	u32 isa;
	bool return_thunk;	/* each ret has four int3 behind it */
};

/* -E2BIG, -EINVAL, -EFAULT, -ENOMEM; to be freed only if it returned 0. */
int ipjit_unit_copy(struct ipjit_unit *unit,
		    const struct ipjit_dev_install *ask,
		    const struct ipjit_offer *offer);
void ipjit_unit_free(struct ipjit_unit *unit);

/*
 * The verifier's word: 0, or -EPERM with the report filled; -EINVAL where a ret
 * has no room for the thunk.  Sleeps; holds no lock that anybody but other
 * verifications waits for.
 */
int ipjit_unit_verify(struct ipjit_unit *unit, const struct ipjit_offer *offer,
		      struct ipjit_report *report);

/* Cycles and bytes of all verifications. */
void ipjit_unit_totals(u64 *cycles, u64 *bytes);

#endif
