// SPDX-License-Identifier: BSD-2-Clause
// Comparisons, in the byte order that the packet has.
//
//   load_u8 23  == 6             cmp byte [rdi+23], 6
//   load_be32 26 == 0xc0000201   cmp dword [rdi+26], 0x010200c0
//   load_be16 12 == 0x800        movzx eax, word [rdi+12]; cmp eax, 8    (a 16-bit immediate would
//                                                                         stall the decoder)
//   load_be32 26 & 0xff000000 == 0x0a000000
//                                cmp byte [rdi+26], 10
//   load_be16 20 & 0x1fff        test word's bytes swapped: movzx eax, word [rdi+20];
//                                test eax, 0xff1f
//
// Equality and masks do not care about byte order if both sides are swapped; less-than does.
//
// Hazard: a constant wider than the value has no swapped form; it is compared with the number.
//
// Tested by tests/tier1/branch_test.cpp.
#include <bit>

#include "ir/arithmetic.h"
#include "tier1-asmjit/emitter.h"

namespace ipjit::tier1 {

namespace x86 = asmjit::x86;
using ir::Insn;
using ir::Op;
using ir::Rel;
using ir::Term;

namespace {

asmjit::x86::CondCode condition(Rel rel) {
  switch (rel) {
    case Rel::kEq:
      return x86::CondCode::kE;
    case Rel::kLt:
      return x86::CondCode::kB;
    case Rel::kLe:
      return x86::CondCode::kBE;
    case Rel::kAny:
    case Rel::kIn:
      return x86::CondCode::kNE;
  }
  return x86::CondCode::kE;
}

uint32_t size_of(const Insn& load) { return load.op == Op::kMeta ? 4 : ir::load_size(load.op); }

uint64_t all_ones(uint32_t bytes) { return UINT64_MAX >> (64 - 8 * bytes); }

/// The constant as the load's bytes in memory order read it.
uint64_t in_memory_order(const Insn& load, uint64_t imm) {
  return is_big_endian_load(load.op) ? ir::swapped(imm, size_of(load)) : imm;
}

}  // namespace

/// Compares; the condition holds where the branch is taken.
asmjit::x86::CondCode Emitter::compare(const Term& term) {
  std::optional<uint64_t> imm = term.imm;
  if (term.b != ir::kNoValue) imm = selection_.constant(term.b);
  if (imm) return compare_imm(term.rel, term.a, *imm);
  const Gp a = in_sized(term.a, x86::rax);
  const Gp b = in_sized(term.b, x86::rcx);
  if (term.rel == Rel::kAny)
    as_.test(a, b);
  else
    as_.cmp(a, b);
  return condition(term.rel);
}

asmjit::x86::CondCode Emitter::compare_imm(Rel rel, ir::ValueId a, uint64_t imm) {
  if (selection_.folded(a)) {
    const Insn& def = *selection_.def(a);
    if (def.op == Op::kAnd) return compare_masked(rel, def, imm);
    return compare_memory(rel, def, imm);
  }
  const Gp reg = in_sized(a, x86::rax);
  if (!selection_.raw(a)) return compare_register(rel, reg, imm);
  const Insn& def = *selection_.def(a);
  if (imm > all_ones(size_of(def)) && rel == Rel::kAny) imm &= all_ones(size_of(def));
  if (imm <= all_ones(size_of(def))) imm = in_memory_order(def, imm);
  return compare_register(rel, reg, imm);
}

asmjit::x86::CondCode Emitter::compare_register(Rel rel, const Gp& reg, uint64_t imm) {
  const bool fits = reg.isGpd() || static_cast<int64_t>(imm) == static_cast<int32_t>(imm);
  if (!fits || hidden(imm)) {
    // rcx is free: a comparison with a constant has one register operand, loaded into rax if at
    // all.
    set_imm(x86::rcx, imm);
    const Gp constant = of_size(x86::rcx, reg.size());
    if (rel == Rel::kAny)
      as_.test(reg, constant);
    else
      as_.cmp(reg, constant);
  } else if (rel == Rel::kAny) {
    as_.test(reg, static_cast<int32_t>(imm));
  } else if (rel == Rel::kEq && imm == 0) {
    as_.test(reg, reg);
  } else {
    as_.cmp(reg, static_cast<int32_t>(imm));
  }
  return condition(rel);
}

/// A load or field with this comparison as its only user.
asmjit::x86::CondCode Emitter::compare_memory(Rel rel, const Insn& load, uint64_t imm) {
  const uint32_t size = size_of(load);
  const uint64_t ones = all_ones(size);
  if (rel == Rel::kAny) return test_memory(rel, load, imm & ones, 0);
  const bool ordered = rel == Rel::kEq || !is_big_endian_load(load.op);
  if (size != 2 && size != 8 && ordered && imm <= ones && !hidden(imm)) {
    const uint64_t constant = in_memory_order(load, imm);
    const Mem mem = load.op == Op::kMeta ? field(load) : place(load, size);
    if (size == 1)
      as_.cmp(mem, static_cast<int8_t>(constant));
    else
      as_.cmp(mem, static_cast<int32_t>(constant));
    return condition(rel);
  }
  const bool raw = rel == Rel::kEq && imm <= ones;
  this->load(load, x86::rax, raw);
  return compare_register(rel, of_size(x86::rax, size == 8 ? 8 : 4),
                          raw ? in_memory_order(load, imm) : imm);
}

/// (a & mask) rel imm, mask and comparison in one.
asmjit::x86::CondCode Emitter::compare_masked(Rel rel, const Insn& mask, uint64_t imm) {
  uint64_t bits = mask.imm;
  if (rel == Rel::kAny) {
    bits &= imm;
    imm = 0;
  }
  if (selection_.folded(mask.a)) {
    const Insn& load = *selection_.def(mask.a);
    return test_memory(rel, load, bits & all_ones(size_of(load)), imm);
  }
  Gp reg = in_sized(mask.a, x86::rax);
  if (selection_.raw(mask.a)) {
    const Insn& def = *selection_.def(mask.a);
    const uint64_t ones = all_ones(size_of(def));
    bits = in_memory_order(def, bits & ones);
    imm = imm <= ones ? in_memory_order(def, imm) : imm;
  }
  if (imm == 0) {
    compare_register(Rel::kAny, reg, bits);
  } else {
    const Gp cut = sized(x86::rax, type_of(mask.a));
    copy(cut, reg);
    mask_register(cut, bits);
    compare_register(Rel::kEq, cut, imm);
  }
  return imm == 0 && rel == Rel::kEq ? Cond::kE : condition(rel);
}

void Emitter::mask_register(const Gp& reg, uint64_t bits) {
  const bool fits = reg.isGpd() || static_cast<int64_t>(bits) == static_cast<int32_t>(bits);
  if (fits && !hidden(bits)) {
    as_.and_(reg, static_cast<int32_t>(bits));
    return;
  }
  set_imm(x86::rcx, bits);
  as_.and_(reg, of_size(x86::rcx, reg.size()));
}

/// (bytes in memory & mask) rel imm, reading no more bytes than the mask names.
asmjit::x86::CondCode Emitter::test_memory(Rel rel, const Insn& load, uint64_t mask, uint64_t imm) {
  const uint32_t size = size_of(load);
  const Cond cond = rel == Rel::kEq ? Cond::kE : Cond::kNE;
  if ((imm & ~mask) != 0 || mask == 0) {
    // The bits that decide are outside: the answer does not depend on the packet.
    as_.mov(x86::eax, (imm & ~mask) != 0 ? 1 : 0);
    as_.test(x86::eax, x86::eax);
    return cond;
  }
  mask = in_memory_order(load, mask);
  imm = in_memory_order(load, imm);
  const uint32_t skip = std::countr_zero(mask) / 8;
  const uint64_t part = mask >> (8 * skip), value = imm >> (8 * skip);
  Mem mem = load.op == Op::kMeta ? field(load) : place(load, size);
  if (part <= 0xff) {
    mem = mem.cloneAdjusted(skip).cloneResized(1);
    if (part == 0xff && rel == Rel::kEq) {
      as_.cmp(mem, static_cast<int8_t>(value));
    } else if (value == 0) {
      as_.test(mem, static_cast<int8_t>(part));
    } else {
      as_.movzx(x86::eax, mem);
      as_.and_(x86::eax, static_cast<int32_t>(part));
      as_.cmp(x86::eax, static_cast<int32_t>(value));
    }
    return cond;
  }
  if (part <= 0xffff) {
    as_.movzx(x86::eax, mem.cloneAdjusted(skip).cloneResized(2));
    if (part != 0xffff && value != 0) mask_register(x86::eax, part);
    compare_register(value == 0 ? Rel::kAny : Rel::kEq, x86::eax, value == 0 ? part : value);
    return cond;
  }
  const Gp all = of_size(x86::rax, size);
  as_.mov(all, mem);
  if (value == 0) {
    compare_register(Rel::kAny, all, mask);
  } else {
    mask_register(all, mask);
    compare_register(Rel::kEq, all, imm);
  }
  return cond;
}

void Emitter::emit_branch(const Term& term) {
  std::optional<Cond> cond = term.rel == Rel::kIn ? probe_in(term) : compare(term);
  if (!cond) return;
  if (!emit_select(*cond, term)) branch(*cond, term.taken, term.other);
}

}  // namespace ipjit::tier1
