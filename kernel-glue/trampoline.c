// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trampolines.
 *
 * The kernel calls prog->bpf_func(skb, insns).  For `tcpdump ip` in mode ON:
 *
 *	decl	%gs:count->run[OURS].countdown
 *	js	sample
 *	mov	len(%rdi), %esi
 *	sub	data_len(%rdi), %esi
 *	cmp	$14, %rsi		; the body's own first two
 *	jb	short
 *	push	%rdi
 *	mov	data(%rdi), %rdi
 *	call	body, behind those two
 *	bt	$32, %rax		; done, or bytes needed that are not in the head?
 *	jc	decline
 *	pop	%rdx
 *	ret				; or a jump to the return thunk
 * sample:
 *	movabs	$version, %rdx
 *	jmp	ipjit_packet_on
 * decline:
 *	pop	%rdi
 * short:
 *	incq	%gs:count->passed_on
 *	jmp	kernel's own code of this filter
 *
 * A body that begins with a check of the head's length (headcheck.h) is entered
 * behind it: registers and flags are then what they are in the body, where the
 * branch falls through, because nothing between writes flags.
 *
 * Code that reads fields, tables or counters gets its ctx on the stack, of which
 * only what its contract declares is filled.  Filling it writes flags, so such a
 * body is entered at its first instruction and checks again.
 *
 * Hazards: on the way to the kernel's code rdi is what the kernel passed, rsi may
 * be lost, which the compiled code of a classic filter never reads; status is 0
 * or 1, because contracts of the kernel have no resume points.
 */
#include "trampoline.h"

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <asm/percpu.h>

#include "compare.h"
#include "emit.h"
#include "fill.h"
#include "headcheck.h"
#include "rets.h"
#include "thunk.h"
#include "waiting.h"

#define CC_B 0x2	/* and C */
#define CC_S 0x8
#define CC_Z 0x4

/* Room for ctx; keeps the stack aligned to 16 at calls. */
#define FRAME ALIGN(sizeof(struct ipjit_ctx), 16)

/* Bytes that the trampolines of one version may take, and all padding. */
#define TRAMPOLINES_MAX 1024

#define ENDBR_LEN (IS_ENABLED(CONFIG_X86_KERNEL_IBT) ? 4 : 0)
#define BODY_ALIGN 64
#define TRAMPOLINE_ALIGN 32

/* Fields that are one load from the skb. */
static const struct {
	u8 field;
	u16 at;		/* in struct sk_buff */
	u8 bytes;
	bool net_order;
} simple[] = {
	{ IPJIT_FIELD_wire_len, offsetof(struct sk_buff, len), 4, false },
	{ IPJIT_FIELD_protocol, offsetof(struct sk_buff, protocol), 2, true },
	{ IPJIT_FIELD_mark, offsetof(struct sk_buff, mark), 4, false },
	{ IPJIT_FIELD_queue, offsetof(struct sk_buff, queue_mapping), 2, false },
	{ IPJIT_FIELD_rxhash, offsetof(struct sk_buff, hash), 4, false },
	{ IPJIT_FIELD_vlan_tci, offsetof(struct sk_buff, vlan_tci), 2, false },
	{ IPJIT_FIELD_vlan_proto, offsetof(struct sk_buff, vlan_proto), 2, true },
};

static const u32 field_at[] = {
#define IPJIT_FIELD(name, meaning) offsetof(struct ipjit_ctx, name),
#include "ipjit/fields.def"
#undef IPJIT_FIELD
};

static bool wants_ctx(const struct ipjit_contract *contract)
{
	return contract->fields || contract->counters || contract->nr_tables;
}

static bool is_simple(u64 fields)
{
	u64 known = 0;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(simple); i++)
		known |= BIT_ULL(simple[i].field);
	return !(fields & ~known);
}

static void emit_endbr(struct ipjit_emit *e)
{
	if (ENDBR_LEN)
		EMIT(e, 0xf3, 0x0f, 0x1e, 0xfa);	/* endbr64 */
}

/* A C function goes on with the packet: rdi and rsi are still the kernel's. */
static void emit_leave_to(struct ipjit_emit *e, struct ipjit_version *version,
			  const void *function)
{
	emit_imm64(e, REG_RDX, (unsigned long)version);
	emit_jmp(e, function);
}

