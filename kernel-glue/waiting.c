// SPDX-License-Identifier: GPL-2.0-only
/* Sampled packets of a filter that has no code yet. */
#include "waiting.h"

#include "sample.h"
#include "slot.h"

unsigned int ipjit_packet_wait(const struct sk_buff *skb,
			       const struct bpf_insn *insns,
			       struct ipjit_version *version)
{
	const struct ipjit_slot *slot = version->slot;
	unsigned int verdict;

	ipjit_count_reload(version->count, IPJIT_RUN_KERNEL);
	verdict = slot->kernel(skb, insns);
	this_cpu_inc(version->count->sampled);
	ipjit_sample_write(skb, slot->id, version->id, verdict);
	return verdict;
}
