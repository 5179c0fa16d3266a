// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Values and symbols: how they are made and what is learnt about them.
 *
 *   movzx eax, byte [rdi+14]   rax = v1         v1 in [0,255]
 *   and   eax, 15              rax = v2         v2 in [0,15]
 *   shl   eax, 2               rax = v3         v3 in [0,60], two zero bits
 *   lea   rcx, [rax+18]        rcx = v3+18
 *   cmp   rcx, rsi; ja fail    v3 + 18 <= len   from here on
 *   movzx eax, word [rdi+rax+16]                16 + 2 <= 18: inside
 *
 * Hazards.  Arithmetic is modulo 2^64 while facts speak of true sums, so every
 * step from a value to its symbol first shows that symbol + constant does not
 * wrap.  32-bit results keep their symbol only if completed paths cannot wrap;
 * if a mispredicted path can, the value is marked `guessed`, and flow_range()
 * then claims nothing.  A contradiction means that no completed path comes here.
 * The code behind it is checked all the same, because a processor may guess its
 * way there; of completed paths any claim is true then, and the latest one is kept.
 */
#include "verifier/core/state.h"

static void init_sym(struct sym *sym, u32 id, struct range r)
{
	*sym = (struct sym){.lo = r.lo, .hi = r.hi, .flow_lo = r.lo, .flow_hi = r.hi,
			    .fact = {NO_FACT, NO_FACT}, .id = id, .def = {NO_DEF, NO_DEF},
			    .ones = fill_ones(r.hi)};
}

void ipjit_state_init(struct state *s, const struct ipjit_contract *contract)
{
	static const u8 saved[] = {RBX, RBP, R12, R13, R14, R15};
	u32 i;

	s->live = s->pristine = 0;
	s->nr_bases = contract->bases & IPJIT_BASE_TH ? 2 : 1;
	s->nr_syms = SYM_FIRST_FREE;
	s->next_id = SYM_FIRST_FREE;
	lose_flags(s);
	init_sym(&s->sym[SYM_ZERO], SYM_ZERO, (struct range){0, 0});
	s->sym[SYM_ZERO].ones = 0;
	init_sym(&s->sym[SYM_LEN], SYM_LEN, (struct range){0, contract->max_len});
	init_sym(&s->sym[SYM_TH_LEN], SYM_TH_LEN, (struct range){0, contract->max_th_len});
	for (i = 0; i < NR_BASES; i++) {
		s->sym[SYM_LEN + i].fact[i] = 0;
		s->sym[SYM_ZERO].fact[i] = 0;
	}
	if (contract->bases & IPJIT_BASE_DATA) {
		set_loc(s, RDI, pointer(KIND_PACKET, 0));
		set_loc(s, RSI, (struct value){.kind = KIND_NUMBER, .bytes = 8, .sym = SYM_LEN});
	}
	set_loc(s, RDX, pointer(KIND_CTX, 0));
	set_loc(s, RSP, pointer(KIND_STACK, 0));
	for (i = 0; i < sizeof(saved); i++)
		set_loc(s, saved[i], pointer(KIND_SAVED, saved[i]));
	s->pristine = s->live;
}

void ipjit_collect_syms(struct state *s)
{
	u8 to[NR_SYMS] = {[SYM_LEN] = SYM_LEN, [SYM_TH_LEN] = SYM_TH_LEN};
	u32 i, next = SYM_FIRST_FREE;
	u64 live;

	for (live = s->live; live; live &= live - 1)
		to[s->loc[trailing_zeros(live)].sym] = 1;
	if (s->flags.kind >= FLAGS_COMPARE)
		to[s->flags.a.sym] = to[s->flags.b.sym] = 1;
	for (i = SYM_FIRST_FREE; i < s->nr_syms; i++) {
		if (!to[i])
			continue;
		s->sym[next] = s->sym[i];
		to[i] = (u8)next++;
	}
	to[SYM_ZERO] = SYM_ZERO;
	to[SYM_LEN] = SYM_LEN;
	to[SYM_TH_LEN] = SYM_TH_LEN;
	s->nr_syms = next;
	for (live = s->live; live; live &= live - 1) {
		struct value *v = &s->loc[trailing_zeros(live)];

		v->sym = to[v->sym];
	}
	if (s->flags.kind >= FLAGS_COMPARE) {
		s->flags.a.sym = to[s->flags.a.sym];
		s->flags.b.sym = to[s->flags.b.sym];
	}
}

