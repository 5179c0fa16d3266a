/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* /dev/ipjit_bench: what a socket's filter costs, counted in rdtsc. */
#ifndef IPJIT_BENCH_H
#define IPJIT_BENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IPJIT_BENCH_PATH "/dev/ipjit_bench"
#define IPJIT_BENCH_MAX_PACKETS 4096
#define IPJIT_BENCH_MAX_LEN (64u << 10)

struct ipjit_bench_packet {
	__u64 data;		/* in: frame from its Ethernet header on */
	__u32 len;		/* in: bytes */
	__u32 verdict;		/* out: of the last round */
	__u64 cycles;		/* out: of all rounds, entry of the filter to its return */
};

struct ipjit_bench_run {
	__u64 packets;		/* in: struct ipjit_bench_packet[count] */
	__u32 count;
	__u32 rounds;
	__u32 head;		/* in: bytes that lie in the linear part; 0: all */
	__s32 fd;		/* in: socket with a filter */
};

#define IPJIT_BENCH_IOC_RUN	_IOW('J', 0x80, struct ipjit_bench_run)

#endif /* IPJIT_BENCH_H */
