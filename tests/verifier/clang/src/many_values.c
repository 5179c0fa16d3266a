/* SPDX-License-Identifier: BSD-2-Clause */
/* more values alive than registers */
/* contract: max_len=65535 stack=160 */
#include "filter.h"

FILTER(many_values)
{
	u64 a[18], sum = 0, x = 0;
	u32 i;

	NEED(144);
#pragma clang loop unroll(full)
	for (i = 0; i < 18; i++)
		a[i] = be64(data + 8 * i);
#pragma clang loop unroll(full)
	for (i = 0; i < 18; i++) {
		sum += a[i] * a[(7 * i + 3) % 18];
		x ^= a[i] >> (a[(5 * i + 1) % 18] & 31);
	}
	if (sum < x)
		return (u32)(a[0] ^ a[17]);
#pragma clang loop unroll(full)
	for (i = 0; i < 18; i++)
		sum = (sum ^ a[17 - i]) * 3;
	return (u32)sum;
}
