// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts what a socket's filter costs: builds packets, calls the socket's
 * prog->bpf_func on them with interrupts off, reads the time stamp counter
 * around each call.  In a machine whose counter counts instructions (QEMU's
 * -icount shift=0) the result is exact: instructions from the first of the
 * filter to its return, that one included.
 *
 * What the loop itself costs is measured the same way on a function that is
 * nothing but a return, in every round, and taken off.
 *
 * It measures whatever code the socket runs: the kernel's, or ours.  Never
 * shipped: whoever opens the device may keep a processor busy at will.
 */
#include <linux/bpf.h>
#include <linux/etherdevice.h>
#include <linux/filter.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "ipjit_bench.h"

/* The least that can be called: its address is taken, so it begins with endbr. */
u32 ipjit_bench_nothing(const void *skb, const struct bpf_insn *insn);
asm(".pushsection .text\n"
    ".balign 16\n"
    ".type ipjit_bench_nothing, @function\n"
    ".globl ipjit_bench_nothing\n"
    "ipjit_bench_nothing:\n"
    "	endbr64\n"
    "	" ASM_RET
    ".size ipjit_bench_nothing, . - ipjit_bench_nothing\n"
    ".popsection\n");

typedef unsigned int (*filter_fn)(const void *skb, const struct bpf_insn *insn);

/* Read at each call, so that it is called as a filter is: through a pointer. */
static filter_fn nothing = ipjit_bench_nothing;

struct bench {
	struct ipjit_bench_packet *packets;
	struct sk_buff **skbs;
	u32 count;
};

/* endbr64 and `ret`, or where this CPU wants it `jmp` to a thunk that returns. */
static u32 nothing_insns(void)
{
	return *((const u8 *)ipjit_bench_nothing + 4) == 0xc3 ? 2 : 3;
}

static struct sk_buff *make_skb(const void *data, u32 len, u32 head,
				struct net_device *dev)
{
	u32 linear = head && head < len ? head : len;
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(linear, len - linear, 0, &err, GFP_KERNEL);
	if (!skb)
		return ERR_PTR(err);
	skb_put(skb, linear);
	skb->data_len = len - linear;
	skb->len = len;
	err = skb_store_bits(skb, 0, data, len);
	if (err) {
		kfree_skb(skb);
		return ERR_PTR(err);
	}
	skb->dev = dev;
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb->protocol = eth_hdr(skb)->h_proto;
	return skb;
}

static int make_skbs(struct bench *bench, u32 head, struct net_device *dev)
{
	u32 i;

	for (i = 0; i < bench->count; i++) {
		struct ipjit_bench_packet *packet = &bench->packets[i];
		struct sk_buff *skb;
		void *data;

		if (packet->len < ETH_HLEN || packet->len > IPJIT_BENCH_MAX_LEN)
			return -EINVAL;
		data = memdup_user(u64_to_user_ptr(packet->data), packet->len);
		if (IS_ERR(data))
			return PTR_ERR(data);
		skb = make_skb(data, packet->len, head, dev);
		kfree(data);
		if (IS_ERR(skb))
			return PTR_ERR(skb);
		bench->skbs[i] = skb;
		packet->cycles = 0;
		packet->verdict = 0;
	}
	return 0;
}

/* The counter is read by an instruction each time: nothing else in between. */
static __always_inline u64 timed(filter_fn filter, const struct sk_buff *skb,
				 const struct bpf_insn *insns, u32 *verdict)
{
	u64 begun = rdtsc();

	*verdict = filter(skb, insns);
	barrier();
	return rdtsc() - begun;
}

/* Every packet once.  The socket's filter may change while we sleep only. */
static int run_round(struct bench *bench, struct sock *sk)
{
	struct sk_filter *filter;
	u32 i, verdict;
	int err = -ENODATA;

	local_bh_disable();
	rcu_read_lock();
	filter = rcu_dereference(sk->sk_filter);
	if (!filter)
		goto out;
	for (i = 0; i < bench->count; i++) {
		struct bpf_prog *prog = filter->prog;
		struct sk_buff *skb = bench->skbs[i];
		unsigned long flags;
		u64 cycles, empty;

		memset(skb->cb, 0, sizeof(skb->cb));
		local_irq_save(flags);
		empty = timed(READ_ONCE(nothing), skb, prog->insnsi, &verdict);
		cycles = timed(READ_ONCE(prog->bpf_func), skb, prog->insnsi,
			       &verdict);
		local_irq_restore(flags);
		bench->packets[i].cycles += cycles - empty + nothing_insns();
		bench->packets[i].verdict = verdict;
	}
	err = 0;
out:
	rcu_read_unlock();
	local_bh_enable();
	return err;
}

static int run_rounds(struct bench *bench, const struct ipjit_bench_run *run)
{
	struct net_device *dev;
	struct socket *socket;
	int err;
	u32 i;

	socket = sockfd_lookup(run->fd, &err);
	if (!socket)
		return err;
	dev = dev_get_by_name(&init_net, "lo");
	err = make_skbs(bench, run->head, dev);
	for (i = 0; !err && i < run->rounds; i++) {
		err = run_round(bench, socket->sk);
		cond_resched();
		if (!err && signal_pending(current))
			err = -EINTR;
	}
	for (i = 0; i < bench->count; i++)
		kfree_skb(bench->skbs[i]);
	dev_put(dev);
	sockfd_put(socket);
	return err;
}

static long bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ipjit_bench_run run;
	struct bench bench = {};
	size_t bytes;
	long err;

	if (cmd != IPJIT_BENCH_IOC_RUN)
		return -ENOTTY;
	if (copy_from_user(&run, (void __user *)arg, sizeof(run)))
		return -EFAULT;
	if (!run.count || run.count > IPJIT_BENCH_MAX_PACKETS)
		return -EINVAL;
	bytes = run.count * sizeof(*bench.packets);
	bench.count = run.count;
	bench.packets = vmemdup_user(u64_to_user_ptr(run.packets), bytes);
	if (IS_ERR(bench.packets))
		return PTR_ERR(bench.packets);
	err = -ENOMEM;
	bench.skbs = kvcalloc(run.count, sizeof(*bench.skbs), GFP_KERNEL);
	if (!bench.skbs)
		goto out;
	err = run_rounds(&bench, &run);
	if (!err && copy_to_user(u64_to_user_ptr(run.packets), bench.packets,
				 bytes))
		err = -EFAULT;
out:
	kvfree(bench.skbs);
	kvfree(bench.packets);
	return err;
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = bench_ioctl,
};

static struct miscdevice bench_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ipjit_bench",
	.fops = &bench_fops,
	.mode = 0600,
};

module_misc_device(bench_device);
MODULE_DESCRIPTION("Counts the instructions of socket filters");
MODULE_LICENSE("GPL");
