// SPDX-License-Identifier: BSD-2-Clause
// Every jump goes forward, so one walk from the last to the first finds the shortest forms: how far
// a jump has to reach depends only on jumps behind it, which are settled already.
//
//   emitted                          settled
//    0  cmp; [jb  L2      ]           0  cmp; jb L2        2 bytes: 90 to go
//   10  cmp; [jne L1      ]           6  cmp; jne L1       2 bytes
//   ...
//   96  L1:                          88  L1:
//
// Jumps are emitted as placeholders of six bytes, which is also quicker than asking asmjit for
// labels and their links.
//
// Cost: linear.  Tested by tests/tier1/jumps_test.cpp.
#include "tier1-asmjit/jumps.h"

#include <cstring>

#include "ipjit/error.h"

namespace ipjit::tier1 {

namespace {
constexpr uint32_t kReach = 127;
constexpr uint32_t kShort = 2;
constexpr uint32_t kEmitted = sizeof Jumps::kPlaceholder;
constexpr uint32_t kUnbound = UINT32_MAX;
}  // namespace

void Jumps::reset() {
  jumps_.clear();
  labels_.clear();
}

Jumps::Label Jumps::new_label() {
  labels_.push_back({kUnbound, 0});
  return Label{static_cast<uint32_t>(labels_.size() - 1)};
}

void Jumps::bind(Label label, uint32_t offset) {
  labels_[static_cast<uint32_t>(label)] = here(offset);
}

uint32_t Jumps::settle(uint32_t emitted) {
  saved_.resize(jumps_.size() + 1);
  saved_.back() = 0;
  for (size_t i = jumps_.size(); i-- > 0;) {
    const Jump& jump = jumps_[i];
    const Place& to = labels_[static_cast<uint32_t>(jump.to)];
    IPJIT_CHECK(to.offset != kUnbound && to.jumps > i);
    const uint32_t distance = to.offset - (jump.at + kEmitted) - (saved_[i + 1] - saved_[to.jumps]);
    const uint32_t size = distance <= kReach ? kShort : jump.cc == kJmp ? 5 : 6;
    saved_[i] = saved_[i + 1] + kEmitted - size;
  }
  return emitted - saved_[0];
}

uint8_t* Jumps::write_jump(size_t jump, uint8_t* out) const {
  const Jump& j = jumps_[jump];
  const uint32_t size = kEmitted - saving(jump);
  const uint32_t end = settled({j.at, static_cast<uint32_t>(jump)}) + size;
  const uint32_t distance = settled(labels_[static_cast<uint32_t>(j.to)]) - end;
  if (size == kShort) {
    *out++ = j.cc == kJmp ? 0xeb : static_cast<uint8_t>(0x70 | j.cc);
    *out++ = static_cast<uint8_t>(distance);
    return out;
  }
  if (j.cc == kJmp) {
    *out++ = 0xe9;
  } else {
    *out++ = 0x0f;
    *out++ = static_cast<uint8_t>(0x80 | j.cc);
  }
  std::memcpy(out, &distance, sizeof distance);
  return out + sizeof distance;
}

void Jumps::write(std::span<const uint8_t> emitted, uint8_t* out) const {
  uint32_t from = 0;
  for (size_t i = 0; i < jumps_.size(); ++i) {
    const uint32_t straight = jumps_[i].at - from;
    std::memcpy(out, emitted.data() + from, straight);
    out = write_jump(i, out + straight);
    from = jumps_[i].at + kEmitted;
  }
  std::memcpy(out, emitted.data() + from, emitted.size() - from);
}

}  // namespace ipjit::tier1
