// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What each instruction does to the state: moves and the two-operand ALU here,
 * arithmetic results in alu.c, the rest in muldiv.c.  Branches and ret belong to
 * the walk in verify.c.
 *
 * Pointers survive mov, push, pop, lea, add and sub of a number, and nothing
 * else: a pointer that became a number could leave through the verdict.
 */
#include "verifier/core/checker.h"

static bool is_number(const struct value *v)
{
	return v->kind == KIND_NUMBER;
}

/* All of them. */
static void set_flags(struct state *s, enum flags_kind kind, u32 width, struct value a,
		      struct value b)
{
	s->flags.kind = kind;
	s->flags.unset = 0;
	s->flags.width = (u8)width;
	s->flags.a = a;
	s->flags.b = b;
}

static rule_t transfer_mov(struct checker *ck)
{
	const struct insn *insn = &ck->insn;
	struct value v;
	rule_t rule = read_arg(ck, 1, insn->src_width, &v);

	if (rule)
		return rule;
	if (insn->op == OP_movsx &&
	    (known_range(ck->state.sym, &v).hi > width_mask(insn->src_width) >> 1 ||
	     flow_range(ck->state.sym, &v).hi > width_mask(insn->src_width) >> 1))
		v = ipjit_unknown(&ck->state, insn->width);
	return write_arg(ck, 0, insn->width, v);
}

static rule_t transfer_lea(struct checker *ck)
{
	struct value v;
	rule_t rule;

	rule = ipjit_address(ck, &v);
	return rule ? rule : write_arg(ck, 0, ck->insn.width, v);
}

/* The low `bytes` bytes of x in reverse. */
static u64 reverse_bytes(u64 x, u32 bytes)
{
	u64 out = 0;

	for (; bytes; bytes--, x >>= 8)
		out = out << 8 | (x & 0xff);
	return out;
}

/* Bytes in another order: zero stays zero, and bits stay zero. */
static rule_t transfer_swap(struct checker *ck)
{
	const struct insn *insn = &ck->insn;
	struct state *s = &ck->state;
	struct range known, flow;
	struct value v;
	rule_t rule;

	rule = read_arg(ck, insn->op == OP_movbe, insn->width, &v);
	if (!rule && !is_number(&v))
		rule = IPJIT_RULE_pointer_arith;
	if (rule)
		return rule;
	known = flow = full_range(insn->width);
	known.lo = known_range(s->sym, &v).lo != 0;
	flow.lo = flow_range(s->sym, &v).lo != 0;
	v = ipjit_fresh(s, known, flow, reverse_bytes(value_ones(s->sym, &v), insn->width));
	return write_arg(ck, 0, insn->width, v);
}

static rule_t transfer_cmov(struct checker *ck)
{
	struct state *s = &ck->state;
	u32 width = ck->insn.width;
	struct value a, b;
	rule_t rule = read_arg(ck, 0, width, &a);

	if (!rule)
		rule = read_arg(ck, 1, width, &b);
	if (rule)
		return rule;
	if (!may_ask(s, ck->insn.cc))
		return IPJIT_RULE_uninit_flags;
	if (!is_number(&a) || !is_number(&b))
		return IPJIT_RULE_pointer_arith;
	return write_arg(ck, 0, width, ipjit_select_result(s, &a, &b));
}

static rule_t transfer_set(struct checker *ck)
{
	if (!may_ask(&ck->state, ck->insn.cc))
		return IPJIT_RULE_uninit_flags;
	return write_arg(ck, 0, 1,
			 ipjit_fresh(&ck->state, clamp_above(1), clamp_above(1), ALL_ONES));
}

static rule_t transfer_push(struct checker *ck)
{
	struct value v, sp = ck->state.loc[RSP];
	rule_t rule = ipjit_read_reg(ck, ck->insn.arg[0].reg, 8, &v);

	if (rule)
		return rule;
	sp.add -= 8;
	rule = ipjit_write_reg(ck, RSP, 8, sp);
	return rule ? rule : ipjit_store(ck, &sp, 8, v);
}

static rule_t transfer_pop(struct checker *ck)
{
	struct value v, sp = ck->state.loc[RSP];
	rule_t rule = ipjit_load(ck, &sp, 8, &v);

	if (rule)
		return rule;
	sp.add += 8;
	rule = ipjit_write_reg(ck, RSP, 8, sp);
	return rule ? rule : ipjit_write_reg(ck, ck->insn.arg[0].reg, 8, v);
}

