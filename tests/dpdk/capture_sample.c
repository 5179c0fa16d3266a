/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A capture application as DPDK's users write them: classic BPF on received
 * bursts.  WITH_IPJIT changes one line of it, the include.
 *
 *     capture_sample EXPRESSION CAPTURE poll|callback
 *
 * prints how many packets of the capture (net_pcap replays it once) the filter
 * accepts: in the polling loop, or in an RX callback that frees the others.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>

#ifdef WITH_IPJIT
#define IPJIT_RTE_BPF_NAMES
#include <ipjit/ipjit_dpdk.h>
#else
#include <rte_bpf.h>
#endif

#define BURST 32
/* The capture has ended when the port has nothing so many times. */
#define EMPTY_POLLS 64

static struct rte_bpf *load(const char *expression)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	struct bpf_program program;
	struct rte_bpf_prm *prm;
	struct rte_bpf *bpf;

	if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN)) {
		fprintf(stderr, "capture_sample: %s\n", pcap_geterr(pcap));
		return NULL;
	}
	prm = rte_bpf_convert(&program);
	bpf = rte_bpf_load(prm);
	rte_free(prm);
	pcap_freecode(&program);
	pcap_close(pcap);
	return bpf;
}

static uint16_t filter_callback(uint16_t port, uint16_t queue, struct rte_mbuf *mbufs[],
				uint16_t count, uint16_t max, void *bpf)
{
	uint64_t rc[BURST];
	uint16_t i, kept = 0;

	(void)port;
	(void)queue;
	(void)max;
	rte_bpf_exec_burst(bpf, (void **)mbufs, rc, count);
	for (i = 0; i < count; i++) {
		if (rc[i])
			mbufs[kept++] = mbufs[i];
		else
			rte_pktmbuf_free(mbufs[i]);
	}
	return kept;
}

static int start_port(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf;

	memset(&conf, 0, sizeof(conf));
	return rte_eth_dev_configure(port, 1, 1, &conf) ||
	       rte_eth_rx_queue_setup(port, 0, 512, 0, NULL, pool) ||
	       rte_eth_tx_queue_setup(port, 0, 512, 0, NULL) || rte_eth_dev_start(port);
}

/* Runs the jitted function where there is one, as DPDK's documentation says. */
static uint64_t capture(uint16_t port, const struct rte_bpf *bpf, int filters_here)
{
	struct rte_mbuf *mbufs[BURST];
	struct rte_bpf_jit jit;
	uint64_t accepted = 0;
	int empty = 0;
	uint16_t count, i;

	rte_bpf_get_jit(bpf, &jit);
	while (empty < EMPTY_POLLS) {
		count = rte_eth_rx_burst(port, 0, mbufs, BURST);
		empty = count ? 0 : empty + 1;
		for (i = 0; i < count; i++) {
			if (!filters_here)
				accepted++;
			else if (jit.func)
				accepted += jit.func(mbufs[i]) != 0;
			else
				accepted += rte_bpf_exec(bpf, mbufs[i]) != 0;
			rte_pktmbuf_free(mbufs[i]);
		}
	}
	return accepted;
}

int main(int argc, char **argv)
{
	char vdev[4096];
	char *eal[] = { argv[0], "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
			"--iova-mode=va", "-m", "128", "--log-level=lib.*:error", "--lcores=0",
			vdev, NULL };
	struct rte_mempool *pool;
	struct rte_bpf *bpf;
	int in_callback;

	if (argc != 4) {
		fprintf(stderr, "usage: capture_sample EXPRESSION CAPTURE poll|callback\n");
		return 2;
	}
	snprintf(vdev, sizeof(vdev), "--vdev=net_pcap0,rx_pcap=%s", argv[2]);
	in_callback = !strcmp(argv[3], "callback");
	if (rte_eal_init((int)(sizeof(eal) / sizeof(eal[0])) - 1, eal) < 0)
		return 77;
	pool = rte_pktmbuf_pool_create("packets", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	bpf = load(argv[1]);
	if (!pool || !bpf || start_port(0, pool)) {
		fprintf(stderr, "capture_sample: no pool, filter or port\n");
		return 1;
	}
	if (in_callback)
		rte_eth_add_rx_callback(0, 0, filter_callback, bpf);
	printf("%" PRIu64 "\n", capture(0, bpf, !in_callback));
	fflush(stdout);
	rte_eth_dev_stop(0);
	rte_bpf_destroy(bpf);
	return 0;
}
