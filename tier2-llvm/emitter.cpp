// SPDX-License-Identifier: BSD-2-Clause
// Our IR as LLVM's, one walk, nothing decided.
//
//   b0: need 14 else b2              b0:   %short = icmp ult i64 %len, 14
//       v0 = load_le16 12                  br i1 %short, label %b2, label %b0.1, !prof rarely
//       br v0 == 8 -> b1, b2         b0.1: %0 = load i16, ptr (data + 12), align 1
//                                          %v0 = zext i16 %0 to i32
//                                          %1 = icmp eq i32 %v0, 8
//                                          br i1 %1, label %b1, label %b2
//
// A need ends one of LLVM's blocks, so one of ours becomes several, in a row and in our order.
// Blocks that nothing leads to are left out.
//
// Each instruction carries its source index as a line number of a function without a file: the
// backend reads it back to make marks, and no debug section comes of it.
//
// Hazard: what LLVM makes of this must be provable.  So offsets are widened where they are defined
// (not where they are used), checks are written in the one form that survives (offset + constant
// above length, in 64 bits, without wrap), and what must stay as it is is volatile.
//
// Tested by tests/tier2/ and by every case in tests/cases/.
#include "tier2-llvm/emitter.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/MDBuilder.h>

#include <algorithm>
#include <cstddef>

#include "ir/edges.h"

namespace ipjit::tier2 {

using ir::Insn;
using ir::Op;
using ir::Term;
using ir::ValueId;

std::string table_symbol(uint32_t table) { return "table" + std::to_string(table); }

uint32_t ctx_index(std::span<const lookup::ReadOnlyTable> tables, uint32_t table) {
  return static_cast<uint32_t>(std::ranges::count_if(
      tables.first(table), [](const auto& earlier) { return !earlier.bytes.empty(); }));
}

/// Blocks are called b12, b12.next, b12.edge7.
uint32_t block_of(const llvm::BasicBlock* block) {
  unsigned number = 0;
  if (block != nullptr) {
    llvm::StringRef name = block->getName().drop_front(1);
    name.consumeInteger(10, number);
  }
  return number;
}

Emitter::Emitter(const ir::Program& program, std::span<const lookup::ReadOnlyTable> tables,
                 const EmitOptions& options, llvm::Module& module)
    : program_(program),
      tables_(tables),
      options_(options),
      module_(module),
      builder_(module.getContext()) {
  rarely_ = llvm::MDBuilder(module.getContext()).createBranchWeights(1, 2000);
  unpredictable_ = llvm::MDNode::get(module.getContext(), {});
  max_actions_ = ir::max_actions(program);
}

void Emitter::run() {
  find_reached();
  count_uses();
  start_function();
  make_blocks();
  load_transport();
  for (uint32_t b = 0; b < program_.blocks.size(); ++b)
    if (reached_[b]) emit_block(b);
}

void Emitter::find_reached() {
  reached_.assign(program_.blocks.size(), false);
  reached_[0] = true;
  for (uint32_t b = 0; b < program_.blocks.size(); ++b) {
    if (!reached_[b]) continue;
    const ir::Block& block = program_.blocks[b];
    for (const Insn& insn : program_.insns_of(block))
      if (insn.op == Op::kNeed) reached_[index(insn.fail)] = true;
    ir::for_each_edge(program_, block.term,
                      [&](const ir::Edge& edge) { reached_[index(edge.to)] = true; });
  }
}

void Emitter::count_uses() {
  const size_t values = program_.values.size();
  values_.assign(values, nullptr);
  wide_.assign(values, nullptr);
  uses_.assign(values, 0);
  is_offset_.assign(values, false);
  const auto use = [&](ValueId v) {
    if (v != ir::kNoValue) ++uses_[index(v)];
  };
  for (const Insn& insn : program_.insns) {
    use(insn.a);
    use(insn.b);
    if (ir::operands_of(insn.op) == ir::Operands::kPlace && insn.a != ir::kNoValue)
      is_offset_[index(insn.a)] = true;
  }
  for (const ir::Block& block : program_.blocks) {
    use(block.term.a);
    use(block.term.b);
  }
  for (ValueId arg : program_.edge_args) use(arg);
}

void Emitter::start_function() {
  llvm::LLVMContext& context = module_.getContext();
  llvm::Type* pointer = builder_.getPtrTy();
  llvm::FunctionType* type = llvm::FunctionType::get(
      builder_.getInt64Ty(), {pointer, builder_.getInt64Ty(), pointer}, false);
  function_ =
      llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, kFunctionName, module_);
  function_->setDSOLocal(true);
  function_->addFnAttr(llvm::Attribute::NoUnwind);
  function_->addFnAttr(llvm::Attribute::NoRedZone);
  function_->addFnAttr(llvm::Attribute::NoImplicitFloat);
  // `ret` becomes a five-byte jump to an outside symbol, and the backend makes it a ret that a
  // kernel can patch.
  function_->addFnAttr(llvm::Attribute::FnRetThunkExtern);
  function_->addFnAttr("frame-pointer", "none");
  function_->addFnAttr("no-jump-tables", "true");
  function_->addFnAttr("target-cpu", options_.cpu);
  function_->addFnAttr("target-features", "-sse,-mmx,-x87,-fast-shld-rotate,+slow-shld");
  data_ = function_->getArg(0);
  len_ = function_->getArg(1);
  ctx_ = function_->getArg(2);
  data_->setName("data");
  len_->setName("len");
  ctx_->setName("ctx");
  auto* file = llvm::DIFile::get(context, "filter", "");
  auto* signature = llvm::DISubroutineType::get(context, llvm::DINode::FlagZero, 0,
                                                llvm::MDNode::get(context, {}));
  scope_ = llvm::DISubprogram::getDistinct(context, file, kFunctionName, "", file, 0, signature, 0,
                                           nullptr, 0, 0, llvm::DINode::FlagZero,
                                           llvm::DISubprogram::SPFlagZero, nullptr);
  globals_.assign(tables_.size(), nullptr);
  if (options_.tables_in_ctx) return;
  for (uint32_t t = 0; t < tables_.size(); ++t) {
    if (tables_[t].bytes.empty()) continue;
    globals_[t] = new llvm::GlobalVariable(
        module_, llvm::ArrayType::get(builder_.getInt8Ty(), tables_[t].bytes.size()), true,
        llvm::GlobalValue::ExternalLinkage, nullptr, table_symbol(t));
    globals_[t]->setDSOLocal(true);
    globals_[t]->setVisibility(llvm::GlobalValue::HiddenVisibility);
  }
}

