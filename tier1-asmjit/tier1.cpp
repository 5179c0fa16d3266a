// SPDX-License-Identifier: BSD-2-Clause
// IR to x86-64 in one walk.
//
//   select      which instructions get code, which are folded into a comparison      selection.h
//   registers   a register or stack slot for each value                              registers.h
//   tables      sets and maps as bytes                                               lookup/table.h
//   walk        prologue; blocks in order; shared returns behind them                emit_*.cpp
//   finish      short jumps, padding to 64 bytes, tables, addresses of tables        jumps.h
//
// Nothing here knows where a program came from: bounds checks are IR instructions, and the
// verifier, not this tier, decides whether they suffice.
//
// Cost: some 30 ns an instruction, nearly all of it in asmjit.  Tested by tests/tier1/ and
// tests/cases/.
#include "tier1-asmjit/tier1.h"
#include "ir/arithmetic.h"

#include <algorithm>
#include <cstring>

#include "tier1-asmjit/emitter.h"

namespace ipjit::tier1 {

namespace x86 = asmjit::x86;
using ir::Insn;
using ir::Op;

namespace {

bool is_callee_saved(Gpr reg) { return reg == kRbx || reg == kRbp || reg >= kR12; }

}  // namespace

Result<ir::MachineCode> Emitter::run(const ir::Program& program, const arch::Target& target) {
  program_ = &program;
  target_ = &target;
  start();
  selection_.run(program);
  count_actions();
  share_returns();
  if (Status built = build_tables(); !built) return built.error();
  if (Status planned = plan_registers(); !planned) return planned.error();
  prologue();
  walk();
  if (Status emitted = first_error_.status(); !emitted) return emitted.error();
  return finish();
}

void Emitter::start() {
  first_error_.reset();
  keys_ = target_->constant_seed;
  holder_.reset(asmjit::ResetPolicy::kSoft);
  holder_.init(asmjit::Environment(asmjit::Arch::kX64));
  holder_.setErrorHandler(&first_error_);
  holder_.attach(&as_);
  const size_t blocks = program_->blocks.size();
  labels_.assign(blocks, Label::kNone);
  reached_.assign(blocks, 0);
  reached_[0] = 1;
  jumps_.reset();
  table_uses_.clear();
  stubs_.clear();
  marks_.clear();
}

Status Emitter::build_tables() {
  tables_.clear();
  ir::Table in_packet_order;
  for (uint32_t t = 0; t < program_->tables.size(); ++t) {
    const ir::Table* source = &program_->tables[t];
    if (selection_.raw_table(t) && source->key_bits > 8) {
      in_packet_order = *source;
      for (ir::Table::Entry& entry : in_packet_order.entries)
        entry.key = ir::swapped(entry.key, source->key_bits / 8);
      source = &in_packet_order;
    }
    Result<lookup::ReadOnlyTable> built = lookup::build(*source);
    if (!built) return built.error();
    tables_.push_back(std::move(*built));
  }
  return number_tables();
}

/// Which of ctx's tables each one is.
Status Emitter::number_tables() {
  table_at_.clear();
  if (!target_->tables_in_ctx) return ok();
  uint32_t used = 0;
  for (const lookup::ReadOnlyTable& table : tables_)
    table_at_.push_back(table.bytes.empty() ? used : used++);
  if (used <= IPJIT_MAX_CTX_TABLES) return ok();
  return Error{Stage::kTier1, Code::kTooLong, 0,
               std::to_string(used) + " tables; ctx holds " + std::to_string(IPJIT_MAX_CTX_TABLES)};
}

bool Emitter::needs_ctx() const {
  const bool tables =
      target_->tables_in_ctx && std::any_of(tables_.begin(), tables_.end(),
                                            [](const auto& table) { return !table.bytes.empty(); });
  return selection_.needs_ctx() || tables;
}

/// Which registers values may have, and a second try with a spare one where some go to the stack.
Status Emitter::plan_registers() {
  const bool divides = selection_.needs_divider();
  const bool needs_ctx = this->needs_ctx();
  ctx_ = divides ? x86::r8 : x86::rdx;
  pool_.clear();
  if (!divides || !needs_ctx) pool_.push_back(kR8);
  if (!actions_vary_) pool_.push_back(kR9);
  if (!selection_.needs_transport()) pool_.insert(pool_.end(), {kR10, kR11});
  if (!divides && !needs_ctx) pool_.push_back(kRdx);
  pool_.insert(pool_.end(), {kRbx, kRbp, kR12, kR13, kR14, kR15});
  std::span<const Gpr> pool(pool_);
  if (Status assigned = registers_.assign(*program_, selection_, pool); !assigned) return assigned;
  uint32_t used = registers_.used_mask();
  const bool from_memory = registers_.slots() != 0 || registers_.reads_again();
  if (from_memory && !program_->tables.empty()) {
    spare_ = x86::gpq(pool.front());
    if (Status again = registers_.assign(*program_, selection_, pool.subspan(1)); !again)
      return again;
    used = registers_.used_mask() | 1u << pool.front();
  }
  saved_.clear();
  for (Gpr reg : pool_)
    if (is_callee_saved(reg) && (used >> reg & 1) != 0) saved_.push_back(reg);
  return ok();
}

void Emitter::prologue() {
  for (Gpr reg : saved_) as_.push(x86::gpq(reg));
  if (registers_.slots() != 0) as_.sub(x86::rsp, registers_.slots() * 8);
  if (selection_.needs_divider() && needs_ctx()) as_.mov(ctx_, x86::rdx);
  if (selection_.needs_transport()) {
    as_.mov(x86::r11, x86::qword_ptr(ctx_, offsetof(ipjit_ctx, th)));
    as_.mov(x86::r10, x86::qword_ptr(ctx_, offsetof(ipjit_ctx, th_len)));
  }
  if (actions_vary_) as_.xor_(x86::r9d, x86::r9d);
}

void Emitter::walk() {
  for (uint32_t b = 0; b < program_->blocks.size(); ++b)
    if (reached_[b] && !shared_[b]) emit_block(b);
  emit_shared_returns();
}

void Emitter::emit_block(uint32_t b) {
  const ir::Block& block = program_->blocks[b];
  block_ = b;
  actions_ = entry_actions_[b];
  block_ended_ = false;
  if (labels_[b] != Label::kNone) bind(labels_[b]);
  for (const Insn& insn : program_->insns_of(block)) {
    mark(b, insn.source);
    emit_insn(insn);
    if (block_ended_) return;
  }
  mark(b, block.term.source);
  emit_term(block.term);
  emit_stubs();
}

void Emitter::mark(uint32_t block, uint32_t source) {
  if (!marks_.empty() && marks_.back().block == block && marks_.back().source == source) return;
  const Jumps::Place place = jumps_.here(offset());
  if (!marks_.empty() && marks_.back().place.offset == place.offset)
    marks_.back() = {place, block, source};
  else
    marks_.push_back({place, block, source});
}

void Emitter::emit_insn(const Insn& insn) {
  if (insn.result != ir::kNoValue &&
      (!selection_.used(insn.result) || selection_.folded(insn.result)))
    return;
  switch (insn.op) {
    case Op::kConst:
      return;  // set where it is used
    case Op::kNeed:
      return emit_need(insn);
    case Op::kLoad8:
    case Op::kLoadBe16:
    case Op::kLoadBe32:
    case Op::kLoadBe64:
    case Op::kLoadLe16:
    case Op::kLoadLe32:
    case Op::kLoadLe64:
    case Op::kMeta:
      return emit_load(insn);
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kDiv:
    case Op::kMod:
    case Op::kAnd:
    case Op::kOr:
    case Op::kXor:
    case Op::kShl:
    case Op::kShr:
    case Op::kEq:
    case Op::kNe:
    case Op::kLt:
    case Op::kLe:
    case Op::kAny:
      emit_binary(insn);
      return rename(insn.result);
    case Op::kNeg:
    case Op::kBswap:
      emit_unary(insn);
      return rename(insn.result);
    case Op::kZext:
    case Op::kTrunc:
      return emit_unary(insn);
    case Op::kFind:
      return emit_find(insn);
    case Op::kEffect:
      return emit_effect(insn);
    case Op::kCount:
      return emit_count(insn);
  }
}

ipjit_contract Emitter::contract() const {
  ipjit_contract contract = {};
  contract.abi = IPJIT_ABI_VERSION;
  contract.isa = target_->isa;
  contract.bases = IPJIT_BASE_DATA | (selection_.needs_transport() ? IPJIT_BASE_TH : 0);
  contract.stack_bytes = registers_.slots() * 8;
  contract.max_len = kMaxLen;
  contract.max_th_len = kMaxLen;
  contract.fields = ir::fields_read(*program_);
  contract.exits = program_->exits;
  contract.resumes = program_->resumes;
  contract.actions = max_actions_;
  contract.counters = program_->counters;
  return contract;
}

Result<ir::MachineCode> Emitter::finish() {
  const asmjit::CodeBuffer& emitted = holder_.textSection()->buffer();
  const uint32_t code_len = jumps_.settle(static_cast<uint32_t>(emitted.size()));
  if (code_len > IPJIT_MAX_CODE)
    return Error{Stage::kTier1, Code::kTooLong, 0,
                 std::to_string(code_len) + " bytes of code; the limit is " +
                     std::to_string(IPJIT_MAX_CODE)};
  ir::MachineCode out;
  out.code_len = code_len;
  out.contract = contract();
  place_tables(out);
  jumps_.write({emitted.data(), emitted.size()}, out.bytes.data());
  for (const TableUse& use : table_uses_) {
    const uint32_t end = jumps_.settled(use.end);
    const uint32_t disp = table_at_[use.table] - end;
    std::memcpy(out.bytes.data() + end - sizeof disp, &disp, sizeof disp);
  }
  out.marks.reserve(marks_.size());
  for (const Mark& mark : marks_)
    out.marks.push_back({jumps_.settled(mark.place), mark.block, mark.source});
  return out;
}

/// Lays the tables behind the code, also those that will be moved away to be reached through ctx.
void Emitter::place_tables(ir::MachineCode& out) {
  const bool in_ctx = target_->tables_in_ctx;
  out.pad();
  for (size_t t = 0; t < tables_.size(); ++t) {
    const std::vector<uint8_t>& bytes = tables_[t].bytes;
    if (!in_ctx) table_at_.push_back(static_cast<uint32_t>(out.bytes.size()));
    if (bytes.empty()) continue;
    out.contract.table[out.contract.nr_tables++] = {
        in_ctx ? IPJIT_TABLE_IN_CTX : IPJIT_TABLE_IN_UNIT, table_at_[t], bytes.size()};
    out.bytes.insert(out.bytes.end(), bytes.begin(), bytes.end());
  }
}

Tier1::Tier1() : emitter_(std::make_unique<Emitter>()) {}
Tier1::~Tier1() = default;

Result<ir::MachineCode> Tier1::compile(const ir::Program& program, const arch::Target& target) {
  return emitter_->run(program, target);
}

}  // namespace ipjit::tier1
