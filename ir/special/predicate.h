// SPDX-License-Identifier: BSD-2-Clause
// Conditions as expressions: built while a region is read, emitted when it is known what is left.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "ir/program.h"

namespace ipjit::ir {

enum class PredId : uint32_t {};

/// `a rel b`, or not: a branch's test, or a switch's case.
struct PredTest {
  Rel rel = Rel::kEq;
  bool negated = false;
  ValueId a = kNoValue;
  ValueId b = kNoValue;
  uint64_t imm = 0;
  uint32_t table = 0;
  uint32_t source = kNoSource;  ///< of the branch; kNoSource for a case
};

/// Expressions over tests, each node once; negation goes down to the tests, so that an emitter
/// needs only `and` and `or`.
class Predicates {
 public:
  enum class Kind : uint8_t { kFalse, kTrue, kTest, kAnd, kOr };

  struct Node {
    Kind kind = Kind::kFalse;
    PredTest test = {};    ///< kTest
    PredId left = kNever;  ///< kAnd, kOr: left < right
    PredId right = kNever;
  };

  static constexpr PredId kNever{0};
  static constexpr PredId kAlways{1};

  Predicates();

  const Node& operator[](PredId id) const { return nodes_[static_cast<uint32_t>(id)]; }

  PredId test(const PredTest& test);
  PredId both(PredId a, PredId b);
  PredId either(PredId a, PredId b);
  PredId negation(PredId a);
  /// The operands of nested ands or ors, ascending; the expression itself if it is none.
  std::vector<PredId> parts_of(Kind kind, PredId id) const;
  /// condition ? a : b
  PredId choice(PredId condition, PredId a, PredId b);

 private:
  PredId add(Kind kind, PredId a, PredId b);
  PredId join(Kind kind, const std::vector<PredId>& parts);
  bool excludes(PredId a, const PredTest& not_equal, int depth) const;
  PredId negation_of(const Node& node);

  std::vector<Node> nodes_;
  std::map<std::tuple<Kind, PredId, PredId>, PredId> inner_;
  std::map<std::tuple<Rel, bool, ValueId, ValueId, uint64_t, uint32_t>, PredId> tests_;
  std::map<PredId, PredId> negations_;
};

}  // namespace ipjit::ir
