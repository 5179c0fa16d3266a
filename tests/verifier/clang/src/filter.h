/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words for the filters in this folder.
 *
 * NEED, TH_NEED, INDEX and ID are numbered in the order of the source.  The one
 * with number WEAK is compiled one byte (or one bit) too weak, the one with
 * number GONE not at all; generate.sh makes a mutant of each, which the verifier
 * must refuse.
 */
#ifndef FILTER_H
#define FILTER_H

#include "ipjit/abi.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#ifndef WEAK
#define WEAK -1
#endif
#ifndef GONE
#define GONE -1
#endif

#define FILTER(name) \
	u64 name(const u8 *data, u64 len, const struct ipjit_ctx *ctx)

struct una16 { u16 v; } __attribute__((packed, aligned(1), may_alias));
struct una32 { u32 v; } __attribute__((packed, aligned(1), may_alias));
struct una64 { u64 v; } __attribute__((packed, aligned(1), may_alias));

static inline u32 be16(const u8 *p) { return __builtin_bswap16(((const struct una16 *)p)->v); }
static inline u32 be32(const u8 *p) { return __builtin_bswap32(((const struct una32 *)p)->v); }
static inline u64 be64(const u8 *p) { return __builtin_bswap64(((const struct una64 *)p)->v); }

#define CHECK(end, length, id)                                                    \
	do {                                                                      \
		if ((id) != GONE &&                                               \
		    __builtin_expect((u64)(end) - ((id) == WEAK) > (length), 0))  \
			return 0;                                                 \
	} while (0)

/* Leaves with 0 unless `end` bytes are readable. */
#define NEED(end) CHECK(end, len, __COUNTER__)
/* The same, where another check covers what is read behind it. */
#define NEED_TOO(end) CHECK(end, len, -2)
#define TH_NEED(end) CHECK(end, ctx->th_len, __COUNTER__)

/* x limited to mask, which is one less than a power of two. */
#define MASK_OF(mask, id) ((id) == GONE ? ~0u : (id) == WEAK ? 2u * (mask) + 1 : (mask))
#define INDEX(x, mask) ((x) & MASK_OF(mask, __COUNTER__))

/* An id below a limit. */
#define ID_OF(id, limit, n) ((n) == WEAK || (n) == GONE ? (limit) : (id))
#define ID(id, limit) ID_OF(id, limit, __COUNTER__)

#endif
