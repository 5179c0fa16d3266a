// SPDX-License-Identifier: BSD-2-Clause
// Random valid programs: validity by construction.
//
// Blocks are made in order.  Every edge that is drawn carries what is known on it (visible values,
// readable bytes, needs passed) to the block it leads to, and when that block is made, it knows the
// intersection of what came in.  That is the validator's own rule, found the slow way.
#include "random_program.h"

#include <algorithm>
#include <optional>
#include <random>

namespace ipjit::ir {
namespace {

constexpr uint64_t kNumbers[] = {0,     1,     2,      4,      6,          8,
                                 14,    17,    20,     34,     255,        256,
                                 0x800, 0x806, 0x86dd, 0xffff, 0x0a000001, 0xffffffff};

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t any() { return engine_(); }
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(engine_() % n); }
  bool one_in(uint32_t n) { return below(n) == 0; }
  uint64_t number() {
    if (one_in(8)) return any() & 0xffffffff;
    return kNumbers[below(std::size(kNumbers))];
  }

 private:
  std::mt19937_64 engine_;
};

/// A need with an offset value, known by where it stands.
struct NeedFact {
  uint32_t insn;
  Base base;
  ValueId value;
  uint64_t bytes;
  bool operator==(const NeedFact&) const = default;
};

/// What is known at a point.
struct Known {
  std::vector<ValueId> values;
  std::vector<NeedFact> needs;
  uint64_t readable[2] = {0, 0};

  void meet(const Known& other) {
    std::erase_if(values, [&](ValueId id) { return std::ranges::count(other.values, id) == 0; });
    std::erase_if(needs,
                  [&](const NeedFact& f) { return std::ranges::count(other.needs, f) == 0; });
    for (int i = 0; i < 2; ++i) readable[i] = std::min(readable[i], other.readable[i]);
  }
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  Program run() {
    p_.name = "random";
    const uint32_t count = 2 + random_.below(random_.one_in(3) ? 40 : 14);
    entries_.resize(count);
    p_.blocks.resize(count);
    declare();
    entries_[0] = Known();
    for (uint32_t b = 0; b < count; ++b) block(b);
    return std::move(p_);
  }

 private:
  void declare() {
    p_.exits = random_.one_in(2) ? 1 + random_.below(5) : 0;
    p_.resumes = random_.below(3);
    p_.counters = random_.below(4);
    for (uint32_t t = random_.below(4); t > 0; --t) p_.tables.push_back(table());
    for (uint32_t b = 1; b < p_.blocks.size(); ++b) {
      p_.blocks[b].params = static_cast<uint32_t>(p_.params.size());
      for (uint32_t n = random_.one_in(3) ? 1 + random_.below(3) : 0; n > 0; --n) {
        p_.params.push_back(p_.add_value(random_.one_in(4) ? Type::kU64 : Type::kU32));
        ++p_.blocks[b].param_count;
      }
    }
  }

  Table table() {
    constexpr uint32_t kBits[] = {8, 16, 32, 64};
    Table t;
    t.key_bits = kBits[random_.below(4)];
    t.miss = random_.one_in(3) ? 9 : 0;
    std::vector<uint64_t> keys;
    for (uint32_t n = random_.below(12); n > 0; --n) {
      const uint64_t key = random_.number();
      keys.push_back(t.key_bits == 64 ? key : key & ((uint64_t{1} << t.key_bits) - 1));
    }
    std::ranges::sort(keys);
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    for (uint64_t key : keys)
      t.entries.push_back({key, random_.one_in(2) ? 1 : 2 + random_.below(5)});
    return t;
  }

  // --- blocks
  void block(uint32_t b) {
    at_ = b;
    Block& block = p_.blocks[b];
    known_ = entries_[b] ? *entries_[b] : Known();
    for (ValueId id : p_.params_of(block)) known_.values.push_back(id);
    block.first = static_cast<uint32_t>(p_.insns.size());
    if (chain_left_ > 0 && b + 1 < p_.blocks.size()) {
      --chain_left_;
      chain_test(block.term);
    } else {
      for (uint32_t n = random_.below(7); n > 0; --n) instruction();
      term(block.term);
    }
    block.count = static_cast<uint32_t>(p_.insns.size()) - block.first;
    if (random_.one_in(2)) block.term.source = b;
  }

  bool last() const { return at_ + 1 == p_.blocks.size(); }

