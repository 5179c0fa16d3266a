// SPDX-License-Identifier: BSD-2-Clause
// Zydis as the second opinion on what bytes mean.
//
// Registers compare by number and width, memory by base, index, scale and displacement, immediates
// at the operand's width.  Mnemonics compare by name; where Zydis names a condition, ours is built
// from op and condition code.
#include "tests/verifier/zydis_agrees.h"

#include <Zydis/Zydis.h>

#include <cstdio>
#include <vector>

namespace ipjit::verifier {

namespace {

const char* condition(uint32_t cc) {
  // Zydis prefers these spellings.
  static constexpr const char* kNames[] = {"o", "no", "b", "nb", "z", "nz", "be", "nbe",
                                           "s", "ns", "p", "np", "l", "nl", "le", "nle"};
  return kNames[cc & 15];
}

std::string mnemonic(const insn& ours) {
  if (ours.op == OP_movsx && ours.src_width == 4) return "movsxd";
  const std::string name = ipjit_insn_name(ours.op);
  if (ours.op == OP_jcc || ours.op == OP_set || ours.op == OP_cmov)
    return name + condition(ours.cc);
  return name;
}

int reg_number(ZydisRegister reg) { return ZydisRegisterGetId(reg); }

std::string reg_difference(const ZydisDecodedOperand& theirs, uint8_t reg, uint32_t width) {
  if (theirs.type != ZYDIS_OPERAND_TYPE_REGISTER) return "not a register";
  const ZydisRegisterClass cls = ZydisRegisterGetClass(theirs.reg.value);
  if (cls == ZYDIS_REGCLASS_GPR8) {
    // Ids of 8-bit registers count al cl dl bl ah ch dh bh spl bpl sil dil r8b ...
    const int id = theirs.reg.value - ZYDIS_REGISTER_AL;
    if (id >= 4 && id < 8) return "a high byte";
    if (width != 1 || (id < 4 ? id : id - 4) != reg) return "another byte register";
    return "";
  }
  const uint32_t bits = cls == ZYDIS_REGCLASS_GPR16   ? 2
                        : cls == ZYDIS_REGCLASS_GPR32 ? 4
                        : cls == ZYDIS_REGCLASS_GPR64 ? 8
                                                      : 0;
  if (bits != width || reg_number(theirs.reg.value) != reg) return "another register";
  return "";
}

bool same_base(ZydisRegister theirs, uint8_t ours) {
  if (ours == NO_REG) return theirs == ZYDIS_REGISTER_NONE;
  return ZydisRegisterGetClass(theirs) == ZYDIS_REGCLASS_GPR64 && reg_number(theirs) == ours;
}

std::string memory_difference(const ZydisDecodedOperand& theirs, const insn& ours, uint32_t width) {
  if (theirs.type != ZYDIS_OPERAND_TYPE_MEMORY) return "not memory";
  if (theirs.mem.segment != ZYDIS_REGISTER_DS && theirs.mem.segment != ZYDIS_REGISTER_SS)
    return "a segment";
  if (ours.rip ? theirs.mem.base != ZYDIS_REGISTER_RIP : !same_base(theirs.mem.base, ours.base))
    return "another base";
  if (!same_base(theirs.mem.index, ours.index)) return "another index";
  if (ours.index != NO_REG && theirs.mem.scale != 1u << ours.scale) return "another scale";
  if ((theirs.mem.disp.has_displacement ? theirs.mem.disp.value : 0) != ours.disp)
    return "another displacement";
  if (ours.op != OP_lea && ours.op != OP_nop && theirs.size != 8 * width) return "another size";
  return "";
}

std::string immediate_difference(const ZydisDecodedOperand& theirs, const insn& ours,
                                 uint32_t width) {
  if (theirs.type != ZYDIS_OPERAND_TYPE_IMMEDIATE) return "not an immediate";
  if (ours.op == OP_rorx) width = 1;  // a count of 8 bits, which Zydis alone reads as unsigned
  const uint64_t mask = width >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * width)) - 1;
  if ((theirs.imm.value.u & mask) != (static_cast<uint64_t>(ours.imm) & mask))
    return "another immediate";
  return "";
}

/// The width at which operand i of ours is read or written.
uint32_t width_of(const insn& ours, uint32_t i) {
  const bool counts = ours.op >= OP_rol && ours.op <= OP_sar;
  if (i == 1 && (counts || (ours.op == OP_bt && ours.arg[1].kind == OPERAND_IMM))) return 1;
  return i == 0 ? ours.width : ours.src_width;
}

std::string operands_difference(const insn& ours, const ZydisDecodedInstruction& theirs,
                                const ZydisDecodedOperand* operands) {
  uint32_t nr = 0;
  for (uint32_t i = 0; i < 3 && ours.arg[i].kind != OPERAND_NONE; ++i, ++nr) {
    if (i >= theirs.operand_count) return "fewer operands";
    const uint32_t width = width_of(ours, i);
    std::string difference;
    if (ours.arg[i].kind == OPERAND_REG)
      difference = reg_difference(operands[i], ours.arg[i].reg, width);
    else if (ours.arg[i].kind == OPERAND_MEM)
      difference = memory_difference(operands[i], ours, width);
    else
      difference = immediate_difference(operands[i], ours, width);
    if (!difference.empty()) return "operand " + std::to_string(i) + ": " + difference;
  }
  // bt and shifts name an implicit operand of Zydis; what is visible must all be ours.
  if (nr < theirs.operand_count_visible && ours.op != OP_jcc && ours.op != OP_jmp &&
      ours.op != OP_nop)
    return "more operands";
  return "";
}

const ZydisDecoder& decoder() {
  static const ZydisDecoder instance = [] {
    ZydisDecoder d;
    ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    return d;
  }();
  return instance;
}

}  // namespace

std::string hex(std::span<const uint8_t> bytes) {
  std::string text;
  char two[4];
  for (const uint8_t byte : bytes) {
    std::snprintf(two, sizeof two, "%02x ", byte);
    text += two;
  }
  return text;
}

std::string zydis_difference(const insn& ours, std::span<const uint8_t> bytes) {
  ZydisDecodedInstruction theirs;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (!ZYAN_SUCCESS(
          ZydisDecoderDecodeFull(&decoder(), bytes.data(), bytes.size(), &theirs, operands)))
    return "Zydis refuses it";
  if (theirs.length != ours.len) return "Zydis says length " + std::to_string(theirs.length);
  if (ZydisMnemonicGetString(theirs.mnemonic) != mnemonic(ours))
    return std::string("Zydis says ") + ZydisMnemonicGetString(theirs.mnemonic);
  if (theirs.attributes & (ZYDIS_ATTRIB_HAS_LOCK | ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
                           ZYDIS_ATTRIB_HAS_REPNE | ZYDIS_ATTRIB_HAS_SEGMENT))
    return "Zydis sees a prefix";
  if (ours.op == OP_jcc || ours.op == OP_jmp) {
    ZyanU64 target = 0;
    if (!ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&theirs, &operands[0], ours.at, &target)))
      return "Zydis has no target";
    if (static_cast<uint32_t>(target) != ours.target) return "another target";
    return "";
  }
  return operands_difference(ours, theirs, operands);
}

}  // namespace ipjit::verifier
