/* SPDX-License-Identifier: BSD-2-Clause */
/* ports from the transport header, address from data */
/* contract: max_len=65535 max_th_len=65535 th fields=l4proto,fragoff exits=3 */
#include "filter.h"

FILTER(transport_base)
{
	if (ctx->l4proto != 6 || ctx->fragoff)
		return 0;
	TH_NEED(4);
	if (be16(ctx->th + 2) != 443)
		return 1;
	NEED(20);
	return (be32(data + 16) == 0xc0000201) + ID(1, 2);
}
