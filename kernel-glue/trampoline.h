/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few instructions between the kernel's call of a filter and verified code:
 * written for each version by the module, never by the daemon.
 */
#ifndef IPJIT_TRAMPOLINE_H
#define IPJIT_TRAMPOLINE_H

#include <linux/types.h>

#include "slot.h"

/*
 * Writes version->code: trampolines of all kinds, then `code`, which is verified
 * against version->contract (a waiting version has none).  version->slot, count
 * and table are set; sets code, entry and trampoline.  May sleep; -ENOSPC,
 * -ENOMEM, -EINVAL.
 */
int ipjit_trampoline_write(struct ipjit_version *version, const u8 *code,
			   u32 code_len);

#endif
