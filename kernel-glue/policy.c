// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policy: one word that every settled slot follows.
 *
 * A change stores the word and then settles all slots; a slot that is entered
 * meanwhile either is found here or reads the new word.  After a grace period no
 * CPU runs what the old word allowed.
 */
#include <linux/mutex.h>
#include <linux/rcupdate.h>

#include "event.h"
#include "module.h"
#include "reaper.h"
#include "slot.h"
#include "socket.h"

#define SHADOW BIT(8)
#define PAUSED BIT(9)
#define MODE_MASK 0xff

static DEFINE_MUTEX(lock);
static u32 word = IPJIT_DEV_OFF;

struct ipjit_policy ipjit_policy_get(void)
{
	u32 now = READ_ONCE(word);

	return (struct ipjit_policy){
		.mode = now & MODE_MASK,
		.shadow = now & SHADOW,
		.paused = now & PAUSED,
	};
}

static void settle_all(bool give_back)
{
	struct ipjit_slot *slot;
	u64 id;

	for (id = 0; (slot = ipjit_slot_next(id)); ipjit_slot_put(slot)) {
		id = slot->id;
		if (give_back) {
			ipjit_slot_give_back(slot);
			continue;
		}
		mutex_lock(&slot->lock);
		ipjit_slot_settle(slot);
		mutex_unlock(&slot->lock);
	}
}

int ipjit_policy_set(const struct ipjit_policy *policy)
{
	bool was_off;

	if (policy->mode > IPJIT_DEV_ON)
		return -EINVAL;
	if (!ipjit_enabled && policy->mode != IPJIT_DEV_OFF)
		return -EPERM;
	mutex_lock(&lock);
	was_off = (word & MODE_MASK) == IPJIT_DEV_OFF;
	WRITE_ONCE(word, policy->mode | (policy->shadow ? SHADOW : 0) |
				 (policy->paused ? PAUSED : 0));
	smp_mb(); /* pairs with start() in slot.c: who is not found here reads it */
	settle_all(policy->mode == IPJIT_DEV_OFF);
	mutex_unlock(&lock);
	synchronize_rcu();
	ipjit_event_post(IPJIT_DEV_POLICY, 0, 0);
	if (policy->mode == IPJIT_DEV_OFF)
		ipjit_reaper_flush();
	else if (was_off)
		ipjit_socket_sweep();
	return 0;
}
