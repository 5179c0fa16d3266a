/* SPDX-License-Identifier: BSD-2-Clause */
/* division and remainder by a number of the packet */
/* contract: max_len=65535 */
#include "filter.h"

FILTER(divide)
{
	u32 a, b;

	NEED(8);
	a = be32(data);
	b = be32(data + 4);
	if (ID(b, 1) == 0)
		return 0;
	return a / b + a % b;
}
