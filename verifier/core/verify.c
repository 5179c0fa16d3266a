// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The walk: one pass over the code, one state, states waiting at labels.
 *
 *   at each offset   take the state that waits here, merged with what falls through
 *                    decode; refuse what is not on the list
 *                    change the state, or branch, or check the result at ret
 *                    refuse a label inside the instruction just decoded
 *
 * Every byte belongs to exactly one decoded instruction and every branch goes
 * forward to the start of one, so the program that runs is the program that was
 * read, and it ends.  Code that nothing reaches may only be int3 or nop.
 */
#include "verifier/core/checker.h"

#ifdef __KERNEL__
#include <linux/errno.h>
#else
#define EPERM 1
#define EINVAL 22
#define ipjit_verify_give_way() ((void)0)
#endif

/* The dearest ones cost 4,000 cycles: well below a millisecond from one to the next. */
#define INSNS_TO_GIVE_WAY 256

#define ARENA_PER_BYTE 64
#define ARENA_LEAST (256u * 1024)
#define ALIGNMENT 64
#define INT3 0xcc
#define SAVED_REGS (1u << RBX | 1u << RBP | 1u << R12 | 1u << R13 | 1u << R14 | 1u << R15)

static const char *const rule_names[] = {
#define IPJIT_RULE(name, meaning) #name,
#include "verifier/rules.def"
#undef IPJIT_RULE
};

static const char *const rule_meanings[] = {
#define IPJIT_RULE(name, meaning) meaning,
#include "verifier/rules.def"
#undef IPJIT_RULE
};

const char *ipjit_rule_name(uint32_t rule)
{
	return rule < IPJIT_RULE_COUNT ? rule_names[rule] : "?";
}

const char *ipjit_rule_meaning(uint32_t rule)
{
	return rule < IPJIT_RULE_COUNT ? rule_meanings[rule] : "?";
}

