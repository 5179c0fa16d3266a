/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP type by a mask of types */
/* contract: max_len=65535 */
#include "filter.h"

FILTER(icmp_types)
{
	u64 x;
	u32 type;

	NEED(24);
	if (be16(data + 12) != 0x800 || data[23] != 1)
		return 0;
	x = 4 * (data[14] & 15);
	NEED(x + 15);
	type = data[x + 14];
	return type < 32 && (0x1839u >> type & 1) ? 262144 : 0;
}
