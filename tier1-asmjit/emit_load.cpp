// SPDX-License-Identifier: BSD-2-Clause
// Packet bytes into registers, and the checks before them.
//
//   need 34           cmp rsi, 34; jb fail
//   need v0 + 18      lea rax, [r8+18]; cmp rax, rsi; ja fail
//   load_be16 12      movzx r8d, word [rdi+12]; rol r8w, 8     (raw: without the rol)
//   load_be32 26      movbe r8d, [rdi+26]                      (v3; else mov; bswap)
//
// Hazard: offset value + imm must not wrap in 64 bits.  32-bit values cannot; a 64-bit one is first
// compared with the length itself, which also gives the verifier an upper bound for it.
//
// Tested by tests/tier1/load_test.cpp.
#include <cstddef>

#include "tier1-asmjit/emitter.h"

namespace ipjit::tier1 {

namespace x86 = asmjit::x86;
using ir::Base;
using ir::Insn;
using ir::Op;

namespace {

constexpr uint64_t kMaxDisplacement = INT32_MAX;

constexpr size_t kFieldOffsets[] = {
#define IPJIT_FIELD(name, meaning) offsetof(ipjit_ctx, name),
#include "ipjit/fields.def"
#undef IPJIT_FIELD
};

}  // namespace

asmjit::x86::Mem Emitter::field(const Insn& insn) const {
  return x86::dword_ptr(ctx_, static_cast<int32_t>(kFieldOffsets[insn.imm]));
}

/// The address of a load; may use rcx, and rax where the place is far.
asmjit::x86::Mem Emitter::place(const Insn& insn, uint32_t size) {
  const Gp base = insn.base == Base::kData ? x86::rdi : x86::r11;
  uint64_t imm = insn.imm;
  std::optional<uint64_t> offset;
  if (insn.a != ir::kNoValue) offset = selection_.constant(insn.a);
  if (offset) imm += *offset;
  const bool fits = imm + size <= kMaxDisplacement && !hidden(imm) && !hidden(imm + size);
  if (insn.a == ir::kNoValue || offset) {
    if (fits) return x86::ptr(base, static_cast<int32_t>(imm), size);
    set_imm(x86::rcx, imm);
    return x86::ptr(base, x86::rcx, 0, 0, size);
  }
  if (fits) return x86::ptr(base, in(insn.a, x86::rcx), 0, static_cast<int32_t>(imm), size);
  const Gp index = in(insn.a, x86::rax);
  set_imm(x86::rcx, imm);
  as_.add(x86::rcx, index);
  return x86::ptr(base, x86::rcx, 0, 0, size);
}

void Emitter::load_swapped(const Insn& insn, const Gp& to, const Mem& mem) {
  if (insn.op == Op::kLoadBe16) {
    as_.movzx(to.r32(), mem);
    as_.rol(to.r16(), 8);
    return;
  }
  const Gp whole = of_size(to, ir::load_size(insn.op));
  if ((target_->isa & IPJIT_ISA_MOVBE) != 0) {
    as_.movbe(whole, mem);
    return;
  }
  as_.mov(whole, mem);
  as_.bswap(whole);
}

void Emitter::load(const Insn& insn, const Gp& to, bool raw) {
  if (insn.op == Op::kMeta) {
    as_.mov(to.r32(), field(insn));
    return;
  }
  const uint32_t size = ir::load_size(insn.op);
  const Mem mem = place(insn, size);
  if (is_big_endian_load(insn.op) && !raw)
    load_swapped(insn, to, mem);
  else if (size <= 2)
    as_.movzx(to.r32(), mem);
  else
    as_.mov(of_size(to, size), mem);
}

void Emitter::emit_load(const Insn& insn) {
  if (place_of(insn.result).again) return;  // where it is used
  const Gp to = out(insn.result);
  load(insn, to, selection_.raw(insn.result));
  done(insn.result, to);
}

void Emitter::emit_need(const Insn& insn) {
  const Gp len = insn.base == Base::kData ? x86::rsi : x86::r10;
  uint64_t imm = insn.imm;
  std::optional<uint64_t> offset;
  if (insn.a != ir::kNoValue) offset = selection_.constant(insn.a);
  const bool wraps = offset && __builtin_add_overflow(imm, *offset, &imm);
  if (wraps || imm > kMaxLen) {  // never readable, whatever the offset
    go(ir::Edge{insn.fail, 0, 0});
    block_ended_ = true;
    return;
  }
  if (insn.a == ir::kNoValue || offset) {
    if (imm == 0) return;
    if (imm <= kMaxDisplacement && !hidden(imm)) {
      as_.cmp(len, static_cast<int32_t>(imm));
    } else {
      set_imm(x86::rcx, imm);
      as_.cmp(len, x86::rcx);
    }
    jump(Cond::kB, label_of(insn.fail));
    return;
  }
  const Gp value = in(insn.a, x86::rax);
  if (type_of(insn.a) == ir::Type::kU64 && imm != 0) {
    as_.cmp(value, len);
    jump(Cond::kA, label_of(insn.fail));
  }
  if (imm == 0) {
    as_.cmp(value, len);
  } else if (imm <= kMaxDisplacement && !hidden(imm)) {
    as_.lea(x86::rax, x86::ptr(value, static_cast<int32_t>(imm)));
    as_.cmp(x86::rax, len);
  } else {
    set_imm(x86::rcx, imm);
    as_.add(x86::rcx, value);
    as_.cmp(x86::rcx, len);
  }
  jump(Cond::kA, label_of(insn.fail));
}

}  // namespace ipjit::tier1
