// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Results of arithmetic on numbers.
 *
 * A function here takes operands that are truncated to the operand size and
 * gives the result, also truncated.  Where the result is `symbol + constant` of
 * an operand it says so; else it makes a new symbol with the tightest interval
 * that is cheap, twice: from what completed paths know, and from data flow.
 *
 *   and eax, 15        [0,15] by data flow, whatever eax was
 *   or  eax, 2         eax + 2 if bit 1 of eax is known to be zero
 *   add eax, -4        eax - 4 if eax is known to be at least 4, else a new symbol
 *
 * Results that are never above an operand (and, shr, ...) inherit its facts.
 */
#include "verifier/core/checker.h"

static bool same_value(const struct value *a, const struct value *b)
{
	return a->sym == b->sym && a->add == b->add && !a->guessed && !b->guessed;
}

static struct range clamp(struct range r, u64 hi)
{
	return clamp_above(min_u64(r.hi, hi));
}

static struct value add_result(struct state *s, struct value a, struct value b, u32 width)
{
	u64 mask = width_mask(width);

	/* A constant in the upper half is meant as a negative one. */
	if (is_constant(&b) && b.add > mask >> 1)
		b.add |= ~mask;
	else if (is_constant(&a) && a.add > mask >> 1)
		a.add |= ~mask;
	return ipjit_truncate(s, ipjit_sum(s, a, b), width);
}

static struct range add_range(struct range a, struct range b, u32 width)
{
	if (a.hi + b.hi < a.hi || a.hi + b.hi > width_mask(width))
		return full_range(width);
	return (struct range){a.lo + b.lo, a.hi + b.hi};
}

static struct range sub_range(struct range a, struct range b, u32 width)
{
	if (a.lo < b.hi)
		return full_range(width);
	return (struct range){a.lo - b.hi, a.hi - b.lo};
}

static struct value sub_result(struct state *s, struct value a, struct value b, u32 width)
{
	struct range ka = known_range(s->sym, &a), kb = known_range(s->sym, &b);
	struct value v;

	if (is_constant(&b)) {
		b.add = -b.add;
		return ipjit_truncate(s, ipjit_sum(s, a, b), width);
	}
	if (a.sym == b.sym && !a.guessed && !b.guessed)
		return ipjit_truncate(s, constant(a.add - b.add), width);
	v = ipjit_fresh(s, sub_range(ka, kb, width),
		  sub_range(flow_range(s->sym, &a), flow_range(s->sym, &b), width),
		  ones_above(min_u32(value_zeros(s->sym, &a), value_zeros(s->sym, &b))));
	if (ka.lo >= kb.hi)
		ipjit_inherit_facts(s, &v, &a);
	return v;
}

static struct value and_constant(struct state *s, struct value a, u64 mask)
{
	struct range known = known_range(s->sym, &a), flow = flow_range(s->sym, &a);
	u64 ones = fill_ones(known.hi), flow_ones = fill_ones(flow.hi);
	bool cuts = (mask & ones) != ones;
	struct value v;

	/* What changes nothing but under misprediction is there for the bound that it gives. */
	if (!cuts && (mask & flow_ones) == flow_ones)
		return a;
	v = ipjit_fresh(s, cuts ? clamp(known, mask) : known, clamp(flow, mask),
		     value_ones(s->sym, &a) & mask);
	ipjit_inherit_facts(s, &v, &a);
	return v;
}

static struct value and_result(struct state *s, struct value a, struct value b)
{
	struct value v;

	if (is_constant(&a) && is_constant(&b))
		return constant(a.add & b.add);
	if (same_value(&a, &b))
		return a;
	if (is_constant(&b))
		return and_constant(s, a, b.add);
	if (is_constant(&a))
		return and_constant(s, b, a.add);
	v = ipjit_fresh(s, clamp(known_range(s->sym, &a), known_range(s->sym, &b).hi),
		  clamp(flow_range(s->sym, &a), flow_range(s->sym, &b).hi),
		  value_ones(s->sym, &a) & value_ones(s->sym, &b));
	ipjit_inherit_facts(s, &v, &a);
	ipjit_inherit_facts(s, &v, &b);
	return v;
}


static struct range or_range(struct range a, struct range b, bool exclusive)
{
	return (struct range){exclusive ? 0 : max_u64(a.lo, b.lo), fill_ones(a.hi | b.hi)};
}

static struct value or_result(struct state *s, struct value a, struct value b, bool exclusive)
{
	if (is_constant(&a) && is_constant(&b))
		return constant(exclusive ? a.add ^ b.add : a.add | b.add);
	/* No carries: an addition, by data flow. */
	if (!(value_ones(s->sym, &a) & value_ones(s->sym, &b)))
		return ipjit_sum(s, a, b);
	return ipjit_fresh(s,
		     or_range(known_range(s->sym, &a), known_range(s->sym, &b), exclusive),
		     or_range(flow_range(s->sym, &a), flow_range(s->sym, &b), exclusive),
		     value_ones(s->sym, &a) | value_ones(s->sym, &b));
}

