// SPDX-License-Identifier: BSD-2-Clause
// What the ops compute.  Every op is total: division by zero gives 0, and a shift by the width or
// more gives 0, as ops.def says.
#include "ir/arithmetic.h"

#include <algorithm>

namespace ipjit::ir {
namespace {

uint64_t bswap(Type type, uint64_t a) {
  return type == Type::kU32 ? __builtin_bswap32(static_cast<uint32_t>(a)) : __builtin_bswap64(a);
}

uint64_t compute_wide(Op op, Type type, uint64_t a, uint64_t b) {
  const uint64_t width = type == Type::kU32 ? 32 : 64;
  switch (op) {
    case Op::kAdd:
      return a + b;
    case Op::kSub:
      return a - b;
    case Op::kMul:
      return a * b;
    case Op::kDiv:
      return b == 0 ? 0 : a / b;
    case Op::kMod:
      return b == 0 ? 0 : a % b;
    case Op::kAnd:
      return a & b;
    case Op::kOr:
      return a | b;
    case Op::kXor:
      return a ^ b;
    case Op::kShl:
      return b >= width ? 0 : a << b;
    case Op::kShr:
      return b >= width ? 0 : a >> b;
    case Op::kEq:
      return a == b ? 1 : 0;
    case Op::kNe:
      return a != b ? 1 : 0;
    case Op::kLt:
      return a < b ? 1 : 0;
    case Op::kLe:
      return a <= b ? 1 : 0;
    case Op::kAny:
      return (a & b) != 0 ? 1 : 0;
    case Op::kNeg:
      return 0 - a;
    case Op::kBswap:
      return bswap(type, a);
    case Op::kZext:
    case Op::kTrunc:
      return a;
    case Op::kConst:
    case Op::kNeed:
    case Op::kLoad8:
    case Op::kLoadBe16:
    case Op::kLoadBe32:
    case Op::kLoadBe64:
    case Op::kLoadLe16:
    case Op::kLoadLe32:
    case Op::kLoadLe64:
    case Op::kMeta:
    case Op::kFind:
    case Op::kEffect:
    case Op::kCount:
      break;
  }
  return 0;
}

}  // namespace

uint64_t compute(Op op, Type type, uint64_t a, uint64_t b) {
  const uint64_t wide = compute_wide(op, type, a, b);
  return type == Type::kU32 ? static_cast<uint32_t>(wide) : wide;
}

bool compare(Rel rel, uint64_t a, uint64_t b) {
  switch (rel) {
    case Rel::kEq:
      return a == b;
    case Rel::kLt:
      return a < b;
    case Rel::kLe:
      return a <= b;
    case Rel::kAny:
      return (a & b) != 0;
    case Rel::kIn:
      break;
  }
  return false;
}

uint32_t find_in(const Table& table, uint64_t key) {
  const auto it =
      std::lower_bound(table.entries.begin(), table.entries.end(), key,
                       [](const Table::Entry& entry, uint64_t k) { return entry.key < k; });
  return it != table.entries.end() && it->key == key ? it->value : table.miss;
}

}  // namespace ipjit::ir
