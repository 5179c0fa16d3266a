/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is known at one point of the program.
 *
 * A value is `pointer base + symbol + constant`, modulo 2^64.  A symbol stands
 * for one unknown number that does not change; what is known about it is kept
 * once, however many registers use it.  Symbol 0 is the number zero, so that a
 * constant is a value like any other.
 *
 * Each symbol has two intervals.  [lo, hi] holds on every path that the
 * processor completes; comparisons narrow it.  [flow_lo, flow_hi] follows from
 * data flow alone, so it also holds where the processor guesses a branch wrong.
 * Table indices are judged by the second.
 *
 * fact[b] = K says: symbol + K <= length of packet base b, without wrapping.
 * Symbol 0's fact is therefore the least length known.
 */
#ifndef IPJIT_VERIFIER_STATE_H
#define IPJIT_VERIFIER_STATE_H

#include "verifier/core/decode.h"

#define NR_REGS 16
#define NR_SLOTS 40		/* (IPJIT_MAX_STACK + six saved registers) / 8, and a margin */
#define NR_LOCS (NR_REGS + NR_SLOTS)
#define NR_SYMS 96		/* more than NR_LOCS + flags + what one instruction makes */
#define SYMS_PER_INSN 24
#define NR_BASES 2
#define NO_FACT (-(s64)0x7fffffffffffffff - 1)

enum kind {
	KIND_NONE,
	KIND_NUMBER,
	KIND_PACKET,	/* which: 0 data, 1 transport header */
	KIND_CTX,
	KIND_TABLE,	/* which: index in the contract */
	KIND_STACK,	/* constant is relative to rsp at entry */
	KIND_ACTIONS,
	KIND_COUNTERS,
	KIND_SAVED,	/* which: the register that held it at entry */
};

enum { SYM_ZERO, SYM_LEN, SYM_TH_LEN, SYM_FIRST_FREE };

struct value {
	u8 kind;	/* enum kind */
	u8 which;
	u8 bytes;	/* low bytes that are known; 8 except after partial writes */
	bool guessed;	/* symbol + constant holds on completed paths only */
	u32 sym;	/* index in state.sym */
	u64 add;	/* the constant */
};

struct sym {
	u64 lo, hi;
	u64 flow_lo, flow_hi;
	s64 fact[NR_BASES];
	u32 id;			/* names the definition; the same in every state */
	u32 def[2];		/* made as def[0] << shift[0] (+ def[1] << shift[1]) */
	u8 shift[2];
	u64 ones;		/* bits that can be one, by data flow */
};

#define NO_DEF 0xffffffff

struct range {
	u64 lo, hi;
};

enum flags_kind {
	FLAGS_OPAQUE,
	FLAGS_COMPARE,	/* of a and b, at width bytes */
	FLAGS_RESULT,	/* ZF and SF describe a, the rest is opaque */
};

enum flag {
	FLAG_C = 1,
	FLAG_Z = 2,
	FLAG_S = 4,
	FLAG_O = 8,
	FLAG_P = 16,
	FLAGS_ALL = 31,
};

struct flags {
	u8 kind;	/* enum flags_kind */
	u8 unset;	/* of enum flag: the caller's, a pointer's or a counter's; nobody may ask for them */
	u8 width;
	struct value a, b;
};

struct state {
	u64 live;			/* bit i: loc[i] is known */
	u64 pristine;			/* of those: it holds what it held at entry */
	u32 nr_bases;			/* 2 if there is a transport header */
	u32 nr_syms;
	u32 next_id;
	struct flags flags;
	struct value loc[NR_LOCS];	/* registers, then stack slots downwards */
	struct sym sym[NR_SYMS];
};

static inline struct value constant(u64 add)
{
	return (struct value){.kind = KIND_NUMBER, .bytes = 8, .sym = SYM_ZERO, .add = add};
}

static inline struct value pointer(enum kind kind, u32 which)
{
	return (struct value){.kind = kind, .which = (u8)which, .bytes = 8};
}

static inline bool is_constant(const struct value *v)
{
	return v->sym == SYM_ZERO;
}

static inline struct range full_range(u32 bytes)
{
	return (struct range){0, width_mask(bytes)};
}

static inline struct range clamp_above(u64 hi)
{
	return (struct range){0, hi};
}

/* r + add modulo 2^64; exact unless only part of the range wraps. */
static inline struct range shift_range(struct range r, u64 add)
{
	struct range sum = {r.lo + add, r.hi + add};

	return (sum.lo < add) == (sum.hi < add) ? sum : full_range(8);
}

