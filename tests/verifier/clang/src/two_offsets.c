/* SPDX-License-Identifier: BSD-2-Clause */
/* the sum of two variable offsets */
/* contract: max_len=65535 */
#include "filter.h"

FILTER(two_offsets)
{
	u64 x, y;

	NEED(16);
	x = data[14];
	y = data[15] & 0x3c;
	NEED(x + y + 20);
	return be16(data + x + y + 18) ^ be16(data + x + 2) ^ be32(data + y + 4);
}
