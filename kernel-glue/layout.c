// SPDX-License-Identifier: GPL-2.0-only
/*
 * The self-check at load.
 *
 * Offsets come from the headers that the module was built with, and the loader
 * compares versions; what neither proves is tried here, on a filter of our own
 * that no socket has:
 *
 *	release		one whose source was read
 *	locks		a spinlock may be taken where nothing may sleep
 *	prog		the kernel compiles a classic filter, within reach of a jump
 *	packet		code behind a trampoline sees the packet that was passed in
 *	fields		the trampoline's loads and C agree on what the skb holds
 *	pull		code that needs more bytes has the kernel's code decide
 *	count		per-CPU counting by one instruction counts
 *
 * A build with IPJIT_LIES has a parameter that makes one of these untrue, so that
 * a test sees each of them refuse.
 */
#include "layout.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/utsname.h>
#include <linux/version.h>

#include "slot.h"

#define KNOWN(major, minor)                                                    \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0) &&              \
	 LINUX_VERSION_CODE < KERNEL_VERSION(major, (minor) + 1, 0))

#define FRAME_BYTES 60
#define KERNEL_VERDICT 7

/*
 * Accepts the EtherType at 12 in network order plus mark; asks for bytes if the
 * packet has fewer than 14.  As the verifier would pass it.
 */
static const u8 body[] = {
	0x48, 0x83, 0xfe, 0x0e,			/* cmp $14, %rsi */
	0x72, 0x0f,				/* jb pull */
	0x0f, 0xb7, 0x47, 0x0c,			/* movzwl 12(%rdi), %eax */
	0x03, 0x82,				/* add mark(%rdx), %eax */
	offsetof(struct ipjit_ctx, mark) & 0xff,
	offsetof(struct ipjit_ctx, mark) >> 8, 0, 0,
	0xc3, 0xcc, 0xcc, 0xcc, 0xcc,		/* ret */
	/* pull: */
	0x48, 0xb8, 0x0e, 0, 0, 0, 1, 0, 0, 0,	/* movabs $1 << 32 | 14, %rax */
	0xc3, 0xcc, 0xcc, 0xcc, 0xcc,		/* ret */
};

static const struct ipjit_contract contract = {
	.abi = IPJIT_ABI_VERSION,
	.bases = IPJIT_BASE_DATA,
	.max_len = U32_MAX,
	.fields = BIT_ULL(IPJIT_FIELD_mark),
};

#ifdef IPJIT_LIES
#include <linux/moduleparam.h>

static char *lie = "";
module_param(lie, charp, 0400);

static bool lies(const char *about)
{
	return !strcmp(lie, about);
}
#else
static inline bool lies(const char *about)
{
	return false;
}
#endif

static int refuse(const char *what)
{
	pr_err("ipjit: not loaded: %s on %s\n", what, utsname()->release);
	return -ENODEV;
}

/* A filter that reads a byte, so that it is more than a constant. */
static struct bpf_prog *make_filter(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_STMT(BPF_RET | BPF_K, KERNEL_VERDICT + lies("call")),
	};
	struct sock_fprog_kern source = {
		.len = ARRAY_SIZE(insns),
		.filter = insns,
	};
	struct bpf_prog *prog;

	return bpf_prog_create(&prog, &source) ? NULL : prog;
}

static struct sk_buff *make_packet(void)
{
	struct sk_buff *skb = alloc_skb(FRAME_BYTES, GFP_KERNEL);

	if (!skb)
		return NULL;
	skb_put_zero(skb, FRAME_BYTES);
	skb->data[12] = 0x34;
	skb->data[13] = 0x12;
	skb->mark = 0x50000 << lies("fields");
	skb_pull(skb, lies("packet"));
	return skb;
}

static u32 run(const struct bpf_prog *prog, struct sk_buff *skb)
{
	u32 verdict;

	rcu_read_lock();
	verdict = bpf_prog_run_clear_cb(prog, skb);
	rcu_read_unlock();
	return verdict;
}

/* prog->bpf_func is our trampoline; what it does with packets is compared. */
static const char *try_packets(struct bpf_prog *prog,
			       const struct ipjit_version *version,
			       struct sk_buff *skb)
{
	struct ipjit_sums sums = {};

	if (run(prog, skb) != 0x51234)
		return "packets are laid out otherwise than known";
	skb_trim(skb, 13 + lies("pull"));
	if (run(prog, skb) != KERNEL_VERDICT)
		return "the kernel's code cannot be reached behind ours";
	if (lies("count"))
		run(prog, skb);
	ipjit_count_sum(&sums, version->count);
	if (sums.packets != 2 || sums.passed_on != 1)
		return "per-CPU memory is laid out otherwise than known";
	return NULL;
}

static const char *try_takeover(struct bpf_prog *prog, struct ipjit_slot *slot,
				struct sk_buff *skb)
{
	const struct ipjit_dev_install install = {
		.tier = 1,
		.code_len = sizeof(body),
	};
	struct ipjit_version *version;
	const char *missing;

	version = ipjit_version_new(slot, &install, &contract, body, NULL);
	if (PTR_ERR(version) == -ERANGE)
		return "compiled filters are out of a jump's reach";
	if (IS_ERR(version))
		return "no code could be written";
	WRITE_ONCE(*(const void **)&prog->bpf_func,
		   version->trampoline[IPJIT_KIND_ON]);
	missing = try_packets(prog, version, skb);
	WRITE_ONCE(*(ipjit_bpf_fn *)&prog->bpf_func, slot->kernel);
	synchronize_rcu();
	ipjit_version_free(version);
	return missing;
}

static const char *try_filter(struct bpf_prog *prog)
{
	struct ipjit_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL);
	struct sk_buff *skb = make_packet();
	const char *missing = "no memory";

	if (slot && skb) {
		/* Not in the registry; versions borrow our reference. */
		refcount_set(&slot->refs, 1);
		slot->prog = prog;
		slot->kernel = (ipjit_bpf_fn)prog->bpf_func;
		if (lies("reach"))
			slot->kernel = (ipjit_bpf_fn)skb->data;
		missing = run(prog, skb) == KERNEL_VERDICT ?
				  try_takeover(prog, slot, skb) :
				  "compiled filters are called otherwise than known";
	}
	kfree_skb(skb);
	kfree(slot);
	return missing;
}

/*
 * The two codes of the check differ, so that it can tell them apart: its packets
 * must not be compared, which a version decides by when it is made.
 */
static const char *try_unsampled(struct bpf_prog *prog)
{
	const unsigned int shift = ipjit_sample_shift;
	const char *missing;

	ipjit_sample_shift = 10;
	missing = try_filter(prog);
	ipjit_sample_shift = shift;
	return missing;
}

int ipjit_layout_check(void)
{
	const char *missing;
	struct bpf_prog *prog;

	if (lies("release") || (!KNOWN(6, 1) && !KNOWN(6, 12)))
		return refuse("no knowledge of this kernel's filters (6.1 and 6.12 are known)");
	/* The probe on sk_attach_filter() runs where such locks may not be taken. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT) || lies("locks"))
		return refuse("locks that sleep (PREEMPT_RT)");
	prog = make_filter();
	if (!prog)
		return refuse("no classic filter can be made");
	missing = prog->jited ? try_unsampled(prog) :
		"the kernel compiles no filters (net.core.bpf_jit_enable is 0)";
	bpf_prog_destroy(prog);
	return missing ? refuse(missing) : 0;
}
