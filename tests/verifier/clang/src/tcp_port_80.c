/* SPDX-License-Identifier: BSD-2-Clause */
/* tcp port 80 over IPv4: fragments and header length */
/* contract: max_len=65535 */
#include "filter.h"

FILTER(tcp_port_80)
{
	u64 x;

	NEED_TOO(14);
	if (be16(data + 12) != 0x800)
		return 0;
	NEED(24);
	if (data[23] != 6)
		return 0;
	if (be16(data + 20) & 0x1fff)
		return 0;
	x = 4 * (data[14] & 15);
	NEED(x + 16);
	if (be16(data + x + 14) == 80)
		return 262144;
	NEED(x + 18);
	return be16(data + x + 16) == 80 ? 262144 : 0;
}
