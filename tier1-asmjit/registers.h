// SPDX-License-Identifier: BSD-2-Clause
// Where each value lives: one register, or one stack slot, for its whole life; or where it came
// from.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "ipjit/error.h"
#include "ir/program.h"
#include "tier1-asmjit/selection.h"

namespace ipjit::tier1 {

/// x86-64 register numbers as instructions encode them.
enum Gpr : uint8_t {
  kRax,
  kRcx,
  kRdx,
  kRbx,
  kRsp,
  kRbp,
  kRsi,
  kRdi,
  kR8,
  kR9,
  kR10,
  kR11,
  kR12,
  kR13,
  kR14,
  kR15,
};

struct Location {
  int16_t reg = -1;    ///< Gpr, or -1
  int16_t slot = -1;   ///< stack slot of 8 bytes, or -1; neither: the value has no code
  bool again = false;  ///< neither, because each use reads it again

  bool operator==(const Location&) const = default;
};

class Registers {
 public:
  /// Gives every value of the program a place; buffers are reused.
  ///
  /// Takes: the registers that values may have, best first; callee-saved ones last.
  /// Fails: kTooLong (more values alive at once than registers and IPJIT_MAX_STACK hold).
  Status assign(const ir::Program& program, const Selection& selection, std::span<const Gpr> pool);

  Location of(ir::ValueId v) const { return places_[index(v)]; }
  uint32_t used_mask() const { return used_mask_; }  ///< bit Gpr
  bool reads_again() const { return reads_again_; }  ///< some value does
  uint32_t slots() const { return static_cast<uint32_t>(slot_ends_.size()); }

 private:
  struct Interval {
    uint32_t start = 0;
    uint32_t end = 0;
  };

  void measure();
  void extend(ir::ValueId v, uint32_t at);
  void start_params(const ir::Term& term, uint32_t at);
  Status place_all();
  Status place_insn(const ir::Insn& insn, uint32_t at);
  Status place_params(const ir::Term& term, uint32_t at);
  Status place(ir::ValueId v, uint32_t at, ir::ValueId hint);
  Status spill(ir::ValueId v);
  int free_register(uint32_t at, ir::ValueId hint) const;
  bool has_code(const ir::Insn& insn) const;

  const ir::Program* program_ = nullptr;
  const Selection* selection_ = nullptr;
  std::span<const Gpr> pool_;
  std::vector<Interval> intervals_;
  std::vector<Location> places_;
  std::array<ir::ValueId, 16> holder_ = {};  ///< by Gpr
  std::array<uint32_t, 16> busy_until_ = {};
  std::vector<uint32_t> slot_ends_;
  uint32_t used_mask_ = 0;
  bool reads_again_ = false;
};

}  // namespace ipjit::tier1
