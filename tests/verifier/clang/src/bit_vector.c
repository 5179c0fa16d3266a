/* SPDX-License-Identifier: BSD-2-Clause */
/* a bitmap of ports */
/* contract: max_len=65535 tables=ctx:8192@1 */
#include "filter.h"

FILTER(bit_vector)
{
	const u32 *bits = ctx->tables[1];
	u32 port;

	NEED(38);
	port = be16(data + 36);
	return bits[port >> 5] >> (port & 31) & 1;
}
