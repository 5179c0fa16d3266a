// SPDX-License-Identifier: BSD-2-Clause
// Traffic that is ready to be sent: frames, their mbufs, and whoever hands them out.
#pragma once

#include <memory>

#include "bench/dpdk/frames.h"
#include "bench/dpdk/mbufs.h"

namespace ipjit::pktbench {

struct Pace {
  unsigned queues = 1;
  unsigned burst = 32;
  double mean_burst = 0;  ///< 0: full bursts
  unsigned carriers = 0;  ///< mbufs of a queue that packets come in; 0: each in its own
};

/// One or several sets of frames; the source begins with the first.
class Load {
 public:
  /// Fails: kNoMemory; kBadInput if a queue gets nothing.
  static Result<std::unique_ptr<Load>> make(std::vector<Frames> sets, const Pace& pace) {
    auto load = std::unique_ptr<Load>(new Load(std::move(sets), pace));
    uint32_t longest = 0;
    size_t count = 0;
    for (const Frames& frames : load->sets_) {
      for (const ipjit_packet& packet : frames.packets) longest = std::max(longest, packet.caplen);
      count += frames.packets.size();
    }
    Result<Pool> pool = make_pool(count, longest);
    if (!pool) return pool.error();
    load->pool_ = std::move(*pool);
    if (const Status s = load->make_carriers(pace); !s) return s.error();
    for (const Frames& frames : load->sets_) {
      Result<MbufList> mbufs = mbufs_of(frames.packets, load->pool_.get());
      if (!mbufs) return mbufs.error();
      load->mbufs_.push_back(std::move(*mbufs));
      if (const Status s = load->source_.add(load->mbufs_.back(), frames.packets); !s)
        return s.error();
    }
    return load;
  }

  Source& source() { return source_; }
  const MbufList& mbufs(size_t set = 0) const { return mbufs_[set]; }
  const Frames& frames(size_t set = 0) const { return sets_[set]; }

 private:
  Load(std::vector<Frames> sets, const Pace& pace)
      : sets_(std::move(sets)), source_(pace.queues, pace.burst, pace.mean_burst) {}

  Status make_carriers(const Pace& pace) {
    const unsigned count = pace.carriers * pace.queues;
    if (count == 0) return ok();
    Result<Pool> pool = make_pool(count, 0);
    if (!pool) return pool.error();
    carrier_pool_ = std::move(*pool);
    MbufList carriers(count);
    IPJIT_CHECK(rte_pktmbuf_alloc_bulk(carrier_pool_.get(), carriers.data(), count) == 0);
    source_.carry_in(carriers);
    return ok();
  }

  std::vector<Frames> sets_;
  Pool pool_, carrier_pool_;
  std::vector<MbufList> mbufs_;
  Source source_;
};

}  // namespace ipjit::pktbench
