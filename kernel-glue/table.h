/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Read-only tables of one version, in pages of their own: mapped writable to be
 * filled, then read-only for as long as they live.  Never executable.
 */
#ifndef IPJIT_TABLE_H
#define IPJIT_TABLE_H

#include <linux/types.h>

struct page;

struct ipjit_tables {
	const u8 *at;		/* read-only; NULL if there are none */
	struct page **pages;
	u32 nr_pages;
	u32 bytes;		/* asked for */
};

/* Copies `bytes` bytes; zero bytes make no tables.  -ENOMEM.  May sleep. */
int ipjit_tables_make(struct ipjit_tables *tables, const void *from, u32 bytes);
/* Once no CPU can read them any more. */
void ipjit_tables_free(struct ipjit_tables *tables);

/* Bytes of pages held by all tables. */
u64 ipjit_tables_used(void);

#endif
