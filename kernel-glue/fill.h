/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fields of a packet's ctx, as the kernel's own classic filters see them
 * (net/core/filter.c: convert_bpf_extensions()).
 */
#ifndef IPJIT_FILL_H
#define IPJIT_FILL_H

#include <linux/bits.h>
#include <linux/skbuff.h>

#include "ipjit/abi.h"

/* What a contract may declare in the kernel. */
#define IPJIT_FILL_FIELDS                                                      \
	(BIT_ULL(IPJIT_FIELD_wire_len) | BIT_ULL(IPJIT_FIELD_net_off) |        \
	 BIT_ULL(IPJIT_FIELD_protocol) | BIT_ULL(IPJIT_FIELD_pkttype) |        \
	 BIT_ULL(IPJIT_FIELD_ifindex) | BIT_ULL(IPJIT_FIELD_hatype) |          \
	 BIT_ULL(IPJIT_FIELD_mark) | BIT_ULL(IPJIT_FIELD_queue) |              \
	 BIT_ULL(IPJIT_FIELD_rxhash) | BIT_ULL(IPJIT_FIELD_cpu) |              \
	 BIT_ULL(IPJIT_FIELD_vlan_tci) | BIT_ULL(IPJIT_FIELD_vlan_present) |   \
	 BIT_ULL(IPJIT_FIELD_vlan_proto))

/*
 * Fills the declared fields.  False: one of them has no value for this packet
 * (ifindex, hatype of a packet without a device), so the kernel's own code must
 * decide about it.  Packet path.
 */
bool ipjit_fill(struct ipjit_ctx *ctx, const struct sk_buff *skb, u64 fields);

#endif