/* a + b + carry and a - b - carry */
static struct value carry_result(struct state *s, u32 op, const struct value *a,
				 const struct value *b, u32 width)
{
	struct range k = known_range(s->sym, b), f = flow_range(s->sym, b);

	if (k.hi == ALL_ONES || f.hi == ALL_ONES)
		return ipjit_unknown(s, width);
	k.hi++;
	f.hi++;
	if (op == OP_sbb)
		return ipjit_fresh(s, sub_range(known_range(s->sym, a), k, width),
			     sub_range(flow_range(s->sym, a), f, width), ALL_ONES);
	return ipjit_fresh(s, add_range(known_range(s->sym, a), k, width),
		     add_range(flow_range(s->sym, a), f, width), ALL_ONES);
}

struct value ipjit_alu_result(struct state *s, u32 op, struct value a, struct value b, u32 width)
{
	switch (op) {
	case OP_add:
	case OP_inc:
		return add_result(s, a, b, width);
	case OP_sub:
	case OP_dec:
		return sub_result(s, a, b, width);
	case OP_neg:
		return sub_result(s, constant(0), a, width);
	case OP_and:
		return and_result(s, a, b);
	case OP_or:
		return or_result(s, a, b, false);
	case OP_xor:
		return or_result(s, a, b, true);
	case OP_adc:
	case OP_sbb:
		return carry_result(s, op, &a, &b, width);
	default:
		return ipjit_unknown(s, width);
	}
}

/* What a shift of so many bytes takes of a value, under misprediction too. */
static struct range shifted_flow(const struct state *s, const struct value *a, u32 width)
{
	struct range flow = flow_range(s->sym, a);

	return flow.hi <= width_mask(width) ? flow : full_range(width);
}

static struct value shr_result(struct state *s, struct value a, u32 count, u32 width)
{
	struct range known = known_range(s->sym, &a), flow = shifted_flow(s, &a, width);
	u64 ones = value_ones(s->sym, &a) & width_mask(width);
	struct value v = ipjit_fresh(s, (struct range){known.lo >> count, known.hi >> count},
			       (struct range){flow.lo >> count, flow.hi >> count}, ones >> count);

	ipjit_inherit_facts(s, &v, &a);
	return v;
}

/* Shift right by an amount that is not known: never above the operand. */
static struct value shr_unknown(struct state *s, struct value a, u32 width)
{
	struct value v = ipjit_fresh(s, clamp(known_range(s->sym, &a), ALL_ONES),
			       clamp(shifted_flow(s, &a, width), ALL_ONES), ALL_ONES);

	ipjit_inherit_facts(s, &v, &a);
	return v;
}

static struct value sar_result(struct state *s, struct value a, const struct value *count,
			       u32 masked, u32 width)
{
	u64 positive = width_mask(width) >> 1;

	if (known_range(s->sym, &a).hi > positive || flow_range(s->sym, &a).hi > positive)
		return ipjit_unknown(s, width);
	return is_constant(count) ? shr_result(s, a, masked, width) : shr_unknown(s, a, width);
}

static u64 rotate_left(u64 x, u32 count, u32 bits)
{
	count %= bits;
	return count ? (x << count | x >> (bits - count)) & width_mask(bits / 8) : x;
}

struct value ipjit_shift_result(struct state *s, u32 op, struct value a, struct value count, u32 width)
{
	u32 masked = (u32)count.add & (width == 8 ? 63 : 31);

	if (is_constant(&count) && !masked)
		return a;
	switch (op) {
	case OP_shl:
	case OP_shlx:
		if (is_constant(&count))
			return ipjit_truncate(s, ipjit_shifted(s, a, masked), width);
		return ipjit_fresh(s, full_range(width), full_range(width),
			     ones_above(value_zeros(s->sym, &a)));
	case OP_shr:
	case OP_shrx:
		return is_constant(&count) ? shr_result(s, a, masked, width) : shr_unknown(s, a, width);
	case OP_sar:
	case OP_sarx:
		return sar_result(s, a, &count, masked, width);
	case OP_rol:
	case OP_ror:
	case OP_rorx:
		if (!is_constant(&count))
			return ipjit_unknown(s, width);
		if (op != OP_rol)
			masked = 8 * width - masked % (8 * width);
		return ipjit_fresh(s, full_range(width), full_range(width),
			     rotate_left(value_ones(s->sym, &a) & width_mask(width), masked,
					 8 * width));
	default:
		return ipjit_unknown(s, width);
	}
}

/* One of two numbers, by a condition that is data. */
struct value ipjit_select_result(struct state *s, const struct value *a, const struct value *b)
{
	struct range ka = known_range(s->sym, a), kb = known_range(s->sym, b);
	struct range fa = flow_range(s->sym, a), fb = flow_range(s->sym, b);
	struct value v;
	u32 base;

	if (same_value(a, b))
		return *a;
	v = ipjit_fresh(s, (struct range){min_u64(ka.lo, kb.lo), max_u64(ka.hi, kb.hi)},
		  (struct range){min_u64(fa.lo, fb.lo), max_u64(fa.hi, fb.hi)},
		  value_ones(s->sym, a) | value_ones(s->sym, b));
	if (v.sym == SYM_ZERO)
		return v;
	for (base = 0; base < NR_BASES; base++) {
		s64 x = ipjit_value_fact(s->sym, a, base), y = ipjit_value_fact(s->sym, b, base);

		if (x > -MAX_REACH && x < MAX_REACH && y > -MAX_REACH && y < MAX_REACH)
			s->sym[v.sym].fact[base] = x < y ? x : y;
	}
	return v;
}