struct value ipjit_fresh(struct state *s, struct range known, struct range flow, u64 ones)
{
	struct value v = constant(0);
	struct sym *sym;

	flow.hi = min_u64(flow.hi, ones);
	if (flow.lo == flow.hi)
		return constant(flow.lo);
	v.sym = s->nr_syms++;
	sym = &s->sym[v.sym];
	init_sym(sym, s->next_id++, flow);
	sym->lo = max_u64(known.lo, flow.lo);
	sym->hi = min_u64(known.hi, flow.hi);
	sym->ones &= ones;
	return v;
}

struct value ipjit_unknown(struct state *s, u32 bytes)
{
	return ipjit_fresh(s, full_range(bytes), full_range(bytes), ALL_ONES);
}

/* The fact that comes from the symbol's own. */
static s64 own_fact(const struct sym *syms, const struct value *v, u32 base)
{
	s64 fact = syms[v->sym].fact[base];

	if (fact == NO_FACT || !no_wrap(syms, v) || (s64)v->add >= MAX_REACH ||
	    (s64)v->add <= -MAX_REACH)
		return NO_FACT;
	return fact - (s64)v->add;
}

s64 ipjit_value_fact(const struct sym *syms, const struct value *v, u32 base)
{
	s64 fact = own_fact(syms, v, base);
	u64 hi = known_range(syms, v).hi;

	/* The least length is below the length, so v + (least - hi) <= length. */
	if (hi < (u64)MAX_REACH && syms[SYM_ZERO].fact[base] - (s64)hi > fact)
		fact = syms[SYM_ZERO].fact[base] - (s64)hi;
	return fact;
}

u32 ipjit_find_sym(const struct state *s, u32 id)
{
	u32 i;

	for (i = 0; i < s->nr_syms; i++)
		if (s->sym[i].id == id)
			return i;
	return NR_SYMS;
}

/* A sum that does not wrap is above each of its summands. */
static void spread_fact(struct state *s, const struct sym *total, u32 base)
{
	u32 place[2], t;

	if (total->def[1] == NO_DEF || total->shift[0] || total->shift[1])
		return;
	for (t = 0; t < 2; t++) {
		place[t] = ipjit_find_sym(s, total->def[t]);
		if (place[t] == NR_SYMS || s->sym[place[t]].hi >= (u64)MAX_REACH)
			return;
	}
	for (t = 0; t < 2; t++) {
		struct sym *part = &s->sym[place[t]];
		s64 k = total->fact[base] + (s64)s->sym[place[!t]].lo;

		if (place[t] >= SYM_FIRST_FREE && k > part->fact[base])
			part->fact[base] = k;
	}
}

/* All facts stay within +-2^62, so that adding two cannot overflow. */
static void learn_fact(struct state *s, u32 sym, u32 base, s64 k)
{
	struct sym *len = &s->sym[SYM_LEN + base];
	struct sym *x = &s->sym[sym];
	s64 least;

	if (k <= -MAX_REACH || k >= MAX_REACH)
		return;
	if (x == len)
		return;
	if (k > x->fact[base]) {
		x->fact[base] = k;
		spread_fact(s, x, base);
	}
	/* The symbol is at least lo, so the length is at least lo + k. */
	if (x->lo < (u64)MAX_REACH) {
		least = (s64)x->lo + k;
		if (least > (s64)len->lo && least <= (s64)len->hi) {
			len->lo = (u64)least;
			s->sym[SYM_ZERO].fact[base] = least;
		}
	}
	if (sym == SYM_ZERO)
		x->fact[base] = (s64)len->lo;
	else if ((s64)len->hi - k >= 0 && (u64)((s64)len->hi - k) >= x->lo)
		x->hi = min_u64(x->hi, (u64)((s64)len->hi - k));
}

