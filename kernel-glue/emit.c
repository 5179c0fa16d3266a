// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86-64 encodings that trampolines are made of.
 *
 * Per-CPU memory is reached as %gs:disp32 where the offset of the allocation
 * fits into 32 signed bits (the first chunk), else through rcx: later chunks are
 * anywhere in vmalloc space, 2^46 bytes away from the per-CPU base.
 */
#include "emit.h"

#include <linux/errno.h>
#include <linux/string.h>

#include "thunk.h"

void emit_bytes(struct ipjit_emit *e, const void *bytes, u32 len)
{
	if (len > e->cap - e->len) {
		e->err = -E2BIG;
		return;
	}
	memcpy(e->image + e->len, bytes, len);
	e->len += len;
}

void emit_u32(struct ipjit_emit *e, u32 value)
{
	emit_bytes(e, &value, sizeof(value));
}

void emit_u64(struct ipjit_emit *e, u64 value)
{
	emit_bytes(e, &value, sizeof(value));
}

void emit_align(struct ipjit_emit *e, u32 alignment, u32 beyond)
{
	while (!e->err && (e->len + beyond) % alignment)
		EMIT(e, 0xcc);
}

void emit_imm64(struct ipjit_emit *e, enum ipjit_reg reg, u64 value)
{
	EMIT(e, 0x48, 0xb8 + reg);
	emit_u64(e, value);
}

static void emit_rel32(struct ipjit_emit *e, const void *target)
{
	s64 rel = (const u8 *)target - (e->at + e->len + 4);

	if (rel != (s32)rel)
		e->err = -ERANGE;
	emit_u32(e, (u32)rel);
}

void emit_jmp(struct ipjit_emit *e, const void *target)
{
	EMIT(e, 0xe9);
	emit_rel32(e, target);
}

void emit_call(struct ipjit_emit *e, const void *target)
{
	EMIT(e, 0xe8);
	emit_rel32(e, target);
}

u32 emit_jcc(struct ipjit_emit *e, u8 cc)
{
	EMIT(e, 0x0f, 0x80 + cc);
	emit_u32(e, 0);
	return e->len;
}

void emit_here(struct ipjit_emit *e, u32 branch)
{
	u32 rel = e->len - branch;

	if (!e->err)
		memcpy(e->image + branch - sizeof(rel), &rel, sizeof(rel));
}

static bool is_s32(const void __percpu *at)
{
	return (s64)(__force long)at == (s32)(__force long)at;
}

void emit_percpu_decl(struct ipjit_emit *e, const void __percpu *at)
{
	if (is_s32(at)) {
		EMIT(e, 0x65, 0xff, 0x0c, 0x25);	/* decl %gs:at */
		emit_u32(e, (u32)(__force long)at);
		return;
	}
	emit_imm64(e, REG_RCX, (__force u64)at);
	EMIT(e, 0x65, 0xff, 0x09);			/* decl %gs:(%rcx) */
}

void emit_percpu_incq(struct ipjit_emit *e, const void __percpu *at)
{
	if (is_s32(at)) {
		EMIT(e, 0x65, 0x48, 0xff, 0x04, 0x25);	/* incq %gs:at */
		emit_u32(e, (u32)(__force long)at);
		return;
	}
	emit_imm64(e, REG_RCX, (__force u64)at);
	EMIT(e, 0x65, 0x48, 0xff, 0x01);		/* incq %gs:(%rcx) */
}

void emit_ret(struct ipjit_emit *e)
{
	const u8 *thunk = ipjit_return_thunk();

	if (thunk)
		emit_jmp(e, thunk);
	else
		EMIT(e, 0xc3, 0xcc);			/* ret; int3 stops speculation */
}
