// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Registers, addresses, loads and stores.
 *
 * Every access of the program passes ipjit_load(), ipjit_store() or ipjit_add_to_counter(), and
 * each of them starts from the pointer's kind:
 *
 *   packet    load    symbol + constant + size <= length
 *   ctx       load    a constant offset that is a declared field
 *   table     load    in bounds by data flow, so also under misprediction
 *   stack     both    one aligned slot between rsp and the return address
 *   actions   store   16-bit ids below the declared number, and the count
 *   counters  add     64 bits at a declared index
 *
 * Hazards: memory below rsp may change at any time, so moving rsp up forgets
 * it.  A processor may serve a load from a stack slot with an older content, so
 * what comes from the stack is `guessed`: good on completed paths, worthless as
 * a table index.
 */
#include "verifier/core/checker.h"

#define CTX_FIELDS offsetof(struct ipjit_ctx, IPJIT_FIRST_FIELD)

/* The first name in fields.def. */
#define IPJIT_FIRST_FIELD wire_len

_Static_assert(offsetof(struct ipjit_ctx, ct_state) ==
		       offsetof(struct ipjit_ctx, wire_len) + 4 * IPJIT_FIELD_ct_state,
	       "fields of ctx are consecutive words in the order of enum ipjit_field");

rule_t ipjit_read_reg(struct checker *ck, u32 reg, u32 width, struct value *out)
{
	struct state *s = &ck->state;

	if (!is_live(s, reg))
		return IPJIT_RULE_uninit_read;
	*out = s->loc[reg];
	if (out->kind != KIND_NUMBER)
		return width == 8 ? IPJIT_RULE_none : IPJIT_RULE_pointer_arith;
	if (out->bytes < width)
		return IPJIT_RULE_uninit_read;
	if (out->bytes > width && !fits(s->sym, out, width))
		*out = ipjit_truncate(s, *out, width);
	out->bytes = 8;
	return IPJIT_RULE_none;
}

/* rsp moves inside the frame; what it leaves behind is lost. */
static rule_t write_rsp(struct checker *ck, u32 width, struct value v)
{
	struct state *s = &ck->state;
	s64 depth = -(s64)v.add, slots;

	/* A reload may be served with what the slot held before, and ret would go there. */
	if (width != 8 || v.kind != KIND_STACK || !is_constant(&v) || v.guessed || depth < 0 ||
	    depth % 8)
		return IPJIT_RULE_stack_pointer;
	if (depth > (s64)ck->contract->stack_bytes + SAVED_BYTES)
		return IPJIT_RULE_stack_depth;
	slots = depth / 8;
	s->live &= ((u64)1 << (NR_REGS + slots)) - 1;
	if ((u32)depth > ck->deepest)
		ck->deepest = (u32)depth;
	set_loc(s, RSP, v);
	return IPJIT_RULE_none;
}

/* 8- and 16-bit results keep the upper part of the register. */
static struct value merge_low(struct state *s, u32 reg, u32 width, struct value v)
{
	u64 mask = width_mask(width);
	struct value old = s->loc[reg];
	struct range known, flow;

	v.bytes = (u8)width;
	if (!is_live(s, reg) || old.kind != KIND_NUMBER || old.bytes <= width)
		return v;
	if (old.bytes < 8) {
		v = ipjit_unknown(s, old.bytes);
		v.bytes = old.bytes;
		return v;
	}
	known = known_range(s->sym, &old);
	flow = flow_range(s->sym, &old);
	if (known.hi <= mask && flow.hi <= mask) {
		v.bytes = 8;
		return v;
	}
	return ipjit_fresh(s, (struct range){known.lo & ~mask, known.hi | mask},
		     (struct range){flow.lo & ~mask, flow.hi | mask}, ALL_ONES);
}

