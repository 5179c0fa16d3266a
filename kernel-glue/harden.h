/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net.core.bpf_jit_harden: whoever attaches a filter chooses its constants, and
 * must not so choose bytes of executable memory.
 */
#ifndef IPJIT_HARDEN_H
#define IPJIT_HARDEN_H

#include <linux/filter.h>
#include <linux/types.h>

/* A constant of the filter, in either byte order, that stands in the code. */
struct ipjit_hardened_hit {
	u32 constant;
	u32 offset;	/* in the code */
};

/* 0: none; 1: found, the first in *hit; -ENOMEM.  Sleeps. */
int ipjit_harden_scan(const struct sock_filter *insns, u32 nr, const u8 *code,
		      u32 code_len, struct ipjit_hardened_hit *hit);

#endif
