// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slow side of a trampoline: one packet of 2^k, every packet in shadow.
 *
 * Both codes run here on the same skb, in turns which is first, so that neither
 * always finds the other's cache lines warm.  Interrupts are off meanwhile: a
 * timer tick in the middle would cost one of them more than the filter does.
 * What ours costs includes filling its ctx, as it does in the trampoline.
 *
 * Code that leaves a packet to the kernel's (bytes beyond the linear part, no
 * device) is right by construction; it is counted as passed on, not compared.
 * A packet about which the two differ is always sampled, so the daemon finds it
 * in the ring and can replay it, and gets the kernel's verdict; it is the last
 * one that this filter's code of ours has seen (ipjit_slot_wrong()).
 */
#include "compare.h"

#include <asm/msr.h>
#include <linux/irqflags.h>

#include "count.h"
#include "fill.h"
#include "sample.h"
#include "slot.h"

struct verdicts {
	u32 kernel;
	u32 ours;
	bool decided;	/* ours did */
	bool differ;
};

static u64 run_ours(const struct ipjit_version *version,
		    const struct sk_buff *skb)
{
	struct ipjit_ctx ctx;

	ctx.counters = this_cpu_ptr(version->count)->counters;
	if (version->contract.nr_tables)
		memcpy(ctx.tables, version->table, sizeof(ctx.tables));
	if (!ipjit_fill(&ctx, skb, version->contract.fields))
		return ipjit_result(IPJIT_NEED_BYTES, 0);
	return version->entry(skb->data, skb_headlen(skb), &ctx);
}

static struct verdicts run_both(const struct ipjit_version *version,
				const struct sk_buff *skb,
				const struct bpf_insn *insns)
{
	ipjit_bpf_fn kernel = version->slot->kernel;
	struct ipjit_percpu *count;
	u64 begun, between, ended, ours;
	struct verdicts v;
	bool ours_first;
	unsigned long flags;

	local_irq_save(flags);
	count = this_cpu_ptr(version->count);	/* callers may be preemptible */
	ours_first = count->compared & 1;
	begun = rdtsc_ordered();
	if (ours_first)
		ours = run_ours(version, skb);
	else
		v.kernel = kernel(skb, insns);
	between = rdtsc_ordered();
	if (ours_first)
		v.kernel = kernel(skb, insns);
	else
		ours = run_ours(version, skb);
	ended = rdtsc_ordered();
	v.ours = ipjit_result_value(ours);
	v.decided = ipjit_result_status(ours) == IPJIT_DONE;
	v.differ = v.decided && v.kernel != v.ours;
	if (v.decided) {
		u64 first = between - begun, second = ended - between;

		count->compared++;
		count->native_cycles += ours_first ? first : second;
		count->kernel_cycles += ours_first ? second : first;
		count->differences += v.differ;
	}
	local_irq_restore(flags);
	if (v.differ)
		ipjit_slot_wrong(version);
	return v;
}

static void sample(const struct ipjit_version *version,
		   const struct sk_buff *skb, u32 verdict)
{
	this_cpu_inc(version->count->sampled);
	ipjit_sample_write(skb, version->slot->id, version->id, verdict);
}

unsigned int ipjit_packet_on(const struct sk_buff *skb,
			     const struct bpf_insn *insns,
			     struct ipjit_version *version)
{
	struct verdicts v = run_both(version, skb, insns);

	ipjit_count_reload(version->count, IPJIT_RUN_OURS);
	if (!v.decided)
		this_cpu_inc(version->count->passed_on);
	/* The same, or the kernel's is the one to trust. */
	sample(version, skb, v.kernel);
	ipjit_guard_look(version);
	return v.kernel;
}

unsigned int ipjit_packet_observe(const struct sk_buff *skb,
				  const struct bpf_insn *insns,
				  struct ipjit_version *version)
{
	struct verdicts v = run_both(version, skb, insns);

	this_cpu_inc(version->count->watched);
	ipjit_count_reload(version->count, IPJIT_RUN_KERNEL);
	sample(version, skb, v.kernel);
	return v.kernel;
}

unsigned int ipjit_packet_shadow(const struct sk_buff *skb,
				 const struct bpf_insn *insns,
				 struct ipjit_version *version)
{
	struct verdicts v = run_both(version, skb, insns);
	u64 n = this_cpu_inc_return(version->count->run[IPJIT_RUN_KERNEL].passed);

	this_cpu_inc(version->count->watched);
	if (v.differ || !(n & ((1ull << ipjit_sample_shift) - 1)))
		sample(version, skb, v.kernel);
	return v.kernel;
}
