/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One check in progress, and the steps that it consists of.
 *
 *   verify.c    the walk over the code, labels, ret
 *   transfer.c  what each instruction does, with alu.c and muldiv.c
 *   access.c    registers, addresses, loads and stores
 *   branch.c    what an edge teaches
 *   join.c      states that wait at labels
 *   report.c    a refusal as text
 *
 * Functions that may refuse return the rule; IPJIT_RULE_none is success.
 */
#ifndef IPJIT_VERIFIER_CHECKER_H
#define IPJIT_VERIFIER_CHECKER_H

#include "verifier/core/state.h"

#define SAVED_BYTES 48		/* the frame's room for callee-saved registers */
#define UNIT_BYTES 64		/* granularity of the arena */
#define MAX_UNITS 90		/* units of the largest state */

/* Memory for waiting states; a block is named by its first unit, plus one. */
struct arena {
	u8 *base;
	u32 nr_units, next;
	u64 has_free[MAX_UNITS / 64 + 1];	/* by size, a bit: there is a free block */
	u32 free[MAX_UNITS + 1];	/* by size: the first; nothing if the bit is not set */
};

/* Pairs of symbols that have been merged, each shifted by a constant. */
struct pairs {
	u32 nr;
	struct {
		u32 a, b;
		u64 add_a, add_b;
		u32 sym;
	} pair[NR_LOCS];
};

/* By place in the current state: place in the waiting one. */
union renumbering {
	u8 sym[NR_SYMS];
	u64 words[NR_SYMS / 8];
};

/* What learning can change of a symbol, as it was before an edge was followed. */
struct undo {
	u32 nr;
	struct {
		u32 place;
		u64 lo, hi;
		s64 fact[NR_BASES];
	} sym[SYM_FIRST_FREE + 6];
};

struct checker {
	const struct ipjit_contract *contract;
	const u8 *code;
	u32 code_len;
	u8 *is_label;		/* by byte offset, a bit: a state waits there */
	u32 *label;		/* by byte offset: that state's block; nothing if the bit is not set */
	struct arena arena;
	bool reachable;
	u32 nr_insns;
	u32 nr_waiting;		/* labels ahead */
	u32 deepest;		/* bytes of stack */
	u32 refused_at;		/* offset to report, if not the current instruction */
	struct insn insn;
	struct state state;
	struct value entry_value[NR_REGS];	/* what registers hold at entry */
	/*
	 * What lives during one step only.  Here and not on the stack, where a kernel
	 * clears every array before its function looks at it.
	 */
	struct undo undo;
	union renumbering renumbering;
	u8 twin[NR_LOCS + SYM_FIRST_FREE];
	/* join.c builds the merged state here. */
	struct pairs pairs;
	struct value merged_value[NR_LOCS];
	struct sym merged_sym[NR_LOCS + SYM_FIRST_FREE];
};

/* Bit i: a state waits at offset at + i; good for i < 57. */
static inline u64 labels_from(const struct checker *ck, u32 at)
{
	u64 window;

	__builtin_memcpy(&window, ck->is_label + at / 8, sizeof(window));
	return window >> (at % 8);
}

bool ipjit_contract_is_sound(const struct ipjit_contract *contract, u32 code_len, u64 unit_len);

rule_t ipjit_transfer(struct checker *ck);

rule_t ipjit_read_reg(struct checker *ck, u32 reg, u32 width, struct value *out);
rule_t ipjit_write_reg(struct checker *ck, u32 reg, u32 width, struct value v);
rule_t ipjit_read_memory(struct checker *ck, u32 width, struct value *out);
rule_t ipjit_write_memory(struct checker *ck, u32 width, struct value v);
rule_t ipjit_address(struct checker *ck, struct value *out);
rule_t ipjit_load(struct checker *ck, const struct value *at, u32 bytes, struct value *out);
rule_t ipjit_store(struct checker *ck, const struct value *at, u32 bytes, struct value v);
rule_t ipjit_add_to_counter(struct checker *ck, const struct value *at);

/* Results of numbers, both truncated to width; the result is too. */
struct value ipjit_alu_result(struct state *s, u32 op, struct value a, struct value b, u32 width);
struct value ipjit_shift_result(struct state *s, u32 op, struct value a, struct value count, u32 width);
struct value ipjit_mul_result(struct state *s, struct value a, struct value b, u32 width);
struct value ipjit_select_result(struct state *s, const struct value *a, const struct value *b);
rule_t ipjit_transfer_muldiv(struct checker *ck);
rule_t ipjit_transfer_bits(struct checker *ck);

/* The edge to `target` is taken where cc holds for the last flags, which are set; elsewhere the walk goes on. */
rule_t ipjit_branch(struct checker *ck, u32 cc, u32 target);

/* The current state also arrives at `target`. */
rule_t ipjit_arrive(struct checker *ck, u32 target);
/* Takes the state that waits at the current offset, merged with the one falling through. */
rule_t ipjit_enter_label(struct checker *ck, u32 at);
/* For the report: the offset of the first branch to a label that waits. */
u32 ipjit_first_branch_to(struct checker *ck, u32 target);

/* The usual case of ipjit_read_reg() before the call: a number that is read as it is. */
static inline rule_t read_reg(struct checker *ck, u32 reg, u32 width, struct value *out)
{
	const struct value *v = &ck->state.loc[reg];

	if (!is_live(&ck->state, reg) || v->kind != KIND_NUMBER || v->bytes < 8 ||
	    (width < 8 && !fits(ck->state.sym, v, width)))
		return ipjit_read_reg(ck, reg, width, out);
	*out = *v;
	return IPJIT_RULE_none;
}

static inline rule_t read_arg(struct checker *ck, u32 arg, u32 width, struct value *out)
{
	const struct insn *insn = &ck->insn;

	switch ((enum operand_kind)insn->arg[arg].kind) {
	case OPERAND_REG:
		return read_reg(ck, insn->arg[arg].reg, width, out);
	case OPERAND_IMM:
		*out = constant((u64)insn->imm & width_mask(width));
		return IPJIT_RULE_none;
	case OPERAND_MEM:
		return ipjit_read_memory(ck, width, out);
	case OPERAND_NONE:
		break;
	}
	return IPJIT_RULE_operand;
}

static inline rule_t write_arg(struct checker *ck, u32 arg, u32 width, struct value v)
{
	if (ck->insn.arg[arg].kind == OPERAND_REG)
		return ipjit_write_reg(ck, ck->insn.arg[arg].reg, width, v);
	return ipjit_write_memory(ck, width, v);
}

void ipjit_report_insn(char *out, size_t size, const struct insn *insn);
void ipjit_report_state(char *out, size_t size, const struct checker *ck);

#endif
