/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The allow-list of opcodes.def as tables; private to decode.c, which says how they are read. */
#ifndef IPJIT_VERIFIER_OPCODES_H
#define IPJIT_VERIFIER_OPCODES_H

#include "verifier/core/decode.h"

enum form {
	FORM_none,
	FORM_rm, FORM_rm_r, FORM_r_rm, FORM_rm_i, FORM_rm_i8, FORM_rm_1, FORM_rm_c,
	FORM_r_rm_i, FORM_r_rm_i8, FORM_r_v_rm, FORM_r_rm_v, FORM_v_rm,
	/* From here on no ModRM byte. */
	FORM_a_i, FORM_o, FORM_o_i, FORM_j8, FORM_j32
};

enum width { WIDTH_b, WIDTH_z, WIDTH_y, WIDTH_q };
enum map { MAP_one, MAP_0f, MAP_0f38, MAP_0f3a };
enum mandatory { PREFIX_none, PREFIX_66, PREFIX_f3, PREFIX_f2 };

#define EXT_any 0xff

struct row {
	u8 op;
	u8 form;
	u8 width;
	u8 extra;	/* source width; for OP_none the rule that refuses */
};

struct group_row {
	u8 op;
	u8 form;	/* FORM_none: as in the opcode's row */
};

struct rare_row {
	u8 map, prefix, vex, opcode, ext;
	u32 isa;
	struct row row;
};

static const struct row one_byte[256] = {
#define IPJIT_ONE(opcode, op, form, width, src) [opcode] = {OP_##op, FORM_##form, WIDTH_##width, src},
#define IPJIT_NEVER_ONE(opcode, rule) [opcode] = {OP_none, 0, 0, IPJIT_RULE_##rule},
#include "verifier/core/opcodes.def"
#undef IPJIT_ONE
#undef IPJIT_NEVER_ONE
};

static const struct row two_byte[256] = {
#define IPJIT_TWO(opcode, op, form, width, src) [opcode] = {OP_##op, FORM_##form, WIDTH_##width, src},
#define IPJIT_NEVER_TWO(opcode, rule) [opcode] = {OP_none, 0, 0, IPJIT_RULE_##rule},
#include "verifier/core/opcodes.def"
#undef IPJIT_TWO
#undef IPJIT_NEVER_TWO
};

static const struct group_row groups[OP_GROUPS_END - OP_COUNT][8] = {
#define IPJIT_GROUP(group, ext, op, form) [OP_##group - OP_COUNT][ext] = {OP_##op, FORM_##form},
#include "verifier/core/opcodes.def"
#undef IPJIT_GROUP
};

static const struct rare_row rare[] = {
#define IPJIT_RARE(map, prefix, vex, opcode, ext, op, form, width, isa) \
	{MAP_##map, PREFIX_##prefix, vex, opcode, EXT_##ext, isa, {OP_##op, FORM_##form, WIDTH_##width, 0}},
#define EXT_1 1
#define EXT_2 2
#define EXT_3 3
#include "verifier/core/opcodes.def"
#undef IPJIT_RARE
};

#endif
