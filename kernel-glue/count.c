// SPDX-License-Identifier: GPL-2.0-only
/* Counting packets; count.h says why it is exact. */
#include "count.h"

#include <linux/cpumask.h>
#include <linux/minmax.h>

unsigned int ipjit_sample_shift = 10;

static u64 period(void)
{
	return 1ull << ipjit_sample_shift;
}

struct ipjit_percpu __percpu *ipjit_count_new(u32 counters, gfp_t gfp)
{
	struct ipjit_percpu __percpu *count;
	int cpu, run;

	count = __alloc_percpu_gfp(struct_size((struct ipjit_percpu *)NULL,
					       counters, counters),
				   sizeof(u64), gfp);
	if (!count)
		return NULL;
	for_each_possible_cpu(cpu)
		for (run = 0; run < IPJIT_RUNS; run++)
			per_cpu_ptr(count, cpu)->run[run].countdown =
				period() - 1;
	return count;
}

void ipjit_count_reload(struct ipjit_percpu __percpu *count,
			enum ipjit_run run)
{
	this_cpu_add(count->run[run].countdown, (s32)period());
	this_cpu_add(count->run[run].passed, period());
}

u64 ipjit_count_packets(const struct ipjit_percpu *cpu, enum ipjit_run run)
{
	/* Read from another CPU the two may be one period apart. */
	s64 packets = READ_ONCE(cpu->run[run].passed) + period() - 1 -
		      READ_ONCE(cpu->run[run].countdown);

	return max_t(s64, packets, 0);
}

void ipjit_count_sum(struct ipjit_sums *sums,
		     struct ipjit_percpu __percpu *count)
{
	int id;

	for_each_possible_cpu(id) {
		const struct ipjit_percpu *cpu = per_cpu_ptr(count, id);
		u64 ours = ipjit_count_packets(cpu, IPJIT_RUN_OURS);

		sums->packets += ours +
			ipjit_count_packets(cpu, IPJIT_RUN_KERNEL);
		sums->native += ours - min(ours, READ_ONCE(cpu->passed_on));
		sums->passed_on += READ_ONCE(cpu->passed_on);
		sums->sampled += READ_ONCE(cpu->sampled);
		sums->compared += READ_ONCE(cpu->compared);
		sums->differences += READ_ONCE(cpu->differences);
		sums->kernel_cycles += READ_ONCE(cpu->kernel_cycles);
		sums->native_cycles += READ_ONCE(cpu->native_cycles);
	}
}
