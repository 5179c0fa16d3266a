/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Machine code in, one instruction out; see decode.c. */
#ifndef IPJIT_VERIFIER_DECODE_H
#define IPJIT_VERIFIER_DECODE_H

#include "verifier/core/types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum insn_op {
	OP_none,
#define IPJIT_INSN(op, text) OP_##op,
#include "verifier/core/insns.def"
#undef IPJIT_INSN
	OP_COUNT,
	/* Placeholders of opcodes.def until ModRM.reg names the op. */
	OP_group1 = OP_COUNT,
	OP_group2,
	OP_group3,
	OP_group5,
	OP_group8,
	OP_group11,
	OP_group_nop,
	OP_group_set,
	OP_GROUPS_END
};

enum reg {
	RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15,
	NO_REG = 0xff
};

/* Condition codes as the processor encodes them; the low bit negates. */
enum cc {
	CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A,
	CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G
};

enum operand_kind { OPERAND_NONE, OPERAND_REG, OPERAND_MEM, OPERAND_IMM };

struct operand {
	u8 kind;	/* enum operand_kind */
	u8 reg;		/* of OPERAND_REG */
};

/* An instruction has at most one memory operand and one immediate. */
struct insn {
	u32 at;			/* byte offset of its first byte */
	u8 len;			/* bytes */
	u8 op;			/* enum insn_op */
	u8 width;		/* bytes of the destination operand: 1, 2, 4, 8 */
	u8 src_width;		/* bytes of the source of movzx and movsx, else width */
	u8 cc;			/* of jcc, set, cmov */
	u8 base, index, scale;	/* memory: NO_REG where absent; scale is a shift */
	bool rip;		/* memory: relative to the next instruction */
	struct operand arg[3];	/* destination first */
	s32 disp;
	s64 imm;		/* sign extended */
	u32 target;		/* of jmp and jcc: byte offset, taken modulo 2^32 */
};

/*
 * Decodes the instruction at code[at]; at < code_len.  Returns IPJIT_RULE_none,
 * or the rule that refuses it (insn->op is then OP_none or the op recognised).
 */
rule_t ipjit_decode(struct insn *insn, const u8 *code, u32 code_len, u32 at, u32 isa);

const char *ipjit_insn_name(u32 op);

#ifdef __cplusplus
}
#endif

#endif
