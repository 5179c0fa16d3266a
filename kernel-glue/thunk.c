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

#include <linux/linkage.h>
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
    ASM_RET
    ".size ipjit_one_return, . - ipjit_one_return\n"
    ".popsection\n");

const u8 *ipjit_return_thunk(void)
{
	s32 rel;

	if (ipjit_one_return[0] != JMP_OPCODE)
		return NULL;
	memcpy(&rel, ipjit_one_return + 1, sizeof(rel));
	return ipjit_one_return + JMP_LEN + rel;
}
