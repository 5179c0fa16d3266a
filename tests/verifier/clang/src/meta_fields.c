/* SPDX-License-Identifier: BSD-2-Clause */
/* fields of ctx only */
/* contract: fields=mark,iif,oif,pkttype,ct_state exits=5 */
#include "filter.h"

FILTER(meta_fields)
{
	if (ctx->iif == 3 && (ctx->ct_state & 6))
		return 1;
	if ((ctx->mark & 0xff00) == 0x1200)
		return 2;
	if (ctx->oif != ctx->iif && ctx->pkttype == 0)
		return 3;
	return 4;
}
