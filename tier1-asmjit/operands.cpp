// SPDX-License-Identifier: BSD-2-Clause
// Values as operands: constants, registers and stack slots look alike to the rest of the tier.
//
// A spilled value is loaded into a scratch register where it is used and stored where it is made; a
// load that has no register is repeated there, and a constant is set.  Slots hold 64 bits whatever
// the type, so that the upper half stays zero.
//
// Where constants must not stand in the code (arch::Target::constant_seed), because a stranger
// chose them and a jump into their middle would run them, one is made of two numbers that he cannot
// choose:
//
//   mov ecx, 0xc0000201    ==>    mov ecx, 0x5ba1dd3e; xor ecx, 0x9ba1df3f
//
// What has 16 bits between zeros or ones, in either byte order, may stand: it is in every program.
// Constants of 64 bits are shifted together from 16 at a time.
//
// Tested by tests/tier1/, on a target that hides constants too, and tests/tier1/hidden_test.cpp.
#include "tier1-asmjit/emitter.h"

namespace ipjit::tier1 {

namespace x86 = asmjit::x86;

asmjit::x86::Mem Emitter::slot(Location place) const {
  return x86::qword_ptr(x86::rsp, place.slot * 8);
}

/// A 64-bit register that holds the value; the scratch one if it has none of its own.
asmjit::x86::Gp Emitter::in(ir::ValueId v, const Gp& scratch) {
  if (const std::optional<uint64_t> imm = selection_.constant(v)) {
    set_imm(scratch, *imm);
    return scratch.r64();
  }
  const Location place = place_of(v);
  if (place.reg >= 0) return x86::gpq(static_cast<uint32_t>(place.reg));
  if (place.again) {
    load(*selection_.def(v), sized(scratch, type_of(v)), selection_.raw(v));
    return scratch.r64();
  }
  IPJIT_CHECK(place.slot >= 0);
  as_.mov(scratch.r64(), slot(place));
  return scratch.r64();
}

asmjit::x86::Gp Emitter::in_sized(ir::ValueId v, const Gp& scratch) {
  return sized(in(v, scratch), type_of(v));
}

/// The register to make the value in; done() puts it where it lives.
asmjit::x86::Gp Emitter::out(ir::ValueId v) const {
  const Location place = place_of(v);
  return sized(x86::gpq(place.reg >= 0 ? static_cast<uint32_t>(place.reg) : 0u), type_of(v));
}

void Emitter::done(ir::ValueId v, const Gp& reg) {
  const Location place = place_of(v);
  if (place.reg < 0)
    as_.mov(slot(place), reg.r64());
  else if (place.reg != static_cast<int>(reg.id()))
    copy(out(v), reg);
}

/// Whether the number may not stand in the code.
bool Emitter::hidden(uint64_t imm) const {
  if (target_->constant_seed == 0) return false;
  const auto small = [](uint32_t word) { return word <= 0xffff || ~word <= 0xffff; };
  const auto harmless = [&](uint32_t word) {
    return small(word) || small(__builtin_bswap32(word));
  };
  return !harmless(static_cast<uint32_t>(imm)) || !harmless(static_cast<uint32_t>(imm >> 32));
}

uint32_t Emitter::next_key() {
  keys_ += 0x9e3779b97f4a7c15;
  uint64_t z = keys_;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return static_cast<uint32_t>(z >> 32);
}

void Emitter::set_hidden(const Gp& reg, uint64_t imm) {
  if (imm <= UINT32_MAX) {
    const uint32_t key = next_key();
    as_.mov(reg.r32(), static_cast<uint32_t>(imm) ^ key);
    as_.xor_(reg.r32(), static_cast<int32_t>(key));
    return;
  }
  as_.mov(reg.r32(), static_cast<uint32_t>(imm >> 48));
  for (uint32_t shift : {32u, 16u, 0u}) {
    as_.shl(reg.r64(), 16);
    as_.or_(reg.r64(), static_cast<int32_t>(imm >> shift & 0xffff));
  }
}

/// Keeps no flags where the constant is hidden.
void Emitter::set_imm(const Gp& reg, uint64_t imm) {
  if (hidden(imm)) return set_hidden(reg, imm);
  if (imm == 0)
    as_.mov(reg.r32(), 0);  // not xor: flags may be alive
  else if (imm <= UINT32_MAX)
    as_.mov(reg.r32(), static_cast<uint32_t>(imm));
  else
    as_.mov(reg.r64(), imm);
}

void Emitter::copy(const Gp& to, const Gp& from) {
  if (to.id() == from.id()) return;
  if (to.isGpq())
    as_.mov(to, from.r64());
  else
    as_.mov(to.r32(), from.r32());
}

}  // namespace ipjit::tier1
