/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipjit for DPDK applications: filters on mbufs.  A header alone; the library
 * knows nothing of DPDK.  Tried with 22.11; uses nothing that 24.11 took away.
 *
 * A capture filter on a received burst, and one as an RX callback:
 *
 *     ipjit_filter *f = ipjit_compile_expression("tcp port 80", NULL, &err);
 *     ipjit_mbuf_run_burst(f, mbufs, count, verdicts);
 *     rte_eth_add_rx_callback(port, queue, ipjit_rx_filter, f);
 *
 * An application that calls rte_bpf_* on classic BPF changes one line:
 *
 *     #include <rte_bpf.h>      becomes      #define IPJIT_RTE_BPF_NAMES
 *                                            #include <ipjit/ipjit_dpdk.h>
 *
 * and every rte_bpf_convert, _load, _exec, _exec_burst, _get_jit and _destroy
 * below that line means ipjit.  rte_bpf_get_jit() gives NULL for the function,
 * which by DPDK's documentation says "use rte_bpf_exec()": that is native code
 * here.  eBPF objects (rte_bpf_elf_load) stay with DPDK.
 *
 * Verdicts are libpcap's: bytes to accept, 0 to drop.  A filter may be replaced
 * by ipjit_filter_replace() while lcores run it.
 *
 * Threads: a filter's specialiser is a background thread that inherits the
 * affinity of the thread that compiles the first filter.  On the CPU of a
 * polling lcore it would starve: compile before rte_eal_init(), or in a thread
 * of rte_ctrl_thread_create().
 */
#ifndef IPJIT_DPDK_H
#define IPJIT_DPDK_H

#include <errno.h>
#include <pcap/pcap.h>
#include <rte_bpf.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <string.h>

#include "ipjit/ipjit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Packets that a burst is cut into. */
#define IPJIT_MBUF_BURST 64

/*
 * Bytes of a packet in several segments that a filter sees: all of any IP packet
 * and its link header.
 */
#define IPJIT_MBUF_LINEAR (65535 + 257)

/* A packet in several segments: its bytes are put side by side first, as rte_bpf does. */
static __attribute__((noinline, cold, unused)) uint32_t
ipjit_mbuf_run_segments(const ipjit_filter *filter, const struct rte_mbuf *mbuf)
{
	uint8_t linear[IPJIT_MBUF_LINEAR];
	uint32_t len = rte_pktmbuf_pkt_len(mbuf);
	uint32_t caplen = len < sizeof(linear) ? len : (uint32_t)sizeof(linear);
	/* Never NULL: caplen bytes are in the chain. */
	const void *data = rte_pktmbuf_read(mbuf, 0, caplen, linear);

	return ipjit_filter_run(filter, (const uint8_t *)data, caplen, len);
}

/* The verdict on one packet. */
static inline uint32_t ipjit_mbuf_run(const ipjit_filter *filter, const struct rte_mbuf *mbuf)
{
	if (__builtin_expect(mbuf->nb_segs != 1, 0))
		return ipjit_mbuf_run_segments(filter, mbuf);
	return ipjit_filter_run(filter, rte_pktmbuf_mtod(mbuf, const uint8_t *),
				rte_pktmbuf_data_len(mbuf), rte_pktmbuf_pkt_len(mbuf));
}

/*
 * Up to IPJIT_MBUF_BURST mbufs through the library.  It also sees to what comes up
 * between runs: packets that are timed or sampled, programs without native code.
 */
static inline void ipjit_mbuf_run_packets(const ipjit_filter *filter,
					  struct rte_mbuf *const mbufs[], uint32_t count,
					  uint32_t verdicts[])
{
	ipjit_packet packets[IPJIT_MBUF_BURST];
	uint32_t done = 0, i;

	while (done < count) {
		for (i = 0; done + i < count; i++) {
			const struct rte_mbuf *mbuf = mbufs[done + i];

			if (__builtin_expect(mbuf->nb_segs != 1, 0))
				break;
			packets[i].data = rte_pktmbuf_mtod(mbuf, const uint8_t *);
			packets[i].caplen = rte_pktmbuf_data_len(mbuf);
			packets[i].len = rte_pktmbuf_pkt_len(mbuf);
		}
		if (i)
			ipjit_filter_run_burst(filter, packets, i, verdicts + done);
		done += i;
		if (done < count) {
			verdicts[done] = ipjit_mbuf_run_segments(filter, mbufs[done]);
			done++;
		}
	}
}

