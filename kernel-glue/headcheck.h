/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The check of the head's length with which most code begins:
 *
 *	cmp	$42, %rsi
 *	jb	...
 *
 * A trampoline that does it itself need not call the code to learn that a packet
 * whose bytes lie in pages is the kernel's.
 */
#ifndef IPJIT_HEADCHECK_H
#define IPJIT_HEADCHECK_H

#include <linux/types.h>

struct ipjit_headcheck {
	u32 cmp_len;	/* the comparison is code[0 .. cmp_len); 0: there is none */
	u32 len;	/* comparison and branch */
};

/* `code` is verified. */
struct ipjit_headcheck ipjit_headcheck_find(const u8 *code, u32 len, u32 isa);

#endif