/* pointer +- number */
static rule_t move_pointer(struct checker *ck, struct value a, struct value b)
{
	struct state *s = &ck->state;
	const struct insn *insn = &ck->insn;

	if (insn->op == OP_add && is_number(&a)) {
		struct value swap = a;

		a = b;
		b = swap;
	}
	if (!is_number(&b) || a.kind == KIND_SAVED)
		return IPJIT_RULE_pointer_arith;
	if (insn->op == OP_sub || insn->op == OP_dec) {
		if (!is_constant(&b))
			return IPJIT_RULE_pointer_arith;
		b.add = -b.add;
	} else if (insn->op != OP_add && insn->op != OP_inc) {
		return IPJIT_RULE_pointer_arith;
	}
	/* Flags would tell bits of the address. */
	lose_flags(s);
	return write_arg(ck, 0, 8, ipjit_sum(s, a, b));
}

/* cmp and test: flags only */
static rule_t transfer_compare(struct checker *ck)
{
	struct state *s = &ck->state;
	const struct insn *insn = &ck->insn;
	struct value a, b;
	rule_t rule = read_arg(ck, 0, insn->width, &a);

	if (!rule)
		rule = read_arg(ck, 1, insn->width, &b);
	if (rule)
		return rule;
	if (!is_number(&a) || !is_number(&b))
		return IPJIT_RULE_pointer_arith;
	/* What was made by looking at memory, and is nowhere else, nobody could use. */
	if (insn->arg[0].kind == OPERAND_MEM && is_constant(&b) && insn->base != RSP &&
	    a.sym >= SYM_FIRST_FREE && a.sym + 1 == s->nr_syms)
		write_flags(s, FLAGS_ALL);
	else if (insn->op == OP_cmp)
		set_flags(s, FLAGS_COMPARE, insn->width, a, b);
	else if (a.sym == b.sym && a.add == b.add)
		set_flags(s, FLAGS_COMPARE, insn->width, a, constant(0));
	else
		write_flags(s, FLAGS_ALL);
	return IPJIT_RULE_none;
}

/* xor r,r and sub r,r give zero, and sbb r,r copies the carry, whatever r held. */
static bool is_self_clearing(const struct insn *insn)
{
	return (insn->op == OP_xor || insn->op == OP_sub || insn->op == OP_sbb) &&
	       insn->arg[0].kind == OPERAND_REG && insn->arg[1].kind == OPERAND_REG &&
	       insn->arg[0].reg == insn->arg[1].reg;
}

static rule_t clear_self(struct checker *ck)
{
	struct state *s = &ck->state;
	struct value v = constant(0);

	if (ck->insn.op == OP_sbb) {
		if (!may_ask(s, CC_B))
			return IPJIT_RULE_uninit_flags;
		v = ipjit_unknown(s, ck->insn.width);
	}
	write_flags(s, FLAGS_ALL);
	return write_arg(ck, 0, ck->insn.width, v);
}

static rule_t transfer_alu(struct checker *ck)
{
	struct state *s = &ck->state;
	const struct insn *insn = &ck->insn;
	struct value a, b = constant(1), at, v;
	bool compares = insn->op == OP_sub;
	u8 carry;
	rule_t rule;

	if (is_self_clearing(insn))
		return clear_self(ck);
	if (insn->arg[0].kind == OPERAND_MEM) {
		rule = ipjit_address(ck, &at);
		if (!rule && at.kind == KIND_COUNTERS) {
			/* Flags would tell what a counter holds, which is only written. */
			lose_flags(s);
			return ipjit_add_to_counter(ck, &at);
		}
		if (!rule)
			rule = at.kind == KIND_STACK ? ipjit_load(ck, &at, insn->width, &a) :
						       IPJIT_RULE_store;
	} else {
		rule = read_arg(ck, 0, insn->width, &a);
	}
	if (!rule && insn->arg[1].kind != OPERAND_NONE)
		rule = read_arg(ck, 1, insn->width, &b);
	if (rule)
		return rule;
	if ((insn->op == OP_adc || insn->op == OP_sbb) && !may_ask(s, CC_B))
		return IPJIT_RULE_uninit_flags;
	if (!is_number(&a) || !is_number(&b))
		return move_pointer(ck, a, b);
	v = ipjit_alu_result(s, insn->op, a, b, insn->width);
	carry = s->flags.unset & FLAG_C;
	if (compares)
		set_flags(s, FLAGS_COMPARE, insn->width, a, b);
	else if (insn->op != OP_not)
		set_flags(s, FLAGS_RESULT, insn->width, v, constant(0));
	if (insn->op == OP_inc || insn->op == OP_dec)
		s->flags.unset = carry;
	return write_arg(ck, 0, insn->width, v);
}

/*
 * What a shift writes.  A count of zero keeps all flags, so one that is not known
 * sets none; rotations leave alone what does not go through the carry.
 */
