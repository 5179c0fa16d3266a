// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <pcap/pcap.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "ipjit/error.h"
#include "runtime/filter.h"

namespace ipjit::pcap {

/// What libpcap tells a live filter beside the packet: the VLAN tag that the card took off.
struct VlanTag {
  bool present = false;
  uint32_t tci = 0;  ///< VLAN id, 12 bits
};

/// One program of libpcap's dialect, with its line in `ipjit stats`.
class Engine {
 public:
  /// What packets are expected to be, for specialised code.  Each is compared before a packet runs;
  /// the first one that is otherwise takes the promise back.
  struct Promises {
    uint32_t longest = UINT32_MAX;  ///< bytes: of a snap length, of an interface's MTU
    bool untagged = false;          ///< live: no VLAN tag was taken off
  };

  /// Takes: a program that libpcap validates; `name` is what `ipjit stats` shows.
  /// Fails: where no native code comes out; libpcap is then the better interpreter.
  static Result<std::unique_ptr<Engine>> compile(std::span<const bpf_insn> insns,
                                                 const std::string& name, const Promises& promises);

  /// A line in `ipjit stats` for a filter that we do not run, and why; null if it is refused.
  static std::unique_ptr<Engine> bystander(std::span<const bpf_insn> insns, const std::string& name,
                                           const std::string& note);

  bool runs_here() const { return runs_here_; }

  /// Bytes to accept, 0 to drop: what pcap_offline_filter() gives.
  uint32_t run(const u_char* data, uint32_t cap_len, uint32_t wire_len) const {
    if (cap_len > longest_.load(std::memory_order_relaxed)) expect_any_length();
    return filter_->run(data, cap_len, wire_len);
  }

  /// What libpcap's filter of a live capture gives.
  uint32_t run_live(const u_char* data, uint32_t cap_len, uint32_t wire_len, VlanTag vlan) const;

  const runtime::Filter& filter() const { return *filter_; }

 private:
  Engine(std::unique_ptr<runtime::Filter> filter, bool runs_here, const Promises& promises)
      : filter_(std::move(filter)),
        runs_here_(runs_here),
        longest_(promises.longest),
        untagged_(promises.untagged) {}
  void expect_any_length() const;
  void expect_tags() const;

  std::unique_ptr<runtime::Filter> filter_;
  bool runs_here_;
  // Promised to the filter.
  mutable std::atomic<uint32_t> longest_;
  mutable std::atomic<bool> untagged_;
};

}  // namespace ipjit::pcap
