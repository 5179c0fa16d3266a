/* SPDX-License-Identifier: BSD-2-Clause */
/* a bitmap decides which of two tables is asked */
/* contract: max_len=65535 tables=ctx:4096@0,ctx:1024@1 */
#include "filter.h"

FILTER(set_of_sets)
{
	const u8 *classes = ctx->tables[0];
	const u8 *rows = ctx->tables[1];
	u32 src, dst;

	NEED(32);
	src = be16(data + 26);
	dst = be16(data + 30);
	src = classes[INDEX(src, 4095)] & 31;
	dst = classes[INDEX(dst, 4095)] & 31;
	return rows[src * 32 + dst];
}
