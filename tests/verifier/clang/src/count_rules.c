/* SPDX-License-Identifier: BSD-2-Clause */
/* counters, one for each rule that matched */
/* contract: max_len=65535 counters=4 exits=3 */
#include "filter.h"

FILTER(count_rules)
{
	u64 *c = ctx->counters;

	NEED(34);
	c[0]++;
	if (be32(data + 26) == 0x0a000001) {
		c[1]++;
		return 1;
	}
	if (be32(data + 30) == 0x0a000002) {
		c[2] += len;
		c[ID(3, 4)]++;
		return 2;
	}
	return 0;
}