  void term(Term& t) {
    // Something has to lead to the next block.
    const bool must = !last() && !entries_[at_ + 1];
    if (last() || (!must && random_.one_in(5))) return end(t);
    if (p_.blocks.size() - at_ > 12 && random_.one_in(2)) return start_chain(t);
    const uint32_t kind = random_.below(8);
    if (kind == 0) {
      t.kind = TermKind::kJump;
      t.taken = edge(must ? at_ + 1 : later());
    } else if (kind == 1) {
      switch_term(t);
    } else {
      branch(t);
      t.taken = edge(later());
    }
    if (kind > 0) t.other = edge(at_ + 1);
    if (kind > 1 && random_.one_in(2)) std::swap(t.taken, t.other);
  }

  void end(Term& t) {
    const uint32_t kind = random_.below(6);
    if (kind == 0 && p_.resumes > 0) {
      t.kind = TermKind::kResume;
      t.imm = random_.below(p_.resumes);
    } else if (kind > 1 && p_.exits > 0) {
      t.kind = TermKind::kExit;
      t.imm = random_.below(p_.exits);
    } else {
      t.kind = p_.exits > 0 || kind == 1 ? TermKind::kPull : TermKind::kRet;
      if (random_.one_in(3)) {
        t.a = value(Type::kU32);
      } else {
        t.imm = random_.below(3);
      }
    }
  }

  void branch(Term& t) {
    t.kind = TermKind::kBranch;
    t.a = value(type());
    t.rel = static_cast<Rel>(random_.below(p_.tables.empty() ? 4 : 5));
    if (t.rel == Rel::kIn) {
      t.table = random_.below(static_cast<uint32_t>(p_.tables.size()));
    } else if (random_.one_in(6)) {
      t.b = value(type_of(t.a));
    } else {
      t.imm = random_.number();
    }
  }

  void switch_term(Term& t) {
    t.kind = TermKind::kSwitch;
    t.a = value(type());
    std::vector<uint64_t> values;
    for (uint32_t n = random_.below(5); n > 0; --n) values.push_back(random_.number());
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
    std::vector<Case> cases;
    for (uint64_t v : values) cases.push_back({v, edge(later())});
    t.cases = static_cast<uint32_t>(p_.cases.size());
    t.case_count = static_cast<uint32_t>(cases.size());
    p_.cases.insert(p_.cases.end(), cases.begin(), cases.end());
  }

  /// Tests of one or two values in turn, all with one target.
  void start_chain(Term& t) {
    chain_values_.clear();
    for (uint32_t n = 1 + random_.below(2); n > 0; --n) {
      const Insn meta{.op = Op::kMeta, .type = Type::kU32, .imm = random_.below(IPJIT_FIELD_COUNT)};
      chain_values_.push_back(random_.one_in(2) ? value(type()) : add(meta));
    }
    const uint32_t left = static_cast<uint32_t>(p_.blocks.size()) - at_ - 2;
    chain_left_ = random_.one_in(3) ? 3 + random_.below(left - 2) : left;
    chain_target_ = std::min<uint32_t>(at_ + chain_left_ + 1 + random_.below(2),
                                       static_cast<uint32_t>(p_.blocks.size()) - 1);
    // Parameters would cut the chain; a block that nothing leads to yet can do without.
    for (uint32_t b = at_ + 1; b <= at_ + chain_left_; ++b)
      if (!entries_[b]) p_.blocks[b].param_count = 0;
    chain_test(t);
  }

  void chain_test(Term& t) {
    t.kind = TermKind::kBranch;
    t.rel = Rel::kEq;
    t.a = chain_values_[random_.below(static_cast<uint32_t>(chain_values_.size()))];
    if (std::ranges::count(known_.values, t.a) == 0) t.a = value(type());
    t.imm = random_.one_in(3) ? random_.number() : 0x0a000000 + random_.below(40);
    t.taken = edge(random_.one_in(20) ? later() : std::max(chain_target_, at_ + 1));
    t.other = edge(at_ + 1);
  }

  uint32_t later() {
    const uint32_t left = static_cast<uint32_t>(p_.blocks.size()) - at_ - 1;
    return at_ + 1 + random_.below(random_.one_in(3) ? left : std::min(left, 4u));
  }

