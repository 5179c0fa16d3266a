// SPDX-License-Identifier: BSD-2-Clause
// Runs compiled units in tests: packets that end at an inaccessible page, and every target that
// this machine has.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "arch-detect/target.h"
#include "ipjit/abi.h"
#include "ir/compiler.h"
#include "ir/program.h"

namespace ipjit::tier1 {

/// Bytes whose last one is the last byte of a page, with no readable page behind.
class GuardedBytes {
 public:
  static constexpr size_t kCapacity = 64 * 1024;

  GuardedBytes();
  ~GuardedBytes();
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;

  /// Valid until the next call.
  std::span<const uint8_t> hold(std::span<const uint8_t> bytes);

 private:
  uint8_t* base_;
};

/// The tier that this test program is about; each has a compiler_under_test.cpp.
ir::Compiler& compiler_under_test();

/// A unit in memory that can run; made only of code that the verifier accepts.
class Native {
 public:
  /// Fails the running test, and gives code that cannot be called, where a stage refuses.
  Native(const ir::Program& program, const arch::Target& target,
         ir::Compiler& compiler = compiler_under_test());
  ~Native();
  Native(const Native&) = delete;
  Native& operator=(const Native&) = delete;

  bool ok() const { return entry_ != nullptr; }
  uint64_t run(std::span<const uint8_t> data, const ipjit_ctx& ctx) const;
  const ir::MachineCode& code() const { return code_; }

 private:
  void move_tables();

  ir::MachineCode code_;
  std::vector<std::vector<uint8_t>> tables_;  ///< where code reaches them through ctx
  void* memory_ = nullptr;
  ipjit_entry_fn entry_ = nullptr;
};

/// Parses and validates; fails the running test where either refuses.
ir::Program program_of(const std::string& text);

/// The targets that this machine can run, the best of the kernel's too, and of those the ones that
/// these tests look at.
std::vector<const arch::Target*> runnable_targets();
std::vector<const arch::Target*> targets_under_test();

/// What one run gives: result, actions, counters.
struct Outcome {
  uint64_t result = 0;
  std::vector<uint16_t> actions;
  std::vector<uint64_t> counters;

  bool operator==(const Outcome&) const = default;
};

/// `ctx` needs no actions and counters: each run gets its own.
Outcome outcome_of_interpreter(const ir::Program& program, std::span<const uint8_t> data,
                               ipjit_ctx ctx);
Outcome outcome_of_native(const Native& native, const ir::Program& program,
                          std::span<const uint8_t> data, ipjit_ctx ctx);

/// Printed by GoogleTest.
void PrintTo(const Outcome& outcome, std::ostream* out);

/// Interpreter and native code, on every target under test, agree on each packet and on every
/// prefix of it. `ctx` is given to all; its transport header is data from `th_at` on, where that is
/// not negative.
void expect_agreement(const ir::Program& program, std::span<const std::vector<uint8_t>> packets,
                      const ipjit_ctx& ctx = {}, int th_at = -1);

}  // namespace ipjit::tier1