/// Our blocks, their parameters, and the number of actions where it depends on the way.
void Emitter::make_blocks() {
  blocks_.assign(program_.blocks.size(), nullptr);
  recorded_at_.assign(program_.blocks.size(), nullptr);
  for (uint32_t b = 0; b < program_.blocks.size(); ++b) {
    if (!reached_[b]) continue;
    blocks_[b] = llvm::BasicBlock::Create(module_.getContext(), "b" + std::to_string(b), function_);
    builder_.SetInsertPoint(blocks_[b]);
    for (ValueId param : program_.params_of(program_.blocks[b]))
      values_[index(param)] = builder_.CreatePHI(type_of(param), 2);
    if (max_actions_ != 0 && b != 0) recorded_at_[b] = builder_.CreatePHI(builder_.getInt64Ty(), 2);
  }
}

void Emitter::load_transport() {
  bool used = false;
  for (const Insn& insn : program_.insns)
    used |= ir::operands_of(insn.op) == ir::Operands::kPlace && insn.base == ir::Base::kTransport;
  if (!used) return;
  builder_.SetInsertPoint(blocks_[0]);
  th_ = builder_.CreateLoad(builder_.getPtrTy(), ctx_field(offsetof(ipjit_ctx, th)), "th");
  th_len_ =
      builder_.CreateLoad(builder_.getInt64Ty(), ctx_field(offsetof(ipjit_ctx, th_len)), "th_len");
}