void ipjit_learn_min(struct state *s, const struct value *v, u64 lo)
{
	struct sym *sym = &s->sym[v->sym];
	u64 bound = lo - v->add;
	u32 base;

	if (v->sym == SYM_ZERO || !no_wrap(s->sym, v))
		return;
	/* symbol >= lo - add; below zero it says nothing. */
	if ((s64)v->add >= 0 ? lo < v->add : bound < lo)
		return;
	if (bound <= sym->lo || (v->sym < SYM_FIRST_FREE && bound >= (u64)MAX_REACH))
		return;
	sym->lo = bound;
	sym->hi = max_u64(sym->hi, bound);
	for (base = 0; base < NR_BASES; base++)
		if (v->sym == SYM_LEN + base)
			s->sym[SYM_ZERO].fact[base] = (s64)bound;
}

void ipjit_learn_max(struct state *s, const struct value *v, u64 hi)
{
	struct sym *sym = &s->sym[v->sym];
	u64 bound = hi - v->add;

	if (v->sym == SYM_ZERO || !no_wrap(s->sym, v))
		return;
	if ((s64)v->add >= 0 ? hi < v->add : bound < hi)
		return;
	if (bound < sym->lo && v->sym < SYM_FIRST_FREE)
		return;
	sym->hi = min_u64(sym->hi, bound);
	sym->lo = min_u64(sym->lo, bound);
}

void ipjit_learn_le(struct state *s, const struct value *a, const struct value *b, u32 strict)
{
	struct range ra = known_range(s->sym, a), rb = known_range(s->sym, b);
	u32 base;

	if (rb.hi >= strict)
		ipjit_learn_max(s, a, rb.hi - strict);
	if (ra.lo + strict >= ra.lo)
		ipjit_learn_min(s, b, ra.lo + strict);
	if (is_constant(b) || !no_wrap(s->sym, a) || (s64)a->add >= MAX_REACH ||
	    (s64)a->add <= -MAX_REACH)
		return;
	for (base = 0; base < s->nr_bases; base++) {
		s64 fact = own_fact(s->sym, b, base);

		if (fact != NO_FACT)
			learn_fact(s, a->sym, base, (s64)a->add + strict + fact);
	}
}

void ipjit_inherit_facts(struct state *s, const struct value *small, const struct value *large)
{
	u32 base;

	if (small->sym == SYM_ZERO || large->sym == SYM_ZERO || small->sym == large->sym)
		return;
	for (base = 0; base < s->nr_bases; base++) {
		s64 fact = own_fact(s->sym, large, base);

		if (fact > s->sym[small->sym].fact[base] && fact > -MAX_REACH &&
		    fact < MAX_REACH)
			s->sym[small->sym].fact[base] = fact;
	}
}

struct value ipjit_truncate(struct state *s, struct value v, u32 bytes)
{
	u64 mask = width_mask(bytes);
	struct range known, flow;
	struct value low;

	if (is_constant(&v)) {
		v.add &= mask;
		return v;
	}
	if (bytes >= 8 || fits(s->sym, &v, bytes))
		return v;
	known = known_range(s->sym, &v);
	flow = flow_range(s->sym, &v);
	if (known.hi <= mask && (flow.hi <= mask || bytes == 4)) {
		v.guessed |= flow.hi > mask;
		return v;
	}
	if (known.hi <= mask) {
		/*
		 * A branch says that it fits; a byte or word is cut all the same, so give up the
		 * symbol rather than the bound by data flow that a table index needs.
		 */
		low = ipjit_fresh(s, known, full_range(bytes), value_ones(s->sym, &v));
		ipjit_inherit_facts(s, &low, &v);
		return low;
	}
	low = ipjit_fresh(s, full_range(bytes), full_range(bytes), value_ones(s->sym, &v));
	ipjit_inherit_facts(s, &low, &v);
	return low;
}

