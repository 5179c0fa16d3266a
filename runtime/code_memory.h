// SPDX-License-Identifier: BSD-2-Clause
// Executable memory, never writable and executable at once.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "ipjit/abi.h"
#include "ipjit/error.h"
#include "verifier/verifier.h"

namespace ipjit::runtime {

/// A sealed unit: read and execute, until destroyed.
class InstalledCode {
 public:
  InstalledCode(InstalledCode&& from) noexcept;
  InstalledCode& operator=(InstalledCode&& from) noexcept;
  InstalledCode(const InstalledCode&) = delete;
  InstalledCode& operator=(const InstalledCode&) = delete;
  ~InstalledCode();

  ipjit_entry_fn entry() const;
  std::span<const uint8_t> bytes() const { return {base_, size_}; }

 private:
  friend class CodeMemory;
  InstalledCode(uint8_t* base, size_t size, size_t mapped)
      : base_(base), size_(size), mapped_(mapped) {}

  uint8_t* base_ = nullptr;
  size_t size_ = 0;
  size_t mapped_ = 0;
};

class CodeMemory {
 public:
  /// Copies a unit into anonymous memory of its own and seals it.
  ///
  /// Takes: a proof of exactly these bytes; anything else is a broken promise.  Code from which
  ///        calls should be cheap; null: the runtime's own.
  /// Fails: kNoMemory, kRefused (the system forbids executable memory); `why` names the call.
  static Result<InstalledCode> seal(std::span<const uint8_t> unit, const verifier::Proof& proof,
                                    const void* caller = nullptr);

  /// While it lives, units that die on this thread wait for its end to give up their memory, all
  /// in few system calls.  Until then nothing of them changes.
  class Together {
   public:
    Together();
    Together(const Together&) = delete;
    Together& operator=(const Together&) = delete;
    ~Together();

   private:
    friend class InstalledCode;
    static constexpr size_t kMost = 32;
    bool take(uint8_t* page);

    std::array<uint8_t*, kMost> pages_;
    size_t count_ = 0;
    Together* outer_;
  };
};

}  // namespace ipjit::runtime
