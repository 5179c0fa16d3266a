// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding rets is decoding: a byte 0xc3 is mostly part of something else.  The
 * verifier has proved that its decoder's reading, from the first byte on, is
 * how the code runs, and that no branch goes to the padding.
 */
#include "rets.h"

#include <linux/errno.h>
#include <linux/string.h>

#include "verifier/core/decode.h"

#define INT3 0xcc
#define JMP_REL32 0xe9
#define PATCH_BYTES 5	/* ret and its padding; jmp rel32 */

static bool is_padded(const u8 *code, u32 len, const struct insn *ret)
{
	u32 i;

	if (ret->len != 1 || len - ret->at < PATCH_BYTES)
		return false;
	for (i = 1; i < PATCH_BYTES; i++)
		if (code[ret->at + i] != INT3)
			return false;
	return true;
}

int ipjit_rets_check(const u8 *code, u32 len, u32 isa,
		     struct ipjit_report *report)
{
	struct insn insn;
	u32 at;

	for (at = 0; at < len; at += insn.len) {
		if (ipjit_decode(&insn, code, len, at, isa))
			return -EINVAL;
		if (insn.op != OP_ret || is_padded(code, len, &insn))
			continue;
		report->accepted = 0;
		report->offset = at;
		strscpy(report->insn, "ret", sizeof(report->insn));
		strscpy(report->state, "four int3 behind each ret are missing",
			sizeof(report->state));
		return -EINVAL;
	}
	return 0;
}

int ipjit_rets_patch(u8 *to, const u8 *code, u32 len, u32 isa, u64 at,
		     u64 thunk)
{
	struct insn insn;
	u32 i;

	for (i = 0; i < len; i += insn.len) {
		s64 away = thunk - (at + i + PATCH_BYTES);
		s32 rel = away;

		if (ipjit_decode(&insn, code, len, i, isa))
			return -EINVAL;
		if (insn.op != OP_ret)
			continue;
		if (rel != away)
			return -ERANGE;
		to[i] = JMP_REL32;
		memcpy(to + i + 1, &rel, sizeof(rel));
	}
	return 0;
}
