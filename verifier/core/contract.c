// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Is a contract one that a caller can keep?  What the rest of the checker takes for granted. */
#include "verifier/core/checker.h"

#define ALL_ISA                                                                             \
	(IPJIT_ISA_MOVBE | IPJIT_ISA_BMI1 | IPJIT_ISA_BMI2 | IPJIT_ISA_POPCNT |             \
	 IPJIT_ISA_LZCNT)
#define ALL_BASES (IPJIT_BASE_DATA | IPJIT_BASE_TH)

static bool table_is_sound(const struct ipjit_contract *contract, u32 i, u32 code_len,
			   u64 unit_len)
{
	const struct ipjit_table_ref *t = &contract->table[i];
	u32 j;

	if (!t->size || t->size >= (u64)MAX_REACH)
		return false;
	if (t->place == IPJIT_TABLE_IN_UNIT)
		return t->at >= code_len && t->at <= unit_len && t->size <= unit_len - t->at;
	if (t->place != IPJIT_TABLE_IN_CTX || t->at >= IPJIT_MAX_CTX_TABLES)
		return false;
	/* A pointer of ctx belongs to one table, or its size would be ambiguous. */
	for (j = 0; j < i; j++)
		if (contract->table[j].place == IPJIT_TABLE_IN_CTX && contract->table[j].at == t->at)
			return false;
	return true;
}

bool ipjit_contract_is_sound(const struct ipjit_contract *contract, u32 code_len, u64 unit_len)
{
	u32 i;

	if (contract->abi != IPJIT_ABI_VERSION || contract->pad ||
	    (contract->isa & ~(u32)ALL_ISA) || (contract->bases & ~(u32)ALL_BASES))
		return false;
	if (contract->stack_bytes > IPJIT_MAX_STACK || contract->actions > IPJIT_MAX_ACTIONS ||
	    contract->counters > IPJIT_MAX_COUNTERS || contract->nr_tables > IPJIT_MAX_TABLES)
		return false;
	if (contract->fields >> IPJIT_FIELD_COUNT || contract->max_len >= (u64)MAX_REACH ||
	    contract->max_th_len >= (u64)MAX_REACH)
		return false;
	for (i = 0; i < contract->nr_tables; i++)
		if (!table_is_sound(contract, i, code_len, unit_len))
			return false;
	return true;
}
