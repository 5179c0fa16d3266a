// SPDX-License-Identifier: BSD-2-Clause
// The most frequent values of a stream; the algorithm is in value_counter.h.
#include "ir/value_counter.h"

#include <algorithm>
#include <utility>

namespace ipjit::ir {

void ValueCounter::add(uint64_t value) {
  std::vector<ValueTable::Entry>& top = table_.top;
  ++table_.total;
  size_t i = 0;
  while (i < top.size() && top[i].value != value) ++i;
  if (i == ValueTable::kEntries) {
    --i;
    table_.discarded += top[i].count;
    top[i] = {value, 0};
  } else if (i == top.size()) {
    top.push_back({value, 0});
  }
  ++top[i].count;
  for (; i != 0 && top[i - 1].count < top[i].count; --i) std::swap(top[i - 1], top[i]);
  if (--until_clean_ == 0) clean();
}

void ValueCounter::clean() {
  std::vector<ValueTable::Entry>& top = table_.top;
  for (; top.size() > kSteady; top.pop_back()) table_.discarded += top.back().count;
  until_clean_ = kCleanAfter + (top.size() == kSteady ? top.back().count : 0);
}

ValueTable ValueCounter::take() {
  ValueTable table = std::exchange(table_, {});
  until_clean_ = kCleanAfter;
  table.normalise();
  return table;
}

}  // namespace ipjit::ir
