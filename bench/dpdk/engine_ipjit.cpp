// SPDX-License-Identifier: BSD-2-Clause
// Our engines as an application meets them: ipjit/ipjit_dpdk.h, and what the library decides.
//
// Tier 2 is a filter with all defaults.  It begins on tier 1, samples the traffic, and settles when
// specialised code runs; how long that may take is the caller's patience (throughput.cpp).
#include "ipjit/ipjit_dpdk.h"

#include "bench/dpdk/filter_engines.h"

namespace ipjit::pktbench {
namespace {

using Handle = std::unique_ptr<ipjit_filter, void (*)(ipjit_filter*)>;

class Ours : public Engine {
 public:
  Ours(Handle filter, ipjit_engine wanted) : filter_(std::move(filter)), wanted_(wanted) {}
  bool settling() const override { return wanted_ == IPJIT_ENGINE_AUTO && stats().tier < 2; }
  std::optional<Standing> standing() const override {
    const ipjit_stats now = stats();
    return Standing{now.tier, now.tier_builds, now.tier_retreats};
  }
  std::string state() const override {
    const ipjit_stats now = stats();
    std::string text = now.engine;
    if (now.tier == 2) text += std::string(" (") + now.backend + ")";
    return text;
  }

 protected:
  const ipjit_filter* filter() const { return filter_.get(); }

 private:
  ipjit_stats stats() const {
    ipjit_stats stats = {};
    stats.size = sizeof stats;
    ipjit_filter_stats(filter_.get(), &stats);
    return stats;
  }
  Handle filter_;
  ipjit_engine wanted_;
};

class Single : public Ours {
 public:
  using Ours::Ours;
  void run(rte_mbuf* const* mbufs, unsigned count, uint32_t* verdicts) override {
    const ipjit_filter* const one = filter();
    for (unsigned i = 0; i < count; ++i) verdicts[i] = ipjit_mbuf_run(one, mbufs[i]);
  }
};

class Burst : public Ours {
 public:
  using Ours::Ours;
  void run(rte_mbuf* const* mbufs, unsigned count, uint32_t* verdicts) override {
    ipjit_mbuf_run_burst(filter(), mbufs, count, verdicts);
  }
};

const char* word_of(ipjit_engine engine) {
  switch (engine) {
    case IPJIT_ENGINE_INTERP:
      return "ipjit interp";
    case IPJIT_ENGINE_TIER1:
      return "ipjit tier1";
    case IPJIT_ENGINE_AUTO:
    case IPJIT_ENGINE_TIER2:
      break;
  }
  return "ipjit tier2";
}

}  // namespace

Candidate ipjit_on_mbufs(Insns insns, ipjit_engine engine, Call call) {
  const std::string name = std::string(word_of(engine)) + (call == Call::kBurst ? " burst" : "");
  ipjit_options options = {};
  options.size = sizeof options;
  options.engine = engine;
  options.name = name.c_str();
  ipjit_error error;
  Handle filter(ipjit_compile(reinterpret_cast<const ipjit_insn*>(insns.data()), insns.size(),
                              &options, &error),
                ipjit_filter_free);
  if (!filter) return {name, Error{Stage::kRuntime, Code::kRefused, 0, error.text}};
  if (call == Call::kBurst)
    return {name, std::shared_ptr<Engine>(std::make_shared<Burst>(std::move(filter), engine))};
  return {name, std::shared_ptr<Engine>(std::make_shared<Single>(std::move(filter), engine))};
}

}  // namespace ipjit::pktbench
