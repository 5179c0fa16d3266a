// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read-only tables: whole pages, filled through a writable mapping that is gone
 * before the read-only one exists.
 */
#include "table.h"

#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static atomic64_t used;

static void free_pages_of(struct ipjit_tables *tables)
{
	while (tables->nr_pages)
		__free_page(tables->pages[--tables->nr_pages]);
	kvfree(tables->pages);
	tables->pages = NULL;
}

static int alloc_pages_of(struct ipjit_tables *tables, u32 nr)
{
	tables->pages = kvcalloc(nr, sizeof(*tables->pages), GFP_KERNEL);
	if (!tables->pages)
		return -ENOMEM;
	for (tables->nr_pages = 0; tables->nr_pages < nr; tables->nr_pages++) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO |
					       __GFP_NORETRY | __GFP_NOWARN);

		if (!page) {
			free_pages_of(tables);
			return -ENOMEM;
		}
		tables->pages[tables->nr_pages] = page;
	}
	return 0;
}

int ipjit_tables_make(struct ipjit_tables *tables, const void *from, u32 bytes)
{
	void *writable;
	int err;

	memset(tables, 0, sizeof(*tables));
	if (!bytes)
		return 0;
	err = alloc_pages_of(tables, DIV_ROUND_UP(bytes, PAGE_SIZE));
	if (err)
		return err;

	writable = vmap(tables->pages, tables->nr_pages, VM_MAP, PAGE_KERNEL);
	if (!writable)
		goto err_pages;
	memcpy(writable, from, bytes);
	vunmap(writable);

	tables->at = vmap(tables->pages, tables->nr_pages, VM_MAP,
			  PAGE_KERNEL_RO);
	if (!tables->at)
		goto err_pages;
	tables->bytes = bytes;
	atomic64_add((u64)tables->nr_pages << PAGE_SHIFT, &used);
	return 0;

err_pages:
	free_pages_of(tables);
	return -ENOMEM;
}

void ipjit_tables_free(struct ipjit_tables *tables)
{
	if (!tables->at)
		return;
	atomic64_sub((u64)tables->nr_pages << PAGE_SHIFT, &used);
	vunmap(tables->at);
	free_pages_of(tables);
	tables->at = NULL;
	tables->bytes = 0;
}

u64 ipjit_tables_used(void)
{
	return atomic64_read(&used);
}
