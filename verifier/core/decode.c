// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The decoder: one instruction at a time, from a list of what is allowed.
 *
 *   48 8d 47 17     REX.W, opcode 8d (lea r_rm), ModRM 47 = [rdi + disp8], 17
 *               =>  lea, width 8, arg = {rax, mem}, base rdi, disp 0x17
 *
 * Bytes that two processors might read differently are the hazard, so every
 * part of an encoding that has no effect is refused: a prefix twice, 66 beside
 * REX.W, a REX bit that selects nothing.  66 and REX are the only prefixes
 * apart from the mandatory F3 of a few opcodes, and VEX.
 *
 * A row of opcodes.def gives op, form and width; form says where the operands
 * are.  The cost is a fifth of a verification's, so everything is one function
 * whose cursor lives in registers; rare encodings have a copy of it.
 * tests/verifier/decode_test.cpp compares every accepted string with Zydis.
 */
#include "verifier/core/opcodes.h"

/* No rule: the instruction is one for decode_rare(). */
#define RULE_RARE IPJIT_RULE_COUNT

/* Bits of REX, in its order, and what else a prefix can say. */
enum said {
	SAID_B = 1, SAID_X = 2, SAID_R = 4, SAID_W = 8, SAID_REX = 16, SAID_66 = 32, SAID_VEX = 64
};

/* What the prefixes said, and how far decoding has come. */
struct cursor {
	const u8 *p, *end;
	/* Words, because compilers pack neighbouring bytes at every step. */
	u32 said;		/* enum said */
	u32 mandatory;		/* enum mandatory, F3 and VEX.pp */
	u32 map;
	u32 opcode;
	u32 vvvv;
	u32 modrm;
};

static __always_inline bool fetch(struct cursor *c, u32 *byte)
{
	if (c->p == c->end)
		return false;
	*byte = *c->p++;
	return true;
}

