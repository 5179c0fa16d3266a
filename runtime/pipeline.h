// SPDX-License-Identifier: BSD-2-Clause
// The street in one function: program in, runnable unit out.
#pragma once

#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "arch-detect/target.h"
#include "bpf-frontend/insn.h"
#include "ipjit/engine.h"
#include "ipjit/error.h"
#include "ir/compiler.h"
#include "ir/program.h"
#include "runtime/burst.h"
#include "runtime/code_memory.h"
#include "runtime/stripe.h"

namespace ipjit::runtime {

/// What one thread's runs of a unit have counted: as large as a stripe, and found by its offset.
struct alignas(64) CounterLine {
  uint64_t count[8] = {};
};
static_assert(sizeof(CounterLine) == sizeof(Stripe));

/// Counters that a unit may have.
inline constexpr uint32_t kUnitCounters = std::size(CounterLine{}.count);

/// One compiled program, immutable once built (but for what it counts): what a FilterSlot points
/// to. `direct` of its base is set where native code reads no field but wire_len, `counters` where
/// it counts.
struct Unit : ipjit_program {
  Engine engine = Engine::kInterp;
  bpf::Dialect dialect = bpf::Dialect::kLibpcap;
  bpf::InsnList source;                ///< the classic program, for reference and replay
  std::optional<ir::Program> program;  ///< none where the source has a backward jump
  std::optional<InstalledCode> code;   ///< none for Engine::kInterp and kLibpcap
  Reach reach;                         ///< what a burst fetches ahead of `direct`
  uint32_t code_bytes = 0;
  uint32_t table_bytes = 0;
  uint64_t compile_ns = 0;                       ///< whole pipeline
  std::optional<Error> refusal;                  ///< why a faster engine is not running, for stats
  std::unique_ptr<CounterLine[]> counter_block;  ///< `counters` points here: stripe_count() lines
  const Unit* general = nullptr;  ///< specialised code: what runs when it is given up; else null
  uint32_t head_bytes = 0;        ///< of a packet, that tell nearly always what the program does

  /// counters[at] over all threads; each is exact, but for threads that have no stripe.
  uint64_t counted(uint32_t at) const;

  /// The verdict for one packet by exactly the engine named: for tests and `ipjit eval`.
  uint32_t run(std::span<const uint8_t> data, const ipjit_ctx& ctx) const;

  /// The same verdict in the packet path, where the interpreter must neither allocate nor be slower
  /// than the one it replaces: kInterp runs the classic words, not the IR.
  uint32_t run_packet(std::span<const uint8_t> data, const ipjit_ctx& ctx) const;

  /// The verdict by the engine that ipjit replaced: libpcap's interpreter, or one with the
  /// kernel's meaning for the Linux dialect.
  uint32_t run_replaced(std::span<const uint8_t> data, const ipjit_ctx& ctx) const;
};

/// May tier 1's code be replaced by code that is specialised for the traffic?
enum class TierUp : uint8_t { kAuto, kOff, kOn };  ///< kAuto: where no engine is named

struct Request {
  bpf::Dialect dialect = bpf::Dialect::kLibpcap;
  std::optional<Engine> engine = {};  ///< exactly this one, or an error; none: best with fallback
  const arch::Target* target = nullptr;  ///< null: arch::default_target()
  TierUp tier_up = TierUp::kAuto;        ///< IPJIT_TIER2=off overrides kAuto and kOn
  uint32_t tier_period_ms = 0;           ///< between two decisions; 0: 50 ms to 1 s by need
  const void* caller = nullptr;          ///< as CodeMemory::seal()
};

/// Translates, optimises, emits, verifies and seals.
///
/// Gives: a unit that runs; where a faster engine refuses and none was asked for by name, the
///        engine below, with `refusal` set.
/// Fails: as bpf::check(), bpf::translate(); as the stage that refuses where an engine was named;
///        kUnavailable for tier2 (it needs packets to go by), and for libpcap with the Linux
///        dialect.
/// Thread: any; compilers are per thread.
Result<std::unique_ptr<Unit>> build(std::span<const bpf::Insn> insns, const Request& request);

/// Makes a unit of a program that was specialised out of general's: compiles, verifies, seals.
///
/// Takes: `general`, which outlives the unit; `caller` as CodeMemory::seal().
/// Gives: a unit that is not yet proved to give general's results: replay_check.h.
/// Fails: as the compiler, the verifier and CodeMemory::seal().
Result<std::unique_ptr<Unit>> build_special(const Unit& general, ir::Program program,
                                            ir::Compiler& compiler, const arch::Target& target,
                                            const void* caller = nullptr);

/// The engine that IPJIT_ENGINE names: exactly this one is meant.  None if the variable is unset,
/// empty or "auto", and in processes that gained privileges (AT_SECURE).
/// Fails: kBadOption, listing the names.
Result<std::optional<Engine>> engine_from_environment();

/// False where IPJIT_TIER2 is "off" or "0" (not heard in processes that gained privileges).
bool tier2_allowed();

}  // namespace ipjit::runtime
