/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The code cache: executable memory within reach of kernel text.
 *
 * It is a piece of the module's own text, so the module loader maps it, sets
 * its protection and places it within 2 GiB of the kernel and of the kernel's
 * own JIT code.  It is never writable where it is executable: a write goes
 * through an alias that exists only as long as the write.
 *
 * Free space is int3.  An extent is allocated first, so that position-dependent
 * bytes can be made for its address, then written once, and freed only after a
 * grace period in which nothing pointed to it any more.
 */
#ifndef IPJIT_CACHE_H
#define IPJIT_CACHE_H

#include <linux/types.h>

#define IPJIT_CACHE_SIZE (1u << 20)
#define IPJIT_CACHE_GRANULE 64u

struct ipjit_extent {
	u8 *at;		/* executable address, a multiple of the granule */
	u32 size;	/* bytes, whole granules */
};

int ipjit_cache_init(void);
void ipjit_cache_uninit(void);

/* Process context, all three; -ENOSPC when no hole is large enough. */
int ipjit_cache_alloc(struct ipjit_extent *extent, u32 bytes);
/* Writes the head of the extent and serialises all CPUs; -ENOMEM. */
int ipjit_cache_write(const struct ipjit_extent *extent, const u8 *bytes,
		      u32 len);
/* Makes it int3 again; an extent of size 0 is fine. */
void ipjit_cache_free(struct ipjit_extent *extent);

u32 ipjit_cache_used(void);
const u8 *ipjit_cache_base(void);

#endif