static size_t round_up(size_t bytes)
{
	return (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* Bytes; labels_from() may read eight from any of them. */
static size_t label_bits(size_t code_len)
{
	return round_up(code_len / 8 + sizeof(u64));
}

size_t ipjit_verify_workspace(size_t code_len)
{
	if (code_len > IPJIT_MAX_CODE)
		code_len = IPJIT_MAX_CODE;
	return ALIGNMENT + round_up(sizeof(struct checker)) + label_bits(code_len) +
	       round_up(sizeof(u32) * code_len) + round_up(ARENA_LEAST + ARENA_PER_BYTE * code_len);
}

static rule_t check_branch(struct checker *ck)
{
	const struct insn *insn = &ck->insn;
	rule_t rule;

	if ((s32)(insn->target - (insn->at + insn->len)) < 0)
		return IPJIT_RULE_backward;
	if (insn->target >= ck->code_len)
		return IPJIT_RULE_target_outside;
	if (insn->op == OP_jmp) {
		rule = ipjit_arrive(ck, insn->target);
		ck->reachable = false;
		return rule;
	}
	if (!may_ask(&ck->state, insn->cc))
		return IPJIT_RULE_uninit_flags;
	return ipjit_branch(ck, insn->cc, insn->target);
}

static bool result_is_allowed(const struct ipjit_contract *contract, struct range r)
{
	if (r.lo >> 32 != r.hi >> 32)
		return false;
	switch (r.hi >> 32) {
	case IPJIT_DONE:
		return !contract->exits || r.hi < contract->exits;
	case IPJIT_NEED_BYTES:
		return true;
	case IPJIT_RESUME:
		return (u32)r.hi < contract->resumes;
	default:
		return false;
	}
}

static rule_t check_ret(struct checker *ck)
{
	static const u8 saved[] = {RBX, RBP, R12, R13, R14, R15};
	const struct state *s = &ck->state;
	bool touched = ~s->pristine & SAVED_REGS;
	struct value result;
	rule_t rule;
	u32 i;

	/* write_rsp() keeps rsp a constant inside the frame. */
	if (s->loc[RSP].add)
		return IPJIT_RULE_return_stack;
	for (i = 0; touched && i < sizeof(saved); i++) {
		const struct value *v = &s->loc[saved[i]];

		if (!is_live(s, saved[i]) || v->kind != KIND_SAVED || v->which != saved[i])
			return IPJIT_RULE_callee_saved;
	}
	rule = ipjit_read_reg(ck, RAX, 8, &result);
	if (rule)
		return rule;
	if (result.kind != KIND_NUMBER ||
	    !result_is_allowed(ck->contract, known_range(s->sym, &result)))
		return IPJIT_RULE_return_value;
	ck->reachable = false;
	return IPJIT_RULE_none;
}

static rule_t check_insn(struct checker *ck)
{
	u32 op = ck->insn.op;

	if (!(ck->nr_insns % INSNS_TO_GIVE_WAY))
		ipjit_verify_give_way();
	if (!ck->reachable)
		return op == OP_int3 || op == OP_nop ? IPJIT_RULE_none : IPJIT_RULE_unreachable;
	if (ck->state.nr_syms + SYMS_PER_INSN > NR_SYMS)
		ipjit_collect_syms(&ck->state);
	switch (op) {
	case OP_jcc:
	case OP_jmp:
		return check_branch(ck);
	case OP_ret:
		return check_ret(ck);
	case OP_int3:
		return IPJIT_RULE_trap;
	default:
		return ipjit_transfer(ck);
	}
}

/* A branch goes to the middle of this instruction. */
static rule_t refuse_inside(struct checker *ck, u64 inside)
{
	ck->refused_at = ipjit_first_branch_to(ck, ck->insn.at + trailing_zeros(inside));
	return IPJIT_RULE_target_inside;
}

static rule_t walk(struct checker *ck)
{
	u32 at = 0;
	u64 labels;
	rule_t rule;

	while (at < ck->code_len) {
		ck->refused_at = at;
		labels = labels_from(ck, at);
		if (labels & 1) {
			rule = ipjit_enter_label(ck, at);
			if (rule)
				return rule;
		}
		/* The padding behind ret and jmp. */
		if (!ck->reachable && ck->code[at] == INT3) {
			ck->nr_insns++;
			at++;
			continue;
		}
		rule = ipjit_decode(&ck->insn, ck->code, ck->code_len, at, ck->contract->isa);
		if (rule)
			return rule;
		ck->nr_insns++;
		rule = check_insn(ck);
		if (rule)
			return rule;
		/* Its own branch is none of these: that goes behind it. */
		labels &= ((u64)1 << ck->insn.len) - 2;
		if (labels)
			return refuse_inside(ck, labels);
		at += ck->insn.len;
	}
	if (ck->reachable)
		return IPJIT_RULE_runs_off;
	/* Cannot be: every offset was an instruction's first byte or inside one. */
	return ck->nr_waiting ? IPJIT_RULE_target_inside : IPJIT_RULE_none;
}

static struct checker *set_up(const struct ipjit_contract *contract, const uint8_t *code,
			      u32 code_len, void *workspace)
{
	u8 *p = (u8 *)round_up((size_t)workspace);
	size_t word;
	struct checker *ck = (struct checker *)p;
	u32 i;

	p += round_up(sizeof(struct checker));
	ck->contract = contract;
	ck->code = code;
	ck->code_len = code_len;
	ck->is_label = p;
	for (word = 0; word < label_bits(code_len) / sizeof(u64); word++)
		((u64 *)p)[word] = 0;
	p += label_bits(code_len);
	ck->label = (u32 *)p;
	p += round_up(sizeof(u32) * code_len);
	ck->arena.base = p;
	ck->arena.nr_units = (ARENA_LEAST + ARENA_PER_BYTE * code_len) / UNIT_BYTES;
	ck->arena.next = 0;
	for (i = 0; i <= MAX_UNITS / 64; i++)
		ck->arena.has_free[i] = 0;
	ck->reachable = true;
	ck->nr_insns = 0;
	ck->nr_waiting = 0;
	ck->deepest = 0;
	ck->refused_at = 0;
	ck->insn = (struct insn){.base = NO_REG, .index = NO_REG};
	ipjit_state_init(&ck->state, contract);
	for (i = 0; i < NR_REGS; i++)
		ck->entry_value[i] = ck->state.loc[i];
	return ck;
}

int ipjit_verify(const struct ipjit_contract *contract, const uint8_t *code, size_t code_len,
		 size_t unit_len, void *workspace, size_t workspace_len,
		 struct ipjit_report *report)
{
	struct checker *ck;
	rule_t rule;

	*report = (struct ipjit_report){0};
	if (!code_len || code_len > IPJIT_MAX_CODE) {
		report->rule = IPJIT_RULE_code_size;
		return -EPERM;
	}
	if (unit_len < code_len || workspace_len < ipjit_verify_workspace(code_len) ||
	    !ipjit_contract_is_sound(contract, (u32)code_len, unit_len))
		return -EINVAL;
	ck = set_up(contract, code, (u32)code_len, workspace);
	rule = walk(ck);
	report->insns = ck->nr_insns;
	report->stack_bytes = ck->deepest;
	if (!rule) {
		report->accepted = 1;
		return 0;
	}
	report->rule = rule;
	report->offset = ck->refused_at;
	ipjit_report_insn(report->insn, sizeof(report->insn), &ck->insn);
	ipjit_report_state(report->state, sizeof(report->state), ck);
	return -EPERM;
}