static __always_inline u32 word_at(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static __always_inline bool fetch_signed(struct cursor *c, u32 bytes, s64 *out)
{
	const u8 *p = c->p;
	u32 low;

	if ((size_t)(c->end - p) < bytes)
		return false;
	c->p += bytes;
	if (bytes == 1) {
		*out = (s64)(p[0] ^ 0x80) - 0x80;
		return true;
	}
	if (bytes == 2) {
		*out = (s16)(u16)(p[0] | p[1] << 8);
		return true;
	}
	low = word_at(p);
	*out = bytes == 4 ? (s32)low : (s64)((u64)word_at(p + 4) << 32 | low);
	return true;
}

/* C4 RXBmmmmm WvvvvLpp opcode: the only VEX form that integer instructions need. */
static __always_inline rule_t read_vex(struct cursor *c)
{
	u32 b1, b2;

	if (!fetch(c, &b1) || !fetch(c, &b2) || !fetch(c, &c->opcode))
		return IPJIT_RULE_truncated;
	c->said = SAID_VEX | (~b1 >> 5 & (SAID_R | SAID_X | SAID_B)) | (b2 & 0x80 ? SAID_W : 0);
	c->vvvv = ~(b2 >> 3) & 15;
	c->mandatory = b2 & 3;
	if ((b1 & 31) == 2)
		c->map = MAP_0f38;
	else if ((b1 & 31) == 3)
		c->map = MAP_0f3a;
	else
		return IPJIT_RULE_opcode;
	return b2 & 4 ? IPJIT_RULE_opcode : IPJIT_RULE_none;
}

/* Prefixes, escape bytes and the opcode byte. */
static __always_inline rule_t read_opcode(struct cursor *c, bool all)
{
	u32 byte;

	if (!fetch(c, &byte))
		return IPJIT_RULE_truncated;
	if (byte == 0xc4)
		return all ? read_vex(c) : RULE_RARE;
	if (byte == 0x66 || byte == 0xf3) {
		if (byte == 0xf3 && !all)
			return RULE_RARE;
		if (byte == 0x66)
			c->said = SAID_66;
		else
			c->mandatory = PREFIX_f3;
		if (!fetch(c, &byte))
			return IPJIT_RULE_truncated;
	}
	if ((byte & 0xf0) == 0x40) {
		c->said |= SAID_REX | (byte & 15);
		if (!fetch(c, &byte))
			return IPJIT_RULE_truncated;
	}
	c->opcode = byte;
	if (byte != 0x0f)
		return IPJIT_RULE_none;
	c->map = MAP_0f;
	if (!fetch(c, &c->opcode))
		return IPJIT_RULE_truncated;
	if (c->opcode != 0x38 && c->opcode != 0x3a)
		return IPJIT_RULE_none;
	if (!all)
		return RULE_RARE;
	c->map = c->opcode == 0x38 ? MAP_0f38 : MAP_0f3a;
	return fetch(c, &c->opcode) ? IPJIT_RULE_none : IPJIT_RULE_truncated;
}

/* Not from the cursor itself: as long as nobody has its address it lives in registers. */
static noinline rule_t find_rare(struct rare_row key, s32 next, u32 isa, struct row *row)
{
	u32 i;

	for (i = 0; i < sizeof(rare) / sizeof(rare[0]); i++) {
		const struct rare_row *r = &rare[i];

		if (r->map != key.map || r->prefix != key.prefix || r->vex != key.vex ||
		    r->opcode != key.opcode)
			continue;
		if (r->ext != EXT_any && (next < 0 || r->ext != ((next >> 3) & 7)))
			continue;
		*row = r->row;
		return (r->isa & ~isa) ? IPJIT_RULE_isa : IPJIT_RULE_none;
	}
	return IPJIT_RULE_opcode;
}

static __always_inline rule_t find_row(struct cursor *c, u32 isa, struct row *row, bool all)
{
	if (all && ((c->said & SAID_VEX) || c->map >= MAP_0f38 || c->mandatory == PREFIX_f3)) {
		struct rare_row key = {.map = (u8)c->map, .prefix = (u8)c->mandatory,
				       .vex = !!(c->said & SAID_VEX), .opcode = (u8)c->opcode};
		s32 next = c->p == c->end ? -1 : *c->p;

		/* F3 elsewhere is rep, or a hint: refused as a prefix. */
		if (!(c->said & SAID_VEX) && c->map < MAP_0f38 &&
		    (c->map != MAP_0f || find_rare(key, next, ~(u32)0, row)))
			return IPJIT_RULE_prefix;
		return find_rare(key, next, isa, row);
	}
	*row = c->map == MAP_one ? one_byte[c->opcode] : two_byte[c->opcode];
	if (row->op == OP_none)
		return row->extra ? (rule_t)row->extra : IPJIT_RULE_opcode;
	return IPJIT_RULE_none;
}

/* The operand size, and the refusal of prefixes that say nothing about it. */
static __always_inline rule_t set_width(struct insn *insn, const struct cursor *c,
				   const struct row *row)
{
	switch ((enum width)row->width) {
	case WIDTH_b:
		if (c->said & (SAID_66 | SAID_W))
			return IPJIT_RULE_prefix;
		insn->width = 1;
		break;
	case WIDTH_z:
		if ((c->said & SAID_66) && (c->said & SAID_W))
			return IPJIT_RULE_prefix;
		insn->width = c->said & SAID_W ? 8 : c->said & SAID_66 ? 2 : 4;
		break;
	case WIDTH_y:
		if (c->said & SAID_66)
			return IPJIT_RULE_prefix;
		insn->width = c->said & SAID_W ? 8 : 4;
		break;
	case WIDTH_q:
		if (c->said & (SAID_66 | SAID_W))
			return IPJIT_RULE_prefix;
		insn->width = 8;
		break;
	}
	insn->src_width = row->extra ? row->extra : insn->width;
	/* movsxd without REX.W is an obscure mov; 63 exists here for 4 -> 8 only. */
	if (insn->src_width >= insn->width && row->extra)
		return IPJIT_RULE_operand;
	return IPJIT_RULE_none;
}

static __always_inline bool read_memory(struct insn *insn, struct cursor *c)
{
	u32 mod = c->modrm >> 6, rm = c->modrm & 7, sib;
	s64 disp = 0;

	insn->base = (u8)(rm | (c->said & SAID_B) << 3);
	if (rm == 4) {
		if (!fetch(c, &sib))
			return false;
		insn->scale = sib >> 6;
		insn->index = ((sib >> 3) & 7) | (c->said & SAID_X) << 2;
		if (insn->index == RSP)
			insn->index = NO_REG;
		insn->base = (sib & 7) | (c->said & SAID_B) << 3;
		if ((sib & 7) == 5 && mod == 0) {
			insn->base = NO_REG;
			mod = 2;
		}
	} else if (rm == 5 && mod == 0) {
		insn->rip = true;
		insn->base = NO_REG;
		mod = 2;
	}
	if (mod && !fetch_signed(c, mod == 1 ? 1 : 4, &disp))
		return false;
	insn->disp = (s32)disp;
	return true;
}

/* A byte register 4..7 is spl..dil only under REX; without it, ah..bh. */
static __always_inline rule_t byte_reg(const struct cursor *c, u8 reg, u32 width, bool *rex_used)
{
	if (width != 1 || reg < 4 || reg > 7)
		return IPJIT_RULE_none;
	*rex_used = true;
	return c->said & SAID_REX ? IPJIT_RULE_none : IPJIT_RULE_high_byte;
}

static __always_inline rule_t read_rm(struct insn *insn, struct cursor *c, struct operand *rm,
				   bool *rex_used)
{
	if (c->modrm >> 6 == 3) {
		if (c->said & SAID_X)
			return IPJIT_RULE_prefix;
		rm->kind = OPERAND_REG;
		rm->reg = (c->modrm & 7) | (c->said & SAID_B) << 3;
		return byte_reg(c, rm->reg, insn->src_width, rex_used);
	}
	rm->kind = OPERAND_MEM;
	if (!read_memory(insn, c))
		return IPJIT_RULE_truncated;
	/* X without an index, B without a base: bits that select nothing. */
	if (((c->said & SAID_X) && (c->modrm & 7) != 4) ||
	    ((c->said & SAID_B) && insn->base == NO_REG))
		return IPJIT_RULE_prefix;
	if (insn->base == NO_REG && insn->index == NO_REG && !insn->rip)
		return IPJIT_RULE_operand;
	return IPJIT_RULE_none;
}

static __always_inline bool read_imm(struct insn *insn, struct cursor *c, struct operand *arg,
				   u32 bytes)
{
	arg->kind = OPERAND_IMM;
	return fetch_signed(c, bytes, &insn->imm);
}

static __always_inline void set_reg(struct operand *arg, u8 reg)
{
	arg->kind = OPERAND_REG;
	arg->reg = reg;
}

/* Forms with a ModRM byte; c->modrm is read. */
static __always_inline rule_t read_modrm_form(struct insn *insn, struct cursor *c, u8 form,
				   bool has_ext)
{
	struct operand *arg = insn->arg, rm = {0}, reg = {OPERAND_REG, 0}, vreg = {OPERAND_REG, c->vvvv};
	u32 imm_bytes = insn->width > 4 ? 4 : insn->width;
	bool rex_used = c->said & (SAID_W | SAID_R | SAID_X | SAID_B), ok = true;
	rule_t rule = read_rm(insn, c, &rm, &rex_used);

	if (rule)
		return rule;
	reg.reg = ((c->modrm >> 3) & 7) | (c->said & SAID_R) << 1;
	if (has_ext) {
		if (c->said & SAID_R)
			return IPJIT_RULE_prefix;
	} else {
		rule = byte_reg(c, reg.reg, insn->width, &rex_used);
		if (rule)
			return rule;
	}
	if ((c->said & SAID_REX) && !rex_used)
		return IPJIT_RULE_prefix;
	switch (form) {
	case FORM_rm: arg[0] = rm; break;
	case FORM_rm_r: arg[0] = rm; arg[1] = reg; break;
	case FORM_r_rm: arg[0] = reg; arg[1] = rm; break;
	case FORM_rm_i: arg[0] = rm; ok = read_imm(insn, c, &arg[1], imm_bytes); break;
	case FORM_rm_i8: arg[0] = rm; ok = read_imm(insn, c, &arg[1], 1); break;
	case FORM_rm_1: arg[0] = rm; arg[1].kind = OPERAND_IMM; insn->imm = 1; break;
	case FORM_rm_c: arg[0] = rm; set_reg(&arg[1], RCX); break;
	case FORM_r_rm_i:
		arg[0] = reg; arg[1] = rm; ok = read_imm(insn, c, &arg[2], imm_bytes); break;
	case FORM_r_rm_i8: arg[0] = reg; arg[1] = rm; ok = read_imm(insn, c, &arg[2], 1); break;
	case FORM_r_v_rm: arg[0] = reg; arg[1] = vreg; arg[2] = rm; break;
	case FORM_r_rm_v: arg[0] = reg; arg[1] = rm; arg[2] = vreg; break;
	case FORM_v_rm: arg[0] = vreg; arg[1] = rm; break;
	default: return IPJIT_RULE_opcode;
	}
	/* vvvv must be all ones where a form has no such operand. */
	if (form == FORM_r_rm_i8 && (c->said & SAID_VEX) && c->vvvv)
		return IPJIT_RULE_prefix;
	return ok ? IPJIT_RULE_none : IPJIT_RULE_truncated;
}

static __always_inline rule_t read_branch(struct insn *insn, struct cursor *c, const u8 *start,
				   u32 bytes)
{
	s64 rel;

	if (c->said & SAID_REX)
		return IPJIT_RULE_prefix;
	if (!fetch_signed(c, bytes, &rel))
		return IPJIT_RULE_truncated;
	insn->target = insn->at + (u32)(c->p - start) + (u32)rel;
	return IPJIT_RULE_none;
}

static __always_inline rule_t read_plain_form(struct insn *insn, struct cursor *c, u8 form,
				   const u8 *start)
{
	u8 reg = (c->opcode & 7) | (c->said & SAID_B) << 3;
	bool rex_used = c->said & (SAID_W | SAID_B);
	u32 bytes = insn->width > 4 ? 4 : insn->width;
	rule_t rule = IPJIT_RULE_none;

	if (c->said & (SAID_R | SAID_X))
		return IPJIT_RULE_prefix;
	switch (form) {
	case FORM_none:
		/* 41 90 is xchg, 48 90 a longer nop: 90 takes no REX here, ret and int3 neither. */
		return c->said & SAID_REX ? IPJIT_RULE_prefix : IPJIT_RULE_none;
	case FORM_j8: return read_branch(insn, c, start, 1);
	case FORM_j32: return read_branch(insn, c, start, 4);
	case FORM_a_i:
		set_reg(&insn->arg[0], RAX);
		rex_used = c->said & SAID_W;
		if (!read_imm(insn, c, &insn->arg[1], bytes))
			return IPJIT_RULE_truncated;
		break;
	case FORM_o:
		set_reg(&insn->arg[0], reg);
		break;
	case FORM_o_i:
		set_reg(&insn->arg[0], reg);
		rule = byte_reg(c, reg, insn->width, &rex_used);
		if (rule)
			return rule;
		if (!read_imm(insn, c, &insn->arg[1], insn->width))
			return IPJIT_RULE_truncated;
		break;
	default: return IPJIT_RULE_opcode;
	}
	if ((c->said & SAID_REX) && (!rex_used || (form == FORM_a_i && (c->said & SAID_B))))
		return IPJIT_RULE_prefix;
	return IPJIT_RULE_none;
}

/* ModRM.reg names the op of a group. */
static __always_inline rule_t select_group(struct insn *insn, const struct cursor *c,
				   struct row *row)
{
	u32 ext = (c->modrm >> 3) & 7;
	const struct group_row *g = &groups[row->op - OP_COUNT][ext];

	if (g->op == OP_none) {
		if (row->op == OP_group5 && c->opcode == 0xff && (ext == 2 || ext == 3))
			return IPJIT_RULE_call;
		if (row->op == OP_group5 && c->opcode == 0xff && (ext == 4 || ext == 5))
			return IPJIT_RULE_indirect;
		return IPJIT_RULE_opcode;
	}
	insn->op = g->op;
	if (g->form != FORM_none)
		row->form = g->form;
	return IPJIT_RULE_none;
}

/* `all`: VEX, F3 and the maps behind 0F 38 and 0F 3A too; without, those are RULE_RARE. */
static __always_inline rule_t decode_at(struct insn *insn, struct cursor *c, u32 isa, bool all)
{
	const u8 *start = c->p;
	struct row row;
	bool has_ext;
	rule_t rule = read_opcode(c, all);

	if (rule)
		return rule;
	/* endbr64 is one fixed string. */
	if (all && c->mandatory == PREFIX_f3 && !(c->said & SAID_REX) && c->map == MAP_0f &&
	    c->opcode == 0x1e) {
		insn->op = OP_endbr64;
		insn->width = insn->src_width = 8;
		if (c->p == c->end)
			return IPJIT_RULE_truncated;
		return *c->p++ == 0xfa ? IPJIT_RULE_none : IPJIT_RULE_opcode;
	}
	rule = find_row(c, isa, &row, all);
	if (rule)
		return rule;
	rule = set_width(insn, c, &row);
	if (rule)
		return rule;
	insn->op = row.op < OP_COUNT ? row.op : OP_none;
	insn->cc = c->opcode & 15;
	if (row.form == FORM_none || row.form >= FORM_a_i)
		return read_plain_form(insn, c, row.form, start);
	if (!fetch(c, &c->modrm))
		return IPJIT_RULE_truncated;
	has_ext = row.op >= OP_COUNT || row.form == FORM_v_rm;
	if (row.op >= OP_COUNT) {
		rule = select_group(insn, c, &row);
		if (rule)
			return rule;
	}
	rule = read_modrm_form(insn, c, row.form, has_ext);
	if (rule)
		return rule;
	if ((insn->op == OP_lea || insn->op == OP_movbe) && insn->arg[1].kind != OPERAND_MEM)
		return IPJIT_RULE_operand;
	return IPJIT_RULE_none;
}

/* Field by field, which compilers join; a whole struct they copy from the stack. */
static __always_inline void start_insn(struct insn *insn, u32 at)
{
	u32 i;

	insn->at = at;
	insn->len = insn->op = insn->width = insn->src_width = 0;
	insn->cc = 0;
	insn->base = insn->index = NO_REG;
	insn->scale = 0;
	insn->rip = false;
	for (i = 0; i < 3; i++)
		insn->arg[i].kind = insn->arg[i].reg = 0;
	insn->disp = 0;
	insn->imm = 0;
	insn->target = 0;
}

/* jcc rel8, a third of all instructions: what decode_at() makes of one, without the detours. */
static __always_inline bool decode_short_jcc(struct insn *insn, const u8 *p, u32 left)
{
	if ((p[0] & 0xf0) != 0x70 || left < 2)
		return false;
	insn->op = OP_jcc;
	insn->width = insn->src_width = 8;
	insn->cc = p[0] & 15;
	insn->len = 2;
	insn->target = insn->at + 2 + (u32)(s8)p[1];
	return true;
}

static noinline rule_t decode_rare(struct insn *insn, const u8 *start, const u8 *end, u32 isa)
{
	struct cursor c = {.p = start, .end = end};
	rule_t rule = decode_at(insn, &c, isa, true);

	insn->len = (u8)(c.p - start);
	return rule;
}

static noinline rule_t decode_long(struct insn *insn, const u8 *start, const u8 *end, u32 isa)
{
	struct cursor c = {.p = start, .end = end};
	rule_t rule = decode_at(insn, &c, isa, false);

	if (rule == RULE_RARE)
		return decode_rare(insn, start, end, isa);
	insn->len = (u8)(c.p - start);
	return rule;
}

rule_t ipjit_decode(struct insn *insn, const u8 *code, u32 code_len, u32 at, u32 isa)
{
	start_insn(insn, at);
	if (decode_short_jcc(insn, code + at, code_len - at))
		return IPJIT_RULE_none;
	return decode_long(insn, code + at, code + code_len, isa);
}