rule_t ipjit_write_reg(struct checker *ck, u32 reg, u32 width, struct value v)
{
	struct state *s = &ck->state;

	if (reg == RSP)
		return write_rsp(ck, width, v);
	if (v.kind != KIND_NUMBER) {
		if (width != 8)
			return IPJIT_RULE_pointer_arith;
	} else if (width < 8) {
		if (!fits(s->sym, &v, width))
			v = ipjit_truncate(s, v, width);
		if (width < 4)
			v = merge_low(s, reg, width, v);
	}
	set_loc(s, reg, v);
	return IPJIT_RULE_none;
}

/* A table of the unit that holds the byte at `place`. */
static rule_t table_address(const struct checker *ck, s64 place, struct value *out)
{
	const struct ipjit_contract *contract = ck->contract;
	u32 i;

	for (i = 0; i < contract->nr_tables; i++) {
		const struct ipjit_table_ref *t = &contract->table[i];

		if (t->place != IPJIT_TABLE_IN_UNIT || place < (s64)t->at ||
		    place >= (s64)t->at + (s64)t->size)
			continue;
		*out = pointer(KIND_TABLE, i);
		out->add = (u64)(place - (s64)t->at);
		return IPJIT_RULE_none;
	}
	return IPJIT_RULE_table_place;
}

static bool can_move(const struct value *v)
{
	return v->kind != KIND_SAVED;
}

rule_t ipjit_address(struct checker *ck, struct value *out)
{
	const struct insn *insn = &ck->insn;
	struct value index;
	rule_t rule;

	if (insn->rip)
		return table_address(ck, (s64)insn->at + insn->len + insn->disp, out);
	*out = constant(0);
	if (insn->base != NO_REG) {
		rule = read_reg(ck, insn->base, 8, out);
		if (rule)
			return rule;
	}
	if (insn->index != NO_REG) {
		rule = read_reg(ck, insn->index, 8, &index);
		if (rule)
			return rule;
		if (index.kind != KIND_NUMBER && (insn->scale || out->kind != KIND_NUMBER))
			return IPJIT_RULE_pointer_arith;
		if (index.kind != KIND_NUMBER)
			*out = ipjit_sum(&ck->state, index, *out);
		else
			*out = ipjit_sum(&ck->state, *out, ipjit_shifted(&ck->state, index, insn->scale));
	}
	out->add += (u64)(s64)insn->disp;
	return can_move(out) ? IPJIT_RULE_none : IPJIT_RULE_pointer_arith;
}

static rule_t check_packet(const struct checker *ck, const struct value *at, u32 bytes)
{
	const struct sym *sym = &ck->state.sym[at->sym];
	s64 first = (s64)at->add, end = first + bytes;
	s64 least = ck->state.sym[SYM_ZERO].fact[at->which];

	if (first <= -MAX_REACH || first >= MAX_REACH)
		return IPJIT_RULE_packet_bounds;
	if (first < 0 && sym->lo < (u64)-first)
		return IPJIT_RULE_packet_bounds;
	if (sym->fact[at->which] != NO_FACT && end <= sym->fact[at->which])
		return IPJIT_RULE_none;
	if (sym->hi < (u64)MAX_REACH && (s64)sym->hi + end <= least)
		return IPJIT_RULE_none;
	return IPJIT_RULE_packet_bounds;
}

static rule_t check_table(const struct checker *ck, const struct value *at, u32 bytes)
{
	const struct sym *sym = &ck->state.sym[at->sym];
	s64 first = (s64)at->add, end = first + bytes;
	s64 size = (s64)ck->contract->table[at->which].size;
	bool flow, known;

	if (first <= -MAX_REACH || first >= MAX_REACH)
		return IPJIT_RULE_table_bounds;
	known = (first >= 0 || sym->lo >= (u64)-first) && sym->hi < (u64)MAX_REACH &&
		(s64)sym->hi + end <= size;
	flow = !at->guessed && (first >= 0 || sym->flow_lo >= (u64)-first) &&
	       sym->flow_hi < (u64)MAX_REACH && (s64)sym->flow_hi + end <= size;
	if (known && flow)
		return IPJIT_RULE_none;
	return known ? IPJIT_RULE_table_index : IPJIT_RULE_table_bounds;
}

