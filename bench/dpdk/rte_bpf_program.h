// SPDX-License-Identifier: BSD-2-Clause
// A classic program in DPDK's rte_bpf, as shipped or with its two known mistakes put right.
//
//   conversion  rte_bpf_convert() takes A for X in `[x + k]` loads of bytes and words
//   jset        the x86 JIT encodes `jset` with a constant that fits in 8 bits three bytes short:
//               silently wrong verdicts, or a crash
//
// Both are in 22.11 and in later releases.  EAL must have been started.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bpf-frontend/insn.h"
#include "ipjit/error.h"

struct rte_bpf;

namespace ipjit::bench {

enum class Variant { kShipped, kRepaired };

class RteBpf {
 public:
  /// Fails: kRefused with the call that refused and DPDK's reason.
  static Result<std::shared_ptr<RteBpf>> load(std::span<const bpf::Insn> insns, Variant variant);

  explicit RteBpf(rte_bpf* bpf);
  ~RteBpf();
  RteBpf(const RteBpf&) = delete;
  RteBpf& operator=(const RteBpf&) = delete;

  const rte_bpf* bpf() const { return bpf_; }
  /// Takes an mbuf.  NULL where DPDK has no JIT.
  uint64_t (*jit() const)(void*) { return jit_; }

 private:
  rte_bpf* bpf_;
  uint64_t (*jit_)(void*) = nullptr;
};

/// What DPDK is known to do wrong with this program; `with_jit` or in its interpreter.
std::vector<std::string> rte_bpf_bugs(std::span<const bpf::Insn> insns, bool with_jit);

/// Code that was encoded wrongly may do anything: `run` happens in a child process first.
/// Fails: kRefused if the child died.
Status survives(const std::function<void()>& run);

}  // namespace ipjit::bench
