/* SPDX-License-Identifier: BSD-2-Clause */
/* forty hosts, either direction */
/* contract: max_len=65535 */
#include "filter.h"

FILTER(host_list)
{
	u32 src, dst;

	NEED(34);
	if (be16(data + 12) != 0x800)
		return 0;
	src = be32(data + 26);
	dst = be32(data + 30);
	if (src == 0xa000001 || dst == 0xa000001)
		return 65535;
	if (src == 0xb010308 || dst == 0xb010308)
		return 65535;
	if (src == 0xc02060f || dst == 0xc02060f)
		return 65535;
	if (src == 0xd030916 || dst == 0xd030916)
		return 65535;
	if (src == 0xe040c1d || dst == 0xe040c1d)
		return 65535;
	if (src == 0xf050f24 || dst == 0xf050f24)
		return 65535;
	if (src == 0x1006122b || dst == 0x1006122b)
		return 65535;
	if (src == 0x11071532 || dst == 0x11071532)
		return 65535;
	if (src == 0x12081839 || dst == 0x12081839)
		return 65535;
	if (src == 0x13091b40 || dst == 0x13091b40)
		return 65535;
	if (src == 0x140a1e47 || dst == 0x140a1e47)
		return 65535;
	if (src == 0x150b214e || dst == 0x150b214e)
		return 65535;
	if (src == 0x160c2455 || dst == 0x160c2455)
		return 65535;
	if (src == 0x170d275c || dst == 0x170d275c)
		return 65535;
	if (src == 0x180e2a63 || dst == 0x180e2a63)
		return 65535;
	if (src == 0x190f2d6a || dst == 0x190f2d6a)
		return 65535;
	if (src == 0x1a103071 || dst == 0x1a103071)
		return 65535;
	if (src == 0x1b113378 || dst == 0x1b113378)
		return 65535;
	if (src == 0x1c12367f || dst == 0x1c12367f)
		return 65535;
	if (src == 0x1d133986 || dst == 0x1d133986)
		return 65535;
	if (src == 0x1e143c8d || dst == 0x1e143c8d)
		return 65535;
	if (src == 0x1f153f94 || dst == 0x1f153f94)
		return 65535;
	if (src == 0x2016429b || dst == 0x2016429b)
		return 65535;
	if (src == 0x211745a2 || dst == 0x211745a2)
		return 65535;
	if (src == 0x221848a9 || dst == 0x221848a9)
		return 65535;
	if (src == 0x23194bb0 || dst == 0x23194bb0)
		return 65535;
	if (src == 0x241a4eb7 || dst == 0x241a4eb7)
		return 65535;
	if (src == 0x251b51be || dst == 0x251b51be)
		return 65535;
	if (src == 0x261c54c5 || dst == 0x261c54c5)
		return 65535;
	if (src == 0x271d57cc || dst == 0x271d57cc)
		return 65535;
	if (src == 0x281e5ad3 || dst == 0x281e5ad3)
		return 65535;
	if (src == 0x291f5dda || dst == 0x291f5dda)
		return 65535;
	if (src == 0x2a2060e1 || dst == 0x2a2060e1)
		return 65535;
	if (src == 0x2b2163e8 || dst == 0x2b2163e8)
		return 65535;
	if (src == 0x2c2266ef || dst == 0x2c2266ef)
		return 65535;
	if (src == 0x2d2369f6 || dst == 0x2d2369f6)
		return 65535;
	if (src == 0x2e246cfd || dst == 0x2e246cfd)
		return 65535;
	if (src == 0x2f257004 || dst == 0x2f257004)
		return 65535;
	if (src == 0x3026730b || dst == 0x3026730b)
		return 65535;
	if (src == 0x31277612 || dst == 0x31277612)
		return 65535;
	return 0;
}
