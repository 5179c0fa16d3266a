/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The native ABI: the words that the compilers, the verifier, the library and
 * the kernel module share.  C, freestanding, no dependency.
 *
 * A compiled program is a pure function
 *
 *     u64 entry(const u8 *data, u64 len, const struct ipjit_ctx *ctx)
 *
 * under the System V calling convention.  It reads `len` bytes at `data`, the
 * parts of `ctx` that its contract declares, and read-only tables; it writes
 * nothing but its own stack, its action list and its counters.  The low half of
 * the result is a verdict or an id, the high half an enum ipjit_status.
 *
 * The contract is what the compiler promises and the verifier proves; it holds
 * no pointer, so that it can cross a process or kernel border as it is.
 */
#ifndef IPJIT_ABI_H
#define IPJIT_ABI_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define IPJIT_ABI_VERSION 1

#define IPJIT_MAX_ACTIONS 64	/* ids that one run may record */
#define IPJIT_MAX_CTX_TABLES 16	/* tables reached through ctx */
#define IPJIT_MAX_TABLES 64	/* tables of one unit, however reached */
#define IPJIT_MAX_STACK 256	/* bytes of spill slots */
#define IPJIT_MAX_COUNTERS 64
#define IPJIT_MAX_CODE (1u << 20)	/* bytes of code in one unit */

/* The high 32 bits of a result. */
enum ipjit_status {
	IPJIT_DONE = 0,		/* low half: verdict (cBPF) or exit id (netfilter) */
	IPJIT_NEED_BYTES = 1,	/* low half: bytes needed beyond `len`, from the start of data */
	IPJIT_RESUME = 2,	/* low half: resume point, where an interpreter goes on */
};

/* Indices of the 32-bit fields of ctx; the bits of ipjit_contract.fields. */
enum ipjit_field {
#define IPJIT_FIELD(name, meaning) IPJIT_FIELD_##name,
#include "ipjit/fields.def"
#undef IPJIT_FIELD
	IPJIT_FIELD_COUNT
};

/* Effects that a run recorded, in order, for the caller to carry out. */
struct ipjit_actions {
	uint16_t id[IPJIT_MAX_ACTIONS];
	uint32_t count;
};

/*
 * What a program may read besides the packet.  The caller fills what the
 * contract declares and may leave the rest uninitialised.
 */
struct ipjit_ctx {
	const uint8_t *th;		/* transport header */
	uint64_t th_len;		/* bytes readable at th */
	struct ipjit_actions *actions;
	uint64_t *counters;
	const void *tables[IPJIT_MAX_CTX_TABLES];
#define IPJIT_FIELD(name, meaning) uint32_t name;
#include "ipjit/fields.def"
#undef IPJIT_FIELD
};

typedef uint64_t (*ipjit_entry_fn)(const uint8_t *data, uint64_t len,
				   const struct ipjit_ctx *ctx);

/* Instruction-set groups beyond x86-64-v1 that the code may use. */
enum ipjit_isa {
	IPJIT_ISA_MOVBE = 1u << 0,
	IPJIT_ISA_BMI1 = 1u << 1,
	IPJIT_ISA_BMI2 = 1u << 2,
	IPJIT_ISA_POPCNT = 1u << 3,
	IPJIT_ISA_LZCNT = 1u << 4,
};

enum ipjit_base {
	IPJIT_BASE_DATA = 1u << 0,	/* data, len */
	IPJIT_BASE_TH = 1u << 1,	/* ctx->th, ctx->th_len */
};

enum ipjit_table_place {
	IPJIT_TABLE_IN_UNIT = 0,	/* `at` bytes from the first byte of code */
	IPJIT_TABLE_IN_CTX = 1,		/* ctx->tables[at] */
};

struct ipjit_table_ref {
	uint32_t place;		/* enum ipjit_table_place */
	uint32_t at;
	uint64_t size;		/* bytes readable */
};

struct ipjit_contract {
	uint32_t abi;		/* IPJIT_ABI_VERSION */
	uint32_t isa;		/* enum ipjit_isa bits */
	uint32_t bases;		/* enum ipjit_base bits */
	uint32_t stack_bytes;	/* <= IPJIT_MAX_STACK, beside saved registers */
	uint64_t max_len;	/* the caller keeps len <= max_len */
	uint64_t max_th_len;	/* the caller keeps th_len <= max_th_len */
	uint64_t fields;	/* bit enum ipjit_field: the program reads it */
	uint32_t exits;		/* IPJIT_DONE values are < exits; 0: any value */
	uint32_t resumes;	/* IPJIT_RESUME values are < resumes; 0: none */
	uint32_t actions;	/* at most this many ids recorded; 0: none */
	uint32_t counters;	/* counters[0 .. counters-1] may be incremented */
	uint32_t nr_tables;
	uint32_t pad;		/* zero */
	struct ipjit_table_ref table[IPJIT_MAX_TABLES];
};

static inline uint64_t ipjit_result(enum ipjit_status status, uint32_t value)
{
	return (uint64_t)status << 32 | value;
}

static inline uint32_t ipjit_result_value(uint64_t result)
{
	return (uint32_t)result;
}

static inline enum ipjit_status ipjit_result_status(uint64_t result)
{
	return (enum ipjit_status)(result >> 32);
}

#ifdef __cplusplus
}
#endif

#endif /* IPJIT_ABI_H */
