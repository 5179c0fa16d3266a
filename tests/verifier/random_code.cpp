// SPDX-License-Identifier: BSD-2-Clause
// A generator of programs that look like filters gone slightly wrong.
//
// It keeps a rough idea of what is checked (bytes of the packet, registers that hold numbers) and
// mostly stays inside it; a small share of its choices is off by one, takes another register or
// skips a check, because programs near the border are where an unsound rule would show.
#include "tests/verifier/random_code.h"

#include <asmjit/x86.h>

#include <algorithm>
#include <random>
#include <vector>

namespace ipjit::verifier {

namespace {

namespace x86 = asmjit::x86;

constexpr uint32_t kTableBytes = 1024;

class Generator {
 public:
  Generator(uint64_t seed, uint32_t isa) : random_(seed) {
    code_.init(asmjit::Environment(asmjit::Arch::kX64));
    code_.attach(&a_);
    ipjit_contract& c = unit_.contract;
    c.abi = IPJIT_ABI_VERSION;
    c.isa = isa;
    c.bases = IPJIT_BASE_DATA | (chance(3) ? IPJIT_BASE_TH : 0);
    c.max_len = 65535;
    c.max_th_len = 65535;
    c.stack_bytes = 8 * pick(5);
    c.fields = random_();
    c.fields &= (uint64_t{1} << IPJIT_FIELD_COUNT) - 1;
    c.actions = pick(5);
    c.counters = pick(4);
    c.nr_tables = 1;
    c.table[0] = {IPJIT_TABLE_IN_CTX, 3, kTableBytes - pick(3)};
  }

  GuardedUnit make() {
    fail_ = a_.newLabel();
    slots_ = unit_.contract.stack_bytes / 8;
    a_.push(x86::rbx);
    if (slots_ != 0) a_.sub(x86::rsp, 8 * slots_);
    need(pick(3) == 0 ? 14 : 20 + pick(30));  // every load_constant() finds room
    for (const uint32_t r : numbers_) load_constant(r);
    for (uint32_t n = 5 + pick(30); n != 0; --n) step();
    bind_all();
    a_.mov(x86::eax, d(number()));
    leave();
    a_.bind(fail_);
    a_.xor_(x86::eax, x86::eax);
    leave();
    const asmjit::CodeBuffer& buffer = code_.sectionById(0)->buffer();
    unit_.bytes.assign(buffer.data(), buffer.data() + buffer.size());
    unit_.code_len = static_cast<uint32_t>(unit_.bytes.size());
    return std::move(unit_);
  }

 private:
  bool chance(uint32_t one_in) { return random_() % one_in == 0; }
  uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
  /// Zero, seldom one, very seldom minus one: the error of a careless compiler.
  int slip() { return chance(40) ? 1 : chance(80) ? -1 : 0; }
  uint32_t number() { return numbers_[pick(std::size(numbers_))]; }
  x86::Gpq q(uint32_t id) const { return x86::gpq(id); }
  x86::Gpd d(uint32_t id) const { return x86::gpd(id); }

  void need(uint32_t bytes) {
    a_.cmp(x86::rsi, bytes);
    a_.jb(fail_);
    checked_ = std::max(checked_, bytes);
  }

  void leave() {
    if (slots_ != 0) a_.add(x86::rsp, 8 * slots_ + 8 * (chance(200) ? 1 : 0));
    if (!chance(300)) a_.pop(x86::rbx);
    a_.ret();
  }

  void load(uint32_t to, const x86::Mem& at, uint32_t bytes) {
    x86::Mem sized = at;
    sized.setSize(bytes);
    if (bytes == 8) a_.mov(q(to), sized);
    if (bytes == 4) a_.mov(d(to), sized);
    if (bytes < 4) a_.movzx(d(to), sized);
  }

  void load_constant(uint32_t to) {
    const uint32_t bytes = 1u << pick(4);
    load(to, x86::ptr(x86::rdi, pick(checked_ - bytes + 1) + slip()), bytes);
  }

  /// A number cut down so that it can serve as an offset.
  void shrink(uint32_t r) {
    if (chance(3))
      a_.movzx(d(r), x86::gpb(r));
    else if (chance(2))
      a_.shr(d(r), 20 + pick(10));
    else
      a_.and_(d(r), 0xff >> pick(8));
  }

