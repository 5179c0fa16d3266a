/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Returns of verified code, where this CPU wants them to go through a thunk:
 * the compiler leaves four int3 behind each ret, and `ret; int3 x 4` becomes
 * `jmp thunk` once the code's address is known.
 */
#ifndef IPJIT_RETS_H
#define IPJIT_RETS_H

#include <linux/types.h>

#include "verifier/verify.h"

/*
 * Has each ret of verified code its padding?  0, or -EINVAL with offset and
 * state of the report filled.
 */
int ipjit_rets_check(const u8 *code, u32 len, u32 isa,
		     struct ipjit_report *report);

/*
 * `to` holds a copy of the `len` bytes at `code` that were verified and checked
 * as above, and will run at address `at`.  -ERANGE: the thunk is too far away.
 */
int ipjit_rets_patch(u8 *to, const u8 *code, u32 len, u32 isa, u64 at,
		     u64 thunk);

#endif
