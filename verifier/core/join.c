// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * States that wait at labels.
 *
 * Branches only go forward, so when the walk comes to a label it has seen every
 * edge into it.  One state waits at each label; each further edge is merged into
 * it at once, at a cost in proportion to the registers that both know:
 *
 *   waits    rax = v4+2  rcx = v9        arrives  rax = v4+2  rcx = v7+14
 *   merged   rax = v4+2  rcx = v12       v12 covers both v9 and v7+14
 *
 * Places that hold the same pair of values share one new symbol, so that what
 * was equal stays equal.  A place that holds different kinds becomes unknown.
 * Intervals are widened to cover both sides, facts weakened to the lesser.
 *
 * Flags outlive a label if every edge brings the same comparison of values that the state keeps:
 *
 *   cmp rcx, 16; jae L; ...   L: ja far        L is reached by the one comparison
 *
 * Hazard: a hostile program can make every branch its own label.  Waiting states
 * live in an arena that is linear in the code; when it is full the code is refused.
 */
#include "verifier/core/checker.h"

#define NO_SYM 0xff

/*
 * A waiting state: this header, a value for each place that is live and not
 * pristine, nr_syms symbols; of the lengths only those that there are, 0 to nr_bases.
 */
struct waiting {
	u64 live, pristine;
	u16 nr_values, nr_syms;
	u16 units;
	u32 from;	/* offset of the first branch to here */
	struct flags flags;
};

_Static_assert(sizeof(struct waiting) + NR_LOCS * sizeof(struct value) +
			       (NR_LOCS + SYM_FIRST_FREE) * sizeof(struct sym) <=
		       MAX_UNITS * UNIT_BYTES,
	       "the largest state fits the largest block");
_Static_assert(NR_LOCS + SYM_FIRST_FREE + 2 + SYMS_PER_INSN <= NR_SYMS,
	       "after a collection there is room for an instruction's symbols");
_Static_assert(NR_SYMS % sizeof(u64) == 0, "a renumbering is whole words");
_Static_assert(8 * NR_SLOTS >= IPJIT_MAX_STACK + SAVED_BYTES && NR_LOCS <= 64,
	       "every slot of the frame has a bit in state.live");

static struct waiting *block_at(struct arena *arena, u32 block)
{
	return (struct waiting *)(arena->base + (size_t)(block - 1) * UNIT_BYTES);
}

static struct value *values_of(struct waiting *w)
{
	return (struct value *)(w + 1);
}

static struct sym *syms_of(struct waiting *w)
{
	return (struct sym *)(values_of(w) + w->nr_values);
}

static u32 units_for(u32 nr_values, u32 nr_syms)
{
	size_t bytes = sizeof(struct waiting) + nr_values * sizeof(struct value) +
		       nr_syms * sizeof(struct sym);

	return (u32)((bytes + UNIT_BYTES - 1) / UNIT_BYTES);
}

static u32 arena_take(struct arena *arena, u32 units)
{
	/* A little too large is good enough; looking further costs more than it saves. */
	u64 sizes = arena->has_free[units / 64] >> (units % 64) & 15;
	u32 block;

	if (sizes) {
		units += trailing_zeros(sizes);
		block = arena->free[units];
		arena->free[units] = block_at(arena, block)->from;
		if (!arena->free[units])
			arena->has_free[units / 64] &= ~((u64)1 << (units % 64));
		block_at(arena, block)->units = (u16)units;
		return block;
	}
	if (arena->nr_units - arena->next < units)
		return 0;
	block = arena->next + 1;
	arena->next += units;
	block_at(arena, block)->units = (u16)units;
	return block;
}

static void arena_give(struct arena *arena, u32 block)
{
	struct waiting *w = block_at(arena, block);
	u64 *word = &arena->has_free[w->units / 64], bit = (u64)1 << (w->units % 64);

	w->from = *word & bit ? arena->free[w->units] : 0;
	arena->free[w->units] = block;
	*word |= bit;
}

/* The current flags, if their operands are among the symbols that are kept. */
static struct flags kept_flags(const struct state *s, const u8 *to)
{
	struct flags flags = s->flags;