  /// x + k is checked against the length, then something below is read.
  void load_variable() {
    const uint32_t x = number(), t = number(), scale = pick(4), bytes = 1u << pick(4);
    const uint32_t before = pick(12);
    if (!chance(12)) shrink(x);
    const bool by_sum = chance(4);
    const uint32_t y = number();
    if (by_sum) shrink(y);
    const auto end = static_cast<int32_t>(before + bytes) + slip();
    if (by_sum) {
      a_.lea(q(t), x86::ptr(q(y), q(x), 0, end));
    } else {
      // index * scale + end, without a base
      a_.mov(q(t), q(x));
      a_.shl(q(t), static_cast<uint32_t>(scale));
      a_.add(q(t), end);
    }
    if (t == x || t == y) return;
    a_.cmp(q(t), x86::rsi);
    if (chance(60))
      a_.jb(fail_);
    else
      a_.ja(fail_);
    if (chance(8)) alu();
    if (chance(10)) branch();
    if (!by_sum) {
      load(t, x86::ptr(x86::rdi, q(x), scale, static_cast<int32_t>(before)), bytes);
      return;
    }
    a_.add(q(x), q(y));
    load(t, x86::ptr(x86::rdi, q(x), 0, static_cast<int32_t>(before)), bytes);
  }

  void load_table() {
    const uint32_t x = number(), t = number(), scale = pick(3);
    if (t == x) return;
    const uint32_t entries = kTableBytes >> scale;
    if (chance(3)) {
      a_.imul(d(x), d(x), 0x1e3779b1);
      a_.shr(d(x), 22 + scale + (chance(20) ? -1 : 0));
    } else if (chance(8)) {
      a_.cmp(d(x), entries);  // by branch: must be refused
      a_.jae(fail_);
    } else {
      a_.and_(d(x), (entries - 1) >> pick(3));
    }
    a_.mov(q(t), x86::ptr(x86::rdx, 32 + 8 * (chance(60) ? 2 : 3)));
    const uint32_t bytes = 1u << pick(scale + 1);
    load(t, x86::ptr(q(t), q(x), scale, slip()), bytes);
  }

  void alu() {
    const uint32_t x = number(), y = number();
    switch (pick(15)) {
      case 0:
        a_.add(d(x), d(y));
        break;
      case 1:
        a_.sub(d(x), pick(64));
        break;
      case 2:
        a_.xor_(d(x), d(y));
        break;
      case 3:
        a_.or_(d(x), 1u << pick(6));
        break;
      case 4:
        a_.imul(d(x), d(y), pick(1000));
        break;
      case 5:
        a_.shl(d(x), 1 + pick(6));
        break;
      case 6:
        a_.sar(d(x), 1 + pick(20));
        break;
      case 7:
        a_.bswap(d(x));
        break;
      case 8:
        a_.rol(x86::gpw(x), 8);
        break;
      case 9:
        a_.movsx(q(x), x86::gpb(y));
        break;
      case 10:
        a_.lea(d(x), x86::ptr(q(x), q(y), pick(4), static_cast<int32_t>(pick(100))));
        break;
      case 11:
        a_.add(q(x), q(y));
        break;
      case 12:
        a_.neg(d(x));
        break;
      case 13:
        a_.mov(x86::gpb(x), x86::gpb(y));
        break;
      default:
        a_.shr(d(x), x86::cl);
        break;
    }
  }

  void select() {
    const uint32_t x = number(), y = number();
    a_.cmp(d(x), chance(2) ? pick(300) : 0x10000);
    if (chance(2))
      a_.cmovb(q(x), q(y));
    else if (chance(2))
      a_.cmova(d(y), d(x));
    else
      a_.setbe(x86::gpb(y));
  }

  void divide() {
    const uint32_t y = 8 + pick(2);
    if (!chance(8)) {
      a_.test(d(y), d(y));
      a_.je(fail_);
    }
    a_.mov(q(11), x86::rdx);
    if (!chance(30)) a_.xor_(x86::edx, x86::edx);
    a_.div(d(y));
    a_.mov(x86::rdx, q(11));
  }

