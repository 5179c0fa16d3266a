/* SPDX-License-Identifier: BSD-2-Clause */
/* ids recorded on the way, then their count */
/* contract: max_len=65535 actions=3 exits=2 */
#include "filter.h"

FILTER(record_actions)
{
	struct ipjit_actions *a = ctx->actions;
	u64 n = 0;

	NEED(24);
	if (data[23] == 6)
		a->id[n++] = 11;
	if (data[22] < 5)
		a->id[n++] = 12;
	if (be16(data + 12) == 0x800)
		a->id[n++] = 13;
	a->count = n;
	return ID(1, 2);
}