static void emit_simple_fields(struct ipjit_emit *e, u64 fields)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(simple); i++) {
		if (!(fields & BIT_ULL(simple[i].field)))
			continue;
		if (simple[i].bytes == 2)
			EMIT(e, 0x0f, 0xb7, 0x87);	/* movzwl at(%rdi), %eax */
		else
			EMIT(e, 0x8b, 0x87);		/* mov at(%rdi), %eax */
		emit_u32(e, simple[i].at);
		if (simple[i].net_order)
			EMIT(e, 0x66, 0xc1, 0xc0, 0x08);	/* rol $8, %ax */
		EMIT(e, 0x89, 0x84, 0x24);		/* mov %eax, f(%rsp) */
		emit_u32(e, field_at[simple[i].field]);
	}
}

/* Leaves the branch that is taken where a field has no value. */
static u32 emit_fill_call(struct ipjit_emit *e, u64 fields)
{
	u32 none;

	EMIT(e, 0x48, 0x89, 0xfe);			/* mov %rdi, %rsi */
	EMIT(e, 0x48, 0x89, 0xe7);			/* mov %rsp, %rdi */
	emit_imm64(e, REG_RDX, fields);
	emit_call(e, ipjit_fill);
	EMIT(e, 0x84, 0xc0);				/* test %al, %al */
	none = emit_jcc(e, CC_Z);
	EMIT(e, 0x48, 0x8b, 0xbc, 0x24);		/* mov FRAME(%rsp), %rdi */
	emit_u32(e, FRAME);
	return none;
}

static void emit_store_rax(struct ipjit_emit *e, u32 at)
{
	EMIT(e, 0x48, 0x89, 0x84, 0x24);		/* mov %rax, at(%rsp) */
	emit_u32(e, at);
}

static void emit_pointers(struct ipjit_emit *e,
			  const struct ipjit_version *version)
{
	u32 i;

	if (version->contract.counters) {
		emit_imm64(e, REG_RAX,
			   (__force u64)&version->count->counters[0]);
		EMIT(e, 0x65, 0x48, 0x03, 0x04, 0x25);	/* add %gs:off, %rax */
		emit_u32(e, (u32)(__force long)&this_cpu_off);
		emit_store_rax(e, offsetof(struct ipjit_ctx, counters));
	}
	for (i = 0; i < IPJIT_MAX_CTX_TABLES; i++) {
		if (!version->table[i])
			continue;
		emit_imm64(e, REG_RAX, (unsigned long)version->table[i]);
		emit_store_rax(e, offsetof(struct ipjit_ctx, tables) + 8 * i);
	}
}

/* No head is longer than max_len: contracts of the kernel allow 32 bits. */
static void emit_len(struct ipjit_emit *e)
{
	EMIT(e, 0x8b, 0xb7);				/* mov len(%rdi), %esi */
	emit_u32(e, offsetof(struct sk_buff, len));
	EMIT(e, 0x2b, 0xb7);				/* sub data_len(%rdi), %esi */
	emit_u32(e, offsetof(struct sk_buff, data_len));
}

static void emit_frame(struct ipjit_emit *e, bool up)
{
	EMIT(e, 0x48, 0x81, up ? 0xec : 0xc4);		/* sub, add $FRAME, %rsp */
	emit_u32(e, FRAME);
}

/* Its frame and what is in it.  Gives the branch that declines with the frame still up, or 0. */
static u32 emit_ctx(struct ipjit_emit *e, const struct ipjit_version *version)
{
	u64 fields = version->contract.fields;
	u32 none = 0;

	emit_frame(e, true);
	if (fields && is_simple(fields)) {
		emit_simple_fields(e, fields);
	} else if (fields) {
		none = emit_fill_call(e, fields);
		emit_len(e);
	}
	emit_pointers(e, version);
	EMIT(e, 0x48, 0x89, 0xe2);			/* mov %rsp, %rdx */
	return none;
}

