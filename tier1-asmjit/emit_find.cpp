// SPDX-License-Identifier: BSD-2-Clause
// Table probes: lookup::find() as data flow.
//
//   array    mov eax, key; mov eax, [t+rax*4]
//   bitmap   mov eax, key; shr eax, 5; mov eax, [t+rax*4]; bt eax, key
//   slots    imul eax, key, M; shr eax, s; cmp [t+rax*4], key
//   groups   imul eax, key, M; shr eax, g; mov eax, [t+rax*4]; imul eax, key; shr eax, s;
//            cmp [t+rax*4+slots], key
//
// No branch decides an index: a shift or a zero extension bounds it, so a mispredicted branch
// cannot read past the table.  A key that may be wider than the table's is cut for the probe, and
// a comparison of the whole key turns the hit into a miss.
//
// Tested by tests/tier1/find_test.cpp.
#include <bit>
#include <cstddef>

#include "tier1-asmjit/emitter.h"

namespace ipjit::tier1 {

namespace x86 = asmjit::x86;
using ir::Insn;
using ir::Term;
using lookup::Layout;
using lookup::Shape;

void Emitter::load_table(const Gp& to, uint32_t table) {
  if (target_->tables_in_ctx) {
    const size_t at = offsetof(ipjit_ctx, tables) + table_at_[table] * sizeof(void*);
    as_.mov(to.r64(), x86::qword_ptr(ctx_, static_cast<int32_t>(at)));
    return;
  }
  as_.lea(to.r64(), x86::ptr(x86::rip, 0));
  table_uses_.push_back({jumps_.here(offset()), table});
}

/// A key that was on the stack has lost its bound for the verifier, as spills can be guessed wrong.
bool Emitter::is_bounded_by_flow(uint32_t table, ir::ValueId key) const {
  return !wider_than_probe(table, key) && place_of(key).reg >= 0;
}

bool Emitter::wider_than_probe(uint32_t table, ir::ValueId key) const {
  const uint32_t bits = probe_bits(tables_[table].layout);
  return selection_.upper_bound(key) > UINT64_MAX >> (64 - bits);
}

/// Compares the whole key with what the probe takes; the condition holds for wider ones.  Uses rcx.
asmjit::x86::CondCode Emitter::compare_width(uint32_t table, const Gp& key, ir::Type type) {
  const uint32_t bits = probe_bits(tables_[table].layout);
  if (bits >= 32) {
    as_.mov(x86::rcx, key.r64());
    as_.shr(x86::rcx, bits);
    as_.test(x86::rcx, x86::rcx);
    return Cond::kNE;
  }
  as_.cmp(sized(key, type), (1u << bits) - 1);
  return Cond::kA;
}

/// The key as an index into a bitmap or array, in rax: in bounds whatever the branches before did.
void Emitter::load_index(uint32_t table, const Gp& key, bool bounded) {
  const Layout& layout = tables_[table].layout;
  if (bounded)
    as_.mov(x86::eax, key.r32());
  else
    as_.movzx(x86::eax, of_size(key, layout.key_bits / 8));
  if (layout.shape == Shape::kBitmap) as_.shr(x86::eax, 5);
}

/// The slot of a key; uses rax and, for the table's address, rcx.
asmjit::x86::Mem Emitter::slot_of(uint32_t table, const Gp& key) {
  const Layout& layout = tables_[table].layout;
  const bool wide = layout.key_bytes == 8;
  const Gp i = of_size(x86::rax, layout.key_bytes);
  const Gp k = of_size(key, layout.key_bytes);
  if (wide) {
    as_.mov(i, layout.multiplier);
    as_.imul(i, k);
  } else {
    as_.imul(i, k, static_cast<int32_t>(layout.multiplier));
  }
  load_table(x86::rcx, table);
  if (layout.shape == Shape::kGroups) {
    as_.shr(i, layout.group_shift);
    as_.mov(i, x86::ptr(x86::rcx, x86::rax, wide ? 3 : 2, 0, layout.key_bytes));
    as_.imul(i, k);
  }
  as_.shr(i, layout.slot_shift);
  uint32_t scale = std::countr_zero(layout.slot_bytes);
  if (scale == 4) {  // x86 scales by 8 at most
    as_.add(x86::rax, x86::rax);
    scale = 3;
  }
  return x86::ptr(x86::rcx, x86::rax, scale, static_cast<int32_t>(layout.slots_at),
                  layout.key_bytes);
}

/// Looks into a bitmap or array at the index in rax; the condition holds for a hit.
asmjit::x86::CondCode Emitter::probe_indexed(uint32_t table, const Gp& key) {
  const Layout& layout = tables_[table].layout;
  load_table(x86::rcx, table);
  const Mem at = x86::dword_ptr(x86::rcx, x86::rax, 2);
  if (layout.shape == Shape::kArray) {
    as_.cmp(at, static_cast<int32_t>(layout.miss));
    return Cond::kNE;
  }
  as_.mov(x86::eax, at);
  as_.bt(x86::eax, key.r32());
  return Cond::kC;
}

/// Gives the condition for a hit, or nothing where it has gone to one of the edges for good.
std::optional<asmjit::x86::CondCode> Emitter::probe_in(const Term& term) {
  const lookup::ReadOnlyTable& table = tables_[term.table];
  const std::optional<uint64_t> constant = selection_.constant(term.a);
  if (constant || table.layout.shape == Shape::kNothing) {
    const bool hit = constant && lookup::find(table, *constant) != table.layout.miss;
    go(hit ? term.taken : term.other);
    return std::nullopt;
  }
  const Gp key = in(term.a, spare_);
  const bool indexed = is_indexed(table.layout);
  // Before the branch: what it teaches must not be what bounds the index.
  if (indexed) load_index(term.table, key, is_bounded_by_flow(term.table, term.a));
  if (wider_than_probe(term.table, term.a))
    jump(compare_width(term.table, key, type_of(term.a)), label_of(term.other));
  if (indexed) return probe_indexed(term.table, key);
  as_.cmp(slot_of(term.table, key), of_size(key, table.layout.key_bytes));
  return Cond::kE;
}

/// The value of the key's slot, or miss.
void Emitter::find_slot(uint32_t table, const Gp& key, const Gp& made) {
  const Layout& layout = tables_[table].layout;
  const Mem at = slot_of(table, key);
  as_.cmp(at, of_size(key, layout.key_bytes));
  if (!layout.has_values) return select(made, Cond::kE, layout.hit, layout.miss);
  as_.mov(made, at.cloneAdjusted(layout.key_bytes).cloneResized(4));
  as_.mov(x86::ecx, layout.miss);
  as_.cmovne(made, x86::ecx);
}

/// made = cond ? yes : no; uses rcx.
void Emitter::select(const Gp& made, Cond cond, uint32_t yes, uint32_t no) {
  as_.mov(made, no);
  as_.mov(x86::ecx, yes);
  as_.cmov(cond, made, x86::ecx);
}

void Emitter::emit_find(const Insn& insn) {
  const lookup::ReadOnlyTable& table = tables_[insn.table];
  const Layout& layout = table.layout;
  const std::optional<uint64_t> constant = selection_.constant(insn.a);
  if (constant || layout.shape == Shape::kNothing) {
    const Gp to = out(insn.result);
    set_imm(to, constant ? lookup::find(table, *constant) : layout.miss);
    return done(insn.result, to);
  }
  const Gp key = in(insn.a, spare_);
  const bool wide = wider_than_probe(insn.table, insn.a);
  // The result may live where the key does, and a wide key is looked at once more.
  const Gp made = of_size(wide ? Gp(x86::rax) : out(insn.result), 4);
  if (!is_indexed(layout)) {
    find_slot(insn.table, key, made);
  } else {
    load_index(insn.table, key, is_bounded_by_flow(insn.table, insn.a));
    if (layout.shape == Shape::kArray) {
      load_table(x86::rcx, insn.table);
      as_.mov(made, x86::dword_ptr(x86::rcx, x86::rax, 2));
    } else {
      select(made, probe_indexed(insn.table, key), layout.hit, layout.miss);
    }
  }
  if (wide) {
    const Cond wider = compare_width(insn.table, key, type_of(insn.a));
    as_.mov(x86::ecx, layout.miss);
    as_.cmov(wider, made, x86::ecx);
  }
  done(insn.result, made);
}

}  // namespace ipjit::tier1
