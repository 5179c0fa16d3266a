// SPDX-License-Identifier: BSD-2-Clause
// Classic BPF to IR: one walk, one case for each instruction.
//
//   0: ldh [12]                      b0: need 14 else b2
//   1: jeq #0x800, 2, 3       ==>        v0 = load_be16 12
//   2: ret #262144                       br v0 == 0x800 -> b1, b2
//   3: ret #0                        b1: ret 262144
//                                    b2: ret 0
//
// flow.cpp has already followed jumps to jumps and knows what is live; ssa.cpp turns registers into
// values.  What is left here is the meaning of each instruction, and that is where the dialects
// differ; no later stage knows of them.
//
// Linux decides by the computed offset of [X + k] whether it counts from data, from the network
// header or from the link header, which is three branches.  Where X is known to be small (it nearly
// always comes from 4*([k]&0xf)) the sum can neither wrap nor reach those ranges, and the load is
// the plain one; Ssa::max() knows.
//
// In kernel form the program sees only a part of the packet, or the packet without its link header,
// and may `pull`, which lets the kernel's own code decide.  So it does wherever the general program
// would return 0 for want of bytes, or would have to know more of the packet than `len` and ctx
// say; and [X + k] needs none of the three branches, because what is below data is not within
// `len`.
//
// Hazard: a load is never dropped, even if its value is dead: its need decides the verdict.
// Cost: linear; see docs/measurements.md.
// Tested by tests/bpf/translate_test.cpp, and on random programs by tests/bpf/random_test.cpp.
#include "bpf-frontend/translate.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "bpf-frontend/ancillary.h"
#include "bpf-frontend/check.h"
#include "bpf-frontend/flow.h"
#include "bpf-frontend/opcodes.h"
#include "bpf-frontend/ssa.h"

namespace ipjit::bpf {
namespace {

using ir::Op;
using ir::Rel;
using ir::Term;
using ir::TermKind;
using ir::ValueId;

constexpr uint32_t kAnyValue = 0xffffffff;

class Translator {
 public:
  /// `offered`: in kernel form, the fields of ctx that may be read.
  Translator(std::span<const Insn> insns, Dialect dialect, std::optional<uint64_t> offered,
             const Flow& flow, ir::Program& program)
      : insns_(insns),
        dialect_(dialect),
        offered_(offered),
        flow_(flow),
        ssa_(flow, program, offered ? Missing::kPull : Missing::kReject) {}

  void run();

 private:
  void step(uint32_t pc);
  void jump(const Insn& insn);
  void ld(const Insn& insn);
  void ldx(const Insn& insn);
  void alu(const Insn& insn);
  void misc(const Insn& insn);
  ValueId load_at(uint32_t k, uint32_t size);
  ValueId load_indirect(ValueId x, uint32_t k, uint32_t size);
  ValueId load_linux_indirect(ValueId x, uint32_t k, uint32_t size);
  ValueId load(ValueId base, uint64_t imm, uint32_t size);
  ValueId ancillary(ipjit_field field);
  bool known(ipjit_field field) const { return !offered_ || (*offered_ >> field & 1) != 0; }
  ValueId meta(ipjit_field field);
  ValueId op(Op op, ValueId a, ValueId b, uint32_t imm, uint32_t max);
  uint32_t max_of(const Insn& insn, uint32_t a, uint32_t operand) const;

