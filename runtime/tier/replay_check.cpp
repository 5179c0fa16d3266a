// SPDX-License-Identifier: BSD-2-Clause
// Packets in the order of what they are likely to find:
//
//   the samples as they are
//   each of a few samples with one field changed to what a compare somewhere in the program asks
//     for, to that +-1, to zeros and ones: both sides of every guard and of every test
//   each of them cut at every length, and nothing at all: both sides of every hoisted need
//   zeros and ones of every length: no sample, so no profile, has prepared for them
#include "runtime/tier/replay_check.h"

#include <algorithm>
#include <set>

#include "ir/interpret.h"
#include "ir/interpreter.h"

namespace ipjit::runtime {

namespace {

constexpr size_t kBases = 16;      ///< samples that are cut and changed
constexpr size_t kConstants = 96;  ///< of one width
constexpr size_t kPlaces = 24;
constexpr size_t kKeys = 16;  ///< of one table

/// Where the programs read, and what they compare with.
struct Probes {
  std::set<std::pair<uint32_t, uint32_t>> places;  ///< offset, width in bytes
  std::set<uint64_t> constants;

  void add(const ir::Program& program) {
    for (const ir::Insn& insn : program.insns) {
      if (const uint32_t width = ir::load_size(insn.op);
          width && insn.base == ir::Base::kData && insn.a == ir::kNoValue &&
          insn.imm + width <= Head::kBytes && places.size() < kPlaces)
        places.emplace(static_cast<uint32_t>(insn.imm), width);
      if (ir::is_test(insn.op) && insn.b == ir::kNoValue) add(insn.imm);
    }
    for (const ir::Block& block : program.blocks)
      if (block.term.kind == ir::TermKind::kBranch && block.term.b == ir::kNoValue)
        add(block.term.imm);
    for (const ir::Case& one : program.cases) add(one.value);
    for (const ir::Table& table : program.tables) add(table);
  }

  /// A few keys, from all over the table.
  void add(const ir::Table& table) {
    const size_t step = table.entries.size() / kKeys + 1;
    for (size_t i = 0; i < table.entries.size(); i += step) add(table.entries[i].key);
  }
  void add(uint64_t constant) {
    if (constants.size() < kConstants) constants.insert({constant - 1, constant, constant + 1});
  }
};

class Checker {
 public:
  Checker(const ir::Program& general, const Subject& special, const ir::Facts& facts,
          uint64_t max_runs)
      : interpreter_(general, unobserved_),
        special_(special),
        facts_(facts),
        max_runs_(max_runs),
        actions_(),
        counters_() {}

  /// False once there is nothing more to do.
  bool run(const EdgePacket& packet, size_t len) {
    if (!keeps_facts(packet, len)) return true;
    if (report_.runs++ == max_runs_) return false;
    ipjit_ctx ctx = {};
    ctx.actions = &actions_;
    ctx.counters = counters_.data();
    std::ranges::copy(special_.tables, ctx.tables);
    for (size_t i = 0; i < packet.fields.size(); ++i) ctx.*ir::kCtxFields[i] = packet.fields[i];
    const uint64_t wanted = interpreter_.run(packet.bytes.data(), len, ctx);
    const uint64_t got = special_.entry(packet.bytes.data(), len, &ctx);
    if (wanted == got) return true;
    report_.disagreement = Disagreement{packet, wanted, got};
    report_.disagreement->packet.bytes.resize(len);
    return false;
  }
  bool run(const EdgePacket& packet) { return run(packet, packet.bytes.size()); }

  const ReplayReport& report() const { return report_; }

 private:
  bool keeps_facts(const EdgePacket& packet, size_t len) const {
    if (len < facts_.min_len || len > facts_.max_len) return false;
    return std::ranges::all_of(
        facts_.fields, [&](const auto& fact) { return packet.fields[fact.first] == fact.second; });
  }

  ir::Unobserved unobserved_;
  ir::Interpreter<ir::Unobserved> interpreter_;
  const Subject& special_;
  const ir::Facts& facts_;
  uint64_t max_runs_;
  ipjit_actions actions_;
  std::array<uint64_t, IPJIT_MAX_COUNTERS> counters_;
  ReplayReport report_;
};

EdgePacket packet_of(const Head& head) {
  return {{head.bytes.begin(), head.bytes.begin() + head.copied}, head.fields};
}

void put(EdgePacket& packet, uint32_t at, uint32_t width, uint64_t value) {
  for (uint32_t i = 0; i < width; ++i)
    packet.bytes[at + i] = static_cast<uint8_t>(value >> (8 * (width - 1 - i)));
}

bool run_changed(Checker& checker, const EdgePacket& base, const Probes& probes) {
  EdgePacket packet = base;
  for (const auto& [at, width] : probes.places) {
    if (at + width > base.bytes.size()) continue;
    const auto here = base.bytes.begin() + at;
    for (uint64_t value : probes.constants) {
      if (width < 8 && value >> (8 * width)) continue;
      put(packet, at, width, value);
      if (!checker.run(packet)) return false;
    }
    for (uint32_t i = 0; i < width; ++i) {
      std::copy_n(here, width, packet.bytes.begin() + at);
      for (uint8_t flip : {0x01, 0x80, 0xff}) {
        packet.bytes[at + i] = base.bytes[at + i] ^ flip;
        if (!checker.run(packet)) return false;
      }
    }
    std::copy_n(here, width, packet.bytes.begin() + at);
  }
  return true;
}

bool run_cut(Checker& checker, const EdgePacket& base) {
  for (size_t len = 0; len <= base.bytes.size(); ++len)
    if (!checker.run(base, len)) return false;
  return true;
}

bool run_all(Checker& checker, const Probes& probes, std::span<const Head> heads) {
  for (const Head& head : heads)
    if (!checker.run(packet_of(head))) return false;
  std::vector<EdgePacket> bases;
  const size_t step = std::max<size_t>(heads.size() / kBases, 1);
  for (size_t i = 0; i < heads.size(); i += step) bases.push_back(packet_of(heads[i]));
  const auto fields = heads.empty() ? decltype(EdgePacket::fields)() : heads.front().fields;
  for (const EdgePacket& base : bases)
    if (!run_cut(checker, base)) return false;
  for (uint8_t fill : {0x00, 0xff})
    if (!run_cut(checker, {std::vector<uint8_t>(Head::kBytes, fill), fields})) return false;
  for (const EdgePacket& base : bases)
    if (!run_changed(checker, base, probes)) return false;
  return true;
}

}  // namespace

ReplayReport replay_check(const ir::Program& general, const Subject& special,
                          std::span<const Head> heads, const ir::Facts& facts, uint64_t max_runs) {
  Probes probes;
  probes.add(general);
  if (special.program) probes.add(*special.program);
  Checker checker(general, special, facts, max_runs);
  run_all(checker, probes, heads);
  return checker.report();
}

}  // namespace ipjit::runtime