/* ctx->tables[i]: the contract's table that is reached there. */
static rule_t load_table_pointer(const struct checker *ck, u64 i, struct value *out)
{
	u32 t;

	for (t = 0; t < ck->contract->nr_tables; t++) {
		const struct ipjit_table_ref *ref = &ck->contract->table[t];

		if (ref->place == IPJIT_TABLE_IN_CTX && ref->at == i) {
			*out = pointer(KIND_TABLE, t);
			return IPJIT_RULE_none;
		}
	}
	return IPJIT_RULE_ctx_field;
}

static rule_t load_ctx_pointer(const struct checker *ck, u64 at, struct value *out)
{
	const struct ipjit_contract *contract = ck->contract;
	const u64 tables = offsetof(struct ipjit_ctx, tables);

	if (at == offsetof(struct ipjit_ctx, th) && (contract->bases & IPJIT_BASE_TH))
		*out = pointer(KIND_PACKET, 1);
	else if (at == offsetof(struct ipjit_ctx, th_len) && (contract->bases & IPJIT_BASE_TH))
		*out = (struct value){.kind = KIND_NUMBER, .bytes = 8, .sym = SYM_TH_LEN};
	else if (at == offsetof(struct ipjit_ctx, actions) && contract->actions)
		*out = pointer(KIND_ACTIONS, 0);
	else if (at == offsetof(struct ipjit_ctx, counters) && contract->counters)
		*out = pointer(KIND_COUNTERS, 0);
	else if (at >= tables && at < tables + 8 * IPJIT_MAX_CTX_TABLES && at % 8 == 0)
		return load_table_pointer(ck, (at - tables) / 8, out);
	else
		return IPJIT_RULE_ctx_field;
	return IPJIT_RULE_none;
}

static rule_t load_ctx(struct checker *ck, const struct value *at, u32 bytes, struct value *out)
{
	u64 field = (at->add - CTX_FIELDS) / 4;

	if (!is_constant(at))
		return IPJIT_RULE_ctx_field;
	if (bytes == 8)
		return load_ctx_pointer(ck, at->add, out);
	/* A part of a field is as harmless as the whole; compilers narrow loads. */
	if (at->add < CTX_FIELDS || field >= IPJIT_FIELD_COUNT || at->add % 4 + bytes > 4 ||
	    !(ck->contract->fields >> field & 1))
		return IPJIT_RULE_ctx_field;
	*out = ipjit_unknown(&ck->state, bytes);
	return IPJIT_RULE_none;
}

/* The location of a slot, or NR_LOCS. */
static u32 slot_loc(const struct checker *ck, const struct value *at)
{
	s64 offset = (s64)at->add;

	if (!is_constant(at) || offset >= 0 || offset % 8 ||
	    offset < (s64)ck->state.loc[RSP].add)
		return NR_LOCS;
	return NR_REGS + (u32)(-offset / 8) - 1;
}

static rule_t load_stack(struct checker *ck, const struct value *at, u32 bytes, struct value *out)
{
	struct state *s = &ck->state;
	u32 loc = slot_loc(ck, at);

	if (loc == NR_LOCS)
		return IPJIT_RULE_stack_slot;
	if (!is_live(s, loc) || s->loc[loc].bytes < bytes)
		return IPJIT_RULE_uninit_read;
	*out = s->loc[loc];
	if (out->kind != KIND_NUMBER) {
		out->guessed = out->kind != KIND_SAVED;
		return bytes == 8 ? IPJIT_RULE_none : IPJIT_RULE_pointer_arith;
	}
	*out = ipjit_truncate(s, *out, bytes);
	out->bytes = 8;
	/* Constants are never guessed, so that arithmetic on them stays exact. */
	if (is_constant(out))
		*out = ipjit_fresh(s, (struct range){out->add, out->add}, full_range(bytes), ALL_ONES);
	else
		out->guessed = true;
	return IPJIT_RULE_none;
}

