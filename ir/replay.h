// SPDX-License-Identifier: BSD-2-Clause
// Samples in, profile out: runs packets through the interpreter and watches.
//
//   Replayer replayer(program);
//   replayer.packet({.head = head, .cap_len = cap_len, .follows = true}, ctx);
//   Profile profile = replayer.take();
//
// Watching costs the packet path nothing: it has copied a head and gone on.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "ipjit/abi.h"
#include "ir/profile.h"
#include "ir/program.h"

namespace ipjit::ir {

/// A packet as it was copied: perhaps only its first bytes.
struct Sample {
  std::span<const uint8_t> head;    ///< bytes copied from data
  uint64_t cap_len = 0;             ///< bytes that were readable at data; >= head.size()
  uint64_t th_copied = UINT64_MAX;  ///< bytes copied at ctx.th; ctx.th_len is the true length
  bool follows = false;             ///< it came directly behind the last sample, so history goes on
};

class Replayer {
 public:
  /// Takes: a valid program, copied; see number_sources() for one whose sites have no sources.
  /// Cost:  memory in proportion to the program.
  explicit Replayer(const Program& program);
  ~Replayer();
  Replayer(Replayer&&) noexcept;
  Replayer& operator=(Replayer&&) noexcept;

  /// Runs one packet.  A run that reads a byte that was not copied is discarded and counted so.
  ///
  /// Takes: `ctx` as the sampled run had it; ctx.th points to the copy; actions and counters are
  ///        not used, the replayer has its own.
  /// Gives: the native ABI's result; IPJIT_NEED_BYTES in the high half and 0 in the low half for a
  ///        discarded sample.
  /// Thread: one at a time.
  uint64_t packet(const Sample& sample, const ipjit_ctx& ctx);

  uint64_t packets() const;  ///< since the last take(), discarded ones left out

  /// What was counted since the last take().  What the branch predictor has learnt is kept.
  Profile take();

 private:
  class Watch;
  std::unique_ptr<Watch> watch_;
};

}  // namespace ipjit::ir