/* What completed paths know about a number. */
static inline struct range known_range(const struct sym *syms, const struct value *v)
{
	const struct sym *sym = &syms[v->sym];

	return shift_range((struct range){sym->lo, sym->hi}, v->add);
}

/* What holds under misprediction too. */
static inline struct range flow_range(const struct sym *syms, const struct value *v)
{
	const struct sym *sym = &syms[v->sym];

	if (v->guessed)
		return full_range(8);
	return shift_range((struct range){sym->flow_lo, sym->flow_hi}, v->add);
}

/* Nothing is known of the flags any more but that these were written. */
static inline void write_flags(struct state *s, u32 written)
{
	s->flags.kind = FLAGS_OPAQUE;
	s->flags.unset &= (u8)~written;
}

/* They say now what no program may learn. */
static inline void lose_flags(struct state *s)
{
	s->flags.kind = FLAGS_OPAQUE;
	s->flags.unset = FLAGS_ALL;
}

/* Whether all flags that a condition (enum cc) looks at were written. */
static inline bool may_ask(const struct state *s, u32 cc)
{
	static const u8 looks_at[] = {FLAG_O, FLAG_C, FLAG_Z, FLAG_C | FLAG_Z, FLAG_S, FLAG_P,
				      FLAG_S | FLAG_O, FLAG_Z | FLAG_S | FLAG_O};

	return !(s->flags.unset & looks_at[cc >> 1 & 7]);
}

/* Is symbol + (signed) constant the value itself, without wrapping? */
static inline bool no_wrap(const struct sym *syms, const struct value *v)
{
	const struct sym *sym = &syms[v->sym];

	if ((s64)v->add >= 0)
		return sym->hi + v->add >= sym->hi;
	return sym->lo >= -v->add;
}

/* Bits that can be one, under misprediction too. */
static inline u64 value_ones(const struct sym *syms, const struct value *v)
{
	u64 ones = syms[v->sym].ones;

	if (v->guessed)
		return ALL_ONES;
	if (!(ones & v->add))
		return ones | v->add;
	return ones_above(min_u32(trailing_zeros(ones), trailing_zeros(v->add))) &
	       fill_ones(flow_range(syms, v).hi);
}

/* The usual case of ipjit_truncate(): nothing is cut. */
static inline bool fits(const struct sym *syms, const struct value *v, u32 bytes)
{
	u64 mask = width_mask(bytes);

	return !(v->add & ~mask) && !v->guessed &&
	       (v->sym == SYM_ZERO || (!v->add && syms[v->sym].hi <= mask &&
				       syms[v->sym].flow_hi <= mask));
}

/* Low bits that are zero, under misprediction too. */
static inline u32 value_zeros(const struct sym *syms, const struct value *v)
{
	return trailing_zeros(value_ones(syms, v));
}

static inline bool is_live(const struct state *s, u32 loc)
{
	return s->live >> loc & 1;
}

static inline void set_loc(struct state *s, u32 loc, struct value v)
{
	s->loc[loc] = v;
	s->live |= (u64)1 << loc;
	s->pristine &= ~((u64)1 << loc);
}

/* The state at the first instruction. */
void ipjit_state_init(struct state *s, const struct ipjit_contract *contract);

/* Makes room for SYMS_PER_INSN new symbols by dropping those in no use. */
void ipjit_collect_syms(struct state *s);

/* A new number; of its bits only `ones` can be one. */
struct value ipjit_fresh(struct state *s, struct range known, struct range flow, u64 ones);

/* A new number of which nothing but the width is known. */
struct value ipjit_unknown(struct state *s, u32 bytes);

/* Copies to `small`, which is nowhere above `large`, the facts of `large`. */
void ipjit_inherit_facts(struct state *s, const struct value *small, const struct value *large);

/* v modulo 2^(8 bytes), as a number of its own. */
struct value ipjit_truncate(struct state *s, struct value v, u32 bytes);

/* The sum and the shift left modulo 2^64; the same operands give the same symbol. */
struct value ipjit_sum(struct state *s, struct value a, struct value b);
struct value ipjit_shifted(struct state *s, struct value v, u32 count);

/* The largest K known with v + K <= length of the base; NO_FACT if none. */
s64 ipjit_value_fact(const struct sym *syms, const struct value *v, u32 base);

/* From now on a + strict <= b, as unsigned numbers. */
void ipjit_learn_le(struct state *s, const struct value *a, const struct value *b, u32 strict);

/* The place of the symbol with that id, or NR_SYMS. */
u32 ipjit_find_sym(const struct state *s, u32 id);

void ipjit_learn_min(struct state *s, const struct value *v, u64 lo);
void ipjit_learn_max(struct state *s, const struct value *v, u64 hi);

#endif
