// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/runner.h"

#include "tools/ipjit/special_unit.h"
#include "tools/ipjit/traffic.h"

namespace ipjit::cli {

Result<Runner> Runner::make(const bpf::InsnList& insns, bpf::Dialect dialect,
                            const std::string& engine, const std::string& title,
                            const PacketBatch& first) {
  Runner runner;
  if (engine == "libpcap") {
    Result<Reference> reference = Reference::make(insns, dialect);
    if (!reference) return reference.error();
    runner.reference_ = std::move(*reference);
    return runner;
  }
  if (engine == "tier2") {
    Result<SpecialUnit> special = build_tier2(insns, dialect, [&](const ir::Program& general) {
      return watch(general, dialect, first.packets);
    });
    if (!special) return special.error();
    runner.filter_ = runtime::Filter::adopt(std::move(special->special), {.name = title});
    return runner;
  }
  auto filter = runtime::Filter::create(insns, {.dialect = dialect, .engine = engine_named(engine)},
                                        {.name = title});
  if (!filter) return filter.error();
  runner.filter_ = std::move(*filter);
  return runner;
}

void Runner::run(const PacketBatch& batch, std::vector<uint32_t>& verdicts) const {
  verdicts.resize(batch.packets.size());
  for (size_t i = 0; i < verdicts.size(); ++i) {
    const auto& packet = batch.packets[i];
    verdicts[i] = reference_ ? reference_->run({packet.data, packet.caplen}, packet.len)
                             : filter_->run(packet.data, packet.caplen, packet.len);
  }
}

}  // namespace ipjit::cli
