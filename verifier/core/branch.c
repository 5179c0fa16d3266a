// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What an edge teaches.
 *
 *   lea rcx, [rax+18]; cmp rcx, rsi; ja fail
 *
 * Flags remember the two operands as values, so the fall-through edge learns
 * v + 18 <= len although rcx may long be overwritten.  Operands were read at the
 * width of the comparison: what did not fit became a symbol of its own, about
 * which learning is harmless.  Signed conditions teach only where both operands
 * are in the lower half, where they mean the same as the unsigned ones.
 *
 * An edge that contradicts what is known is still followed: a processor may
 * guess it.
 */
#include "verifier/core/checker.h"

static void learn_differs(struct state *s, const struct value *a, const struct value *b)
{
	struct range ra = known_range(s->sym, a), rb = known_range(s->sym, b);

	if (rb.lo != rb.hi)
		return;
	if (ra.lo == rb.lo && ra.lo != ALL_ONES)
		ipjit_learn_min(s, a, ra.lo + 1);
	if (ra.hi == rb.lo && ra.hi != 0)
		ipjit_learn_max(s, a, ra.hi - 1);
}

/* A symbol of which nothing is known but a range, against a number: half of all branches. */
static bool is_plain(const struct state *s, const struct value *a, const struct value *b)
{
	const struct sym *sym = &s->sym[a->sym];
	u32 base;

	if (!is_constant(b) || a->sym < SYM_FIRST_FREE || a->add)
		return false;
	for (base = 0; base < NR_BASES; base++)
		if (sym->fact[base] != NO_FACT)
			return false;
	return true;
}

static void at_most(struct sym *sym, u64 k)
{
	sym->hi = min_u64(sym->hi, k);
	sym->lo = min_u64(sym->lo, k);
}

static void at_least(struct sym *sym, u64 k)
{
	sym->lo = max_u64(sym->lo, k);
	sym->hi = max_u64(sym->hi, k);
}

/* What learn_unsigned() comes to where the operands are plain. */
static void learn_plain(struct sym *sym, u32 cc, u64 k)
{
	switch ((enum cc)cc) {
	case CC_B:
		if (k)
			at_most(sym, k - 1);
		break;
	case CC_AE:
		at_least(sym, k);
		break;
	case CC_BE:
		at_most(sym, k);
		break;
	case CC_A:
		if (k != ALL_ONES)
			at_least(sym, k + 1);
		break;
	case CC_E:
		at_most(sym, k);
		at_least(sym, k);
		break;
	case CC_NE:
		if (sym->lo == k && k != ALL_ONES)
			at_least(sym, k + 1);
		if (sym->hi == k && k)
			at_most(sym, k - 1);
		break;
	case CC_O: case CC_NO: case CC_S: case CC_NS: case CC_P: case CC_NP:
	case CC_L: case CC_GE: case CC_LE: case CC_G:
		break;
	}
}

static void learn_unsigned(struct state *s, u32 cc, const struct value *a, const struct value *b)
{
	switch ((enum cc)cc) {
	case CC_B:
		ipjit_learn_le(s, a, b, 1);
		break;
	case CC_AE:
		ipjit_learn_le(s, b, a, 0);
		break;
	case CC_BE:
		ipjit_learn_le(s, a, b, 0);
		break;
	case CC_A:
		ipjit_learn_le(s, b, a, 1);
		break;
	case CC_E:
		ipjit_learn_le(s, a, b, 0);
		ipjit_learn_le(s, b, a, 0);
		break;
	case CC_NE:
		learn_differs(s, a, b);
		learn_differs(s, b, a);
		break;
	case CC_O: case CC_NO: case CC_S: case CC_NS: case CC_P: case CC_NP:
	case CC_L: case CC_GE: case CC_LE: case CC_G:
		break;
	}
}

static u32 unsigned_twin(u32 cc)
{
	switch ((enum cc)cc) {
	case CC_L: return CC_B;
	case CC_GE: return CC_AE;
	case CC_LE: return CC_BE;
	case CC_G: return CC_A;
	case CC_O: case CC_NO: case CC_B: case CC_AE: case CC_E: case CC_NE: case CC_BE:
	case CC_A: case CC_S: case CC_NS: case CC_P: case CC_NP:
		break;
	}
	return CC_O;
}

