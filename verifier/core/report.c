// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A refusal as text: the instruction and what is known before it.
 *
 *   movzx eax, word [rdi+rcx*1+0x17]
 *   rdi=data rsi=len rcx=v7+14 in [14,74] v7+16<=len rsp=stack len>=34
 *
 * Runs once a check, only when code is refused.
 */
#include "verifier/core/checker.h"

static const char *const names[OP_COUNT] = {
#define IPJIT_INSN(op, text) [OP_##op] = text,
#include "verifier/core/insns.def"
#undef IPJIT_INSN
};

const char *ipjit_insn_name(u32 op)
{
	return op < OP_COUNT && names[op] ? names[op] : "?";
}

struct text {
	char *out;
	size_t size, used;
};

static void put(struct text *t, const char *word)
{
	for (; *word && t->used + 1 < t->size; word++)
		t->out[t->used++] = *word;
	t->out[t->used] = 0;
}

static void put_unsigned(struct text *t, u64 x, u32 radix)
{
	char digits[24];
	u32 n = sizeof(digits);

	digits[--n] = 0;
	do {
		digits[--n] = "0123456789abcdef"[x % radix];
		x /= radix;
	} while (x);
	if (radix == 16)
		put(t, "0x");
	put(t, digits + n);
}

/* A signed constant behind a word: "+14", "-4", nothing for zero. */
static void put_added(struct text *t, s64 x)
{
	if (!x)
		return;
	put(t, x < 0 ? "-" : "+");
	put_unsigned(t, x < 0 ? -(u64)x : (u64)x, 10);
}

static void put_reg(struct text *t, u32 reg, u32 width)
{
	static const char *const word[8] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
	static const char *const low[8] = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};

	if (reg >= 8) {
		put(t, "r");
		put_unsigned(t, reg, 10);
		put(t, width == 1 ? "b" : width == 2 ? "w" : width == 4 ? "d" : "");
		return;
	}
	if (width == 1) {
		put(t, low[reg]);
		return;
	}
	put(t, width == 8 ? "r" : width == 4 ? "e" : "");
	put(t, word[reg]);
}

static void put_memory(struct text *t, const struct insn *insn, u32 width)
{
	put(t, width == 1 ? "byte [" : width == 2 ? "word [" : width == 4 ? "dword [" : "qword [");
	if (insn->rip)
		put(t, "rip");
	if (insn->base != NO_REG)
		put_reg(t, insn->base, 8);
	if (insn->index != NO_REG) {
		put(t, insn->base == NO_REG ? "" : "+");
		put_reg(t, insn->index, 8);
		put(t, "*");
		put_unsigned(t, 1u << insn->scale, 10);
	}
	if (insn->disp || insn->rip) {
		put(t, insn->disp < 0 ? "-" : "+");
		put_unsigned(t, insn->disp < 0 ? -(u64)(s64)insn->disp : (u64)insn->disp, 16);
	}
	put(t, "]");
}

static const char *cc_name(u32 cc)
{
	static const char *const name[16] = {"o", "no", "b", "ae", "e", "ne", "be", "a",
					     "s", "ns", "p", "np", "l", "ge", "le", "g"};

	return name[cc & 15];
}

static bool counts_by_cl(const struct insn *insn)
{
	return insn->op >= OP_rol && insn->op <= OP_sar;
}

void ipjit_report_insn(char *out, size_t size, const struct insn *insn)
{
	struct text t = {out, size, 0};
	u32 i;

	if (insn->op == OP_none) {
		put(&t, "(not decoded)");
		return;
	}
	put(&t, ipjit_insn_name(insn->op));
	if (insn->op == OP_jcc || insn->op == OP_set || insn->op == OP_cmov)
		put(&t, cc_name(insn->cc));
	if (insn->op == OP_jcc || insn->op == OP_jmp) {
		put(&t, " ");
		put_unsigned(&t, insn->target, 16);
	}
	for (i = 0; i < 3 && insn->arg[i].kind != OPERAND_NONE; i++) {
		u32 width = i == 0 ? insn->width : counts_by_cl(insn) ? 1 : insn->src_width;

		put(&t, i ? ", " : " ");
		if (insn->arg[i].kind == OPERAND_REG)
			put_reg(&t, insn->arg[i].reg, width);
		else if (insn->arg[i].kind == OPERAND_MEM)
			put_memory(&t, insn, width);
		else
			put_unsigned(&t, (u64)insn->imm & width_mask(insn->width), 16);
	}
}