  Edge edge(uint32_t to) {
    Edge e{BlockId{to}, 0, 0};
    std::vector<ValueId> args;
    for (ValueId param : p_.params_of(p_.blocks[to])) args.push_back(value(type_of(param)));
    e.args = args.empty() ? 0 : static_cast<uint32_t>(p_.edge_args.size());
    e.arg_count = static_cast<uint32_t>(args.size());
    p_.edge_args.insert(p_.edge_args.end(), args.begin(), args.end());
    carry(to);
    return e;
  }

  void carry(uint32_t to) {
    if (entries_[to]) {
      entries_[to]->meet(known_);
    } else {
      entries_[to] = known_;
    }
  }

  // --- instructions
  Type type() { return random_.one_in(4) ? Type::kU64 : Type::kU32; }
  Type type_of(ValueId id) const { return p_.values[index(id)]; }

  /// A visible value; now and then, or if there is none, a new constant.
  ValueId value(Type type) {
    std::vector<ValueId> fitting;
    for (ValueId id : known_.values)
      if (type_of(id) == type) fitting.push_back(id);
    // The newest are the most interesting.
    if (!fitting.empty() && !random_.one_in(10)) {
      const uint32_t n = static_cast<uint32_t>(fitting.size());
      return fitting[n - 1 - random_.below(random_.one_in(2) ? n : std::min(n, 3u))];
    }
    return add({.op = Op::kConst, .type = type, .imm = random_.number()});
  }

  ValueId add(Insn insn) {
    if (random_.one_in(3)) insn.source = random_.below(100);
    if (insn.type != Type::kNone) {
      insn.result = p_.add_value(insn.type);
      known_.values.push_back(insn.result);
    }
    p_.insns.push_back(insn);
    return insn.result;
  }

  void instruction() {
    switch (random_.below(10)) {
      case 0:
      case 1:
      case 2:
        return load();
      case 3:
        return need(random_.one_in(3) ? value(type()) : kNoValue, 1 + random_.below(40), base());
      case 4:
        add({.op = Op::kMeta, .type = Type::kU32, .imm = random_.below(IPJIT_FIELD_COUNT)});
        return;
      case 5:
        return record();
      case 6:
        return unary();
      default:
        return binary();
    }
  }

  Base base() { return random_.one_in(3) ? Base::kTransport : Base::kData; }

  /// The else block: a later one without parameters, if there is one.
  BlockId else_block() {
    for (uint32_t tries = 0; tries < 6 && !last(); ++tries)
      if (const uint32_t to = later(); p_.blocks[to].param_count == 0) return BlockId{to};
    return kNoBlock;
  }

  void need(ValueId offset, uint64_t bytes, Base base) {
    const BlockId fail = else_block();
    if (fail == kNoBlock) return;
    carry(index(fail));
    const uint32_t at = static_cast<uint32_t>(p_.insns.size());
    add({.op = Op::kNeed, .base = base, .a = offset, .imm = bytes, .fail = fail});
    uint64_t& readable = known_.readable[static_cast<uint32_t>(base)];
    readable = std::max(readable, bytes);
    if (offset != kNoValue) known_.needs.push_back({at, base, offset, bytes});
  }

  void load() {
    constexpr Op kLoads[] = {Op::kLoad8,    Op::kLoadBe16, Op::kLoadBe32, Op::kLoadBe64,
                             Op::kLoadLe16, Op::kLoadLe32, Op::kLoadLe64};
    Insn insn{.op = kLoads[random_.below(7)]};
    const uint32_t size = load_size(insn.op);
    insn.type = size == 8 ? Type::kU64 : Type::kU32;
    insn.base = base();
    if (random_.one_in(3)) {
      ValueId offset = value(type());
      if (random_.one_in(3)) {
        const uint64_t more =
            random_.one_in(4) ? uint64_t{0} - 1 - random_.below(9) : random_.below(9);
        const Type t = type_of(offset);
        offset = add({.op = Op::kAdd,
                      .type = t,
                      .a = offset,
                      .imm = t == Type::kU32 ? static_cast<uint32_t>(more) : more});
      }
      if (random_.one_in(2)) need(offset, size + random_.below(8), insn.base);
      for (const NeedFact& fact : known_.needs) {
        if (fact.base != insn.base || fact.bytes < size) continue;
        insn.a = fact.value;
        insn.imm = random_.below(static_cast<uint32_t>(fact.bytes) - size + 1);
      }
      if (insn.a != kNoValue) add(insn);
      return;
    }
    const uint64_t place = random_.one_in(2) ? random_.below(4) * 4 : random_.below(30);
    if (known_.readable[static_cast<uint32_t>(insn.base)] < place + size)
      need(kNoValue, place + size, insn.base);
    if (known_.readable[static_cast<uint32_t>(insn.base)] < place + size) return;
    insn.imm = place;
    add(insn);
  }

