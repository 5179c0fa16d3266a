// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guard: a specialised version counts in counters[0] the packets for which
 * its guess was wrong.  Too many, and the packet path itself goes back to the
 * general version, by one compare-and-exchange per kind of trampoline:
 *
 *	prog->bpf_func: version's trampoline  -->  general's of the same kind
 *
 * Legal without a lock: this packet keeps RCU from freeing any version that
 * slot->general can show here, and the exchange fails as soon as anybody has
 * settled the slot otherwise, because a retired version's address is not stored
 * again before its grace period is over.
 *
 * Each CPU judges its own packets, at least WINDOW runs at a time.
 *
 * A version that gave another verdict than the kernel's code goes the same way,
 * for good: whatever found it, and in whichever mode, because the next mode may
 * let it decide.
 */
#include <linux/atomic.h>
#include <linux/rcupdate.h>

#include "reaper.h"
#include "slot.h"

#define WINDOW 256

/*
 * Returns true where the guess was wrong too often since the last look.  Code of
 * ours runs on the packets that it decides, sampled ones among them, and on those
 * that are only compared.
 */
static bool is_due(struct ipjit_version *version)
{
	struct ipjit_percpu *cpu = this_cpu_ptr(version->count);
	u64 ours = ipjit_count_packets(cpu, IPJIT_RUN_OURS) + cpu->watched;
	u64 runs = ours - cpu->guard_packets;
	u64 hits = cpu->counters[0] - cpu->guard_hits;

	if (runs < WINDOW)
		return false;
	cpu->guard_packets = ours;
	cpu->guard_hits = cpu->counters[0];
	return hits * 1024 > runs * version->guard;
}

void ipjit_guard_look(struct ipjit_version *version)
{
	struct ipjit_slot *slot = version->slot;
	const struct ipjit_version *to;
	u32 kind;

	if (!version->guard || !version->contract.counters ||
	    READ_ONCE(version->left) || !is_due(version))
		return;
	to = rcu_dereference(slot->general);
	if (!ipjit_version_takes_back(to, version))
		to = slot->waiting;
	if (cmpxchg(&version->left, 0, 1))
		return;
	for (kind = 0; kind < IPJIT_KINDS; kind++)
		(void)cmpxchg((const void **)&slot->prog->bpf_func,
			      version->trampoline[kind], to->trampoline[kind]);
	ipjit_retreat_later(slot);
}

/*
 * Here the way back is the kernel's own code, whatever stands behind the version
 * and whatever has been published since: it came from the same hands.  settle()
 * stores no trampoline once it has seen `wrong`, and looks again after its store.
 */
void ipjit_slot_wrong(const struct ipjit_version *version)
{
	struct ipjit_slot *slot = version->slot;
	const bool first = !cmpxchg(&slot->wrong, 0, version->id);

	WRITE_ONCE(*(ipjit_bpf_fn *)&slot->prog->bpf_func, slot->kernel);
	if (first)
		ipjit_retreat_later(slot);
}
