/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counting packets, and choosing which are sampled, by one instruction.
 *
 * A trampoline counts down in per-CPU memory; below zero the packet goes to the
 * sampler, which adds a period to the countdown and the same number to `passed`:
 *
 *	packets = passed + start - countdown
 *
 * holds at every moment and however contexts nest, because each of the three is
 * changed by single instructions only and the sum does not depend on who adds
 * first.  Callers of a filter disable migration, so "this CPU" stays true for
 * one packet; a context that preempts only counts its own packets.
 *
 * Each version has two runs: packets whose verdict was ours, and packets whose
 * verdict was the kernel's.
 */
#ifndef IPJIT_COUNT_H
#define IPJIT_COUNT_H

#include <linux/percpu.h>
#include <linux/types.h>

enum ipjit_run {
	IPJIT_RUN_KERNEL = 0,	/* the kernel's code decides: waiting, OBSERVE */
	IPJIT_RUN_OURS = 1,	/* ON */
	IPJIT_RUNS
};

struct ipjit_percpu {
	struct {
		s32 countdown;
		u32 pad;
		u64 passed;
	} run[IPJIT_RUNS];
	u64 passed_on;		/* of IPJIT_RUN_OURS: the kernel's code had to decide */
	u64 sampled;
	u64 compared;
	u64 differences;
	u64 kernel_cycles;	/* over the compared packets */
	u64 native_cycles;
	u64 watched;		/* OBSERVE, SHADOW: ours ran, and did not decide */
	u64 guard_packets;	/* as of the last look at the guard */
	u64 guard_hits;
	u64 counters[];		/* the contract's; ctx->counters points here */
};

/* The same, summed over CPUs and versions. */
struct ipjit_sums {
	u64 packets;
	u64 native;
	u64 passed_on;
	u64 sampled;
	u64 compared;
	u64 differences;
	u64 kernel_cycles;
	u64 native_cycles;
};

/* One packet of 2^shift is sampled; module parameter, fixed while loaded. */
extern unsigned int ipjit_sample_shift;

struct ipjit_percpu __percpu *ipjit_count_new(u32 counters, gfp_t gfp);

/* Due when a countdown went below zero; packet path. */
void ipjit_count_reload(struct ipjit_percpu __percpu *count,
			enum ipjit_run run);

/* For a packet that went round the countdown (SHADOW); packet path. */
static inline void ipjit_count_one(struct ipjit_percpu __percpu *count,
				   enum ipjit_run run)
{
	this_cpu_inc(count->run[run].passed);
}

/* Packets of one CPU so far. */
u64 ipjit_count_packets(const struct ipjit_percpu *cpu, enum ipjit_run run);

/* Adds all CPUs to sums. */
void ipjit_count_sum(struct ipjit_sums *sums,
		     struct ipjit_percpu __percpu *count);

#endif
