// SPDX-License-Identifier: BSD-2-Clause
// libpcap's own interpreter: the engine that the others are compared with.
#pragma once

#include <pcap/pcap.h>

#include <span>
#include <vector>

#include "bpf-frontend/insn.h"
#include "ipjit/error.h"

namespace ipjit::cli {

class Reference {
 public:
  /// Fails: as bpf::check(); kUnavailable for the Linux dialect and for loads of VLAN auxiliary
  ///        data, which libpcap's public functions cannot be given; kRefused where bpf_validate()
  ///        refuses what bpf::check() took.
  static Result<Reference> make(std::span<const bpf::Insn> insns, bpf::Dialect dialect);

  uint32_t run(std::span<const uint8_t> data, uint32_t wire_len) const;

 private:
  explicit Reference(std::vector<bpf_insn> insns) : insns_(std::move(insns)) {}

  std::vector<bpf_insn> insns_;
};

}  // namespace ipjit::cli