rule_t ipjit_load(struct checker *ck, const struct value *at, u32 bytes, struct value *out)
{
	rule_t rule = IPJIT_RULE_not_pointer;

	switch ((enum kind)at->kind) {
	case KIND_NONE:
	case KIND_NUMBER:
	case KIND_SAVED:
		return IPJIT_RULE_not_pointer;
	case KIND_PACKET:
		rule = check_packet(ck, at, bytes);
		break;
	case KIND_TABLE:
		rule = check_table(ck, at, bytes);
		break;
	case KIND_CTX:
		return load_ctx(ck, at, bytes, out);
	case KIND_STACK:
		return load_stack(ck, at, bytes, out);
	case KIND_ACTIONS:
	case KIND_COUNTERS:
		return IPJIT_RULE_write_only;
	}
	if (!rule)
		*out = ipjit_unknown(&ck->state, bytes);
	return rule;
}

static rule_t store_action(struct checker *ck, const struct value *at, u32 bytes,
			   const struct value *v)
{
	const struct sym *sym = &ck->state.sym[at->sym];
	s64 first = (s64)at->add;

	if (v->kind != KIND_NUMBER)
		return IPJIT_RULE_pointer_arith;
	if (bytes == 4 && is_constant(at) && first == (s64)offsetof(struct ipjit_actions, count)) {
		if (known_range(ck->state.sym, v).hi > ck->contract->actions)
			return IPJIT_RULE_action_count;
		return IPJIT_RULE_none;
	}
	/* Bounds by branches are enough: a store that is mispredicted never leaves the processor. */
	if (bytes != 2 || first <= -MAX_REACH || first >= MAX_REACH ||
	    (first < 0 && sym->lo < (u64)-first) || sym->hi >= (u64)MAX_REACH ||
	    (s64)sym->hi + first + 2 > 2 * (s64)ck->contract->actions ||
	    !value_zeros(ck->state.sym, at))
		return IPJIT_RULE_action_id;
	return IPJIT_RULE_none;
}

rule_t ipjit_store(struct checker *ck, const struct value *at, u32 bytes, struct value v)
{
	u32 loc;

	switch ((enum kind)at->kind) {
	case KIND_NONE:
	case KIND_NUMBER:
	case KIND_SAVED:
		return IPJIT_RULE_not_pointer;
	case KIND_PACKET:
	case KIND_CTX:
	case KIND_TABLE:
		return IPJIT_RULE_store;
	case KIND_COUNTERS:
		return IPJIT_RULE_counter;
	case KIND_ACTIONS:
		return store_action(ck, at, bytes, &v);
	case KIND_STACK:
		break;
	}
	loc = slot_loc(ck, at);
	if (loc == NR_LOCS)
		return IPJIT_RULE_stack_slot;
	if (bytes < 8) {
		if (v.kind != KIND_NUMBER)
			return IPJIT_RULE_pointer_arith;
		v = ipjit_truncate(&ck->state, v, bytes);
		v.bytes = (u8)bytes;
	}
	set_loc(&ck->state, loc, v);
	return IPJIT_RULE_none;
}

rule_t ipjit_add_to_counter(struct checker *ck, const struct value *at)
{
	const struct insn *insn = &ck->insn;
	struct value ignored;

	if ((insn->op != OP_add && insn->op != OP_inc) || insn->width != 8 || !is_constant(at) ||
	    at->add % 8 || at->add / 8 >= ck->contract->counters)
		return IPJIT_RULE_counter;
	if (insn->op == OP_inc)
		return IPJIT_RULE_none;
	if (read_arg(ck, 1, 8, &ignored))
		return IPJIT_RULE_uninit_read;
	return ignored.kind == KIND_NUMBER ? IPJIT_RULE_none : IPJIT_RULE_pointer_arith;
}

rule_t ipjit_read_memory(struct checker *ck, u32 width, struct value *out)
{
	struct value at;
	rule_t rule = ipjit_address(ck, &at);

	return rule ? rule : ipjit_load(ck, &at, width, out);
}

rule_t ipjit_write_memory(struct checker *ck, u32 width, struct value v)
{
	struct value at;
	rule_t rule = ipjit_address(ck, &at);

	return rule ? rule : ipjit_store(ck, &at, width, v);
}
