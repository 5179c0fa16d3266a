/* SPDX-License-Identifier: GPL-2.0-only */
/* How many filters may be taken over: of one user, and in all. */
#ifndef IPJIT_QUOTA_H
#define IPJIT_QUOTA_H

#include <linux/types.h>

/*
 * A place for one more filter of a user; may not sleep.
 * 0, -EDQUOT (the user has as many as one may have), -ENOSPC (in all), -ENOMEM.
 */
int ipjit_quota_take(u32 uid);
void ipjit_quota_give(u32 uid);

#endif