/* One summand: a symbol, or a shift of one. */
struct term {
	u32 id;
	u32 shift;
};

static struct term term_of(const struct sym *sym)
{
	if (sym->def[0] != NO_DEF && sym->def[1] == NO_DEF)
		return (struct term){sym->def[0], sym->shift[0]};
	return (struct term){sym->id, 0};
}

static bool is_before(struct term a, struct term b)
{
	return a.id < b.id || (a.id == b.id && a.shift <= b.shift);
}

/* Finds the symbol made as described, or makes it.  Terms are named by ids, so that a sum is
 * recognised although its summands are gone from the state. */
static u32 derive(struct state *s, struct term a, struct term b, struct range known,
		  struct range flow, u64 ones)
{
	struct sym *sym;
	u32 i;

	for (i = SYM_FIRST_FREE; i < s->nr_syms; i++) {
		sym = &s->sym[i];
		if (sym->def[0] != a.id || sym->def[1] != b.id || sym->shift[0] != a.shift ||
		    sym->shift[1] != b.shift)
			continue;
		if (max_u64(sym->lo, known.lo) <= min_u64(sym->hi, known.hi)) {
			sym->lo = max_u64(sym->lo, known.lo);
			sym->hi = min_u64(sym->hi, known.hi);
		}
		return i;
	}
	i = s->nr_syms++;
	sym = &s->sym[i];
	init_sym(sym, s->next_id++, flow);
	sym->lo = max_u64(known.lo, flow.lo);
	sym->hi = min_u64(known.hi, flow.hi);
	sym->ones &= ones;
	sym->def[0] = a.id;
	sym->def[1] = b.id;
	sym->shift[0] = (u8)a.shift;
	sym->shift[1] = (u8)b.shift;
	return i;
}

static struct range add_ranges(struct range a, struct range b)
{
	if (a.hi + b.hi < a.hi)
		return full_range(8);
	return (struct range){a.lo + b.lo, a.hi + b.hi};
}

struct value ipjit_sum(struct state *s, struct value a, struct value b)
{
	const struct sym *x = &s->sym[a.sym], *y = &s->sym[b.sym];
	struct value v = a;
	struct term tx = term_of(x), ty = term_of(y);
	bool ordered = is_before(tx, ty);

	v.add = a.add + b.add;
	v.guessed = a.guessed || b.guessed;
	if (is_constant(&b))
		return v;
	v.sym = b.sym;
	if (is_constant(&a))
		return v;
	/* Twice the same is a shift: what is even and how large it can be stay known. */
	if (a.sym == b.sym) {
		b.add = 0;
		v.sym = ipjit_shifted(s, b, 1).sym;
		return v;
	}
	v.sym = derive(s, ordered ? tx : ty, ordered ? ty : tx,
		       add_ranges((struct range){x->lo, x->hi}, (struct range){y->lo, y->hi}),
		       add_ranges((struct range){x->flow_lo, x->flow_hi},
				  (struct range){y->flow_lo, y->flow_hi}),
		       ones_above(min_u32(trailing_zeros(x->ones), trailing_zeros(y->ones))));
	return v;
}

static struct range shl_range(u64 lo, u64 hi, u32 count)
{
	if (hi << count >> count != hi)
		return full_range(8);
	return (struct range){lo << count, hi << count};
}

struct value ipjit_shifted(struct state *s, struct value v, u32 count)
{
	const struct sym *x = &s->sym[v.sym];

	if (!count)
		return v;
	v.add <<= count;
	if (v.sym != SYM_ZERO)
		v.sym = derive(s, (struct term){x->id, count}, (struct term){NO_DEF, 0},
			       shl_range(x->lo, x->hi, count),
			       shl_range(x->flow_lo, x->flow_hi, count), x->ones << count);
	return v;
}
