/* SPDX-License-Identifier: GPL-2.0-only */
/* What an administrator may change: each verb of uapi/ipjit.h beyond 0x40. */
#ifndef IPJIT_POLICY_H
#define IPJIT_POLICY_H

#include "uapi/ipjit.h"

/* -EINVAL for a word out of range.  They return when no CPU runs what they forbid. */
int ipjit_policy_mode(u32 mode);
int ipjit_policy_shadow(u32 on);
int ipjit_policy_pause(u32 on);

/* -ENOENT, -EINVAL */
int ipjit_policy_evict(const struct ipjit_dev_target *target);

#endif