	if (flags.kind < FLAGS_COMPARE)
		return flags;
	if (to[flags.a.sym] == NO_SYM || to[flags.b.sym] == NO_SYM)
		return (struct flags){.kind = FLAGS_OPAQUE, .unset = flags.unset};
	flags.a.sym = to[flags.a.sym];
	flags.b.sym = to[flags.b.sym];
	return flags;
}

/* Numbers the symbols that the current state uses; the others are NO_SYM.  Counts the places. */
static u32 number_syms(const struct state *s, u64 places, union renumbering *to, u32 *nr_values)
{
	u32 i, nr_syms = SYM_FIRST_FREE;

	for (i = 0; i < s->nr_syms; i += sizeof(u64))
		to->words[i / sizeof(u64)] = ALL_ONES;
	for (i = 0; i < SYM_FIRST_FREE; i++)
		to->sym[i] = (u8)i;
	for (*nr_values = 0; places; places &= places - 1, ++*nr_values) {
		u8 *n = &to->sym[s->loc[trailing_zeros(places)].sym];

		if (*n == NO_SYM)
			*n = (u8)nr_syms++;
	}
	return nr_syms;
}

/* Copies the current state, with symbols renumbered to those in use. */
static rule_t wait_first(struct checker *ck, u32 target)
{
	const struct state *s = &ck->state;
	u64 places = s->live & ~s->pristine;
	union renumbering *to = &ck->renumbering;
	u32 nr_values, nr_syms = number_syms(s, places, to, &nr_values);
	u32 block = arena_take(&ck->arena, units_for(nr_values, nr_syms)), i;
	struct waiting *w;
	struct value *v;

	if (!block)
		return IPJIT_RULE_pending;
	w = block_at(&ck->arena, block);
	w->live = s->live;
	w->pristine = s->pristine;
	w->nr_values = (u16)nr_values;
	w->nr_syms = (u16)nr_syms;
	w->flags = kept_flags(s, to->sym);
	w->from = ck->insn.at;
	for (i = 0; i <= s->nr_bases; i++)
		syms_of(w)[i] = s->sym[i];
	for (v = values_of(w); places; places &= places - 1, v++) {
		const struct value *loc = &s->loc[trailing_zeros(places)];

		*v = *loc;
		v->sym = to->sym[loc->sym];
		if (v->sym >= SYM_FIRST_FREE)
			syms_of(w)[v->sym] = s->sym[loc->sym];
	}
	ck->label[target] = block;
	ck->is_label[target / 8] |= (u8)(1u << (target % 8));
	ck->nr_waiting++;
	return IPJIT_RULE_none;
}

static bool same_place(const struct value *a, const struct value *b)
{
	return a->kind == b->kind && a->which == b->which && a->bytes == b->bytes &&
	       a->guessed == b->guessed && a->add == b->add;
}

static bool same_operand(struct waiting *w, const struct value *a, const struct state *s,
			 const struct value *b)
{
	return same_place(a, b) && syms_of(w)[a->sym].id == s->sym[b->sym].id;
}

static void merge_flags(struct waiting *w, const struct state *s)
{
	const struct flags *a = &w->flags, *b = &s->flags;

	if (a->kind < FLAGS_COMPARE || a->kind != b->kind || a->width != b->width ||
	    !same_operand(w, &a->a, s, &b->a) || !same_operand(w, &a->b, s, &b->b))
		w->flags.kind = FLAGS_OPAQUE;
	w->flags.unset |= b->unset;
}

/*
 * Data flow bounds what completes too.  So a side whose comparisons contradict it,
 * which is never reached, does not widen the other side beyond it.
 */
static void stay_in_flow(struct sym *m)
{
	u64 lo = max_u64(m->lo, m->flow_lo), hi = min_u64(m->hi, m->flow_hi);

	if (lo <= hi) {
		m->lo = lo;
		m->hi = hi;
	}
}

static void widen(struct sym *to, const struct sym *from)
{
	u32 base;

	to->lo = min_u64(to->lo, from->lo);
	to->hi = max_u64(to->hi, from->hi);
	to->flow_lo = min_u64(to->flow_lo, from->flow_lo);
	to->flow_hi = max_u64(to->flow_hi, from->flow_hi);
	stay_in_flow(to);
	to->ones |= from->ones;
	for (base = 0; base < NR_BASES; base++)
		if (from->fact[base] < to->fact[base])
			to->fact[base] = from->fact[base];
}

