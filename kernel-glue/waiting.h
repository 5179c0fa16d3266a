/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets of a filter that has no code yet: counted, and sampled for a profile. */
#ifndef IPJIT_WAITING_H
#define IPJIT_WAITING_H

#include <linux/bpf.h>
#include <linux/skbuff.h>

struct ipjit_version;

/* A trampoline jumps here; see compare.h. */
unsigned int ipjit_packet_wait(const struct sk_buff *skb,
			       const struct bpf_insn *insns,
			       struct ipjit_version *version);

#endif
