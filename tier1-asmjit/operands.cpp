// SPDX-License-Identifier: BSD-2-Clause
// Values as operands: constants, registers and stack slots look alike to the rest of the tier.
//
// A spilled value is loaded into a scratch register where it is used and stored where it is made;
// a constant is set there.  Slots hold 64 bits whatever the type, so that the upper half stays
// zero.
//
// Tested by tests/tier1/.
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

void Emitter::set_imm(const Gp& reg, uint64_t imm) {
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