#ifdef IPJIT_INLINE_H
/* Packets between asking for a packet's first bytes and looking at them. */
#define IPJIT_MBUF_AHEAD 12

/* As ipjit_mbuf_run_segments(), inside a run. */
static __attribute__((noinline, cold, unused)) uint32_t
ipjit_mbuf_enter_segments(ipjit_entry_fn direct, struct ipjit_ctx *ctx, const struct rte_mbuf *mbuf)
{
	uint8_t linear[IPJIT_MBUF_LINEAR];
	uint32_t len = rte_pktmbuf_pkt_len(mbuf);
	uint32_t caplen = len < sizeof(linear) ? len : (uint32_t)sizeof(linear);
	const void *data = rte_pktmbuf_read(mbuf, 0, caplen, linear);

	return ipjit_result_value(direct((const uint8_t *)data, caplen, ctx));
}

/*
 * The same without a list of packets between: one run of ipjit_filter_run_inline()
 * for all, with a loop around the program's call.
 */
static inline void ipjit_mbuf_run_some(const ipjit_filter *filter, struct rte_mbuf *const mbufs[],
				       uint32_t count, uint32_t verdicts[])
{
	struct ipjit_stripe *own =
		(struct ipjit_stripe *)((char *)filter->stripes + ipjit_thread_stripe);
	const struct ipjit_program *program;
	struct ipjit_ctx ctx;	/* but for what is set below, as the stack happens to be */
	ipjit_entry_fn direct;
	uint64_t specialised, matched = 0;
	uint32_t i;

	if (__builtin_expect(__atomic_load_n(&own->left, __ATOMIC_RELAXED) >=
			     __atomic_load_n(&own->pause_at, __ATOMIC_RELAXED), 0)) {
		ipjit_mbuf_run_packets(filter, mbufs, count, verdicts);
		return;
	}
	ipjit_own_add(&own->entered, count);
	program = __atomic_load_n(&filter->program, __ATOMIC_SEQ_CST);
	direct = program->direct;
	if (__builtin_expect(!direct, 0)) {
		ipjit_own_add(&own->entered, -(uint64_t)count);
		ipjit_mbuf_run_packets(filter, mbufs, count, verdicts);
		return;
	}
	specialised = program->specialised;
	ctx.counters = ipjit_own_counters(program);
	for (i = 0; i < count && i < IPJIT_MBUF_AHEAD; i++)
		__builtin_prefetch(rte_pktmbuf_mtod(mbufs[i], const void *));
	for (i = 0; i < count; i++) {
		const struct rte_mbuf *mbuf = mbufs[i];

		if (i + IPJIT_MBUF_AHEAD < count)
			__builtin_prefetch(
				rte_pktmbuf_mtod(mbufs[i + IPJIT_MBUF_AHEAD], const void *));
		ctx.wire_len = rte_pktmbuf_pkt_len(mbuf);
		if (__builtin_expect(mbuf->nb_segs != 1, 0))
			verdicts[i] = ipjit_mbuf_enter_segments(direct, &ctx, mbuf);
		else
			verdicts[i] = ipjit_result_value(
				ipjit_enter(specialised, direct, rte_pktmbuf_mtod(mbuf, const uint8_t *),
					    rte_pktmbuf_data_len(mbuf), &ctx));
		matched += verdicts[i] != 0;
	}
	ipjit_own_add(&own->left, count);
	ipjit_own_add(&own->matched, matched);
}
#else
#define ipjit_mbuf_run_some ipjit_mbuf_run_packets
#endif

/* verdicts[i] is what ipjit_mbuf_run() gives for mbufs[i]. */
static inline void ipjit_mbuf_run_burst(const ipjit_filter *filter,
					struct rte_mbuf *const mbufs[], uint32_t count,
					uint32_t verdicts[])
{
	uint32_t done, some;

	for (done = 0; done < count; done += some) {
		some = count - done < IPJIT_MBUF_BURST ? count - done : IPJIT_MBUF_BURST;
		ipjit_mbuf_run_some(filter, mbufs + done, some, verdicts + done);
	}
}

/* Moves the accepted packets to the front, frees the others; returns how many were accepted. */
static inline uint16_t ipjit_mbuf_keep(const ipjit_filter *filter, struct rte_mbuf *mbufs[],
				       uint16_t count)
{
	struct rte_mbuf *refused[IPJIT_MBUF_BURST];
	uint32_t verdicts[IPJIT_MBUF_BURST];
	uint32_t done, some, i, nb_refused;
	uint16_t kept = 0;

	for (done = 0; done < count; done += some) {
		some = count - done < IPJIT_MBUF_BURST ? count - done : IPJIT_MBUF_BURST;
		ipjit_mbuf_run_burst(filter, mbufs + done, some, verdicts);
		for (i = 0, nb_refused = 0; i < some; i++) {
			/* kept is never beyond done + i: nothing unread is overwritten. */
			if (verdicts[i])
				mbufs[kept++] = mbufs[done + i];
			else
				refused[nb_refused++] = mbufs[done + i];
		}
		rte_pktmbuf_free_bulk(refused, nb_refused);
	}
	return kept;
}

