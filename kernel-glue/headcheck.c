// SPDX-License-Identifier: GPL-2.0-only
/* What the branch would do does not matter: the kernel's own code is always right. */
#include "headcheck.h"

#include "verifier/core/decode.h"

static bool compares_len(const struct insn *insn)
{
	return insn->op == OP_cmp && insn->width == 8 &&
	       insn->arg[0].kind == OPERAND_REG && insn->arg[0].reg == RSI &&
	       insn->arg[1].kind == OPERAND_IMM;
}

struct ipjit_headcheck ipjit_headcheck_find(const u8 *code, u32 len, u32 isa)
{
	struct ipjit_headcheck none = {}, found;
	struct insn insn;

	if (ipjit_decode(&insn, code, len, 0, isa) || !compares_len(&insn))
		return none;
	found.cmp_len = insn.len;
	if (found.cmp_len == len ||
	    ipjit_decode(&insn, code, len, found.cmp_len, isa) ||
	    insn.op != OP_jcc || insn.cc != CC_B)
		return none;
	found.len = found.cmp_len + insn.len;
	return found;
}
