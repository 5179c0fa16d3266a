// SPDX-License-Identifier: GPL-2.0-only
/*
 * The return thunk.
 *
 * Which one a CPU needs is decided at boot and not exported; but the module
 * loader patches every return of a module.  So one return is written here for
 * no other purpose than to be read after that.
 */
#include "thunk.h"

#include <linux/linkage.h>

#include <asm/unaligned.h>

#define JMP_OPCODE 0xe9
#define JMP_LEN 5

extern const u8 ipjit_one_return[];

asm(".pushsection .text, \"ax\", @progbits\n"
    ".globl ipjit_one_return\n"
    ".hidden ipjit_one_return\n"
    ".type ipjit_one_return, @function\n"
    "ipjit_one_return:\n"
    ASM_RET
    ".size ipjit_one_return, . - ipjit_one_return\n"
    ".popsection\n");

const u8 *ipjit_return_thunk(void)
{
	if (ipjit_one_return[0] != JMP_OPCODE)
		return NULL;
	return ipjit_one_return + JMP_LEN +
	       get_unaligned((const s32 *)(ipjit_one_return + 1));
}
