/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes of x86-64 written one instruction after the other; see emit.c. */
#ifndef IPJIT_EMIT_H
#define IPJIT_EMIT_H

#include <linux/types.h>

/* An image of `cap` bytes that will run at `at`.  Errors stick. */
struct ipjit_emit {
	u8 *image;
	u32 cap;
	u32 len;
	const u8 *at;
	int err;	/* -E2BIG: too long; -ERANGE: a target out of reach */
};

enum ipjit_reg { REG_RAX = 0, REG_RCX = 1, REG_RDX = 2, REG_RSI = 6, REG_RDI = 7 };

void emit_bytes(struct ipjit_emit *e, const void *bytes, u32 len);
void emit_u32(struct ipjit_emit *e, u32 value);
void emit_u64(struct ipjit_emit *e, u64 value);

#define EMIT(e, ...)                                                           \
	emit_bytes(e, (const u8[]){ __VA_ARGS__ },                             \
		   sizeof((const u8[]){ __VA_ARGS__ }))

/* int3 up to a multiple of `alignment`, then `beyond` bytes more. */
void emit_align(struct ipjit_emit *e, u32 alignment, u32 beyond);

/* movabs reg, value: rax, rcx, rdx, rsi or rdi. */
void emit_imm64(struct ipjit_emit *e, enum ipjit_reg reg, u64 value);
/* jmp, call to an address. */
void emit_jmp(struct ipjit_emit *e, const void *target);
void emit_call(struct ipjit_emit *e, const void *target);

/* Forward branches: jcc or jmp to a place that emit_here() names later. */
u32 emit_jcc(struct ipjit_emit *e, u8 cc);
void emit_here(struct ipjit_emit *e, u32 branch);

/* decl, incq of this CPU's copy; either may use rcx. */
void emit_percpu_decl(struct ipjit_emit *e, const void __percpu *at);
void emit_percpu_incq(struct ipjit_emit *e, const void __percpu *at);

/* A return as this CPU wants it. */
void emit_ret(struct ipjit_emit *e);

#endif
