// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places for filters.
 *
 * A filter has one from when it is found until its slot is gone, so what waits to
 * be taken over is bounded too.  Unlike bytes (budget.c) places are counted here:
 * they are asked for by every attach, which must not be slower for there being
 * many filters.
 *
 * A user may have only some of them, so that one who opens thousands of sockets
 * takes nothing from others; and the last of all are for root, so that many users
 * together (one may own many uids, by a user namespace) cannot either.
 */
#include "quota.h"

#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/xarray.h>

#include "budget.h"

/* Each costs a trampoline, per-CPU memory and a look every sweep. */
#define PLACES 4096
#define KEPT_PLACES 1024	/* of these, for uid 0 */

static DEFINE_XARRAY(users);	/* filters by uid, as value entries */
static u32 taken;		/* in all; under the array's lock */

static int set_user(u32 uid, unsigned long count)
{
	void *entry = count ? xa_mk_value(count) : NULL;

	return xa_err(__xa_store(&users, uid, entry,
				 GFP_ATOMIC | __GFP_NOWARN));
}

int ipjit_quota_take(u32 uid)
{
	u64 most = ipjit_budget_filters_user();
	unsigned long count;
	int err;

	xa_lock(&users);
	count = xa_to_value(xa_load(&users, uid));
	if (count >= most)
		err = -EDQUOT;
	else if (taken >= (uid ? PLACES - KEPT_PLACES : PLACES))
		err = -ENOSPC;
	else
		err = set_user(uid, count + 1);
	if (!err)
		taken++;
	xa_unlock(&users);
	return err;
}

/* A smaller number in place of another needs no memory. */
void ipjit_quota_give(u32 uid)
{
	int err;

	xa_lock(&users);
	err = set_user(uid, xa_to_value(xa_load(&users, uid)) - 1);
	taken--;
	xa_unlock(&users);
	WARN_ON(err);
}
