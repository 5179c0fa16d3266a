/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the CPU's mitigations want a return to go. */
#ifndef IPJIT_THUNK_H
#define IPJIT_THUNK_H

#include <linux/types.h>

/* The thunk that this kernel patched into its returns, or NULL: a plain ret. */
const u8 *ipjit_return_thunk(void);

#endif
