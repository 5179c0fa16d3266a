/* SPDX-License-Identifier: GPL-2.0-only */
/* What must wait for a grace period, and the thread that waits for it. */
#ifndef IPJIT_REAPER_H
#define IPJIT_REAPER_H

#include <linux/types.h>

struct ipjit_slot;
struct ipjit_version;
struct sk_filter;

int ipjit_reaper_init(void);
void ipjit_reaper_uninit(void);

/* Nothing can begin to run it any more; slot->lock is held. */
void ipjit_reap_version(struct ipjit_version *version);
/* Everything handed over before the call is freed. */
void ipjit_reaper_flush(void);

/* Drops a reference on a filter, as its last owner may have to. */
void ipjit_filter_put(struct sk_filter *filter);

/* Has the reaper's thread finish what the guard began; packet path. */
void ipjit_retreat_later(struct ipjit_slot *slot);

#endif
