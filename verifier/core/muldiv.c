// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Multiplication, division, and the instructions that count and select bits.
 *
 *   imul eax, ecx, 0x9e3779b1      a new symbol
 *   shr  eax, 20                   [0, 4095] by data flow: an index
 *
 *   test ecx, ecx; je zero         ecx >= 1 from here on
 *   xor  edx, edx
 *   div  ecx                       eax <= dividend, edx < divisor
 *
 * Hazards: div faults on a zero divisor and on a quotient that does not fit, so
 * both must be excluded on completed paths.  A mispredicted path may still divide
 * by zero and go on with anything: then the data-flow interval is the full one.
 */
#include "verifier/core/checker.h"

static struct range mul_range(struct range a, struct range b, u32 width)
{
	unsigned __int128 hi = (unsigned __int128)a.hi * b.hi;

	if (hi > width_mask(width))
		return full_range(width);
	return (struct range){a.lo * b.lo, (u64)hi};
}

struct value ipjit_mul_result(struct state *s, struct value a, struct value b, u32 width)
{
	if (is_constant(&a) && is_constant(&b))
		return ipjit_truncate(s, constant(a.add * b.add), width);
	if (is_constant(&b) && b.add && !(b.add & (b.add - 1)))
		return ipjit_truncate(s, ipjit_shifted(s, a, trailing_zeros(b.add)), width);
	return ipjit_fresh(s, mul_range(known_range(s->sym, &a), known_range(s->sym, &b), width),
		     mul_range(flow_range(s->sym, &a), flow_range(s->sym, &b), width),
		     ones_above(value_zeros(s->sym, &a) + value_zeros(s->sym, &b)));
}

static struct range high_range(struct range a, struct range b, u32 width)
{
	u32 bits = 8 * width;

	return (struct range){(u64)((unsigned __int128)a.lo * b.lo >> bits),
			      (u64)((unsigned __int128)a.hi * b.hi >> bits)};
}

static rule_t read_number(struct checker *ck, u32 arg, u32 width, struct value *out)
{
	rule_t rule = read_arg(ck, arg, width, out);

	if (!rule && out->kind != KIND_NUMBER)
		return IPJIT_RULE_pointer_arith;
	return rule;
}

static rule_t read_number_reg(struct checker *ck, u32 reg, u32 width, struct value *out)
{
	rule_t rule = ipjit_read_reg(ck, reg, width, out);

	if (!rule && out->kind != KIND_NUMBER)
		return IPJIT_RULE_pointer_arith;
	return rule;
}

/* rdx:rax = rax * operand */
static rule_t transfer_mul(struct checker *ck)
{
	struct state *s = &ck->state;
	u32 width = ck->insn.width;
	struct value a, b, low, high;
	rule_t rule = read_number_reg(ck, RAX, width, &a);

	if (!rule)
		rule = read_number(ck, 0, width, &b);
	if (!rule && width < 4)
		rule = IPJIT_RULE_operand;
	if (rule)
		return rule;
	low = ipjit_mul_result(s, a, b, width);
	high = ipjit_unknown(s, width);
	if (ck->insn.op == OP_mul)
		high = ipjit_fresh(s,
			     high_range(known_range(s->sym, &a), known_range(s->sym, &b), width),
			     high_range(flow_range(s->sym, &a), flow_range(s->sym, &b), width), ALL_ONES);
	write_flags(s, FLAG_C | FLAG_O);
	rule = ipjit_write_reg(ck, RAX, width, low);
	return rule ? rule : ipjit_write_reg(ck, RDX, width, high);
}

static rule_t transfer_imul(struct checker *ck)
{
	const struct insn *insn = &ck->insn;
	u32 width = insn->width, three = insn->arg[2].kind != OPERAND_NONE;
	struct value a, b;
	rule_t rule = read_number(ck, three, width, &a);

	if (!rule)
		rule = read_number(ck, three + 1, width, &b);
	if (rule)
		return rule;
	write_flags(&ck->state, FLAG_C | FLAG_O);
	return write_arg(ck, 0, width, ipjit_mul_result(&ck->state, a, b, width));
}

