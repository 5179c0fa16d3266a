/* SPDX-License-Identifier: BSD-2-Clause */
/* 48-bit addresses */
/* contract: max_len=65535 */
#include "filter.h"

static inline u64 mac(const u8 *p)
{
	return (u64)be32(p) << 16 | be16(p + 4);
}

FILTER(mac_list)
{
	u64 dst, src;

	NEED(12);
	dst = mac(data);
	src = mac(data + 6);
	if (dst == 0xffffffffffff || (dst >> 40 & 1))
		return 1;
	return src == 0x020000000001 || src == 0x020000000002 || dst == 0x02000000000a ? 2 : 0;
}