  void record() {
    if (p_.counters > 0 && random_.one_in(2)) {
      add({.op = Op::kCount, .imm = random_.below(p_.counters)});
    } else if (effects_ < IPJIT_MAX_ACTIONS) {
      ++effects_;
      add({.op = Op::kEffect, .imm = random_.below(0x10000)});
    }
  }

  void unary() {
    const Type t = type();
    switch (random_.below(5)) {
      case 0:
        add({.op = Op::kZext, .type = Type::kU64, .a = value(Type::kU32)});
        return;
      case 1:
        add({.op = Op::kTrunc, .type = Type::kU32, .a = value(Type::kU64)});
        return;
      case 2:
        add({.op = Op::kBswap, .type = t, .a = value(t)});
        return;
      case 3:
        add({.op = Op::kNeg, .type = t, .a = value(t)});
        return;
      default:
        if (p_.tables.empty()) return;
        add({.op = Op::kFind,
             .type = Type::kU32,
             .a = value(t),
             .table = random_.below(static_cast<uint32_t>(p_.tables.size()))});
    }
  }

  void binary() {
    constexpr Op kOps[] = {Op::kAdd, Op::kSub, Op::kMul, Op::kDiv, Op::kMod, Op::kAnd,
                           Op::kAnd, Op::kOr,  Op::kXor, Op::kShl, Op::kShr, Op::kEq,
                           Op::kNe,  Op::kLt,  Op::kLe,  Op::kAny};
    Insn insn{.op = kOps[random_.below(std::size(kOps))], .type = type()};
    const Type operand = insn.type;
    insn.a = value(operand);
    if (is_test(insn.op)) insn.type = Type::kU32;
    if (random_.one_in(3)) {
      insn.b = value(operand);
    } else {
      const bool shift = insn.op == Op::kShl || insn.op == Op::kShr;
      insn.imm = shift ? random_.below(random_.one_in(4) ? 70 : 8) : random_.number();
    }
    add(insn);
  }

  Random random_;
  Program p_;
  std::vector<std::optional<Known>> entries_;
  Known known_;
  uint32_t at_ = 0;
  uint32_t effects_ = 0;
  uint32_t chain_left_ = 0;
  uint32_t chain_target_ = 0;
  std::vector<ValueId> chain_values_;
};

std::vector<uint8_t> random_bytes(Random& random) {
  std::vector<uint8_t> bytes(random.below(random.one_in(3) ? 12 : 48));
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint64_t n = random.number();
    bytes[i] = static_cast<uint8_t>(random.one_in(2) ? n : n >> 8);
  }
  for (size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    if (!random.one_in(2)) continue;
    const uint32_t address = 0x0a000000 + random.below(40);
    for (size_t k = 0; k < 4; ++k) bytes[i + k] = static_cast<uint8_t>(address >> (24 - 8 * k));
  }
  return bytes;
}

}  // namespace

Program random_program(uint64_t seed) { return Generator(seed).run(); }

RandomInput random_input(uint64_t seed) {
  Random random(seed);
  RandomInput input;
  input.data = random_bytes(random);
  input.th = random_bytes(random);
  input.actions = std::make_unique<ipjit_actions>();
  input.counters.assign(IPJIT_MAX_COUNTERS, 0);
#define IPJIT_FIELD(name, meaning) \
  input.ctx.name =                 \
      static_cast<uint32_t>(random.one_in(3) ? 0x0a000000 + random.below(40) : random.number());
#include "ipjit/fields.def"
#undef IPJIT_FIELD
  input.ctx.th = input.th.data();
  input.ctx.th_len = input.th.size();
  input.ctx.actions = input.actions.get();
  input.ctx.counters = input.counters.data();
  return input;
}

void RandomInput::reset() {
  *actions = ipjit_actions();
  std::ranges::fill(counters, 0);
}

}  // namespace ipjit::ir
