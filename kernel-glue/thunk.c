// SPDX-License-Identifier: GPL-2.0-only
/*
 * The return thunk.
 *
 * Which one a CPU needs is decided at boot and not exported; but the module
 * loader patches every return of a module.  So one return is written here for
 * no other purpose than to be read after that.  It lies in the first half of a
 * cache line, because of ITS only returns there are patched (the second halves
 * are safe on such a CPU); a jump to the thunk is right in both.
 */
#include "thunk.h"

#include <linux/compiler.h>
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <linux/string.h>

#define JMP_OPCODE 0xe9
#define JMP_LEN 5

extern const u8 ipjit_one_return[];

asm(".pushsection .text, \"ax\", @progbits\n"
    ".balign 64, 0xcc\n"
    ".globl ipjit_one_return\n"
    ".hidden ipjit_one_return\n"
    ".type ipjit_one_return, @function\n"
    "ipjit_one_return:\n"
    ANNOTATE_NOENDBR
    ASM_RET
    ".size ipjit_one_return, . - ipjit_one_return\n"
    ".popsection\n");

const u8 *ipjit_return_thunk(void)
{
	const u8 *site = ipjit_one_return;
	s32 rel;

	/* Or objtool sees addresses inside of a function being taken. */
	OPTIMIZER_HIDE_VAR(site);
	if (site[0] != JMP_OPCODE)
		return NULL;
	memcpy(&rel, site + 1, sizeof(rel));
	return site + JMP_LEN + rel;
}
