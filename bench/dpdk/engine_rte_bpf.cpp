// SPDX-License-Identifier: BSD-2-Clause
#include "bench/dpdk/filter_engines.h"
#include "bench/dpdk/rte_bpf_program.h"

namespace ipjit::pktbench {
namespace {

using bench::RteBpf;
using bench::Variant;
using Program = std::shared_ptr<RteBpf>;

constexpr unsigned kAtOnce = 64;

class Interpreter : public Engine {
 public:
  explicit Interpreter(Program program) : program_(std::move(program)) {}
  void run(rte_mbuf* const* mbufs, unsigned count, uint32_t* verdicts) override {
    uint64_t results[kAtOnce];
    for (unsigned done = 0; done < count; done += kAtOnce) {
      const unsigned some = std::min(kAtOnce, count - done);
      rte_bpf_exec_burst(program_->bpf(),
                         reinterpret_cast<void**>(const_cast<rte_mbuf**>(mbufs + done)), results,
                         some);
      for (unsigned i = 0; i < some; ++i) verdicts[done + i] = static_cast<uint32_t>(results[i]);
    }
  }

 private:
  Program program_;
};

class Jit : public Engine {
 public:
  explicit Jit(Program program) : program_(std::move(program)) {}
  void run(rte_mbuf* const* mbufs, unsigned count, uint32_t* verdicts) override {
    uint64_t (*const function)(void*) = program_->jit();
    for (unsigned i = 0; i < count; ++i) verdicts[i] = static_cast<uint32_t>(function(mbufs[i]));
  }

 private:
  Program program_;
};

Result<std::shared_ptr<Engine>> jit_of(Insns insns, Variant variant) {
  Result<Program> program = RteBpf::load(insns, variant);
  if (!program) return program.error();
  if (!(*program)->jit())
    return Error{Stage::kRuntime, Code::kUnavailable, 0, "DPDK has no JIT for this machine"};
  return std::shared_ptr<Engine>(std::make_shared<Jit>(*program));
}

}  // namespace

Candidate rte_bpf_interp(Insns insns) {
  const auto engine = [&]() -> Result<std::shared_ptr<Engine>> {
    Result<Program> program = RteBpf::load(insns, Variant::kShipped);
    if (!program) return program.error();
    return std::shared_ptr<Engine>(std::make_shared<Interpreter>(*program));
  };
  return {"rte_bpf interp", engine(), bench::rte_bpf_bugs(insns, false)};
}

Candidate rte_bpf_jit(Insns insns, std::span<rte_mbuf* const> packets) {
  Candidate candidate{"rte_bpf JIT", jit_of(insns, Variant::kShipped),
                      bench::rte_bpf_bugs(insns, true)};
  if (!candidate.engine || candidate.known_bugs.empty()) return candidate;
  const Status alive = bench::survives([&] {
    std::vector<uint32_t> verdicts(packets.size());
    (*candidate.engine)
        ->run(packets.data(), static_cast<unsigned>(packets.size()), verdicts.data());
  });
  if (!alive) candidate.engine = alive.error();
  return candidate;
}

Candidate rte_bpf_jit_repaired(Insns insns) {
  return {"rte_bpf JIT repaired", jit_of(insns, Variant::kRepaired)};
}

}  // namespace ipjit::pktbench
