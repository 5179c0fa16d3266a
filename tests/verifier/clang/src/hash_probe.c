/* SPDX-License-Identifier: BSD-2-Clause */
/* a bucket of four keys in a table behind ctx */
/* contract: max_len=65535 tables=ctx:16384@0 */
#include "filter.h"

FILTER(hash_probe)
{
	const u32 *bucket;
	u32 key;

	NEED(34);
	if (be16(data + 12) != 0x800)
		return 0;
	key = be32(data + 30);
	bucket = (const u32 *)ctx->tables[0] + 4 * INDEX((key * 0x9e3779b1u) >> 16, 1023);
	return (bucket[0] == key) | (bucket[1] == key) | (bucket[2] == key) | (bucket[3] == key);
}