/* The usual case: every place holds the same value on both sides. */
static bool merge_in_place(struct waiting *w, const struct state *s, u8 *twin)
{
	struct value *values = values_of(w);
	struct sym *syms = syms_of(w);
	u64 live;
	u32 i = 0;

	if ((w->live & ~s->live) || (w->pristine & ~s->pristine))
		return false;
	for (live = w->live & ~w->pristine; live; live &= live - 1, i++) {
		const struct value *v = &values[i], *n = &s->loc[trailing_zeros(live)];

		if (!same_place(v, n) || syms[v->sym].id != s->sym[n->sym].id)
			return false;
		twin[v->sym] = (u8)n->sym;
	}
	for (i = 0; i <= s->nr_bases; i++)
		widen(&syms[i], &s->sym[i]);
	for (i = SYM_FIRST_FREE; i < w->nr_syms; i++)
		widen(&syms[i], &s->sym[twin[i]]);
	return true;
}

static struct range cover(struct range a, struct range b)
{
	return (struct range){min_u64(a.lo, b.lo), max_u64(a.hi, b.hi)};
}

/* The symbol that is `a` on one side and `b` on the other. */
static u32 merge_pair(struct checker *ck, struct pairs *pairs, u32 *nr_syms,
		      const struct sym *syms_a, struct value a, struct value b)
{
	const struct sym *syms_b = ck->state.sym;
	struct sym *m;
	u32 i, base;

	for (i = 0; i < pairs->nr; i++)
		if (pairs->pair[i].a == a.sym && pairs->pair[i].b == b.sym &&
		    pairs->pair[i].add_a == a.add && pairs->pair[i].add_b == b.add)
			return pairs->pair[i].sym;
	i = pairs->nr++;
	pairs->pair[i].a = a.sym;
	pairs->pair[i].b = b.sym;
	pairs->pair[i].add_a = a.add;
	pairs->pair[i].add_b = b.add;
	pairs->pair[i].sym = *nr_syms;
	m = &ck->merged_sym[*nr_syms];
	if (!a.add && !b.add && syms_a[a.sym].id == syms_b[b.sym].id) {
		*m = syms_a[a.sym];
		widen(m, &syms_b[b.sym]);
		return (*nr_syms)++;
	}
	/* As plain numbers: kind and guessed are properties of the places. */
	a.kind = b.kind = KIND_NUMBER;
	a.guessed = b.guessed = false;
	*m = (struct sym){.id = ck->state.next_id++, .def = {NO_DEF, NO_DEF}};
	{
		struct range known = cover(known_range(syms_a, &a), known_range(syms_b, &b));
		struct range flow = cover(flow_range(syms_a, &a), flow_range(syms_b, &b));

		m->lo = known.lo;
		m->hi = known.hi;
		m->flow_lo = flow.lo;
		m->flow_hi = flow.hi;
		stay_in_flow(m);
	}
	m->ones = value_ones(syms_a, &a) | value_ones(syms_b, &b);
	for (base = 0; base < NR_BASES; base++) {
		s64 x = ipjit_value_fact(syms_a, &a, base), y = ipjit_value_fact(syms_b, &b, base);

		m->fact[base] = x < y ? x : y;
		if (m->fact[base] <= -MAX_REACH || m->fact[base] >= MAX_REACH)
			m->fact[base] = NO_FACT;
	}
	return (*nr_syms)++;
}

/* One place of both sides; false if nothing is known of it any more. */
static bool merge_place(struct checker *ck, struct pairs *pairs, u32 *nr_syms,
			const struct sym *syms_a, const struct value *a, const struct value *b,
			struct value *out)
{
	const struct sym *syms_b = ck->state.sym;
	struct value x = *a, y = *b;

	if (a->kind != b->kind || a->which != b->which || a->bytes != b->bytes)
		return false;
	*out = *a;
	out->guessed = a->guessed || b->guessed;
	if (syms_a[a->sym].id == syms_b[b->sym].id && a->add == b->add) {
		x.add = y.add = 0;
	} else {
		/* Constants move into the symbols as far as they differ. */
		out->add = (s64)a->add < (s64)b->add ? a->add : b->add;
		x.add -= out->add;
		y.add -= out->add;
	}
	if (x.sym < SYM_FIRST_FREE && x.sym == y.sym && !x.add && !y.add)
		return true;
	out->sym = merge_pair(ck, pairs, nr_syms, syms_a, x, y);
	return true;
}

