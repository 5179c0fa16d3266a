// SPDX-License-Identifier: BSD-2-Clause
// Every engine on every case: one classic program, made runnable in all the ways there are.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bpf-frontend/insn.h"
#include "ipjit/abi.h"
#include "ipjit/error.h"
#include "ir/program.h"
#include "tests/engines/guarded_packet.h"

namespace ipjit::testing {

struct EngineUnderTest {
  std::string name;  ///< "tier1 x86-64-v3 optimised"
  std::function<uint32_t(std::span<const uint8_t>, const ipjit_ctx&)> run;
};

enum class Breadth {
  kAllTargets,    ///< tier 1 for every target that this CPU runs, optimised and not
  kThisTarget,    ///< tier 1 for the detected target, optimised and not
  kWithoutTier2,  ///< as kThisTarget, and without LLVM, which takes longer than all else together
};

/// With LLVM, tier 2 joins for the detected target, optimised, in programs of up to so many blocks.
inline constexpr size_t kMaxTier2Blocks = 1500;

/// One classic program on all engines; in the Linux dialect also in kernel form, where packets that
/// it pulls are decided by the reference, as the module has the kernel decide them.
class Engines {
 public:
  /// Fails: as the first stage that refuses; a backward jump is no failure, it leaves only the
  ///        engines that run such programs.
  static Result<Engines> make(std::span<const bpf::Insn> insns, bpf::Dialect dialect,
                              Breadth breadth = Breadth::kThisTarget);

  /// Runs one packet on all engines, its end up against an unreadable page.
  /// Takes: in the libpcap dialect ctx.vlan_present == bpf::kNoVlanData: libpcap's own interpreter
  ///        is given no auxiliary data.
  /// Gives: the verdict all agree on, or a report with engines, verdicts, IR and listing.
  Result<uint32_t> run(std::span<const uint8_t> packet, const ipjit_ctx& ctx);

  size_t count() const { return engines_.size(); }

 private:
  Status add_native(const ir::Program& program, const ir::Program& optimised, Breadth breadth);
  Status add_kernel_form(Breadth breadth);
  std::string describe(std::span<const uint8_t> packet, const ipjit_ctx& ctx) const;

  bpf::InsnList insns_;
  bpf::Dialect dialect_ = bpf::Dialect::kLibpcap;
  std::vector<EngineUnderTest> engines_;  ///< the reference first
  std::string ir_;
  std::shared_ptr<GuardedPacket> guard_;
};

/// What pcap_offline_filter() knows of a packet: its wire length, no VLAN data, all else zero.
ipjit_ctx plain_ctx(uint32_t wire_len);

/// "00 01 ..." or "0001..." to bytes; nothing if it is not hex.
std::optional<std::vector<uint8_t>> bytes_of_hex(std::string_view hex);
std::string hex_of_bytes(std::span<const uint8_t> bytes);

}  // namespace ipjit::testing
