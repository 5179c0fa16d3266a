/* SPDX-License-Identifier: BSD-2-Clause */
/* up to two VLAN tags move everything behind them */
/* contract: max_len=65535 */
#include "filter.h"

FILTER(vlan)
{
	u64 at = 12;

	NEED(at + 2);
	if (be16(data + at) == 0x8100 || be16(data + at) == 0x88a8) {
		at += 4;
		NEED(at + 2);
		if (be16(data + at) == 0x8100) {
			at += 4;
			NEED(at + 2);
		}
	}
	if (be16(data + at) != 0x800)
		return 0;
	NEED(at + 2 + 20);
	return data[at + 2 + 9] == 1 ? 96 : data[at + 2 + 19];
}