static rule_t merge_slowly(struct checker *ck, u32 target)
{
	struct waiting *w = block_at(&ck->arena, ck->label[target]);
	const struct state *s = &ck->state;
	struct pairs *pairs = &ck->pairs;
	u32 nr_values = 0, nr_syms = SYM_FIRST_FREE, i = 0, block = ck->label[target];
	u32 from = w->from;
	u8 unset = w->flags.unset;
	u64 live, pristine = w->pristine & s->pristine, kept = pristine;

	pairs->nr = 0;
	for (live = w->live & ~pristine; live; live &= live - 1) {
		u32 loc = trailing_zeros(live);
		const struct value *v = w->pristine >> loc & 1 ? &ck->entry_value[loc] :
								 &values_of(w)[i++];

		/* Everything said of the frame rests on rsp being one constant. */
		if (loc == RSP && v->add != s->loc[RSP].add)
			return IPJIT_RULE_stack_pointer;
		if (!is_live(s, loc) ||
		    !merge_place(ck, pairs, &nr_syms, syms_of(w), v, &s->loc[loc],
				 &ck->merged_value[nr_values]))
			continue;
		nr_values++;
		kept |= (u64)1 << loc;
	}
	for (i = 0; i <= s->nr_bases; i++) {
		ck->merged_sym[i] = syms_of(w)[i];
		widen(&ck->merged_sym[i], &s->sym[i]);
	}
	if (units_for(nr_values, nr_syms) > w->units) {
		arena_give(&ck->arena, block);
		block = arena_take(&ck->arena, units_for(nr_values, nr_syms));
		if (!block)
			return IPJIT_RULE_pending;
		w = block_at(&ck->arena, block);
		ck->label[target] = block;
	}
	w->live = kept;
	w->pristine = pristine;
	w->nr_values = (u16)nr_values;
	w->nr_syms = (u16)nr_syms;
	w->flags.kind = FLAGS_OPAQUE;
	w->flags.unset = unset;
	w->from = from;
	for (i = 0; i < nr_values; i++)
		values_of(w)[i] = ck->merged_value[i];
	for (i = 0; i <= s->nr_bases; i++)
		syms_of(w)[i] = ck->merged_sym[i];
	for (i = SYM_FIRST_FREE; i < nr_syms; i++)
		syms_of(w)[i] = ck->merged_sym[i];
	return IPJIT_RULE_none;
}

rule_t ipjit_arrive(struct checker *ck, u32 target)
{
	struct waiting *w;

	if (!(labels_from(ck, target) & 1))
		return wait_first(ck, target);
	w = block_at(&ck->arena, ck->label[target]);
	merge_flags(w, &ck->state);
	if (merge_in_place(w, &ck->state, ck->twin))
		return IPJIT_RULE_none;
	return merge_slowly(ck, target);
}

u32 ipjit_first_branch_to(struct checker *ck, u32 target)
{
	return block_at(&ck->arena, ck->label[target])->from;
}

rule_t ipjit_enter_label(struct checker *ck, u32 at)
{
	struct state *s = &ck->state;
	struct waiting *w;
	u32 i = 0;
	u64 live;

	if (ck->reachable) {
		rule_t rule = ipjit_arrive(ck, at);

		if (rule)
			return rule;
	}
	w = block_at(&ck->arena, ck->label[at]);
	for (live = w->pristine & ~s->pristine; live; live &= live - 1)
		s->loc[trailing_zeros(live)] = ck->entry_value[trailing_zeros(live)];
	s->live = w->live;
	s->pristine = w->pristine;
	s->nr_syms = w->nr_syms;
	s->flags = w->flags;
	for (live = w->live & ~w->pristine; live; live &= live - 1)
		s->loc[trailing_zeros(live)] = values_of(w)[i++];
	for (i = 0; i <= s->nr_bases; i++)
		s->sym[i] = syms_of(w)[i];
	for (i = SYM_FIRST_FREE; i < w->nr_syms; i++)
		s->sym[i] = syms_of(w)[i];
	arena_give(&ck->arena, ck->label[at]);
	ck->is_label[at / 8] &= (u8)~(1u << (at % 8));
	ck->nr_waiting--;
	ck->reachable = true;
	return IPJIT_RULE_none;
}
