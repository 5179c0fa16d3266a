// SPDX-License-Identifier: BSD-2-Clause
// A filter, its traffic and a builder whose clock, compiler and specialiser are the test's.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ir/text.h"
#include "runtime/ticks.h"
#include "runtime/tier/builder_thread.h"
#include "runtime/tier/tiering.h"
#include "tests/runtime/programs.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::runtime {

/// Does what a test tells it to.
struct Compile : ir::Compiler {
  using Function = std::function<Result<ir::MachineCode>(const ir::Program&, const arch::Target&)>;
  Function function;
  int calls = 0;

  explicit Compile(Function function) : function(std::move(function)) {}
  Result<ir::MachineCode> compile(const ir::Program& program, const arch::Target& target) override {
    ++calls;
    return function(program, target);
  }
};

inline Result<ir::MachineCode> as_tier1(const ir::Program& program, const arch::Target& target) {
  static thread_local tier1::Tier1 tier1;
  return tier1.compile(program, target);
}

inline ir::Program parsed(const std::string& text) {
  Result<ir::Program> program = ir::parse(text);
  IPJIT_CHECK(bool(program));
  return *program;
}

/// Accepts IPv4 in which none of the bytes 30 to 37 is 1: a test for each.
inline bpf::InsnList ip_without_ones() {
  bpf::InsnList insns = {insn(BPF_LD | BPF_H | BPF_ABS, 12),
                         {BPF_JMP | BPF_JEQ | BPF_K, 0, 17, 0x800}};
  for (uint8_t i = 0; i < 8; ++i) {
    insns.push_back(insn(BPF_LD | BPF_B | BPF_ABS, 30u + i));
    insns.push_back({BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint8_t>(15 - 2 * i), 0, 1});
  }
  insns.push_back(insn(BPF_RET | BPF_K, 65535));
  insns.push_back(insn(BPF_RET | BPF_K, 0));
  return insns;
}

/// The same for traffic that is IPv4 with zeros there: whatever else comes leaves by a guard.  Its
/// tests go as the general program's test for IPv4 does, so a profile knows them by that source.
inline std::string for_zeros() {
  std::string text =
      "filter test\ncounters 1\n"
      "b0: need 38 else b3\n"
      "    v0 = load_be16 12\n"
      "    br v0 == 0x800 -> b1, b3    ; src 1\n"
      "b1: v1 = load_be64 30\n"
      "    br v1 == 0 -> b2, b3        ; src 1\n"
      "b2: ret 65535\n"
      "b3: count 0\n"
      "    need 14 else b13\n"
      "    v2 = load_be16 12\n"
      "    br v2 == 0x800 -> b4, b13\n";
  for (int i = 0; i < 8; ++i) {
    const std::string at = std::to_string(30 + i), value = "v" + std::to_string(3 + i);
    text += "b" + std::to_string(4 + i) + ": need " + std::to_string(31 + i) + " else b13\n    " +
            value + " = load_u8 " + at + "\n    br " + value + " == 1 -> b13, b" +
            std::to_string(5 + i) + "\n";
  }
  return text + "b12: ret 65535\nb13: ret 0\n";
}

/// As for_zeros(), but what is not zero there goes a long way, past no guard: right for all
/// traffic, fast for that which it was built for.
inline std::string slow_but_for_zeros() {
  std::string text =
      "filter test\ncounters 1\n"
      "b0: need 38 else b14\n"
      "    v0 = load_be16 12\n"
      "    br v0 == 0x800 -> b1, b14    ; src 1\n"
      "b1: v1 = load_be64 30\n"
      "    br v1 == 0 -> b2, b3         ; src 1\n"
      "b2: ret 65535\n"
      "b3: v2 = mul v1, v1\n";
  int value = 2;  // each waits for the one before it
  for (; value < 1000; ++value)
    text += "    v" + std::to_string(value + 1) + " = mul v" + std::to_string(value) + ", v1\n";
  text += "    br v" + std::to_string(value) + " == 7 -> b4, b5\nb4: jump b5\n";
  for (int i = 0; i < 8; ++i) {
    const std::string byte = "v" + std::to_string(++value);
    text += "b" + std::to_string(5 + i) + ": " + byte + " = load_u8 " + std::to_string(30 + i) +
            "\n    br " + byte + " == 1 -> b15, b" + std::to_string(6 + i) + "\n";
  }
  return text + "b13: ret 65535\nb14: count 0\n    ret 0\nb15: ret 0\n";
}

