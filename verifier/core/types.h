/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Integer words of the checker's core: no libc, the same in kernel and library. */
#ifndef IPJIT_VERIFIER_TYPES_H
#define IPJIT_VERIFIER_TYPES_H

#include "verifier/verify.h"

#ifndef __KERNEL__
#include <stdbool.h>

typedef uint8_t u8;
typedef int8_t s8;
typedef uint16_t u16;
typedef int16_t s16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#ifndef noinline
#define noinline __attribute__((noinline))
#endif
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#endif

#define ALL_ONES (~(u64)0)

/* Lengths and offsets that matter are below this; larger ones prove nothing. */
#define MAX_REACH ((s64)1 << 48)

typedef enum ipjit_rule rule_t;

/* The largest value of `bytes` bytes. */
static inline u64 width_mask(u32 bytes)
{
	return bytes >= 8 ? ALL_ONES : ((u64)1 << (8 * bytes)) - 1;
}

/* All ones up to the highest one of x. */
static inline u64 fill_ones(u64 x)
{
	return x ? ALL_ONES >> __builtin_clzll(x) : 0;
}

static inline u32 trailing_zeros(u64 x)
{
	return x ? (u32)__builtin_ctzll(x) : 64;
}

/* All ones but for the lowest `zeros` bits. */
static inline u64 ones_above(u32 zeros)
{
	return zeros >= 64 ? 0 : ALL_ONES << zeros;
}

static inline u64 min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}

static inline u32 min_u32(u32 a, u32 b)
{
	return a < b ? a : b;
}

#endif