  void branch() {
    const uint32_t x = number();
    const asmjit::Label label = a_.newLabel();
    a_.cmp(d(x), pick(2) != 0 ? pick(200) : static_cast<uint32_t>(random_() >> 33));
    if (chance(3))
      a_.jb(label);
    else if (chance(2))
      a_.jg(label);
    else
      a_.jne(label);
    pending_.push_back(label);
  }

  void spill() {
    if (slots_ == 0) return;
    const auto at = static_cast<int32_t>(8 * pick(slots_)) + 8 * slip();
    if (chance(2))
      a_.mov(x86::ptr(x86::rsp, at), q(number()));
    else
      a_.mov(q(number()), x86::ptr(x86::rsp, at));
  }

  void effects() {
    const ipjit_contract& c = unit_.contract;
    if (c.actions != 0 && chance(2)) {
      const uint32_t x = number();
      a_.mov(q(11), x86::ptr(x86::rdx, 16));
      a_.mov(x86::word_ptr(x86::r11, static_cast<int32_t>(2 * pick(c.actions)) + 2 * slip()), 7);
      a_.cmp(d(x), c.actions + slip());
      a_.jae(fail_);
      a_.mov(x86::word_ptr(x86::r11, q(x), 1), 9);
      a_.mov(x86::dword_ptr(x86::r11, 128), d(x));
    }
    if (c.counters != 0) {
      a_.mov(q(11), x86::ptr(x86::rdx, 24));
      a_.inc(x86::qword_ptr(x86::r11, static_cast<int32_t>(8 * pick(c.counters)) + 8 * slip()));
    }
  }

  void load_ctx() {
    const uint32_t field = pick(IPJIT_FIELD_COUNT);
    if (unit_.contract.fields >> field & 1 || chance(30))
      a_.mov(d(number()), x86::ptr(x86::rdx, 160 + static_cast<int32_t>(4 * field)));
  }

  void load_th() {
    if (!(unit_.contract.bases & IPJIT_BASE_TH)) return;
    const uint32_t end = 1 + pick(16), bytes = std::min(end, 1u << pick(3)), t = number();
    a_.cmp(x86::qword_ptr(x86::rdx, 8), end);
    a_.jb(fail_);
    a_.mov(q(11), x86::ptr(x86::rdx, 0));
    load(t, x86::ptr(x86::r11, static_cast<int32_t>(end - (bytes == 3 ? 2 : bytes)) + slip()),
         bytes == 3 ? 2 : bytes);
  }

  void step() {
    switch (pick(16)) {
      case 0:
        need(checked_ + pick(20));
        break;
      case 1:
      case 2:
        load_constant(number());
        break;
      case 3:
      case 4:
        load_variable();
        break;
      case 5:
        load_table();
        break;
      case 6:
        select();
        break;
      case 7:
        branch();
        break;
      case 8:
        spill();
        break;
      case 9:
        effects();
        break;
      case 10:
        load_ctx();
        break;
      case 11:
        load_th();
        break;
      case 12:
        if (!pending_.empty()) {
          const size_t i = pick(static_cast<uint32_t>(pending_.size()));
          a_.bind(pending_[i]);
          pending_.erase(pending_.begin() + static_cast<long>(i));
        }
        break;
      case 13:
        if (chance(3)) divide();
        break;
      default:
        alu();
        break;
    }
  }

  void bind_all() {
    for (const asmjit::Label& label : pending_) a_.bind(label);
    pending_.clear();
  }

  std::mt19937_64 random_;
  asmjit::CodeHolder code_;
  x86::Assembler a_;
  GuardedUnit unit_;
  asmjit::Label fail_;
  std::vector<asmjit::Label> pending_;
  uint32_t checked_ = 0;
  uint32_t slots_ = 0;
  // rax rcx rbx r8 r9 r10: the rest carries arguments or is not used.
  static constexpr uint32_t numbers_[] = {0, 1, 3, 8, 9, 10};
};

}  // namespace

GuardedUnit random_code(uint64_t seed, uint32_t isa) { return Generator(seed, isa).make(); }

}  // namespace ipjit::verifier
