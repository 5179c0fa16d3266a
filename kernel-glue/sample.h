/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sample area: for each CPU a ring of packet heads that user space maps
 * read-only (uapi/ipjit.h has the layout and the sequence protocol).
 */
#ifndef IPJIT_SAMPLE_H
#define IPJIT_SAMPLE_H

#include <linux/bpf.h>
#include <linux/mm_types.h>
#include <linux/skbuff.h>

struct ipjit_version;

int ipjit_sample_init(void);
/* When no trampoline can run any more. */
void ipjit_sample_uninit(void);

u64 ipjit_sample_area(void);
int ipjit_sample_mmap(struct vm_area_struct *vma);

/* Writes one record; packet path, any nesting of contexts on one CPU. */
void ipjit_sample_write(const struct sk_buff *skb, u64 filter, u64 version,
			u32 verdict);

#endif
