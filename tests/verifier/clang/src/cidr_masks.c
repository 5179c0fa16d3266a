/* SPDX-License-Identifier: BSD-2-Clause */
/* networks of several widths */
/* contract: max_len=65535 */
#include "filter.h"

FILTER(cidr_masks)
{
	u32 a;

	NEED(30);
	if (be16(data + 12) != 0x800)
		return 0;
	a = be32(data + 26);
	if ((a & 0xff000000u) == 0xa000000u)
		return 1;
	if ((a & 0xfff00000u) == 0xac100000u)
		return 2;
	if ((a & 0xffff0000u) == 0xc0a80000u)
		return 3;
	if ((a & 0xffffff00u) == 0xc6336400u)
		return 4;
	if ((a & 0xffffff00u) == 0xcb007100u)
		return 5;
	if ((a & 0xf0000000u) == 0xe0000000u)
		return 6;
	if ((a & 0xffc00000u) == 0x64400000u)
		return 7;
	return 0;
}
