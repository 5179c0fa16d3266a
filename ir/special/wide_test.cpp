// SPDX-License-Identifier: BSD-2-Clause
// Several fields of a packet compared at once.
//
//   v4 = load_be16 20, (v4 & 0x1fff) == 0         v9 = load_le32 20
//   v5 = load_u8 23,   v5 == 6               ==>  v10 = and v9, 0xff00ff1f
//                                                 v11 = eq v10, 0x6000000
//
// A window begins at the first field that is not in one yet, and reaches back where it would end
// behind what is known to be readable.  It has the smallest width that takes in as many fields as
// 8 bytes would.
//
// Hazard: the bytes of a little-endian number count the other way round than those of the field.
//
// Cost: O(fields^2), of a handful.  Tested by tests/special/wide_test_test.cpp.
#include "ir/special/wide_test.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <tuple>

namespace ipjit::ir {
namespace {

bool is_big_endian(Op op) {
  return op == Op::kLoad8 || op == Op::kLoadBe16 || op == Op::kLoadBe32 || op == Op::kLoadBe64;
}

uint64_t ones(uint32_t bytes) { return bytes == 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * bytes) - 1; }

/// A field's bits, where they lie in a little-endian number that begins `ahead` bytes before it.
uint64_t moved(uint64_t bits, uint32_t size, uint64_t ahead) {
  uint64_t moved = 0;
  for (uint32_t i = 0; i < size; ++i) {
    const uint64_t byte = bits >> 8 * (size - 1 - i) & 0xff;
    moved |= byte << 8 * (ahead + i);
  }
  return moved;
}

/// The window of `size` bytes for field `first`, or none if it would leave what is readable.
std::optional<uint64_t> window(const FieldTest& first, uint32_t size, uint64_t readable) {
  if (first.size > size || readable < size) return std::nullopt;
  const uint64_t place = std::min(first.place, readable - size);
  if (first.place + first.size > place + size) return std::nullopt;
  return place;
}

class Widen {
 public:
  Widen(const std::vector<FieldTest>& fields, const Readable& readable)
      : fields_(fields), readable_(readable), used_(fields.size(), 0), order_(fields.size()) {}

  std::vector<WideTest> run() {
    std::iota(order_.begin(), order_.end(), 0);
    std::ranges::sort(order_, {}, [&](uint32_t i) {
      const FieldTest& f = fields_[i];
      return std::tuple(f.base, f.offset, f.place, i);
    });
    for (uint32_t i : order_)
      if (used_[i] == 0) begin_at(i);
    return std::move(made_);
  }

 private:
  void begin_at(uint32_t i) {
    const uint64_t readable = readable_(fields_[i].base, fields_[i].offset);
    WideTest best;
    for (const uint32_t size : {8u, 4u, 2u}) {
      const auto place = window(fields_[i], size, readable);
      if (!place) continue;
      WideTest tried = take_in(i, *place, size);
      if (tried.of.size() >= best.of.size()) best = std::move(tried);
    }
    if (best.of.size() < 2) return;
    for (uint32_t f : best.of) used_[f] = 1;
    made_.push_back(std::move(best));
  }

  WideTest take_in(uint32_t first, uint64_t place, uint32_t size) const {
    WideTest wide;
    wide.test = {fields_[first].base, fields_[first].offset, place, size, 0, 0};
    for (uint32_t i : order_) {
      const FieldTest& f = fields_[i];
      const bool inside = f.base == wide.test.base && f.offset == wide.test.offset &&
                          f.place >= place && f.place + f.size <= place + size;
      if (used_[i] != 0 || !inside) continue;
      const uint64_t mask = moved(f.mask, f.size, f.place - place);
      const uint64_t value = moved(f.value, f.size, f.place - place);
      // Two tests that contradict each other stay two.
      if (((value ^ wide.test.value) & mask & wide.test.mask) != 0) continue;
      wide.test.mask |= mask;
      wide.test.value |= value;
      wide.of.push_back(i);
    }
    return wide;
  }

  const std::vector<FieldTest>& fields_;
  const Readable& readable_;
  std::vector<uint8_t> used_;
  std::vector<uint32_t> order_;
  std::vector<WideTest> made_;
};

}  // namespace

std::optional<FieldTest> field_test(const PredTest& test, const Definition& definition) {
  if (test.b != kNoValue) return std::nullopt;
  const bool equal = test.rel == Rel::kEq && !test.negated;
  const bool no_bit = test.rel == Rel::kAny && test.negated;
  const bool one_bit = test.rel == Rel::kAny && !test.negated && std::has_single_bit(test.imm);
  if (!equal && !no_bit && !one_bit) return std::nullopt;
  const Insn* load = definition(test.a);
  uint64_t mask = equal ? ~uint64_t{0} : test.imm;
  const uint64_t value = no_bit ? 0 : test.imm;
  if (load != nullptr && load->op == Op::kAnd && load->b == kNoValue) {
    mask &= load->imm;
    load = definition(load->a);
  }
  if (load == nullptr || !is_big_endian(load->op)) return std::nullopt;
  const uint32_t size = load_size(load->op);
  mask &= ones(size);
  // A value outside the mask never comes: leave that to the passes that fold.
  if ((value & ~mask) != 0 || mask == 0) return std::nullopt;
  return FieldTest{load->base, load->a, load->imm, size, mask, value};
}

std::vector<WideTest> widen(const std::vector<FieldTest>& fields, const Readable& readable) {
  return Widen(fields, readable).run();
}

Insn wide_load(const FieldTest& wide) {
  Insn load;
  load.op = wide.size == 8 ? Op::kLoadLe64 : wide.size == 4 ? Op::kLoadLe32 : Op::kLoadLe16;
  load.type = wide.size == 8 ? Type::kU64 : Type::kU32;
  load.base = wide.base;
  load.imm = wide.place;
  return load;
}

}  // namespace ipjit::ir
