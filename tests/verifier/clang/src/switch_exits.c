/* SPDX-License-Identifier: BSD-2-Clause */
/* a switch over protocols to exit ids */
/* contract: max_len=65535 exits=9 */
#include "filter.h"

FILTER(switch_exits)
{
	NEED(24);
	switch (data[23]) {
	case 1: return 1;
	case 2: return 7;
	case 6: return 2;
	case 17: return 3;
	case 41: return 5;
	case 47: return 5;
	case 50: return 6;
	case 58: return 4;
	case 89: return 7;
	case 132: return ID(8, 9);
	default: return 0;
	}
}
