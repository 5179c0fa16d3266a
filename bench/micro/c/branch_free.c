/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filters that mispredict, in the shape that this traffic wants: one branch
 * asks for the usual frame (untagged IPv4 without options, of legal length),
 * which nearly every packet is; behind it every field is loaded and tested, and
 * the tests are joined with `&` and `|`.  Anything else goes to the plain form.
 *
 * This is the limit that tier 2 is held against.  Fewer instructions matter as
 * much as no mispredictions: a processor looks some 500 instructions ahead, and
 * the shorter a packet's share, the more packets have their misses under way.
 * A form without even the guard, which chose between IPv4, options and IPv6 by
 * masks, was slower than the plain one.
 */
#include <immintrin.h>

#include "bench/micro/c/frame.h"

enum { SHORTEST_FRAME = 60 };	/* without the checksum */

#define PLAIN(id) uint64_t plain_##id(const uint8_t *p, uint64_t len, const void *ctx)
PLAIN(c);
PLAIN(d);
PLAIN(f);
PLAIN(g);
PLAIN(h);
PLAIN(j);

/* Offsets behind an IP header of 20 bytes. */
enum { AT_SPORT = 34, AT_DPORT = 36, AT_TCP_OFFSET = 46, AT_TCP_FLAGS = 47 };

#define RAW(value) __builtin_bswap16(value)	/* as it lies in the packet */

static inline uint32_t raw16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* Type, version and header length in one load. */
static inline bool usual(const uint8_t *p, uint64_t len)
{
	return __builtin_expect(len >= SHORTEST_FRAME && (le32(p + AT_TYPE) & 0xffffff) == 0x450008,
				1);
}

/* TCP and the first fragment, in one load: bytes 20 and 21 fragment, 23 protocol. */
static inline uint32_t is_first_tcp(const uint8_t *p)
{
	return (le32(p + AT_IP_FRAGMENT) & 0xff00ff1f) == (uint32_t)TCP << 24;
}

static inline uint32_t has_port_80(const uint8_t *p)
{
	return (raw16(p + AT_SPORT) == RAW(80)) | (raw16(p + AT_DPORT) == RAW(80));
}

static inline uint64_t accept_if(uint32_t condition)
{
	return (uint64_t)condition * ACCEPT;
}

FILTER(c)
{
	if (!usual(p, len))
		return plain_c(p, len, ctx);
	return accept_if(is_first_tcp(p) & has_port_80(p));
}

FILTER(d)
{
	if (!usual(p, len))
		return plain_d(p, len, ctx);
	return accept_if(is_first_tcp(p) & ((p[AT_TCP_FLAGS] & 3) != 0) &
			 ((p[AT_IP_SRC] != 10) | (p[AT_IP_DST] != 10)));
}

FILTER(f)
{
	static const uint8_t has_ports[256] = { [TCP] = 1, [UDP] = 1, [SCTP] = 1 };

	if (!usual(p, len))
		return plain_f(p, len, ctx);
	return accept_if(has_ports[p[AT_IP_PROTOCOL]] &
			 ((raw16(p + AT_IP_FRAGMENT) & RAW(0x1fff)) == 0) &
			 ((be16(p + AT_SPORT) <= 6000) | (be16(p + AT_DPORT) <= 6000)));
}

FILTER(j)
{
	if (!usual(p, len))
		return plain_j(p, len, ctx);
	return accept_if(is_first_tcp(p) & has_port_80(p) &
			 (be16(p + AT_IP_LEN) - 20 != (p[AT_TCP_OFFSET] & 0xf0) >> 2));
}

/* Four slots for each hash value; empty ones hold an address of another bucket. */
#include "hosts_buckets.inc"

/* All bits of a lane where the address (as it lies in the packet) is in its bucket. */
static inline __m128i listed(uint32_t host, const uint32_t (*buckets)[4], uint32_t seed, int bits)
{
	const void *bucket = buckets[host * seed >> (32 - bits)];

	return _mm_cmpeq_epi32(_mm_set1_epi32((int)host), _mm_load_si128(bucket));
}

static inline uint64_t hosts(const uint8_t *p, const uint32_t (*buckets)[4], uint32_t seed,
			     int bits)
{
	const __m128i src = listed(le32(p + AT_IP_SRC), buckets, seed, bits);
	const __m128i dst = listed(le32(p + AT_IP_DST), buckets, seed, bits);
	const __m128i any = _mm_or_si128(src, dst);

	return accept_if(!_mm_testz_si128(any, any));
}

FILTER(g)
{
	if (!usual(p, len))
		return plain_g(p, len, ctx);
	return hosts(p, buckets_100, SEED_100, BITS_100);
}

FILTER(h)
{
	if (!usual(p, len))
		return plain_h(p, len, ctx);
	return hosts(p, buckets_1000, SEED_1000, BITS_1000);
}