void Emitter::emit_block(uint32_t b) {
  const ir::Block& block = program_.blocks[b];
  builder_.SetInsertPoint(blocks_[b]);
  recorded_ = recorded_at_[b];
  if (max_actions_ != 0 && b == 0) recorded_ = u64(0);
  mark(ir::kNoSource);
  for (ValueId param : program_.params_of(block)) {
    define(param, value(param));
    rename_offset(param);
  }
  for (const Insn& insn : program_.insns_of(block)) {
    mark(insn.source);
    emit_insn(insn);
    const ir::Operands operands = ir::operands_of(insn.op);
    if (operands == ir::Operands::kBinary || insn.op == Op::kNeg) rename_offset(insn.result);
  }
  mark(block.term.source);
  emit_term(block.term);
}

void Emitter::mark(uint32_t source) {
  const unsigned line = source == ir::kNoSource ? 0 : source + 1;
  builder_.SetCurrentDebugLocation(llvm::DILocation::get(module_.getContext(), line, 0, scope_));
}

/// Behind the current block, before whatever comes next.
llvm::BasicBlock* Emitter::new_block(const char* name) {
  llvm::BasicBlock* here = builder_.GetInsertBlock();
  return llvm::BasicBlock::Create(module_.getContext(),
                                  "b" + std::to_string(block_of(here)) + "." + name, function_,
                                  here->getNextNode());
}

llvm::IntegerType* Emitter::type_of(ValueId v) const {
  return llvm::IntegerType::get(module_.getContext(),
                                program_.values[index(v)] == ir::Type::kU64 ? 64 : 32);
}

void Emitter::define(ValueId v, llvm::Value* made) {
  values_[index(v)] = made;
  if (is_offset_[index(v)]) wide_[index(v)] = builder_.CreateZExt(made, builder_.getInt64Ty());
}

/// The same value, with a name of its own in the verifier's eyes: a sum that may wrap
/// teaches it nothing when compared, a plain unknown does.
llvm::Value* Emitter::renamed(llvm::Value* v) {
  llvm::Value* len = builder_.CreateTrunc(len_, v->getType());
  return builder_.CreateXor(opaque(builder_.CreateXor(v, len)), len);
}

void Emitter::rename_offset(ValueId v) {
  if (!is_offset_[index(v)] || program_.values[index(v)] != ir::Type::kU64) return;
  if (!llvm::isa<llvm::ConstantInt>(wide(v))) wide_[index(v)] = renamed(wide(v));
}

llvm::Value* Emitter::wide(ValueId v) {
  IPJIT_CHECK(wide_[index(v)] != nullptr);
  return wide_[index(v)];
}

llvm::Value* Emitter::operand_b(const Insn& insn) {
  if (insn.b != ir::kNoValue) return value(insn.b);
  return llvm::ConstantInt::get(type_of(insn.a), insn.imm);
}

void Emitter::emit_insn(const Insn& insn) {
  if (insn.result != ir::kNoValue && uses_[index(insn.result)] == 0) return;
  switch (insn.op) {
    case Op::kConst:
      return define(insn.result, llvm::ConstantInt::get(type_of(insn.result), insn.imm));
    case Op::kNeed:
      return emit_need(insn);
    case Op::kLoad8:
    case Op::kLoadBe16:
    case Op::kLoadBe32:
    case Op::kLoadBe64:
    case Op::kLoadLe16:
    case Op::kLoadLe32:
    case Op::kLoadLe64:
      return define(insn.result, emit_load(insn));
    case Op::kMeta:
      return define(insn.result, emit_meta(insn));
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kAnd:
    case Op::kOr:
    case Op::kXor:
      return define(insn.result, emit_binary(insn));
    case Op::kDiv:
    case Op::kMod:
      return define(insn.result, emit_divide(insn));
    case Op::kShl:
    case Op::kShr:
      return define(insn.result, emit_shift(insn));
    case Op::kEq:
    case Op::kNe:
    case Op::kLt:
    case Op::kLe:
    case Op::kAny:
      return define(insn.result, emit_test(insn));
    case Op::kNeg:
    case Op::kBswap:
    case Op::kZext:
    case Op::kTrunc:
      return define(insn.result, emit_unary(insn));
    case Op::kFind:
      return define(insn.result, emit_find(insn));
    case Op::kEffect:
      return emit_effect(insn);
    case Op::kCount:
      return emit_count(insn);
  }
}

}  // namespace ipjit::tier2
