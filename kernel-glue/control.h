/* SPDX-License-Identifier: GPL-2.0-only */
/* What an administrator may change: each verb of uapi/ipjit.h beyond 0x40. */
#ifndef IPJIT_CONTROL_H
#define IPJIT_CONTROL_H

#include "uapi/ipjit.h"

/* -EINVAL out of range.  They return when no CPU runs what they forbid. */
int ipjit_control_mode(u32 mode);
int ipjit_control_shadow(u32 on);
int ipjit_control_pause(u32 on);

/* -ENOENT, -EINVAL */
int ipjit_control_evict(const struct ipjit_dev_target *target);

#endif
