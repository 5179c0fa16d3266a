/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The machine-code checker: bytes and a contract in, a report out.
 *
 * Freestanding C, built unchanged into the kernel module and into the library;
 * it shares no code with what it checks.  It proves that the code reads and
 * writes only what the contract allows, terminates, keeps the calling
 * convention and returns a value of the contract; not that the value is right.
 */
#ifndef IPJIT_VERIFY_H
#define IPJIT_VERIFY_H

#include "ipjit/abi.h"

#ifndef __KERNEL__
#include <stddef.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Why code was refused; the words of ipjit_rule_name(). */
enum ipjit_rule {
#define IPJIT_RULE(name, meaning) IPJIT_RULE_##name,
#include "verifier/rules.def"
#undef IPJIT_RULE
	IPJIT_RULE_COUNT
};

struct ipjit_report {
	uint32_t accepted;	/* 1 or 0 */
	uint32_t rule;		/* enum ipjit_rule; IPJIT_RULE_none if accepted */
	uint32_t offset;	/* byte offset of the instruction refused */
	uint32_t insns;		/* instructions decoded */
	uint32_t stack_bytes;	/* deepest stack use seen, saved registers included */
	char insn[48];		/* the instruction as text, "movzx eax, word [rdi+0x17]" */
	char state[720];	/* abstract state before it, "rax=v3+14 in [14,74] ..." */
};

/*
 * Bytes of scratch memory that verifying `code_len` bytes of code needs; linear
 * in code_len.  The kernel allocates it once a check and holds no lock.
 */
size_t ipjit_verify_workspace(size_t code_len);

/*
 * Checks code[0 .. code_len).  `unit_len` >= code_len is the size of the whole
 * unit: tables of place IPJIT_TABLE_IN_UNIT lie in [code_len, unit_len).
 *
 * Returns 0 if the code keeps the contract, -EPERM if it does not (report says
 * where and why), -EINVAL if the contract itself is nonsense or the workspace
 * too small.  Never reads outside code and workspace; linear time.
 */
int ipjit_verify(const struct ipjit_contract *contract, const uint8_t *code,
		 size_t code_len, size_t unit_len, void *workspace,
		 size_t workspace_len, struct ipjit_report *report);

#ifdef __KERNEL__
/* Called from ipjit_verify() every few hundred instructions; unit.c gives way there. */
void ipjit_verify_give_way(void);
#endif

const char *ipjit_rule_name(uint32_t rule);
const char *ipjit_rule_meaning(uint32_t rule);

#ifdef __cplusplus
}
#endif

#endif /* IPJIT_VERIFY_H */
