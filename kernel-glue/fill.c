// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fields of ctx from an skb, with exactly the meaning that the kernel's classic
 * filters give to SKF_AD_* (net/core/filter.c, convert_bpf_extensions() and
 * convert_skb_access()): what lies in the skb is read as it is.  The hash is
 * not computed, the queue is the raw mapping, the VLAN tag has all 16 bits.
 *
 * One case has no value: the kernel's code leaves a filter that asks for the
 * device of a packet without one, and returns what A holds then.  Code that got
 * a number could not tell, so such a packet is passed on.
 */
#include "fill.h"

#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/smp.h>

#define HAS(field) (fields & BIT_ULL(IPJIT_FIELD_##field))

bool ipjit_fill(struct ipjit_ctx *ctx, const struct sk_buff *skb, u64 fields)
{
	if (HAS(wire_len))
		ctx->wire_len = skb->len;
	if (HAS(net_off))
		ctx->net_off = skb_network_offset(skb);
	if (HAS(protocol))
		ctx->protocol = ntohs(skb->protocol);
	if (HAS(pkttype))
		ctx->pkttype = skb->pkt_type;
	if (HAS(mark))
		ctx->mark = skb->mark;
	if (HAS(queue))
		ctx->queue = skb->queue_mapping;
	if (HAS(rxhash))
		ctx->rxhash = skb->hash;
	if (HAS(cpu))
		ctx->cpu = raw_smp_processor_id();
	if (HAS(vlan_tci))
		ctx->vlan_tci = skb->vlan_tci;
	if (HAS(vlan_present))
		ctx->vlan_present = skb_vlan_tag_present(skb);
	if (HAS(vlan_proto))
		ctx->vlan_proto = ntohs(skb->vlan_proto);
	if (!HAS(ifindex) && !HAS(hatype))
		return true;
	ctx->ifindex = skb->dev ? skb->dev->ifindex : 0;
	ctx->hatype = skb->dev ? skb->dev->type : 0;
	return skb->dev;
}