inline ir::Specialised specialised(const ir::Program& program, const std::string& log) {
  ir::Specialised made;
  made.program = program;
  made.log = {log};
  made.changed = true;
  made.counters = program.counters;
  return made;
}

/// Gives one program, whatever the traffic.
inline auto always_gives(const std::string& text) {
  return [program = parsed(text)](const ir::Program&, const ir::Profile&, const ir::Facts&,
                                  const ir::Choices&) {
    return specialised(program, "gives what the test wants");
  };
}

struct Street {
  explicit Street(const bpf::InsnList& insns = ip_without_ones(),
                  bpf::Dialect dialect = bpf::Dialect::kLibpcap)
      : filter(make_tiered(insns, dialect)) {
    allow_builder(false);
    tools.now_ns = [this] { return now_ns; };
    tools.policy.min_samples = 48;
    tools.race = nullptr;
    tools.specialise = always_gives(for_zeros());
    add_backend("asmjit", as_tier1);
  }

  static std::unique_ptr<Filter> make_tiered(const bpf::InsnList& insns, bpf::Dialect dialect) {
    return make_filter(insns,
                       {.dialect = dialect, .engine = Engine::kTier1, .tier_up = TierUp::kOn});
  }

  void add_backend(const std::string& name, Compile::Function function, double share = 1) {
    compilers.push_back(std::make_unique<Compile>(std::move(function)));
    tools.backends.push_back({.name = name, .compiler = compilers.back().get(), .share = share});
  }

  void run(const std::array<uint8_t, 64>& packet, uint64_t packets, uint32_t wanted) {
    for (uint64_t i = 0; i < packets; ++i)
      wrong += filter->run(packet.data(), packet.size(), packet.size()) != wanted;
  }
  void run_ip(uint64_t packets = 20'000) { run(ip_packet(), packets, 65535); }
  void run_arp(uint64_t packets = 20'000) { run(arp_packet(), packets, 0); }
  /// IPv4 that is not zero where for_zeros() looks, and accepted.
  void run_twos(uint64_t packets) {
    std::array<uint8_t, 64> twos = ip_packet();
    std::fill(twos.begin() + 30, twos.begin() + 38, uint8_t{2});
    run(twos, packets, 65535);
  }

  /// One policy period.
  void round() {
    if (!tiering) tiering = std::make_unique<Tiering>(tools);
    now_ns += 1'000'000'000;
    const std::vector<std::shared_ptr<TierState>> states = {filter->tier()};
    tiering->round(states);
    // A thread times its own windows by the real clock, of which these tests want to know nothing.
    if (filter) filter->tier()->wanted = UINT64_MAX;
  }

  /// Traffic and periods until `done`, but not for ever.
  bool until(auto traffic, auto done) {
    for (int i = 0; i < 400; ++i) {
      if (done()) return true;
      traffic();
      round();
    }
    return false;
  }
  /// Traffic without periods until `done`, for a minute at most.
  static bool alone_until(auto traffic, auto done) {
    const uint64_t begun = monotonic_ns();
    while (!done() && monotonic_ns() - begun < 60'000'000'000) traffic();
    return done();
  }
  bool reaches_tier2() {
    return until([&] { run_ip(); }, [&] { return tier() == 2; });
  }

  TierRecord record() const { return filter->record().tier; }
  uint64_t tier() const { return record().tier; }

  std::unique_ptr<Filter> filter;
  TieringTools tools;
  std::vector<std::unique_ptr<Compile>> compilers;
  std::unique_ptr<Tiering> tiering;
  uint64_t now_ns = 1'000'000'000'000;
  uint64_t wrong = 0;
};

}  // namespace ipjit::runtime
