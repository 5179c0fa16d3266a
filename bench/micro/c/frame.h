/* SPDX-License-Identifier: BSD-2-Clause */
/* What the C forms of the filters share: names of the functions, offsets, loads. */
#ifndef BENCH_C_FRAME_H
#define BENCH_C_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Each form of a filter is compiled several times, under a prefix of its own. */
#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#define FILTER(id) \
	uint64_t JOIN(PREFIX, id)(const uint8_t *p, uint64_t len, const void *ctx)

enum { ACCEPT = 262144, DROP = 0 };
enum { ETH_IP = 0x0800, ETH_ARP = 0x0806, ETH_RARP = 0x8035, ETH_IP6 = 0x86dd };
enum { TCP = 6, UDP = 17, SCTP = 132 };

/* Offsets in an untagged Ethernet frame. */
enum {
	AT_TYPE = 12,
	AT_IP = 14,
	AT_IP_LEN = 16,
	AT_IP_FRAGMENT = 20,
	AT_IP_PROTOCOL = 23,
	AT_IP_SRC = 26,
	AT_IP_DST = 30,
	AT_ARP_SRC = 28,
	AT_ARP_DST = 38,
	AT_IP6_NEXT = 20,
	AT_IP6_PAYLOAD = 54,
};

static inline uint16_t be16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return __builtin_bswap16(v);
}

static inline uint32_t be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return __builtin_bswap32(v);
}

static inline uint32_t le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t ip_header_len(const uint8_t *p)
{
	return 4u * (p[AT_IP] & 15u);
}

#endif
