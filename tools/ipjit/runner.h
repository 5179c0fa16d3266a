// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bpf-frontend/insn.h"
#include "ipjit/error.h"
#include "runtime/filter.h"
#include "tools/ipjit/capture.h"
#include "tools/ipjit/reference.h"

namespace ipjit::cli {

/// A filter on the engine asked for: libpcap's interpreter, tier 2 at once, or one of ours.
class Runner {
 public:
  /// Takes: an engine's name, empty: the best that takes the filter; packets that tier2 by name is
  ///        specialised for.
  static Result<Runner> make(const bpf::InsnList& insns, bpf::Dialect dialect,
                             const std::string& engine, const std::string& title,
                             const PacketBatch& first);

  /// One verdict for each packet.
  void run(const PacketBatch& batch, std::vector<uint32_t>& verdicts) const;

  std::string engine() const { return reference_ ? "libpcap" : filter_->record().engine; }
  std::string refusal() const { return reference_ ? "" : filter_->record().last_refusal; }

 private:
  Runner() = default;

  std::optional<Reference> reference_;
  std::unique_ptr<runtime::Filter> filter_;
};

}  // namespace ipjit::cli
