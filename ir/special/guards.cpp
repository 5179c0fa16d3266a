// SPDX-License-Identifier: BSD-2-Clause
// A program for packets in which some fields have the values that they nearly always have.
//
//                                             need 34 else leave
//                                             v0 = load_be16 12
//   b0: need 14 else b9                       br v0 == 0x800 -> g1, leave
//       v0 = load_be16 12                 g1: v1 = load_u8 14
//       br v0 == 0x800 -> b1, b9    ==>       br v1 == 0x45 -> g2, leave
//   b1: ...                               g2: need 36 else b9
//       v1 = load_u8 14                       v2 = load_be16 34
//       v2 = and v1, 15                       br v2 == 80 -> b8, b9
//       v3 = shl v2, 2
//       need v3 + 16 else b9
//       v4 = load_be16 v3 + 14
//       br v4 == 80 -> b8, b9
//
// Behind its guards a field is a constant, and the passes of optimize() fold what hangs on it:
// tests are decided, offsets become constants, needs become one.  A packet that fails a guard goes
// to the general program from its beginning, so guards stand before everything, where nothing has
// been recorded.
//
// Which fields: sets of up to four, grown one by one and shrunk one by one, each tried by making
// the residual program and asking the cost model.  A set must hold for kLeastHold of the packets,
// counted from below (Profile::share_of()): what the tables have discarded counts as a failure.
// The gain is what the residual saves, less what the guards cost, less a misprediction and the way
// out for those that fail.
//
// Cost: a few dozen times optimize() for a small program, fewer for large ones.
// Tested by tests/special/.
#include <algorithm>

#include "ir/special/block_order.h"
#include "ir/special/cost.h"
#include "ir/special/passes.h"

namespace ipjit::ir {
namespace {

constexpr size_t kMaxGuards = 4;
constexpr size_t kMaxFields = 6;     // tried
constexpr size_t kLarge = 1000;      // instructions: a trial costs as many times more
constexpr double kLeastHold = 0.95;  // the policy retreats when 0.10 fail
constexpr double kLeastGain = 0.3;   // cycles per packet
constexpr uint64_t kLeastPackets = 100;

/// A value that one place of the packet or context nearly always has.
struct Field {
  Insn read;  ///< a load at a constant place, or a meta
  uint64_t value = 0;
  double share = 0;  ///< of all packets
};

bool same_field(const Insn& x, const Insn& y) {
  return x.op == y.op && x.base == y.base && x.a == y.a && x.imm == y.imm;
}

using Set = std::vector<uint32_t>;  ///< indices of fields

struct Trial {
  Set set = {};
  double hold = 0;
  double gain = 0;      ///< cycles per packet
  double residual = 0;  ///< cycles of a packet that passes, guards left out
};

class Guards {
 public:
  explicit Guards(Work& work) : work_(work), p_(work.program) {}

  bool run() {
    if (work_.profile.packets < kLeastPackets || !can_leave(work_)) return false;
    find_fields();
    if (fields_.empty()) return false;
    general_ = expected_cost(p_, work_.profile).cycles;
    const Trial grown = grow();
    const Trial shrunk = p_.insns.size() > kLarge ? Trial() : shrink();
    const Trial& best = shrunk.gain > grown.gain ? shrunk : grown;
    if (best.gain < kLeastGain) {
      work_.say("guards", "none pays: the best of " + std::to_string(fields_.size()) +
                              " fields gains " + std::to_string(best.gain) + " cycles");
      return false;
    }
    say(best);
    build(best.set);
    return true;
  }

 private:
  // --- candidates
  void find_fields() {
    for (const Insn& insn : p_.insns) {
      const bool reads = insn.op == Op::kMeta || (load_size(insn.op) != 0 && insn.a == kNoValue);
      if (!reads || insn.source == kNoSource) continue;
      const ValueTable* values = work_.profile.value(insn.source);
      if (values == nullptr || values->top.empty()) continue;
      const Field field{insn, values->top[0].value, share_of_packets(values->top[0].count)};
      if (field.share < kLeastHold) continue;
      const auto known = std::ranges::find_if(
          fields_, [&](const Field& other) { return same_field(other.read, field.read); });
      if (known == fields_.end())
        fields_.push_back(field);
      else if (known->share < field.share)
        *known = field;
    }
    // Stable: fields that are read earlier come first.
    std::ranges::stable_sort(fields_,
                             [](const Field& x, const Field& y) { return x.share > y.share; });
    const size_t most = p_.insns.size() > kLarge ? 2 : kMaxFields;
    if (fields_.size() > most) fields_.resize(most);
  }

  double share_of_packets(uint64_t count) const {
    return static_cast<double>(count) / static_cast<double>(work_.profile.packets);
  }

  /// From below: together they fail at most as often as each by itself.
  double hold_of(const Set& set) const {
    double at_least = 1;
    std::vector<std::pair<uint32_t, uint64_t>> together;
    for (uint32_t f : set) {
      at_least -= 1 - fields_[f].share;
      together.emplace_back(fields_[f].read.source, fields_[f].value);
    }
    return std::max(at_least, work_.profile.share_of(together));
  }

  // --- trials
  Trial grow() {
    Trial best;
    while (best.set.size() < kMaxGuards) {
      Trial next;
      for (uint32_t f = 0; f < fields_.size(); ++f) {
        if (std::ranges::count(best.set, f) != 0) continue;
        Set set = best.set;
        set.push_back(f);
        const Trial tried = try_set(set);
        if (next.set.empty() || tried.gain > next.gain) next = tried;
      }
      if (next.set.empty() || next.gain <= best.gain) return best;
      best = next;
    }
    return best;
  }