  std::span<const Insn> insns_;
  Dialect dialect_;
  std::optional<uint64_t> offered_;
  const Flow& flow_;
  Ssa ssa_;
  uint32_t pc_ = 0;
};

void Translator::run() {
  ssa_.enter_first();
  for (uint32_t pc = 0; pc < flow_.end(); ++pc) {
    if (flow_.steps[pc].leader) {
      if (ssa_.open()) ssa_.jump(pc, ir::kNoSource);
      if (ssa_.reached(pc)) ssa_.enter(pc);
    }
    if (ssa_.open()) step(pc);
  }
  ssa_.finish();
}

void Translator::step(uint32_t pc) {
  const Insn& insn = insns_[pc];
  pc_ = pc;
  if (uint32_t to = flow_.steps[pc].goes_to; to != pc) {
    if (BPF_CLASS(insn.code) == BPF_RET)
      ssa_.ret(ir::kNoValue, 0, pc);
    else
      ssa_.jump(to, pc);
    return;
  }
  switch (BPF_CLASS(insn.code)) {
    case BPF_LD:
      return ld(insn);
    case BPF_LDX:
      return ldx(insn);
    case BPF_ST:
      return ssa_.set(insn.k, ssa_.get(kRegA));
    case BPF_STX:
      return ssa_.set(insn.k, ssa_.get(kRegX));
    case BPF_ALU:
      return alu(insn);
    case BPF_JMP:
      return jump(insn);
    case BPF_RET:
      if (BPF_RVAL(insn.code) == BPF_A) return ssa_.ret(ssa_.get(kRegA), 0, pc);
      return ssa_.ret(ir::kNoValue, insn.k, pc);
    default:
      return misc(insn);
  }
}

void Translator::jump(const Insn& insn) {
  Term term{.kind = TermKind::kBranch, .a = ssa_.get(kRegA), .source = pc_};
  if (BPF_SRC(insn.code) == BPF_X)
    term.b = ssa_.get(kRegX);
  else
    term.imm = insn.k;
  uint32_t taken = flow_.steps[target(pc_, insn.jt)].goes_to;
  uint32_t other = flow_.steps[target(pc_, insn.jf)].goes_to;
  switch (BPF_OP(insn.code)) {
    case BPF_JEQ:
      term.rel = Rel::kEq;
      break;
    case BPF_JSET:
      term.rel = Rel::kAny;
      break;
    case BPF_JGT:
      term.rel = Rel::kLe;
      std::swap(taken, other);
      break;
    default:  // BPF_JGE
      term.rel = Rel::kLt;
      std::swap(taken, other);
      break;
  }
  ssa_.branch(term, taken, other);
}

void Translator::ld(const Insn& insn) {
  switch (BPF_MODE(insn.code)) {
    case BPF_IMM:
      return ssa_.set(kRegA, op(Op::kConst, ir::kNoValue, ir::kNoValue, insn.k, insn.k));
    case BPF_MEM:
      return ssa_.set(kRegA, ssa_.get(insn.k));
    case BPF_LEN:
      return ssa_.set(kRegA, meta(IPJIT_FIELD_wire_len));
    case BPF_IND:
      return ssa_.set(kRegA, load_indirect(ssa_.get(kRegX), insn.k, load_size(insn)));
    default:
      break;
  }
  if (dialect_ == Dialect::kLinux && insn.k == kXorXOffset)
    return ssa_.set(kRegA, op(Op::kXor, ssa_.get(kRegA), ssa_.get(kRegX), 0, kAnyValue));
  if (std::optional<ipjit_field> field = ancillary_field(insn, dialect_))
    return ssa_.set(kRegA, ancillary(*field));
  ssa_.set(kRegA, load_at(insn.k, load_size(insn)));
}

void Translator::ldx(const Insn& insn) {
  switch (BPF_MODE(insn.code)) {
    case BPF_IMM:
      return ssa_.set(kRegX, op(Op::kConst, ir::kNoValue, ir::kNoValue, insn.k, insn.k));
    case BPF_MEM:
      return ssa_.set(kRegX, ssa_.get(insn.k));
    case BPF_LEN:
      return ssa_.set(kRegX, meta(IPJIT_FIELD_wire_len));
    default:
      break;
  }
  ValueId byte = load_at(insn.k, 1);
  if (!ssa_.open()) return;
  ValueId low = op(Op::kAnd, byte, ir::kNoValue, 0xf, 0xf);
  ssa_.set(kRegX, op(Op::kShl, low, ir::kNoValue, 2, 60));
}

ValueId Translator::op(Op op, ValueId a, ValueId b, uint32_t imm, uint32_t max) {
  return ssa_.emit({.op = op, .a = a, .b = b, .imm = imm, .source = pc_}, max);
}

/// No value, and the block has ended, where the field is not offered.
ValueId Translator::meta(ipjit_field field) {
  if (known(field)) return op(Op::kMeta, ir::kNoValue, ir::kNoValue, field, kAnyValue);
  ssa_.pull(pc_);
  return ir::kNoValue;
}

// libpcap has the VLAN fields only where there is auxiliary data; the kernel's code returns 0 for a
// field of the device where the packet has none.
ValueId Translator::ancillary(ipjit_field field) {
  Term term{.kind = TermKind::kBranch, .rel = Rel::kEq, .source = pc_};
  if (dialect_ == Dialect::kLibpcap) {
    term.a = meta(IPJIT_FIELD_vlan_present);
    term.imm = kNoVlanData;
    ssa_.reject_if(term);
    return meta(field);
  }
  ValueId value = meta(field);
  const bool of_device = field == IPJIT_FIELD_ifindex || field == IPJIT_FIELD_hatype;
  if (offered_ && of_device && ssa_.open()) {
    term.a = value;
    ssa_.pull_if(term);
  }
  return value;
}

// Linux's k from 2^31 to 0xffe00000 is no place at all, and as far beyond the packet as it looks.
ValueId Translator::load_at(uint32_t k, uint32_t size) {
  if (dialect_ == Dialect::kLinux && k >= kNetOffset) {
    ValueId net = meta(IPJIT_FIELD_net_off);
    if (!ssa_.open()) return net;
    if (k > kNetOffset) net = op(Op::kAdd, net, ir::kNoValue, k - kNetOffset, kAnyValue);
    return load(net, 0, size);
  }
  if (dialect_ == Dialect::kLinux && k >= kLinkOffset) {
    // In a socket's filter data may start behind the link header.
    if (offered_) return ssa_.pull(pc_), ir::kNoValue;
    k -= kLinkOffset;
  }
  return load(ir::kNoValue, k, size);
}

ValueId Translator::load_indirect(ValueId x, uint32_t k, uint32_t size) {
  const uint64_t most = uint64_t{ssa_.max(x)} + k;
  if (dialect_ == Dialect::kLibpcap || most < kLinkOffset) return load(x, k, size);
  if (!offered_) return load_linux_indirect(x, k, size);
  // Beyond 2^31 there is no packet, so such a place pulls, and the kernel's code reads it.
  if (most <= kAnyValue) return load(x, k, size);
  return load(op(Op::kAdd, x, ir::kNoValue, k, kAnyValue), 0, size);
}

//   b:     v = add x, k
//          br v < 0xffe00000 -> b+4(v), b+1
//   b+1:   br v < 0xfff00000 -> b+2, b+3
//   b+2:   link = sub v, 0xffe00000;               jump b+4(link)
//   b+3:   net = meta net_off + (v - 0xfff00000);  jump b+4(net)
//   b+4(place): load place
ValueId Translator::load_linux_indirect(ValueId x, uint32_t k, uint32_t size) {
  ValueId v = k == 0 ? x : op(Op::kAdd, x, ir::kNoValue, k, kAnyValue);
  auto later = [first = index(ssa_.block())](uint32_t n) { return ir::BlockId{first + n}; };
  Term below{.kind = TermKind::kBranch, .rel = Rel::kLt, .a = v, .source = pc_};
  below.imm = kLinkOffset;
  below.taken = ssa_.edge_to(later(4), v);
  below.other = {.to = later(1)};
  ssa_.split(below);
  below.imm = kNetOffset;
  below.taken = {.to = later(2)};
  below.other = {.to = later(3)};
  ssa_.split(below);
  ValueId link = op(Op::kSub, v, ir::kNoValue, kLinkOffset, kNetOffset - kLinkOffset - 1);
  ir::Edge from_link = ssa_.edge_to(later(4), link);
  ssa_.split({.kind = TermKind::kJump, .taken = from_link, .source = pc_});
  ValueId net = op(Op::kSub, v, ir::kNoValue, kNetOffset, 0xffffffff - kNetOffset);
  net = op(Op::kAdd, net, meta(IPJIT_FIELD_net_off), 0, kAnyValue);
  ir::Edge from_net = ssa_.edge_to(later(4), net);
  ssa_.split({.kind = TermKind::kJump, .taken = from_net, .source = pc_});
  return load(ssa_.add_param(kAnyValue), 0, size);
}

ValueId Translator::load(ValueId base, uint64_t imm, uint32_t size) {
  Op word = size == 4 ? Op::kLoadBe32 : size == 2 ? Op::kLoadBe16 : Op::kLoad8;
  uint32_t max = size == 4 ? kAnyValue : size == 2 ? 0xffff : 0xff;
  ssa_.need(base, imm + size, pc_);
  return ssa_.emit({.op = word, .a = base, .imm = imm, .source = pc_}, max);
}

// `a` and `operand` are the largest values of the operands.
uint32_t Translator::max_of(const Insn& insn, uint32_t a, uint32_t operand) const {
  bool constant = BPF_SRC(insn.code) == BPF_K;
  auto fits = [](uint64_t value) {
    return value <= kAnyValue ? static_cast<uint32_t>(value) : kAnyValue;
  };
  switch (BPF_OP(insn.code)) {
    case BPF_ADD:
      return fits(uint64_t{a} + operand);
    case BPF_MUL:
      return fits(uint64_t{a} * operand);
    case BPF_DIV:
      return constant ? a / operand : a;
    case BPF_MOD:
      return constant ? std::min(a, operand - 1) : a;
    case BPF_AND:
      return std::min(a, operand);
    case BPF_OR:
    case BPF_XOR:
      return fits(std::bit_ceil(uint64_t{a | operand} + 1) - 1);
    case BPF_LSH:
      return constant ? fits(uint64_t{a} << operand) : kAnyValue;
    case BPF_RSH:
      return constant ? a >> operand : a;
    default:
      return kAnyValue;
  }
}

Op op_of(const Insn& insn) {
  switch (BPF_OP(insn.code)) {
    case BPF_ADD:
      return Op::kAdd;
    case BPF_SUB:
      return Op::kSub;
    case BPF_MUL:
      return Op::kMul;
    case BPF_DIV:
      return Op::kDiv;
    case BPF_MOD:
      return Op::kMod;
    case BPF_AND:
      return Op::kAnd;
    case BPF_OR:
      return Op::kOr;
    case BPF_XOR:
      return Op::kXor;
    case BPF_LSH:
      return Op::kShl;
    case BPF_RSH:
      return Op::kShr;
    default:
      return Op::kNeg;
  }
}

void Translator::alu(const Insn& insn) {
  ValueId a = ssa_.get(kRegA);
  Op word = op_of(insn);
  if (word == Op::kNeg) return ssa_.set(kRegA, op(word, a, ir::kNoValue, 0, kAnyValue));
  if (BPF_SRC(insn.code) == BPF_K) {
    uint32_t max = max_of(insn, ssa_.max(a), insn.k);
    return ssa_.set(kRegA, op(word, a, ir::kNoValue, insn.k, max));
  }
  ValueId x = ssa_.get(kRegX);
  if (word == Op::kDiv || word == Op::kMod)
    ssa_.reject_if({.kind = TermKind::kBranch, .rel = Rel::kEq, .a = x, .imm = 0, .source = pc_});
  bool shifts = word == Op::kShl || word == Op::kShr;
  if (shifts && dialect_ == Dialect::kLinux && ssa_.max(x) > 31)
    x = op(Op::kAnd, x, ir::kNoValue, 31, 31);
  ssa_.set(kRegA, op(word, a, x, 0, max_of(insn, ssa_.max(a), ssa_.max(x))));
}

void Translator::misc(const Insn& insn) {
  if (BPF_MISCOP(insn.code) == BPF_TAX)
    ssa_.set(kRegX, ssa_.get(kRegA));
  else
    ssa_.set(kRegA, ssa_.get(kRegX));
}

// The first one, or the program's size.
size_t backward_jump(std::span<const Insn> insns) {
  for (uint32_t pc = 0; pc < insns.size(); ++pc)
    if (is_jump_always(insns[pc]) && target(pc, insns[pc].k) <= pc) return pc;
  return insns.size();
}

Result<ir::Program> translated(std::span<const Insn> insns, Dialect dialect,
                               std::optional<uint64_t> offered) {
  if (Status status = check(insns, dialect); !status) return status.error();
  if (size_t pc = backward_jump(insns); pc < insns.size())
    return Error{Stage::kFrontend, Code::kBackwardJump, pc,
                 "a backward jump needs the classic BPF interpreter"};
  Flow flow = flow_of(insns, dialect);
  ir::Program program;
  Translator(insns, dialect, offered, flow, program).run();
  return program;
}

}  // namespace

Result<ir::Program> translate(std::span<const Insn> insns, Dialect dialect) {
  return translated(insns, dialect, std::nullopt);
}

Result<ir::Program> translate_for_kernel(std::span<const Insn> insns, uint64_t fields) {
  return translated(insns, Dialect::kLinux, fields);
}

}  // namespace ipjit::bpf
