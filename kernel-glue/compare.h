/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where trampolines go with a packet that is more than filtered: sampled,
 * compared with the kernel's own code, counted against the guard.
 *
 * A trampoline jumps here (a tail call: rdi and rsi as bpf_func got them, rdx
 * the version), so what returns is the verdict of the packet.
 */
#ifndef IPJIT_COMPARE_H
#define IPJIT_COMPARE_H

#include <linux/bpf.h>
#include <linux/skbuff.h>

struct ipjit_version;

/* ON: ours decides; sampled. */
unsigned int ipjit_packet_on(const struct sk_buff *skb,
			     const struct bpf_insn *insns,
			     struct ipjit_version *version);
/* OBSERVE: the kernel's decides; both run, compared, sampled. */
unsigned int ipjit_packet_observe(const struct sk_buff *skb,
				  const struct bpf_insn *insns,
				  struct ipjit_version *version);
/* SHADOW: every packet comes here; both run, the kernel's decides. */
unsigned int ipjit_packet_shadow(const struct sk_buff *skb,
				 const struct bpf_insn *insns,
				 struct ipjit_version *version);

#endif
