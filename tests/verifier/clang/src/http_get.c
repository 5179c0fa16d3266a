/* SPDX-License-Identifier: BSD-2-Clause */
/* the first bytes behind a TCP header with options */
/* contract: max_len=65535 */
#include "filter.h"

FILTER(http_get)
{
	u64 ip, tcp;

	NEED(24);
	if (be16(data + 12) != 0x800 || data[23] != 6)
		return 0;
	ip = 14 + 4 * (data[14] & 15);
	NEED(ip + 13);
	tcp = ip + ((data[ip + 12] >> 4) << 2);
	NEED(tcp + 4);
	return be32(data + tcp) == 0x47455420;
}
