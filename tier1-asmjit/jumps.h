// SPDX-License-Identifier: BSD-2-Clause
// Forward jumps, of two bytes where that reaches.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ipjit::tier1 {

class Jumps {
 public:
  enum class Label : uint32_t { kNone = UINT32_MAX };

  /// A place in the code as emitted, which moves when jumps shrink.
  struct Place {
    uint32_t offset = 0;
    uint32_t jumps = 0;  ///< emitted before it
  };

  /// What is emitted where a jump will be; its bytes do not matter.
  static constexpr uint8_t kPlaceholder[] = {0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc};

  void reset();
  Label new_label();
  Place here(uint32_t offset) const { return {offset, static_cast<uint32_t>(jumps_.size())}; }

  /// The label is at `offset`, where code goes on; behind all jumps to it.
  void bind(Label label, uint32_t offset);

  /// A placeholder at `offset` will go to `to`: always, or if x86's condition `cc` holds.
  void always(Label to, uint32_t offset) { jumps_.push_back({offset, to, kJmp}); }
  void when(uint8_t cc, Label to, uint32_t offset) { jumps_.push_back({offset, to, cc}); }

  /// Chooses the form of each jump.  Takes: bytes emitted.  Gives: bytes of the final code.
  uint32_t settle(uint32_t emitted);

  /// Where a place is in the final code.
  uint32_t settled(Place place) const { return place.offset - (saved_[0] - saved_[place.jumps]); }

  /// Writes the final code from what was emitted.
  void write(std::span<const uint8_t> emitted, uint8_t* out) const;

 private:
  static constexpr uint8_t kJmp = 0xff;
  struct Jump {
    uint32_t at;
    Label to;
    uint8_t cc;
  };
  uint32_t saving(size_t jump) const { return saved_[jump] - saved_[jump + 1]; }
  uint8_t* write_jump(size_t jump, uint8_t* out) const;

  std::vector<Jump> jumps_;
  std::vector<Place> labels_;
  std::vector<uint32_t> saved_;  ///< by jump: bytes that it and all behind it do not need
};

}  // namespace ipjit::tier1
