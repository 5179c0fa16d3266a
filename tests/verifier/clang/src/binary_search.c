/* SPDX-License-Identifier: BSD-2-Clause */
/* a branch-free search in 256 sorted words */
/* contract: max_len=65535 tables=ctx:1024@2 */
#include "filter.h"

#define STEP(n) at += t[at + (n) - 1] < key ? (n) : 0

FILTER(binary_search)
{
	const u32 *t = ctx->tables[2];
	u32 key, at = 0;

	NEED(30);
	key = be32(data + 26);
	STEP(128);
	STEP(64);
	STEP(32);
	STEP(16);
	STEP(8);
	STEP(4);
	STEP(2);
	STEP(1);
	return t[at] == key;
}
