// SPDX-License-Identifier: BSD-2-Clause
// A program is a row of blocks and then a few returns:
//
//   prologue   A and X, and the M[] cells that the program may read, get values
//   block      loads, arithmetic, a conditional jump to a later block or to a return
//   chain      now and then: many equal tests of one load with one way out, as in a list of hosts
//   sum        now and then: every cell of M[] is used, more values than there are registers
//   ...
//   returns    #262144, #0, a, one more constant
//
// Most jumps lead to the next block on one side, so that long paths are likely; most comparisons
// are with what was loaded just before, so that random_packet() can satisfy them.
#include "tests/bpf/random_bpf.h"

#include <algorithm>

namespace ipjit::bpf {
namespace {

constexpr uint32_t kEdges[] = {
    0,       1,          2,          3,          4,          15,         31,        32,
    33,      0x7f,       0x80,       0xff,       0x100,      0x7fff,     0x8000,    0xffff,
    0x10000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
constexpr uint32_t kHeaderConstants[] = {0x0800, 0x0806, 0x86dd, 0x8100,     6,          17,  1,
                                         80,     443,    53,     0xc0000201, 0xc0000202, 0x45};
constexpr uint32_t kLinuxOffsets[] = {0xffe00000, 0xffe00001, 0xffe0000c, 0xffe00017, 0xffefffff,
                                      0xfff00000, 0xfff00001, 0xfff00009, 0xfff0000c, 0xfff00010,
                                      0xfff000ff, 0xffdfffff, 0x80000000, 0xffffefff};
constexpr uint16_t kSizes[] = {BPF_W, BPF_H, BPF_B};
constexpr uint16_t kOps[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD,
                             BPF_AND, BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH};
constexpr uint16_t kConditions[] = {BPF_JEQ, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
constexpr uint32_t kReturns = 4;

template <class T, size_t N>
T pick(Random& random, const T (&from)[N]) {
  return random.pick(std::span<const T>(from));
}

class Generator {
 public:
  Generator(Random& random, Dialect dialect) : random_(random), dialect_(dialect) {}

  InsnList run(uint32_t max_blocks);

 private:
  bool linux_dialect() const { return dialect_ == Dialect::kLinux; }
  void add(uint32_t code, uint32_t k = 0) {
    insns_.push_back({static_cast<uint16_t>(code), 0, 0, k});
  }
  uint32_t constant();
  uint32_t place();
  void prologue();
  void load();
  void indirect_load();
  void move();
  void arithmetic();
  void shift_by_load();
  void condition(uint32_t block);
  void chain(uint32_t tests);
  void fill_cells();
  void sum_cells();
  void place_jumps(uint32_t blocks);

  Random& random_;
  Dialect dialect_;
  InsnList insns_;
  std::vector<uint32_t> cells_;   // M[] that the prologue wrote
  std::vector<uint32_t> starts_;  // pc of each block, then of the returns
  std::vector<uint32_t> jumps_;   // pc of each block's last instruction
  uint32_t chain_first_ = 0;      // blocks [chain_first_, chain_end_) leave by one way if taken
  uint32_t chain_end_ = 0;
};

uint32_t Generator::constant() {
  switch (random_.below(6)) {
    case 0:
      return pick(random_, kEdges);
    case 1:
      return static_cast<uint32_t>(random_.next());
    case 2:
      return random_.below(256);
    default:
      return pick(random_, kHeaderConstants);
  }
}

// Mostly inside a small packet.
uint32_t Generator::place() {
  if (random_.one_in(40)) return pick(random_, kEdges);
  if (linux_dialect() && random_.one_in(15)) return pick(random_, kLinuxOffsets);
  return random_.below(random_.one_in(4) ? 100 : 40);
}

void Generator::prologue() {
  if (random_.one_in(3)) return;
  add(BPF_LD | pick(random_, kSizes) | BPF_ABS, random_.below(30));
  if (random_.one_in(2)) add(BPF_MISC | BPF_TAX);
  for (uint32_t i = random_.below(4); i-- > 0;) {
    cells_.push_back(random_.below(BPF_MEMWORDS));
    add(random_.one_in(2) ? BPF_ST : BPF_STX, cells_.back());
  }
}

void Generator::load() {
  uint32_t size = pick(random_, kSizes);
  switch (random_.below(12)) {
    case 0:
      return add(BPF_LD | BPF_IMM, constant());
    case 1:
      return add(BPF_LD | BPF_W | BPF_LEN);
    case 2:
      if (linux_dialect()) return add(BPF_LD | size | BPF_ABS, SKF_AD_OFF + 4 * random_.below(16));
      break;
    case 3:
    case 4:
      return indirect_load();
    default:
      break;
  }
  uint32_t k = place();
  if (linux_dialect() && k >= 0xfffff000) k -= 0x1000;  // Unknown ancillary loads are refused.
  add(BPF_LD | size | BPF_ABS, k);
}

void Generator::indirect_load() {
  switch (random_.below(8)) {
    case 0:
      add(BPF_LDX | BPF_IMM, random_.one_in(2) ? place() : pick(random_, kEdges));
      break;
    case 1:
      add(BPF_LDX | BPF_W | BPF_LEN);
      break;
    case 2:
      break;  // X as it is
    default:
      add(BPF_LDX | BPF_B | BPF_MSH, random_.one_in(3) ? place() : 14);
      break;
  }
  uint32_t back = 0u - random_.below(20);  // X - something: wraps in Linux, is far away in libpcap
  add(BPF_LD | pick(random_, kSizes) | BPF_IND, random_.one_in(10) ? back : place());
}

void Generator::move() {
  switch (random_.below(5)) {
    case 0:
      return add(BPF_MISC | BPF_TXA);
    case 1:
      return add(BPF_LDX | BPF_IMM, constant());
    case 2:
      if (cells_.empty()) break;
      return add(random_.one_in(2) ? BPF_ST : BPF_STX,
                 random_.pick(std::span<const uint32_t>(cells_)));
    case 3:
      if (cells_.empty()) break;
      return add((random_.one_in(2) ? BPF_LD : BPF_LDX) | BPF_MEM,
                 random_.pick(std::span<const uint32_t>(cells_)));
    default:
      break;
  }
  add(BPF_MISC | BPF_TAX);
}

void Generator::arithmetic() {
  if (random_.one_in(12)) return add(BPF_ALU | BPF_NEG);
  uint32_t op = random_.one_in(2) ? uint32_t{BPF_AND} : pick(random_, kOps);
  if (random_.one_in(3)) return add(BPF_ALU | op | BPF_X);
  uint32_t k = op == BPF_AND && random_.one_in(2) ? (1u << random_.below(32)) - 1 : constant();
  if (op == BPF_LSH || op == BPF_RSH) k %= 32;
  if (op == BPF_DIV || op == BPF_MOD) k = std::max(k, 1u);
  add(BPF_ALU | op | BPF_K, k);
}

// Counts below and beyond the width, which no constant gives.
void Generator::shift_by_load() {
  add(BPF_LD | BPF_B | BPF_ABS, random_.below(30));
  add(BPF_ALU | BPF_AND | BPF_K, 63);
  add(BPF_MISC | BPF_TAX);
  add(BPF_LD | pick(random_, kSizes) | BPF_ABS, random_.below(30));
  add(BPF_ALU | (random_.one_in(2) ? BPF_LSH : BPF_RSH) | BPF_X);
}

void Generator::fill_cells() {
  for (uint32_t cell = 0; cell < BPF_MEMWORDS; ++cell) {
    add(BPF_LD | pick(random_, kSizes) | BPF_ABS, random_.below(30));
    add(BPF_ST, cell);
    cells_.push_back(cell);
  }
}

// Leaves a mixture of all cells in A.
void Generator::sum_cells() {
  for (uint32_t cell = 0; cell < BPF_MEMWORDS; ++cell) {
    add(BPF_LD | BPF_MEM, cell);
    add(BPF_ALU | (cell % 2 ? BPF_ADD : BPF_XOR) | BPF_X);
    add(BPF_MISC | BPF_TAX);
  }
}

// A load and many tests of it; a test is a block of its own.
void Generator::chain(uint32_t tests) {
  chain_first_ = static_cast<uint32_t>(starts_.size());
  uint32_t base = constant() & ~0xffu;
  for (uint32_t i = 0; i < tests; ++i) {
    starts_.push_back(static_cast<uint32_t>(insns_.size()));
    if (i == 0) add(BPF_LD | pick(random_, kSizes) | BPF_ABS, random_.below(40));
    jumps_.push_back(static_cast<uint32_t>(insns_.size()));
    bool near = random_.one_in(2);
    add(BPF_JMP | BPF_JEQ | BPF_K, near ? base + random_.below(256) : constant());
  }
  chain_end_ = static_cast<uint32_t>(starts_.size());
}

void Generator::condition(uint32_t block) {
  starts_.push_back(static_cast<uint32_t>(insns_.size()));
  if (block == 0) prologue();
  if (random_.one_in(20)) shift_by_load();
  uint32_t loads = random_.one_in(5) ? 0 : 1 + random_.one_in(4);
  for (uint32_t i = 0; i < loads; ++i) {
    load();
    if (random_.one_in(4)) move();
    if (random_.one_in(4)) arithmetic();
  }
  jumps_.push_back(static_cast<uint32_t>(insns_.size()));
  if (random_.one_in(20)) return add(BPF_JMP | BPF_JA);
  add(BPF_JMP | pick(random_, kConditions) | (random_.one_in(8) ? BPF_X : BPF_K), constant());
}

// Blocks [0, blocks), then the returns.
void Generator::place_jumps(uint32_t blocks) {
  uint32_t way_out = std::max(chain_end_, blocks + random_.below(kReturns));
  for (uint32_t block = 0; block < blocks; ++block) {
    auto choose = [&](bool next) {
      uint32_t later = blocks + kReturns - 1 - block;
      uint32_t to = next ? block + 1 : block + 1 + random_.below(later);
      if (!next && random_.one_in(3)) to = blocks + random_.below(kReturns);
      return starts_[to] - jumps_[block] - 1;
    };
    Insn& jump = insns_[jumps_[block]];
    if (block >= chain_first_ && block < chain_end_) {
      jump.jf = static_cast<uint8_t>(starts_[block + 1] - jumps_[block] - 1);
      jump.jt = static_cast<uint8_t>(starts_[way_out] - jumps_[block] - 1);
      continue;
    }
    if (jump.code == (BPF_JMP | BPF_JA)) {
      jump.k = choose(random_.one_in(2));
      continue;
    }
    bool taken_is_next = random_.one_in(2);
    jump.jt = static_cast<uint8_t>(choose(taken_is_next));
    jump.jf = static_cast<uint8_t>(choose(!taken_is_next && !random_.one_in(6)));
  }
}

InsnList Generator::run(uint32_t max_blocks) {
  // A block has some 10 instructions, and jt and jf have 8 bits.
  bool cells = random_.one_in(16), tests = random_.one_in(8);
  uint32_t plain = 1 + random_.below(std::min(max_blocks, cells || tests ? 6u : 15u));
  if (cells) fill_cells();
  uint32_t chain_at = random_.below(plain);
  for (uint32_t block = 0; block < plain; ++block) {
    condition(block);
    if (tests && block == chain_at) chain(8 + random_.below(32));
  }
  uint32_t blocks = static_cast<uint32_t>(starts_.size());
  const Insn returns[kReturns] = {{BPF_RET | BPF_K, 0, 0, 262144},
                                  {BPF_RET | BPF_K, 0, 0, 0},
                                  {BPF_RET | BPF_A, 0, 0, 0},
                                  {BPF_RET | BPF_K, 0, 0, constant()}};
  uint32_t first = random_.below(kReturns);
  for (uint32_t i = 0; i < kReturns; ++i) {
    starts_.push_back(static_cast<uint32_t>(insns_.size()));
    const Insn& given = returns[(first + i) % kReturns];
    if (cells && given.code == (BPF_RET | BPF_A)) sum_cells();
    insns_.push_back(given);
  }
  place_jumps(blocks);
  return insns_;
}

}  // namespace

uint64_t Random::next() {
  // SplitMix64 (Steele, Lea, Flood).
  uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

InsnList random_program(Random& random, Dialect dialect, uint32_t max_blocks) {
  return Generator(random, dialect).run(max_blocks);
}

}  // namespace ipjit::bpf
