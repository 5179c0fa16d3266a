// SPDX-License-Identifier: BSD-2-Clause
// libpcap's own interpreter: the engine that the others are compared with.  It is libpcap's also
// where `ipjit enable` or LD_PRELOAD has put our doubles of its functions in front of it.
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
  using FilterFn = decltype(&bpf_filter);
  Reference(std::vector<bpf_insn> insns, FilterFn filter)
      : insns_(std::move(insns)), filter_(filter) {}

  /// Fails: kUnavailable.
  static Result<FilterFn> real_filter();

  std::vector<bpf_insn> insns_;
  FilterFn filter_;
};

}  // namespace ipjit::cli
