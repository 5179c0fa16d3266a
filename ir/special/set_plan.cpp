// SPDX-License-Identifier: BSD-2-Clause
// Finds what the keys of a set have in common, and writes the test for it.
//
// A run of consecutive keys is one comparison, because what is below the run wraps to large numbers
// when its first key is subtracted.  Keys in a window of 64 are bits of a constant: the shift is
// total, so what is outside the window finds a 0, and nothing can mispredict or miss a cache.
//
// A table of bits for a larger window is no shape here: the probe has to ask first whether the key
// is in the window, and that branch mispredicts (2,032 hosts: 12.3 ns for 8.9).
//
// Tested by tests/special/.
#include "ir/special/set_plan.h"

#include <bit>
#include <utility>

#include "ir/passes/sets.h"
#include "ir/special/cost.h"

namespace ipjit::ir {
namespace {

constexpr size_t kMaxRuns = 3;
constexpr double kShiftSlots = 3;  // a shift that may be wider than the value
constexpr size_t kLineBytes = 64;
constexpr size_t kL1Bytes = 32768;

struct Run {
  uint64_t low = 0;
  uint64_t count = 0;
};

std::vector<Run> runs_of(const std::vector<uint64_t>& keys) {
  std::vector<Run> runs;
  for (uint64_t key : keys) {
    if (runs.empty() || runs.back().low + runs.back().count != key) runs.push_back({key, 0});
    ++runs.back().count;
    if (runs.size() > kMaxRuns) break;
  }
  return runs;
}

/// The bits in which keys differ.
uint64_t difference(const std::vector<uint64_t>& keys) {
  uint64_t bits = 0;
  for (uint64_t key : keys) bits |= key ^ keys[0];
  return bits;
}

bool is_subcube(const std::vector<uint64_t>& keys) {
  return std::has_single_bit(keys.size()) &&
         std::popcount(difference(keys)) == std::countr_zero(keys.size());
}

double cycles_of(const Run& run) {
  return kCosts.test + (run.count == 1 || run.low == 0 ? 0 : kCosts.simple);
}

void improve(SetPlan& best, SetPlan::Shape shape, double cycles) {
  if (cycles >= best.cycles) return;
  best.shape = shape;
  best.cycles = cycles;
}

/// Writes instructions and names their results.
class Writer {
 public:
  Writer(Program& program, std::vector<Insn>& out) : p_(program), out_(out) {}

  Type type(ValueId id) const { return p_.values[index(id)]; }

  ValueId add(Op op, Type type, ValueId a, ValueId b, uint64_t imm) {
    Insn insn;
    insn.op = op;
    insn.type = type;
    insn.a = a;
    insn.b = b;
    insn.imm = imm;
    insn.result = p_.add_value(type);
    out_.push_back(insn);
    return insn.result;
  }

  ValueId minus(ValueId value, uint64_t low) {
    return low == 0 ? value : add(Op::kSub, type(value), value, kNoValue, low);
  }

  ValueId one_run(ValueId value, const Run& run) {
    if (run.count == 1) return add(Op::kEq, Type::kU32, value, kNoValue, run.low);
    return add(Op::kLe, Type::kU32, minus(value, run.low), kNoValue, run.count - 1);
  }

  ValueId any_run(ValueId value, const std::vector<Run>& runs) {
    ValueId any = one_run(value, runs[0]);
    for (size_t i = 1; i < runs.size(); ++i)
      any = add(Op::kOr, Type::kU32, any, one_run(value, runs[i]), 0);
    return any;
  }

  /// 64 bits, of which the lowest is the answer.
  ValueId shifted_bits(ValueId value, const std::vector<uint64_t>& keys) {
    const uint64_t low = keys.back() < 64 ? 0 : keys[0];
    uint64_t bits = 0;
    for (uint64_t key : keys) bits |= uint64_t{1} << (key - low);
    ValueId place = minus(value, low);
    if (type(place) == Type::kU32) place = add(Op::kZext, Type::kU64, place, kNoValue, 0);
    return add(Op::kShr, Type::kU64, add(Op::kConst, Type::kU64, kNoValue, kNoValue, bits), place,
               0);
  }

  uint32_t table_of(const std::vector<uint64_t>& keys, uint64_t low, uint32_t key_bits) {
    Table table;
    table.key_bits = key_bits;
    for (uint64_t key : keys) table.entries.push_back({key - low, 1});
    return one_of(p_.tables, std::move(table));
  }

