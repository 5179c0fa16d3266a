// SPDX-License-Identifier: BSD-2-Clause
// Writes a region's values and conditions where they are first wanted; straight.cpp says which.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "ir/special/predicate.h"
#include "ir/special/straight.h"
#include "ir/special/wide_test.h"

namespace ipjit::ir {

class StraightWriter {
 public:
  /// Takes: bytes that are readable at the region's head, by base; whether fields may be compared
  ///        several at once.
  StraightWriter(const Convertible& of, const Region& region, const uint64_t (&readable)[2],
                 bool wide);

  Straight& out() { return out_; }
  Straight::Piece& piece() { return out_.pieces.back(); }
  Predicates& preds() { return preds_; }

  /// The share of packets that come to what is written now.
  double left() const { return left_; }
  void set_left(double share) { left_ = share; }

  /// What a value of the program is in the region: a member's parameter stands for its argument.
  ValueId resolve(ValueId id) const;
  /// What stands for a value of the program, written here if it was not yet.
  ValueId value(ValueId id);
  ValueId write(Op op, Type type, ValueId a, ValueId b, uint64_t imm, uint32_t source = kNoSource);
  /// 1 where the condition holds, else 0.
  ValueId write(PredId id);

  /// Writes the needs with an offset value whose askers `wanted` (by member) has marked.
  void ask(const std::vector<uint8_t>& wanted);

 private:
  /// A need with an offset value, for all places of it in the region.
  struct OffsetNeed {
    Insn insn;
    double share = 0;               ///< of the packets that are asked for it now
    std::vector<uint32_t> members;  ///< who ask, by position
    bool done = false;
  };

  void read_member(uint32_t member);
  void see_need(const Insn& insn, uint32_t member);
  void ask_constant_needs();
  void ask(OffsetNeed& need);
  void cover(Base base, uint64_t end);
  OffsetNeed* need_of(Base base, ValueId offset);
  uint64_t readable(Base base, ValueId offset);

  ValueId add(Insn insn, Type type);
  void write(const Insn& insn);
  ValueId defined(ValueId id);
  ValueId write_test(const PredTest& test);
  ValueId write_find(ValueId key, const PredTest& test);
  ValueId write_inner(PredId id, Op op);
  ValueId write_wide(const FieldTest& wide);

  const Convertible& of_;
  const Program& p_;
  const Region& region_;
  const bool wide_;
  uint64_t readable_[2];
  uint64_t wanted_[2] = {0, 0};
  std::map<ValueId, uint32_t> definition_;  ///< by value of the region: its instruction
  std::map<ValueId, ValueId> alias_;
  std::vector<OffsetNeed> needs_;
  Predicates preds_;
  std::map<PredId, ValueId> written_;
  std::map<std::tuple<Base, ValueId, uint64_t, uint32_t, uint64_t, uint64_t>, ValueId> wides_;
  double left_ = 1;
  Straight out_;
};

}  // namespace ipjit::ir
