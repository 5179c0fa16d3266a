/* SPDX-License-Identifier: BSD-2-Clause */
/* one extension header of variable length */
/* contract: max_len=65535 */
#include "filter.h"

FILTER(ipv6_extension)
{
	u64 at = 54;

	NEED(56);
	if (be16(data + 12) != 0x86dd || data[20] != 0)
		return 0;
	at += 8 * ((u64)data[55] + 1);
	NEED(at + 4);
	return data[54] == 6 && be16(data + at + 2) == 22;
}