 private:
  Program& p_;
  std::vector<Insn>& out_;
};

void compare_with(Term& test, Rel rel, ValueId a, uint64_t imm) {
  test.kind = TermKind::kBranch;
  test.rel = rel;
  test.a = a;
  test.b = kNoValue;
  test.imm = imm;
  test.table = 0;
}

}  // namespace

double probe_cycles(size_t keys, uint32_t key_bits) {
  if (is_array(key_bits)) return array_probe(kCosts);
  const size_t bytes = keys <= 2 ? kLineBytes : keys * 16;  // about: slots are half full or less
  return kCosts.probe + (bytes > kL1Bytes ? kCosts.probe_miss : 0);
}

SetPlan plan_set(std::vector<uint64_t> keys, uint32_t key_bits, bool tables) {
  const double probe = tables ? probe_cycles(keys.size(), key_bits) : 1e9;
  SetPlan best{SetPlan::Shape::kTable, probe, std::move(keys), key_bits};
  const uint64_t low = best.keys.front();
  const uint64_t high = best.keys.back();
  const std::vector<Run> runs = runs_of(best.keys);
  if (is_subcube(best.keys))
    improve(best, SetPlan::Shape::kSubcube, best.keys.size() == 1 ? 0 : kCosts.simple);
  if (runs.size() == 1) improve(best, SetPlan::Shape::kRange, low == 0 ? 0 : kCosts.simple);
  if (runs.size() > 1 && runs.size() <= kMaxRuns) {
    double cycles = static_cast<double>(runs.size() - 1) * kCosts.simple;
    for (const Run& run : runs) cycles += cycles_of(run);
    improve(best, SetPlan::Shape::kRuns, cycles);
  }
  if (high - low < 64)
    improve(best, SetPlan::Shape::kBits, ((high < 64 ? 2 : 3) + kShiftSlots) * kCosts.simple);
  return best;
}

std::string describe(const SetPlan& plan) {
  std::string keys = std::to_string(plan.keys.size()) + " keys";
  switch (plan.shape) {
    case SetPlan::Shape::kSubcube:
      return plan.keys.size() == 1 ? "one key" : keys + " as a masked comparison";
    case SetPlan::Shape::kRange:
      return keys + " as a range";
    case SetPlan::Shape::kRuns:
      return keys + " as a few ranges";
    case SetPlan::Shape::kBits:
      return keys + " as bits of a word";
    case SetPlan::Shape::kTable:
      return keys + " as a table";
  }
  return keys;
}

void write_test(Program& program, const SetPlan& plan, ValueId value, std::vector<Insn>& out,
                Term& test) {
  Writer w(program, out);
  const std::vector<uint64_t>& keys = plan.keys;
  switch (plan.shape) {
    case SetPlan::Shape::kSubcube: {
      if (keys.size() == 1) return compare_with(test, Rel::kEq, value, keys[0]);
      const uint64_t all = w.type(value) == Type::kU32 ? UINT32_MAX : UINT64_MAX;
      const uint64_t mask = all & ~difference(keys);
      const ValueId cut = w.add(Op::kAnd, w.type(value), value, kNoValue, mask);
      return compare_with(test, Rel::kEq, cut, keys[0] & mask);
    }
    case SetPlan::Shape::kRange:
      return compare_with(test, Rel::kLe, w.minus(value, keys[0]), keys.size() - 1);
    case SetPlan::Shape::kRuns:
      return compare_with(test, Rel::kAny, w.any_run(value, runs_of(keys)), 1);
    case SetPlan::Shape::kBits:
      return compare_with(test, Rel::kAny, w.shifted_bits(value, keys), 1);
    case SetPlan::Shape::kTable:
      compare_with(test, Rel::kIn, value, 0);
      test.table = w.table_of(keys, 0, plan.key_bits);
      return;
  }
}

void write_value(Program& program, const SetPlan& plan, ValueId value, std::vector<Insn>& out,
                 ValueId result) {
  Writer w(program, out);
  Term test;
  write_test(program, plan, value, out, test);
  Insn insn;
  insn.type = Type::kU32;
  insn.result = result;
  insn.a = test.a;
  insn.imm = test.imm;
  insn.table = test.table;
  if (test.rel == Rel::kEq) insn.op = Op::kEq;
  if (test.rel == Rel::kLe) insn.op = Op::kLe;
  if (test.rel == Rel::kAny) insn.op = Op::kAny;
  if (test.rel == Rel::kIn) insn.op = Op::kFind;
  out.push_back(insn);
}

}  // namespace ipjit::ir