  Trial shrink() {
    Set all;
    for (uint32_t f = 0; f < fields_.size() && f < kMaxGuards; ++f) all.push_back(f);
    Trial best = try_set(all);
    for (Trial now = best; now.set.size() > 1;) {
      Trial next;
      for (uint32_t without = 0; without < now.set.size(); ++without) {
        Set set = now.set;
        set.erase(set.begin() + without);
        const Trial tried = try_set(set);
        if (next.set.empty() || tried.gain > next.gain) next = tried;
      }
      now = next;
      if (now.gain > best.gain) best = now;
    }
    return best;
  }

  Trial try_set(const Set& set) {
    Trial trial{set, hold_of(set), 0, 0};
    if (trial.hold < kLeastHold) return trial;
    Work residual = residual_of(set);
    trial.residual = expected_cost(residual.program, work_.profile).cycles;
    double cycles = 0;
    for (uint32_t f : set) cycles += cost_of(p_, fields_[f].read) + kCosts.branch;
    if (needs_bytes(set)) cycles += kCosts.need;
    const double fails = kCosts.mispredict + kCosts.count + kCosts.jump;
    trial.gain = trial.hold * (general_ - trial.residual) - cycles - (1 - trial.hold) * fails;
    return trial;
  }

  bool needs_bytes(const Set& set) const {
    return std::ranges::any_of(set, [&](uint32_t f) { return fields_[f].read.op != Op::kMeta; });
  }

  /// The program with the fields' values in the place of the fields.
  Work residual_of(const Set& set) {
    Work made{p_, work_.general, work_.profile, work_.facts, {}, {}};
    for (Insn& insn : made.program.insns)
      for (uint32_t f : set) {
        if (!same_field(insn, fields_[f].read)) continue;
        insn = constant(insn, fields_[f].value);
        break;
      }
    std::swap(made.ws, work_.ws);
    tidy(made);
    merge_needs(made.program, made.ws);
    remove_dead(made.program, made.ws);
    std::swap(made.ws, work_.ws);
    return made;
  }

  static Insn constant(const Insn& read, uint64_t value) {
    Insn made;
    made.op = Op::kConst;
    made.type = read.type;
    made.result = read.result;
    made.imm = value;
    made.source = read.source;
    return made;
  }

  // --- the program
  void build(const Set& set) {
    p_ = residual_of(set).program;
    const BlockId leave = leave_block(work_);
    const uint32_t residual = static_cast<uint32_t>(p_.blocks.size());
    std::vector<uint32_t> order;
    for (uint32_t i = 0; i < set.size(); ++i) {
      const bool last = i + 1 == set.size();
      order.push_back(residual + i);
      p_.blocks.push_back(guard(set, i, leave, BlockId{last ? 0 : residual + i + 1}));
    }
    for (uint32_t b = 0; b < residual; ++b) order.push_back(b);
    reorder_blocks(p_, order);
  }

  /// The first one asks for the bytes of all.
  Block guard(const Set& set, uint32_t i, BlockId leave, BlockId next) {
    const Field& field = fields_[set[i]];
    Block block;
    block.first = static_cast<uint32_t>(p_.insns.size());
    if (i == 0) {
      add_need(set, Base::kData, leave);
      add_need(set, Base::kTransport, leave);
    }
    Insn& read = p_.insns.emplace_back(field.read);
    read.result = p_.add_value(read.type);
    block.count = static_cast<uint32_t>(p_.insns.size()) - block.first;
    block.term.kind = TermKind::kBranch;
    block.term.a = read.result;
    block.term.imm = field.value;
    block.term.taken.to = next;
    block.term.other.to = leave;
    return block;
  }

  void add_need(const Set& set, Base base, BlockId leave) {
    uint64_t bytes = 0;
    for (uint32_t f : set) {
      const Insn& read = fields_[f].read;
      if (read.op != Op::kMeta && read.base == base)
        bytes = std::max(bytes, read.imm + load_size(read.op));
    }
    if (bytes == 0) return;
    Insn& need = p_.insns.emplace_back();
    need.op = Op::kNeed;
    need.base = base;
    need.imm = bytes;
    need.fail = leave;
  }

  void say(const Trial& best) {
    std::string what;
    for (uint32_t f : best.set) {
      const Insn& read = fields_[f].read;
      const std::string place = read.op == Op::kMeta ? word_of(static_cast<ipjit_field>(read.imm))
                                                     : std::to_string(read.imm);
      what += (what.empty() ? "" : ", ") + std::string(word_of(read.op)) +
              (read.base == Base::kTransport ? " th " : " ") + place +
              " == " + std::to_string(fields_[f].value);
    }
    work_.say("guards", what + " in " + std::to_string(best.hold * 100) +
                            " % of packets: " + std::to_string(general_) + " cycles become " +
                            std::to_string(best.residual) + " behind the guards, " +
                            std::to_string(best.gain) + " saved in the mean");
  }

  Work& work_;
  Program& p_;
  std::vector<Field> fields_;
  double general_ = 0;  ///< cycles of a packet now
};

}  // namespace

bool guards(Work& work) { return Guards(work).run(); }

}  // namespace ipjit::ir
