/* SPDX-License-Identifier: BSD-2-Clause */
/* ranges of ports as a tree */
/* contract: max_len=65535 */
#include "filter.h"

FILTER(port_ranges)
{
	u32 p;

	NEED(36);
	p = be16(data + 34);
	if (p < 1024) {
		if (p >= 20 && p <= 25)
			return 1;
		return p >= 135 && p <= 139 ? 2 : 0;
	}
	if (p < 32768)
		return p >= 6000 && p <= 6063 ? 3 : p == 8080 ? 4 : 0;
	return p < 61000 ? 5 : 6;
}