static void learn_sign(struct state *s, bool set, u64 half)
{
	const struct value *a = &s->flags.a, *b = &s->flags.b;

	if (!is_constant(b) || b->add)
		return;
	if (set)
		ipjit_learn_min(s, a, half + 1);
	else
		ipjit_learn_max(s, a, half);
}

/* Narrows the state by the knowledge that condition cc holds; learning changes symbols, not flags. */
static __always_inline void learn_condition(struct state *s, u32 cc, bool plain)
{
	const struct value *a = &s->flags.a, *b = &s->flags.b;
	u64 half = width_mask(s->flags.width) >> 1;

	if (cc == CC_S || cc == CC_NS) {
		learn_sign(s, cc == CC_S, half);
		return;
	}
	if (s->flags.kind == FLAGS_RESULT && cc != CC_E && cc != CC_NE)
		return;
	if (cc >= CC_L) {
		if (known_range(s->sym, a).hi > half || known_range(s->sym, b).hi > half)
			return;
		cc = unsigned_twin(cc);
	}
	if (plain)
		learn_plain(&s->sym[a->sym], cc, b->add);
	else
		learn_unsigned(s, cc, a, b);
}

static void keep(const struct state *s, struct undo *undo, u32 place)
{
	const struct sym *sym = &s->sym[place];
	u32 i, at = undo->nr;

	if (place == NR_SYMS)
		return;
	undo->sym[at].place = place;
	undo->sym[at].lo = sym->lo;
	undo->sym[at].hi = sym->hi;
	for (i = 0; i < NR_BASES; i++)
		undo->sym[at].fact[i] = sym->fact[i];
	undo->nr = at + 1;
}

/* What learning may change: the operands, the lengths, the summands of a sum. */
static void remember_condition(const struct state *s, struct undo *undo)
{
	const struct value *operand[] = {&s->flags.a, &s->flags.b};
	u32 i, t;

	undo->nr = 0;
	for (i = 0; i <= s->nr_bases; i++)
		keep(s, undo, i);
	for (i = 0; i < 2; i++) {
		const struct sym *sym = &s->sym[operand[i]->sym];

		if (operand[i]->sym >= SYM_FIRST_FREE)
			keep(s, undo, operand[i]->sym);
		for (t = 0; t < 2 && sym->def[1] != NO_DEF; t++)
			keep(s, undo, ipjit_find_sym(s, sym->def[t]));
	}
}

static void undo_condition(struct state *s, const struct undo *undo)
{
	u32 i, base;

	for (i = 0; i < undo->nr; i++) {
		struct sym *sym = &s->sym[undo->sym[i].place];

		sym->lo = undo->sym[i].lo;
		sym->hi = undo->sym[i].hi;
		for (base = 0; base < NR_BASES; base++)
			sym->fact[base] = undo->sym[i].fact[base];
	}
}

/* Of a plain operand nothing but the interval changes. */
static rule_t branch_plain(struct checker *ck, u32 cc, u32 target)
{
	struct state *s = &ck->state;
	struct sym *sym = &s->sym[s->flags.a.sym];
	u64 lo = sym->lo, hi = sym->hi;
	rule_t rule;

	learn_condition(s, cc, true);
	rule = ipjit_arrive(ck, target);
	sym->lo = lo;
	sym->hi = hi;
	learn_condition(s, cc ^ 1, true);
	return rule;
}

rule_t ipjit_branch(struct checker *ck, u32 cc, u32 target)
{
	struct state *s = &ck->state;
	rule_t rule;

	if (s->flags.kind < FLAGS_COMPARE)
		return ipjit_arrive(ck, target);
	if (is_plain(s, &s->flags.a, &s->flags.b))
		return branch_plain(ck, cc, target);
	remember_condition(s, &ck->undo);
	learn_condition(s, cc, false);
	rule = ipjit_arrive(ck, target);
	undo_condition(s, &ck->undo);
	learn_condition(s, cc ^ 1, false);
	return rule;
}
