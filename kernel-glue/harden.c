// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scan for chosen constants.
 *
 * Any four bytes in a row count, at any offset: a jump into the middle of an
 * instruction is the attack.  What fits in 16 bits, with zeros or ones before
 * it, in either byte order, does not count: small numbers, masks and ports are
 * in every program, and two chosen bytes between two fixed ones carry no useful
 * chain.  The constants are sorted, so the cost is code bytes x log(constants).
 */
#include "harden.h"

#include <linux/bsearch.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/string.h>

static int compare_u32(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

static bool is_small(u32 k)
{
	return k <= 0xffff || ~k <= 0xffff;
}

static u32 collect(u32 *to, const struct sock_filter *insns, u32 nr)
{
	u32 i, n = 0;

	for (i = 0; i < nr; i++) {
		u32 k = insns[i].k;

		if (is_small(k) || is_small(swab32(k)))
			continue;
		to[n++] = k;
		to[n++] = swab32(k);
	}
	sort(to, n, sizeof(*to), compare_u32, NULL);
	return n;
}

int ipjit_harden_scan(const struct sock_filter *insns, u32 nr, const u8 *code,
		      u32 code_len, struct ipjit_hardened_hit *hit)
{
	u32 *constant, n, at;
	int found = 0;

	if (!nr)
		return 0;
	constant = kvmalloc_array(nr, 2 * sizeof(*constant), GFP_KERNEL);
	if (!constant)
		return -ENOMEM;
	n = collect(constant, insns, nr);
	for (at = 0; n && at + 4 <= code_len; at++) {
		u32 here;

		memcpy(&here, code + at, sizeof(here));
		if (!(at % 4096))
			cond_resched();
		if (!bsearch(&here, constant, n, sizeof(here), compare_u32))
			continue;
		*hit = (struct ipjit_hardened_hit){here, at};
		found = 1;
		break;
	}
	kvfree(constant);
	return found;
}