/* rax = rdx:rax / operand, rdx = the remainder */
static rule_t transfer_div(struct checker *ck)
{
	struct state *s = &ck->state;
	u32 width = ck->insn.width;
	struct value high, a, b, quotient, remainder;
	struct range ka, kb, fa, fb;
	rule_t rule = read_number_reg(ck, RDX, width, &high);

	if (!rule)
		rule = read_number_reg(ck, RAX, width, &a);
	if (!rule)
		rule = read_number(ck, 0, width, &b);
	if (!rule && width < 4)
		rule = IPJIT_RULE_operand;
	if (rule)
		return rule;
	ka = known_range(s->sym, &a);
	kb = known_range(s->sym, &b);
	if (!kb.lo || !kb.hi)
		return IPJIT_RULE_divisor;
	if (known_range(s->sym, &high).hi)
		return IPJIT_RULE_dividend_high;
	fa = fb = full_range(width);
	if (flow_range(s->sym, &b).lo && !flow_range(s->sym, &high).hi) {
		fa = clamp_above(flow_range(s->sym, &a).hi);
		fb = clamp_above(flow_range(s->sym, &b).hi - 1);
	}
	quotient = ipjit_fresh(s, (struct range){ka.lo / kb.hi, ka.hi / kb.lo}, fa, ALL_ONES);
	ipjit_inherit_facts(s, &quotient, &a);
	remainder = ipjit_fresh(s, clamp_above(min_u64(ka.hi, kb.hi - 1)), fb, ALL_ONES);
	ipjit_inherit_facts(s, &remainder, &a);
	write_flags(s, 0);
	rule = ipjit_write_reg(ck, RAX, width, quotient);
	return rule ? rule : ipjit_write_reg(ck, RDX, width, remainder);
}

rule_t ipjit_transfer_muldiv(struct checker *ck)
{
	switch (ck->insn.op) {
	case OP_mul:
	case OP_imul1:
		return transfer_mul(ck);
	case OP_imul:
		return transfer_imul(ck);
	default:
		return transfer_div(ck);
	}
}

/* Not above a, and below 2^bits. */
static struct value low_bits(struct state *s, struct value a, u32 shift, u32 bits)
{
	u64 mask = bits >= 64 ? ALL_ONES : ((u64)1 << bits) - 1;
	struct range known = known_range(s->sym, &a), flow = flow_range(s->sym, &a);
	struct value v = ipjit_fresh(s, clamp_above(min_u64(shift < 64 ? known.hi >> shift : 0, mask)),
			       clamp_above(min_u64(shift < 64 ? flow.hi >> shift : 0, mask)), ALL_ONES);

	ipjit_inherit_facts(s, &v, &a);
	return v;
}

/* arg[0] = f(arg[1], arg[2]) of the VEX forms that select bits */
static rule_t transfer_select(struct checker *ck)
{
	const struct insn *insn = &ck->insn;
	struct state *s = &ck->state;
	/* Of a control operand only the low part matters, and only that may be known. */
	u32 width = insn->op == OP_bzhi ? 1 : insn->op == OP_bextr ? 2 : insn->width;
	struct value a, b = constant(0), v;
	rule_t rule = read_number(ck, 1, insn->width, &a);

	if (!rule && insn->arg[2].kind != OPERAND_NONE)
		rule = read_number(ck, 2, width, &b);
	if (rule)
		return rule;
	switch (insn->op) {
	case OP_andn:
		v = low_bits(s, b, 0, 64);
		break;
	case OP_bextr:
		v = is_constant(&b) ? low_bits(s, a, b.add & 255, b.add >> 8 & 255) :
				      low_bits(s, a, 0, 64);
		break;
	case OP_bzhi:
		v = low_bits(s, a, 0, is_constant(&b) ? b.add & 255 : 64);
		break;
	case OP_blsr:
	case OP_blsi:
		v = low_bits(s, a, 0, 64);
		break;
	default:
		v = ipjit_unknown(s, insn->width);
		break;
	}
	write_flags(s, insn->op == OP_bextr ? FLAG_C | FLAG_Z | FLAG_O :
					      FLAG_C | FLAG_Z | FLAG_S | FLAG_O);
	return write_arg(ck, 0, insn->width, v);
}

/* A count of bits, at most `most`. */
static rule_t transfer_count(struct checker *ck)
{
	const struct insn *insn = &ck->insn;
	struct state *s = &ck->state;
	u32 bits = 8 * insn->width;
	struct range known = {0, bits}, flow = {0, bits};
	u32 written = FLAG_C | FLAG_Z;
	struct value a;
	rule_t rule = read_number(ck, 1, insn->width, &a);

	if (rule)
		return rule;
	/* Without BMI1 tzcnt runs as bsf, which keeps its destination if the source is zero. */
	if (insn->op == OP_bsf || insn->op == OP_bsr ||
	    (insn->op == OP_tzcnt && !(ck->contract->isa & IPJIT_ISA_BMI1))) {
		if (!known_range(s->sym, &a).lo)
			return IPJIT_RULE_scan_zero;
		known.hi = flow.hi = bits - 1;
		/* All of it: the upper half of a register too, which other writes of 32 bits clear. */
		if (!flow_range(s->sym, &a).lo)
			flow = full_range(8);
		written = FLAG_Z;
	}
	write_flags(s, insn->op == OP_popcnt ? FLAGS_ALL : written);
	return write_arg(ck, 0, insn->width, ipjit_fresh(s, known, flow, ALL_ONES));
}

rule_t ipjit_transfer_bits(struct checker *ck)
{
	switch (ck->insn.op) {
	case OP_bsf:
	case OP_bsr:
	case OP_tzcnt:
	case OP_lzcnt:
	case OP_popcnt:
		return transfer_count(ck);
	default:
		return transfer_select(ck);
	}
}