/* An rte_rx_callback_fn: give it to rte_eth_add_rx_callback(), with the filter as user_param. */
static inline uint16_t ipjit_rx_filter(uint16_t port, uint16_t queue, struct rte_mbuf *mbufs[],
				       uint16_t count, uint16_t max, void *filter)
{
	(void)port;
	(void)queue;
	(void)max;
	return ipjit_mbuf_keep((const ipjit_filter *)filter, mbufs, count);
}

/*
 * What follows has the shape of rte_bpf.h, for IPJIT_RTE_BPF_NAMES.
 *
 * A classic program between convert and load, in one block of rte_malloc(), which
 * the caller gives back with rte_free() as he does with DPDK's.
 */
struct ipjit_bpf_prm {
	const ipjit_insn *ins;
	uint32_t nb_ins;
};

/* NULL and rte_errno EINVAL or ENOMEM. */
static inline struct ipjit_bpf_prm *ipjit_bpf_convert(const struct bpf_program *program)
{
	struct ipjit_bpf_prm *prm;
	size_t bytes;

	if (!program || !program->bf_insns || !program->bf_len) {
		rte_errno = EINVAL;
		return NULL;
	}
	bytes = program->bf_len * sizeof(*prm->ins);
	prm = (struct ipjit_bpf_prm *)rte_malloc("ipjit_bpf_prm", sizeof(*prm) + bytes, 0);
	if (!prm) {
		rte_errno = ENOMEM;
		return NULL;
	}
	memcpy(prm + 1, program->bf_insns, bytes);
	prm->ins = (const ipjit_insn *)(prm + 1);
	prm->nb_ins = program->bf_len;
	return prm;
}

/* NULL and rte_errno EINVAL: ipjit_compile() tells why. */
static inline ipjit_filter *ipjit_bpf_load(const struct ipjit_bpf_prm *prm)
{
	ipjit_filter *filter = prm ? ipjit_compile(prm->ins, prm->nb_ins, NULL, NULL) : NULL;

	if (!filter)
		rte_errno = EINVAL;
	return filter;
}

static inline uint64_t ipjit_bpf_exec(const ipjit_filter *filter, void *mbuf)
{
	return ipjit_mbuf_run(filter, (const struct rte_mbuf *)mbuf);
}

static inline uint32_t ipjit_bpf_exec_burst(const ipjit_filter *filter, void *mbufs[],
					    uint64_t rc[], uint32_t num)
{
	uint32_t verdicts[IPJIT_MBUF_BURST];
	uint32_t done, some, i;

	for (done = 0; done < num; done += some) {
		some = num - done < IPJIT_MBUF_BURST ? num - done : IPJIT_MBUF_BURST;
		ipjit_mbuf_run_burst(filter, (struct rte_mbuf *const *)(mbufs + done), some,
				     verdicts);
		for (i = 0; i < some; i++)
			rc[done + i] = verdicts[i];
	}
	return num;
}

/* No function stands for a filter that may be replaced: "use rte_bpf_exec()". */
static inline int ipjit_bpf_get_jit(const ipjit_filter *filter, struct rte_bpf_jit *jit)
{
	if (!filter || !jit)
		return -EINVAL;
	memset(jit, 0, sizeof(*jit));
	return 0;
}

static inline void ipjit_bpf_destroy(ipjit_filter *filter)
{
	ipjit_filter_free(filter);
}

#ifdef IPJIT_RTE_BPF_NAMES
#define rte_bpf ipjit_filter
#define rte_bpf_prm ipjit_bpf_prm
#define rte_bpf_convert ipjit_bpf_convert
#define rte_bpf_load ipjit_bpf_load
#define rte_bpf_exec ipjit_bpf_exec
#define rte_bpf_exec_burst ipjit_bpf_exec_burst
#define rte_bpf_get_jit ipjit_bpf_get_jit
#define rte_bpf_destroy ipjit_bpf_destroy
#endif

#ifdef __cplusplus
}
#endif

#endif /* IPJIT_DPDK_H */
