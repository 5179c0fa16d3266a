/* SPDX-License-Identifier: BSD-2-Clause */
/* a value behind each key of the bucket */
/* contract: max_len=65535 tables=ctx:8192@5 */
#include "filter.h"

FILTER(verdict_map)
{
	const u32 *t = ctx->tables[5];
	u32 key, at, v;

	NEED(34);
	key = be32(data + 30) ^ data[23];
	at = INDEX((key * 0x85ebca6bu) >> 20, 255) * 8;
	v = t[at] == key ? t[at + 4] : t[at + 1] == key ? t[at + 5] :
	    t[at + 2] == key ? t[at + 6] : t[at + 3] == key ? t[at + 7] : 0;
	return v;
}
