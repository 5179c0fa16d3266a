// SPDX-License-Identifier: BSD-2-Clause
// Module in, object file out, through LLVM's own pipeline for x86-64 without its ideas about shape.
//
//   kept      instruction selection (blocks one by one), register allocation, peepholes, frame
//   off       everything that moves, merges, copies or turns blocks and branches around: block
//             placement, branch folding, tail duplication, if-conversion in both directions
//             (CodeGenPrepare, select optimisation, cmov conversion), and IR passes for loops,
//             calls and memory, which a filter does not have
//
// There is no command line of LLVM's in here: options are global to a process, which may hold
// another LLVM.  Passes that have a public name are disabled in the pipeline; the others ask a gate
// before they start, and ours says no.
//
// Between the passes stand three of ours (machine_passes.h).
//
// Tested by tests/tier2/; docs/tier2.md lists what is off and why.
#include "tier2-llvm/backend.h"

#include <llvm/CodeGen/MachineFunctionPass.h>
#include <llvm/CodeGen/MachineModuleInfo.h>
#include <llvm/CodeGen/Passes.h>
#include <llvm/CodeGen/TargetPassConfig.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/DiagnosticPrinter.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/OptBisect.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/CodeGen.h>
#include <llvm/Support/ErrorHandling.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Target/TargetOptions.h>

#include <algorithm>
#include <iterator>
#include <mutex>

#include "tier2-llvm/machine_passes.h"

namespace ipjit::tier2 {
namespace {

constexpr const char* kTriple = "x86_64-unknown-linux-gnu";

/// Passes without a public name that would change the shape, or (the last one) copy a byte with the
/// rest of its register, which may hold nothing; by LLVM's description of them.
class ShapeGate : public llvm::OptPassGate {
 public:
  bool shouldRunPass(const llvm::StringRef pass, llvm::StringRef) override {
    static constexpr llvm::StringLiteral kOff[] = {"X86 cmov Conversion", "CodeGen Prepare",
                                                   "X86 Byte/Word Instruction Fixup"};
    return std::find(std::begin(kOff), std::end(kOff), pass) == std::end(kOff);
  }
  bool isEnabled() const override { return true; }
};

/// Keeps the first error; everything else that LLVM has to say is not for our callers.
struct FirstDiagnostic : public llvm::DiagnosticHandler {
  explicit FirstDiagnostic(std::string& text) : text(text) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo& info) override {
    if (info.getSeverity() != llvm::DS_Error || !text.empty()) return true;
    llvm::raw_string_ostream out(text);
    llvm::DiagnosticPrinterRawOStream printer(out);
    info.print(printer);
    return true;
  }
  std::string& text;
};

void switch_off(llvm::TargetPassConfig& config) {
  config.setDisableVerify(true);
  config.setEnableTailMerge(false);
  const llvm::AnalysisID off[] = {
      &llvm::MachineBlockPlacementID, &llvm::BranchFolderPassID, &llvm::EarlyTailDuplicateID,
      &llvm::TailDuplicateID,         &llvm::EarlyIfConverterID, &llvm::MachineLICMID,
      &llvm::EarlyMachineLICMID,      &llvm::MachineCombinerID,
  };
  for (llvm::AnalysisID id : off) config.disablePass(id);
}

void initialise_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();  // table probes in functions that spill (emit_find.cpp)
  });
}

}  // namespace

std::string cpu_of(const arch::Target& target) {
  const std::string level(
      target.name.substr(target.name.rfind('-') + 1));  // of x86-64-v3, kernel-v3
  return level == "v1" ? "x86-64" : "x86-64-" + level;
}

Result<std::unique_ptr<Backend>> Backend::make() {
  initialise_llvm();
  std::string why;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(kTriple, why);
  if (target == nullptr) return Error{Stage::kTier2, Code::kInternal, 0, "LLVM: " + why};
  llvm::TargetOptions options;
  options.UniqueSectionNames = false;
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(kTriple, "x86-64", "", options, llvm::Reloc::PIC_,
                                  llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
  return std::unique_ptr<Backend>(new Backend(std::move(machine)));
}

void Backend::prepare(llvm::Module& module) const {
  module.setTargetTriple(kTriple);
  module.setDataLayout(machine_->createDataLayout());
}

Result<Generated> Backend::generate(llvm::Module& module) {
  llvm::LLVMContext& context = module.getContext();
  std::string said;
  context.setDiagnosticHandler(std::make_unique<FirstDiagnostic>(said));
  ShapeGate gate;
  context.setOptPassGate(gate);

  auto& machine = static_cast<llvm::LLVMTargetMachine&>(*machine_);
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream out(object);
  Generated made;
  llvm::legacy::PassManager passes;
  auto* info = new llvm::MachineModuleInfoWrapperPass(&machine);
  llvm::TargetPassConfig* config = machine.createPassConfig(passes);
  switch_off(*config);
  config->insertPass(&llvm::StackSlotColoringID, make_widen_slots_pass());
  passes.add(config);
  passes.add(info);
  if (config->addISelPasses()) return Error{Stage::kTier2, Code::kInternal, 0, "LLVM: no selector"};
  config->addMachinePasses();
  config->setInitialized();
  passes.add(make_settle_jumps_pass());
  passes.add(make_mark_pass(&made.spill_bytes));
  if (machine.addAsmPrinter(passes, out, nullptr, llvm::CodeGenFileType::ObjectFile,
                            info->getMMI().getContext()))
    return Error{Stage::kTier2, Code::kInternal, 0, "LLVM: no object writer"};
  passes.add(llvm::createFreeMachineFunctionPass());
  passes.run(module);
  if (!said.empty()) return Error{Stage::kTier2, Code::kInternal, 0, "LLVM: " + said};
  made.object.assign(object.begin(), object.end());
  return made;
}

}  // namespace ipjit::tier2
