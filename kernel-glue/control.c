// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policy verbs.  Each changes one word of three, so they take turns: two that
 * read, changed and wrote at the same time could lose one of the changes.
 */
#include "control.h"

#include <linux/errno.h>
#include <linux/mutex.h>

#include "slot.h"
#include "socket.h"

/* Outermost: outside the locks of slot.h. */
static DEFINE_MUTEX(verbs);

static int set(const struct ipjit_policy *to)
{
	const struct ipjit_policy now = ipjit_policy_get();

	if (now.mode == to->mode && now.shadow == to->shadow &&
	    now.paused == to->paused)
		return 0;
	return ipjit_policy_set(to);
}

/* One word of the policy becomes `value`. */
static int change(u32 word, u32 value, u32 most)
{
	struct ipjit_policy to;
	int err;

	if (value > most)
		return -EINVAL;
	if (mutex_lock_interruptible(&verbs))
		return -EINTR;
	to = ipjit_policy_get();
	switch (word) {
	case IPJIT_IOC_MODE:
		to.mode = value;
		break;
	case IPJIT_IOC_SHADOW:
		to.shadow = value;
		break;
	case IPJIT_IOC_PAUSE:
		to.paused = value;
		break;
	}
	err = set(&to);
	mutex_unlock(&verbs);
	return err;
}

int ipjit_control_mode(u32 mode)
{
	return change(IPJIT_IOC_MODE, mode, IPJIT_DEV_ON);
}

int ipjit_control_shadow(u32 on)
{
	return change(IPJIT_IOC_SHADOW, on, 1);
}

int ipjit_control_pause(u32 on)
{
	return change(IPJIT_IOC_PAUSE, on, 1);
}

int ipjit_control_evict(const struct ipjit_dev_target *target)
{
	struct ipjit_slot *slot;
	int err;

	if (target->version)
		return -EINVAL;
	slot = ipjit_slot_get(target->id);
	if (!slot)
		return -ENOENT;
	if (!(READ_ONCE(slot->flags) & IPJIT_DEV_EVICTED))
		ipjit_left_count(IPJIT_DEV_LEFT_evicted);
	err = ipjit_slot_evict(slot, true);
	ipjit_slot_put(slot);
	return err;
}
