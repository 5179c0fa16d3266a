/* SPDX-License-Identifier: BSD-2-Clause */
/* every operator on words of the packet */
/* contract: max_len=65535 */
#include "filter.h"

FILTER(arithmetic)
{
	u32 a, b, c;

	NEED(12);
	a = be32(data);
	b = be32(data + 4);
	c = be32(data + 8);
	a = (a + b) * 7 - (c >> 3) + (b << (a & 31));
	b = (b ^ a) | (c & 0xf0f0f0f0);
	c = -c + (u32)(a < b) + (u32)__builtin_popcount(0) + (a >> (b & 31));
	return (a ^ b ^ c) + (u32)(((u64)a * b) >> 32);
}
