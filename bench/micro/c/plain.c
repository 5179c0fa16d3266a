/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ten filters as a C programmer writes them: look at a field, decide, look
 * at the next.  A byte beyond the packet means "no", as in libpcap.
 *
 * Compiled twice by clang -O3: as it is, and with the profile of a run over the
 * packets that the benchmark measures with (PGO).
 */
#include "bench/micro/c/frame.h"

static inline bool first_fragment(const uint8_t *p)
{
	return (be16(p + AT_IP_FRAGMENT) & 0x1fff) == 0;
}

/* Offset of the transport header if the protocol is `wanted`, else 0. */
static inline uint64_t transport(const uint8_t *p, uint64_t len, bool (*wanted)(uint8_t))
{
	if (len < AT_IP6_NEXT + 1)
		return 0;
	if (be16(p + AT_TYPE) == ETH_IP) {
		if (len < AT_IP_PROTOCOL + 1 || !wanted(p[AT_IP_PROTOCOL]) || !first_fragment(p))
			return 0;
		return AT_IP + ip_header_len(p);
	}
	if (be16(p + AT_TYPE) == ETH_IP6 && wanted(p[AT_IP6_NEXT]))
		return AT_IP6_PAYLOAD;
	return 0;
}

static bool is_tcp(uint8_t protocol)
{
	return protocol == TCP;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == TCP || protocol == UDP || protocol == SCTP;
}

/* a: everything */
FILTER(a)
{
	(void)p, (void)len, (void)ctx;
	return ACCEPT;
}

/* b: ip */
FILTER(b)
{
	(void)ctx;
	return len >= AT_IP && be16(p + AT_TYPE) == ETH_IP ? ACCEPT : DROP;
}

/* c: tcp port 80 */
FILTER(c)
{
	const uint64_t at = transport(p, len, is_tcp);

	(void)ctx;
	if (at == 0 || len < at + 4)
		return DROP;
	return be16(p + at) == 80 || be16(p + at + 2) == 80 ? ACCEPT : DROP;
}

/* d: tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 10.0.0.0/8 */
FILTER(d)
{
	uint64_t tcp;

	(void)ctx;
	if (len < AT_IP_DST + 4 || be16(p + AT_TYPE) != ETH_IP || p[AT_IP_PROTOCOL] != TCP ||
	    !first_fragment(p))
		return DROP;
	tcp = AT_IP + ip_header_len(p);
	if (len < tcp + 14 || (p[tcp + 13] & 3) == 0)
		return DROP;
	return p[AT_IP_SRC] == 10 && p[AT_IP_DST] == 10 ? DROP : ACCEPT;
}

static inline bool web(uint16_t port)
{
	return port == 80 || port == 443 || port == 8080;
}

/* e: host 192.168.1.1 and (port 80 or port 443 or port 8080) */
FILTER(e)
{
	const uint32_t host = 0xc0a80101;
	uint64_t at;

	(void)ctx;
	if (len < AT_IP_DST + 4 || be16(p + AT_TYPE) != ETH_IP)
		return DROP;
	if (be32(p + AT_IP_SRC) != host && be32(p + AT_IP_DST) != host)
		return DROP;
	if (!has_ports(p[AT_IP_PROTOCOL]) || !first_fragment(p))
		return DROP;
	at = AT_IP + ip_header_len(p);
	if (len < at + 4)
		return DROP;
	return web(be16(p + at)) || web(be16(p + at + 2)) ? ACCEPT : DROP;
}

/* f: portrange 0-6000 */
FILTER(f)
{
	const uint64_t at = transport(p, len, has_ports);

	(void)ctx;
	if (at == 0 || len < at + 4)
		return DROP;
	return be16(p + at) <= 6000 || be16(p + at + 2) <= 6000 ? ACCEPT : DROP;
}

static inline bool listed_100(uint32_t host)
{
	switch (host) {
#define HOST(address) case address:
#include "hosts_100.inc"
		return true;
	}
	return false;
}

static inline bool listed_1000(uint32_t host)
{
	switch (host) {
#include "hosts_1000.inc"
#undef HOST
		return true;
	}
	return false;
}

static inline uint64_t hosts(const uint8_t *p, uint64_t len, bool (*listed)(uint32_t))
{
	if (len < AT_ARP_DST + 4)
		return DROP;
	switch (be16(p + AT_TYPE)) {
	case ETH_IP:
		return listed(be32(p + AT_IP_SRC)) || listed(be32(p + AT_IP_DST)) ? ACCEPT : DROP;
	case ETH_ARP:
	case ETH_RARP:
		return listed(be32(p + AT_ARP_SRC)) || listed(be32(p + AT_ARP_DST)) ? ACCEPT : DROP;
	}
	return DROP;
}

/* g: 100 hosts */
FILTER(g)
{
	(void)ctx;
	return hosts(p, len, listed_100);
}

/* h: 1,000 hosts */
FILTER(h)
{
	(void)ctx;
	return hosts(p, len, listed_1000);
}

/* i: ip6 and tcp dst port 443 */
FILTER(i)
{
	(void)ctx;
	if (len < AT_IP6_PAYLOAD + 4 || be16(p + AT_TYPE) != ETH_IP6 || p[AT_IP6_NEXT] != TCP)
		return DROP;
	return be16(p + AT_IP6_PAYLOAD + 2) == 443 ? ACCEPT : DROP;
}

/* j: tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0) */
FILTER(j)
{
	uint64_t tcp;
	uint32_t payload;

	(void)ctx;
	if (len < AT_IP_PROTOCOL + 1 || be16(p + AT_TYPE) != ETH_IP || p[AT_IP_PROTOCOL] != TCP ||
	    !first_fragment(p))
		return DROP;
	tcp = AT_IP + ip_header_len(p);
	if (len < tcp + 13 || (be16(p + tcp) != 80 && be16(p + tcp + 2) != 80))
		return DROP;
	payload = be16(p + AT_IP_LEN) - 4u * (p[AT_IP] & 15u) - ((p[tcp + 12] & 0xf0u) >> 2);
	return payload != 0 ? ACCEPT : DROP;
}
