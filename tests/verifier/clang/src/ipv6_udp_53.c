/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS over IPv6, or over IPv4 without options */
/* contract: max_len=65535 */
#include "filter.h"

FILTER(ipv6_udp_53)
{
	u32 type;

	NEED(14);
	type = be16(data + 12);
	if (type == 0x86dd) {
		NEED(58);
		return data[20] == 17 && (be16(data + 54) == 53 || be16(data + 56) == 53) ? 1 : 0;
	}
	if (type != 0x800)
		return 0;
	NEED(38);
	if (data[23] != 17 || data[14] != 0x45)
		return 0;
	return be16(data + 34) == 53 || be16(data + 36) == 53;
}