static u32 written_by_shift(const struct insn *insn, const struct value *count)
{
	u32 by = is_constant(count) ? count->add & (insn->width == 8 ? 63 : 31) : 0;
	u32 flags = insn->op >= OP_shl ? FLAG_Z | FLAG_S | FLAG_P : 0;

	if (!by)
		return 0;
	if (by < 8 * insn->width)
		flags |= FLAG_C;
	return by == 1 ? flags | FLAG_O : flags;
}

/* Shifts and rotations, the VEX forms too: those leave the flags alone. */
static rule_t transfer_shift(struct checker *ck)
{
	struct state *s = &ck->state;
	const struct insn *insn = &ck->insn;
	bool vex = insn->arg[2].kind != OPERAND_NONE;
	struct value a, count, v;
	rule_t rule = read_arg(ck, vex, insn->width, &a);

	/* Only the low byte of the count matters, and of cl only that may be known. */
	if (!rule)
		rule = read_arg(ck, vex + 1, 1, &count);
	if (rule)
		return rule;
	if (!is_number(&a) || !is_number(&count))
		return IPJIT_RULE_pointer_arith;
	v = ipjit_shift_result(s, insn->op, a, count, insn->width);
	if (!vex) {
		u32 written = written_by_shift(insn, &count);
		u8 unset = s->flags.unset & ~written;

		write_flags(s, 0);
		if (written & FLAG_Z)
			set_flags(s, FLAGS_RESULT, insn->width, v, constant(0));
		s->flags.unset = unset;
	}
	return write_arg(ck, 0, insn->width, v);
}

static rule_t transfer_bt(struct checker *ck)
{
	struct value ignored;
	rule_t rule;

	/* bt m,r reads at an address that the register moves. */
	if (ck->insn.arg[0].kind == OPERAND_MEM && ck->insn.arg[1].kind == OPERAND_REG)
		return IPJIT_RULE_operand;
	rule = read_arg(ck, 0, ck->insn.width, &ignored);
	if (!rule && ignored.kind != KIND_NUMBER)
		rule = IPJIT_RULE_pointer_arith;
	if (!rule)
		rule = read_arg(ck, 1, ck->insn.width, &ignored);
	if (!rule && ignored.kind != KIND_NUMBER)
		rule = IPJIT_RULE_pointer_arith;
	write_flags(&ck->state, FLAG_C);
	return rule;
}

rule_t ipjit_transfer(struct checker *ck)
{
	/* Half of what there is, before a compiler without jump tables searches for it. */
	if (ck->insn.op == OP_mov || ck->insn.op == OP_movzx)
		return transfer_mov(ck);
	if (ck->insn.op == OP_cmp)
		return transfer_compare(ck);
	switch ((enum insn_op)ck->insn.op) {
	case OP_mov: case OP_movzx: case OP_movsx:
		return transfer_mov(ck);
	case OP_lea:
		return transfer_lea(ck);
	case OP_movbe: case OP_bswap:
		return transfer_swap(ck);
	case OP_cmov:
		return transfer_cmov(ck);
	case OP_set:
		return transfer_set(ck);
	case OP_push:
		return transfer_push(ck);
	case OP_pop:
		return transfer_pop(ck);
	case OP_add: case OP_or: case OP_adc: case OP_sbb: case OP_and: case OP_sub:
	case OP_xor: case OP_inc: case OP_dec: case OP_neg: case OP_not:
		return transfer_alu(ck);
	case OP_cmp: case OP_test:
		return transfer_compare(ck);
	case OP_rol: case OP_ror: case OP_shl: case OP_shr: case OP_sar: case OP_rorx:
	case OP_shlx: case OP_shrx: case OP_sarx:
		return transfer_shift(ck);
	case OP_mul: case OP_imul1: case OP_imul: case OP_div:
		return ipjit_transfer_muldiv(ck);
	case OP_bt:
		return transfer_bt(ck);
	case OP_bsf: case OP_bsr: case OP_tzcnt: case OP_lzcnt: case OP_popcnt: case OP_andn:
	case OP_bextr: case OP_bzhi: case OP_blsr: case OP_blsmsk: case OP_blsi:
		return ipjit_transfer_bits(ck);
	case OP_nop: case OP_endbr64:
		return IPJIT_RULE_none;
	case OP_jcc: case OP_jmp: case OP_ret: case OP_int3: case OP_none:
	case OP_group1: case OP_group2: case OP_group3: case OP_group5: case OP_group8:
	case OP_group11: case OP_group_nop: case OP_group_set: case OP_GROUPS_END:
		break;
	}
	return IPJIT_RULE_opcode;
}
