// SPDX-License-Identifier: BSD-2-Clause
// Conditions as expressions.
//
//   choice(c, a, kNever)  = c and a            a way that refuses where c fails
//   choice(c, kAlways, b) = c or b             a way that accepts where c holds
//   both(v != 1, v == 2)  = v == 2             what is known on the way to a later test of v
//
//   choice(c, a and x, b and x) = x and choice(c, a, b): what two ways ask alike is asked once
//
// A filter's blocks, read from the end, are nested choices, and nearly all have an end on one side;
// so what is built is as small as the expression that the user wrote.
//
// Tested by tests/special/predicate_test.cpp.
#include "ir/special/predicate.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ipjit::ir {
namespace {

constexpr int kMaxDepth = 8;
constexpr size_t kMaxParts = 24;

}  // namespace

Predicates::Predicates() : nodes_(2) { nodes_[1].kind = Kind::kTrue; }

PredId Predicates::test(const PredTest& test) {
  const auto [it, added] =
      tests_.try_emplace({test.rel, test.negated, test.a, test.b, test.imm, test.table},
                         PredId{static_cast<uint32_t>(nodes_.size())});
  if (added) nodes_.push_back({Kind::kTest, test});
  return it->second;
}

PredId Predicates::add(Kind kind, PredId a, PredId b) {
  if (b < a) std::swap(a, b);
  const auto [it, added] =
      inner_.try_emplace({kind, a, b}, PredId{static_cast<uint32_t>(nodes_.size())});
  if (added) nodes_.push_back({kind, {}, a, b});
  return it->second;
}

PredId Predicates::both(PredId a, PredId b) {
  if (a == kNever || b == kNever) return kNever;
  if (a == kAlways || a == b) return b;
  if (b == kAlways) return a;
  for (const auto& [one, other] : {std::pair(a, b), std::pair(b, a)}) {
    const Node& node = (*this)[one];
    if (node.kind == Kind::kTest && excludes(other, node.test, kMaxDepth)) return other;
  }
  return add(Kind::kAnd, a, b);
}

/// Whether `a` holds only for a value that passes `not_equal` anyway.
bool Predicates::excludes(PredId a, const PredTest& not_equal, int depth) const {
  if (not_equal.rel != Rel::kEq || !not_equal.negated || not_equal.b != kNoValue) return false;
  const Node& node = (*this)[a];
  if (node.kind == Kind::kTest)
    return node.test.rel == Rel::kEq && !node.test.negated && node.test.b == kNoValue &&
           node.test.a == not_equal.a && node.test.imm != not_equal.imm;
  if (depth == 0 || (node.kind != Kind::kAnd && node.kind != Kind::kOr)) return false;
  const bool left = excludes(node.left, not_equal, depth - 1);
  if (node.kind == Kind::kAnd && left) return true;
  if (node.kind == Kind::kOr && !left) return false;
  return excludes(node.right, not_equal, depth - 1);
}

PredId Predicates::either(PredId a, PredId b) {
  if (a == kAlways || b == kAlways) return kAlways;
  if (a == kNever || a == b) return b;
  if (b == kNever) return a;
  return add(Kind::kOr, a, b);
}

PredId Predicates::negation(PredId a) {
  if (const auto known = negations_.find(a); known != negations_.end()) return known->second;
  const PredId made = negation_of(Node((*this)[a]));
  negations_[a] = made;
  return made;
}

PredId Predicates::negation_of(const Node& node) {
  switch (node.kind) {
    case Kind::kFalse:
      return kAlways;
    case Kind::kTrue:
      return kNever;
    case Kind::kTest: {
      PredTest test = node.test;
      test.negated = !test.negated;
      return this->test(test);
    }
    case Kind::kAnd:
      return either(negation(node.left), negation(node.right));
    case Kind::kOr:
      return both(negation(node.left), negation(node.right));
  }
  return kNever;
}

std::vector<PredId> Predicates::parts_of(Kind kind, PredId id) const {
  std::vector<PredId> parts, open{id};
  while (!open.empty()) {
    const PredId next = open.back();
    open.pop_back();
    const Node& node = (*this)[next];
    if (node.kind == kind && parts.size() + open.size() < kMaxParts) {
      open.push_back(node.left);
      open.push_back(node.right);
    } else {
      parts.push_back(next);
    }
  }
  std::ranges::sort(parts);
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  return parts;
}

PredId Predicates::join(Kind kind, const std::vector<PredId>& parts) {
  PredId all = kind == Kind::kAnd ? kAlways : kNever;
  for (PredId part : parts) all = kind == Kind::kAnd ? both(all, part) : either(all, part);
  return all;
}

PredId Predicates::choice(PredId condition, PredId a, PredId b) {
  if (condition == kAlways || a == b) return a;
  if (condition == kNever) return b;
  if (a == kAlways) return either(condition, b);
  if (b == kNever) return both(condition, a);
  for (const Kind kind : {Kind::kAnd, Kind::kOr}) {
    // c ? (x and a) : (x and b)  =  x and (c ? a : b), and the same for `or`.
    const std::vector<PredId> of_a = parts_of(kind, a), of_b = parts_of(kind, b);
    std::vector<PredId> common, only_a, only_b;
    std::ranges::set_intersection(of_a, of_b, std::back_inserter(common));
    if (common.empty()) continue;
    std::ranges::set_difference(of_a, common, std::back_inserter(only_a));
    std::ranges::set_difference(of_b, common, std::back_inserter(only_b));
    const PredId rest = choice(condition, join(kind, only_a), join(kind, only_b));
    common.push_back(rest);
    return join(kind, common);
  }
  const PredId not_condition = negation(condition);
  if (a == kNever) return both(not_condition, b);
  if (b == kAlways) return either(not_condition, a);
  return either(both(condition, a), both(not_condition, b));
}

}  // namespace ipjit::ir
