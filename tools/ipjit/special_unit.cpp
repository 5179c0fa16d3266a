// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/special_unit.h"

#include "tier2-llvm/remote/remote_tier2.h"

namespace ipjit::cli {

Result<SpecialUnit> build_tier2(std::span<const bpf::Insn> insns, bpf::Dialect dialect,
                                const Watch& watch) {
  if (Status wanted = tier2_wanted(); !wanted) return wanted.error();
  static tier2::RemoteTier2 compiler;
  Result<const arch::Target*> target = arch::default_target();
  if (!target) return target.error();
  Result<std::unique_ptr<runtime::Unit>> general =
      runtime::build(insns, {.dialect = dialect, .engine = Engine::kInterp});
  if (!general) return general.error();
  if (!(*general)->program) return *(*general)->refusal;  // a backward jump
  ir::Program& program = *(*general)->program;
  ir::number_sources(program);
  ir::Profile profile;
  if (watch) {
    Result<ir::Profile> watched = watch(program);
    if (!watched) return watched.error();
    profile = std::move(*watched);
  }
  ir::Specialised made = ir::specialise(program, profile);
  Result<std::unique_ptr<runtime::Unit>> special =
      runtime::build_special(**general, std::move(made.program), compiler, **target);
  if (!special) return special.error();
  return SpecialUnit{std::move(*general), std::move(*special)};
}

}  // namespace ipjit::cli
