// SPDX-License-Identifier: GPL-2.0-only
/*
 * The code cache.
 *
 * The area is 1 MiB of int3 in .text.  A bitmap says which granules are taken;
 * first fit, because units are small and live about as long as their sockets.
 * What takes one granule is a trampoline that waits.  It stays as long as its
 * socket, and cannot be pushed out: strewn between code such would leave no room
 * for a large unit where nearly all is free.  So they have the last quarter, which
 * all of them together fill (quota.c), unless code had to go there.
 *
 * Hazard: another CPU may hold old bytes of an address in its pipeline.  Nothing
 * points to an extent while it is written, and every CPU executes a serialising
 * instruction before write returns, so before anything can point to it.
 */
#include "cache.h"

#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/objtool.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/stringify.h>
#include <linux/vmalloc.h>

#include <asm/sync_core.h>

#define GRANULES (IPJIT_CACHE_SIZE / IPJIT_CACHE_GRANULE)
#define LAST_QUARTER (GRANULES / 4 * 3)
#define INT3 0xcc

/* A unit is at most this large, tables apart: code and its trampolines. */
#define MAX_PAGES ((128u << 10) / PAGE_SIZE)

extern u8 ipjit_cache_area[];

asm(".pushsection .text, \"ax\", @progbits\n"
    ".balign 4096\n"
    ".globl ipjit_cache_area\n"
    ".hidden ipjit_cache_area\n"
    "ipjit_cache_area:\n"
    ANNOTATE_NOENDBR
    ".fill " __stringify(0x100000) ", 1, 0xcc\n"
    ".popsection\n");
static_assert(IPJIT_CACHE_SIZE == 0x100000);

static DEFINE_MUTEX(lock);
static DECLARE_BITMAP(taken, GRANULES);
static u32 granules_used;

static void serialise(void *unused)
{
	sync_core();
}

/* The alias of the pages that hold [at, at + len), writable for one copy. */
static int write_text(u8 *at, const u8 *bytes, u32 len)
{
	unsigned long first = (unsigned long)at & PAGE_MASK;
	u32 nr = PFN_UP((unsigned long)at + len) - PFN_DOWN(first);
	struct page *pages[MAX_PAGES + 1];
	u8 *alias;
	u32 i;

	if (nr > ARRAY_SIZE(pages))
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		pages[i] = vmalloc_to_page((void *)(first + i * PAGE_SIZE));
		if (!pages[i])
			return -EFAULT;
	}
	alias = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	if (!alias)
		return -ENOMEM;
	if (bytes)
		memcpy(alias + ((unsigned long)at - first), bytes, len);
	else
		memset(alias + ((unsigned long)at - first), INT3, len);
	vunmap(alias);
	on_each_cpu(serialise, NULL, 1);
	return 0;
}

/* GRANULES or more: no hole is large enough. */
static unsigned long find_hole(u32 nr)
{
	unsigned long start = GRANULES;

	if (nr == 1)
		start = find_next_zero_bit(taken, GRANULES, LAST_QUARTER);
	if (start >= GRANULES)
		start = bitmap_find_next_zero_area(taken, GRANULES, 0, nr, 0);
	return start;
}

int ipjit_cache_alloc(struct ipjit_extent *extent, u32 bytes)
{
	u32 nr = DIV_ROUND_UP(bytes, IPJIT_CACHE_GRANULE);
	unsigned long start;

	if (!nr || nr > GRANULES)
		return -EINVAL;
	mutex_lock(&lock);
	start = find_hole(nr);
	if (start >= GRANULES) {
		mutex_unlock(&lock);
		return -ENOSPC;
	}
	bitmap_set(taken, start, nr);
	granules_used += nr;
	mutex_unlock(&lock);

	extent->at = ipjit_cache_area + start * IPJIT_CACHE_GRANULE;
	extent->size = nr * IPJIT_CACHE_GRANULE;
	return 0;
}

int ipjit_cache_write(const struct ipjit_extent *extent, const u8 *bytes,
		      u32 len)
{
	if (len > extent->size)
		return -EINVAL;
	return write_text(extent->at, bytes, len);
}

void ipjit_cache_free(struct ipjit_extent *extent)
{
	u32 start, nr = extent->size / IPJIT_CACHE_GRANULE;

	if (!nr)
		return;
	/* Dead bytes that stay are unreachable, only not as plainly so. */
	write_text(extent->at, NULL, extent->size);
	start = (extent->at - ipjit_cache_area) / IPJIT_CACHE_GRANULE;
	mutex_lock(&lock);
	bitmap_clear(taken, start, nr);
	granules_used -= nr;
	mutex_unlock(&lock);
	extent->at = NULL;
	extent->size = 0;
}

u32 ipjit_cache_used(void)
{
	return READ_ONCE(granules_used) * IPJIT_CACHE_GRANULE;
}

const u8 *ipjit_cache_base(void)
{
	return ipjit_cache_area;
}

/* Tries what every install will do, where a refusal is still cheap. */
int ipjit_cache_init(void)
{
	static const u8 probe[] = { 0x90, 0x90 };
	struct ipjit_extent extent;
	int err;

	err = ipjit_cache_alloc(&extent, sizeof(probe));
	if (err)
		return err;
	err = ipjit_cache_write(&extent, probe, sizeof(probe));
	if (!err && memcmp(extent.at, probe, sizeof(probe)))
		err = -EIO;
	ipjit_cache_free(&extent);
	if (err)
		pr_err("ipjit: the code cache cannot be written (%d)\n", err);
	return err;
}

void ipjit_cache_uninit(void)
{
	WARN_ON(granules_used);
}