static void put_sym(struct text *t, const struct state *s, u32 sym)
{
	if (sym == SYM_LEN) {
		put(t, "len");
	} else if (sym == SYM_TH_LEN) {
		put(t, "th_len");
	} else {
		put(t, "v");
		put_unsigned(t, s->sym[sym].id, 10);
	}
}

static void put_kind(struct text *t, const struct value *v)
{
	switch ((enum kind)v->kind) {
	case KIND_NONE:
	case KIND_NUMBER:
		break;
	case KIND_PACKET:
		put(t, v->which ? "th" : "data");
		break;
	case KIND_CTX:
		put(t, "ctx");
		break;
	case KIND_TABLE:
		put(t, "table");
		put_unsigned(t, v->which, 10);
		break;
	case KIND_STACK:
		put(t, "stack");
		break;
	case KIND_ACTIONS:
		put(t, "actions");
		break;
	case KIND_COUNTERS:
		put(t, "counters");
		break;
	case KIND_SAVED:
		put(t, "saved ");
		put_reg(t, v->which, 8);
		break;
	}
}

/* What is known of a symbol, said once: at the first place that holds it. */
static void put_knowledge(struct text *t, const struct state *s, const struct value *v)
{
	const struct sym *sym = &s->sym[v->sym];
	struct range known = known_range(s->sym, v), flow = flow_range(s->sym, v);
	u32 base;

	put(t, " in [");
	put_unsigned(t, known.lo, 10);
	put(t, ",");
	put_unsigned(t, known.hi, 10);
	put(t, "]");
	if (flow.lo != known.lo || flow.hi != known.hi) {
		put(t, " flow [");
		put_unsigned(t, flow.lo, 10);
		put(t, ",");
		put_unsigned(t, flow.hi, 10);
		put(t, "]");
	}
	for (base = 0; base < NR_BASES; base++) {
		if (sym->fact[base] == NO_FACT || v->sym < SYM_FIRST_FREE)
			continue;
		put(t, " ");
		put_sym(t, s, v->sym);
		put_added(t, sym->fact[base]);
		put(t, base ? "<=th_len" : "<=len");
	}
}

static void put_value(struct text *t, const struct state *s, const struct value *v)
{
	put_kind(t, v);
	if (v->kind == KIND_SAVED)
		return;
	if (v->sym == SYM_ZERO) {
		if (v->kind == KIND_NUMBER)
			put_unsigned(t, v->add, v->add > 9999 ? 16 : 10);
		else
			put_added(t, (s64)v->add);
		return;
	}
	if (v->kind != KIND_NUMBER)
		put(t, "+");
	put_sym(t, s, v->sym);
	put_added(t, (s64)v->add);
	if (v->bytes < 8) {
		put(t, " low ");
		put_unsigned(t, v->bytes, 10);
	}
	put_knowledge(t, s, v);
}

void ipjit_report_state(char *out, size_t size, const struct checker *ck)
{
	struct text t = {out, size, 0};
	const struct state *s = &ck->state;
	u64 live;

	if (!ck->reachable) {
		put(&t, "unreachable");
		return;
	}
	for (live = s->live; live; live &= live - 1) {
		u32 loc = trailing_zeros(live);

		/* What the caller left there and nobody touched is no news. */
		if (s->loc[loc].kind == KIND_SAVED && s->loc[loc].which == loc)
			continue;
		if (loc < NR_REGS) {
			put_reg(&t, loc, 8);
		} else {
			put(&t, "[stack-");
			put_unsigned(&t, 8 * (loc - NR_REGS + 1), 10);
			put(&t, "]");
		}
		put(&t, "=");
		put_value(&t, s, &s->loc[loc]);
		put(&t, " ");
	}
	put(&t, "len>=");
	put_unsigned(&t, s->sym[SYM_LEN].lo, 10);
}