static void emit_on(struct ipjit_emit *e, struct ipjit_version *version,
		    const u8 *code, u32 code_len)
{
	const struct ipjit_headcheck check = ipjit_headcheck_find(
		code, code_len, version->contract.isa);
	const u8 *body = (const u8 *)version->entry + ENDBR_LEN;
	bool frame = wants_ctx(&version->contract);
	u32 sample, decline, too_short = 0, none = 0;

	emit_endbr(e);
	emit_percpu_decl(e, &version->count->run[IPJIT_RUN_OURS].countdown);
	sample = emit_jcc(e, CC_S);
	emit_len(e);
	if (check.len) {
		emit_bytes(e, code, check.cmp_len);
		too_short = emit_jcc(e, CC_B);
	}
	EMIT(e, 0x57);					/* push %rdi */
	if (frame)
		none = emit_ctx(e, version);
	EMIT(e, 0x48, 0x8b, 0xbf);			/* mov data(%rdi), %rdi */
	emit_u32(e, offsetof(struct sk_buff, data));
	emit_call(e, frame ? body : body + check.len);
	if (frame)
		emit_frame(e, false);
	EMIT(e, 0x48, 0x0f, 0xba, 0xe0, 0x20);		/* bt $32, %rax */
	decline = emit_jcc(e, CC_B);
	EMIT(e, 0x5a);					/* pop %rdx */
	emit_ret(e);

	emit_here(e, sample);
	emit_leave_to(e, version, ipjit_packet_on);

	if (none) {
		emit_here(e, none);
		emit_frame(e, false);
	}
	emit_here(e, decline);
	EMIT(e, 0x5f);					/* pop %rdi */
	if (too_short)
		emit_here(e, too_short);
	emit_percpu_incq(e, &version->count->passed_on);
	emit_jmp(e, version->slot->kernel);
}

/* The kernel's code decides; sampled packets go round through `function`. */
static void emit_kernel_decides(struct ipjit_emit *e,
				struct ipjit_version *version,
				const void *function)
{
	u32 sample;

	emit_endbr(e);
	emit_percpu_decl(e, &version->count->run[IPJIT_RUN_KERNEL].countdown);
	sample = emit_jcc(e, CC_S);
	emit_jmp(e, version->slot->kernel);
	emit_here(e, sample);
	emit_leave_to(e, version, function);
}

static void emit_shadow(struct ipjit_emit *e, struct ipjit_version *version)
{
	emit_endbr(e);
	emit_leave_to(e, version, ipjit_packet_shadow);
}

/* C enters the body by `entry`, trampolines behind that one's endbr64. */
static void emit_body(struct ipjit_emit *e, struct ipjit_version *version,
		      const u8 *code, u32 code_len)
{
	const u8 *thunk = ipjit_return_thunk();
	int err;

	emit_align(e, BODY_ALIGN, ENDBR_LEN);
	version->entry = (ipjit_entry_fn)(e->at + e->len);
	emit_endbr(e);
	emit_bytes(e, code, code_len);
	if (e->err || !thunk)
		return;
	err = ipjit_rets_patch(e->image + e->len - code_len, code, code_len,
			       version->contract.isa,
			       (unsigned long)e->at + e->len - code_len,
			       (unsigned long)thunk);
	if (err)
		e->err = err;
}

static const void *begin(struct ipjit_emit *e)
{
	emit_align(e, TRAMPOLINE_ALIGN, 0);
	return e->at + e->len;
}

/* The body comes first: then everything that refers to it knows its address. */
static void emit_unit(struct ipjit_emit *e, struct ipjit_version *version,
		      const u8 *code, u32 code_len)
{
	u32 kind;

	if (!code) {
		for (kind = 0; kind < IPJIT_KINDS; kind++)
			version->trampoline[kind] = e->at;
		emit_kernel_decides(e, version, ipjit_packet_wait);
		return;
	}
	emit_body(e, version, code, code_len);
	version->trampoline[IPJIT_KIND_ON] = begin(e);
	emit_on(e, version, code, code_len);
	version->trampoline[IPJIT_KIND_OBSERVE] = begin(e);
	emit_kernel_decides(e, version, ipjit_packet_observe);
	version->trampoline[IPJIT_KIND_SHADOW] = begin(e);
	emit_shadow(e, version);
}

/* Emits twice: lengths do not depend on the address, so the first one measures. */
int ipjit_trampoline_write(struct ipjit_version *version, const u8 *code,
			   u32 code_len)
{
	struct ipjit_emit e = { .cap = code_len + TRAMPOLINES_MAX };
	int err;

	e.image = kvmalloc(e.cap, GFP_KERNEL);
	if (!e.image)
		return -ENOMEM;
	e.at = ipjit_cache_base();
	emit_unit(&e, version, code, code_len);
	err = e.err;
	if (err)
		goto out;
	err = ipjit_cache_alloc(&version->code, e.len);
	if (err)
		goto out;
	e.at = version->code.at;
	e.len = 0;
	emit_unit(&e, version, code, code_len);
	err = e.err ?: ipjit_cache_write(&version->code, e.image, e.len);
	if (err)
		ipjit_cache_free(&version->code);
out:
	kvfree(e.image);
	return err;
}
