// SPDX-License-Identifier: BSD-2-Clause
// The C++ front door of the machine-code checker in verify.h.
#pragma once

#include <cstdint>
#include <span>

#include "ipjit/abi.h"
#include "ipjit/error.h"
#include "verifier/verify.h"

namespace ipjit::verifier {

/// Evidence that verify() accepted a unit: the only key to executable memory.  Names the unit by
/// address and size, so that a proof of one cannot seal another.
class Proof {
 public:
  bool covers(std::span<const uint8_t> unit) const {
    return unit.data() == data_ && unit.size() == size_;
  }
  uint32_t insns() const { return insns_; }
  uint32_t stack_bytes() const { return stack_bytes_; }

 private:
  friend Result<Proof> verify(std::span<const uint8_t>, uint32_t, const ipjit_contract&);
  Proof(std::span<const uint8_t> unit, uint32_t insns, uint32_t stack_bytes)
      : data_(unit.data()), size_(unit.size()), insns_(insns), stack_bytes_(stack_bytes) {}

  const uint8_t* data_;
  size_t size_;
  uint32_t insns_;
  uint32_t stack_bytes_;
};

/// Proves that a unit keeps its contract.
///
/// Takes: the unit's bytes, code first, tables behind; the bytes of code.
/// Fails: kRefused; `at` is the byte offset, `why` names instruction, rule and abstract state.
///        kBadInput for a contract that is nonsense.
/// Cost:  linear; at least 50 MB of code a second.
Result<Proof> verify(std::span<const uint8_t> unit, uint32_t code_len,
                     const ipjit_contract& contract);

/// A refusal as an Error, also one that the kernel's copy of the checker wrote.
Error error_of(const ipjit_report& report);

}  // namespace ipjit::verifier
