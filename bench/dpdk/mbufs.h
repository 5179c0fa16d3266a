// SPDX-License-Identifier: BSD-2-Clause
// Frames as mbufs, built once and sent again and again; and which of them goes next.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "bench/dpdk/dpdk.h"
#include "ipjit/error.h"
#include "ipjit/ipjit.h"

namespace ipjit::pktbench {

/// A pool's room: everything of a run lives in one.
struct PoolDelete {
  void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
};
using Pool = std::unique_ptr<rte_mempool, PoolDelete>;

/// Takes: how many mbufs, and the longest frame.
/// Fails: kNoMemory.
Result<Pool> make_pool(size_t mbufs, uint32_t longest);

using MbufList = std::vector<rte_mbuf*>;

/// One mbuf for each frame, in order; hash.usr is its place in `frames`.
/// Fails: kNoMemory.
Result<MbufList> mbufs_of(std::span<const ipjit_packet> frames, rte_mempool* pool);

/// The queue that a card with `queues` queues would put a frame into: Toeplitz over addresses and
/// ports, with the usual key.
unsigned rss_queue(const ipjit_packet& frame, unsigned queues);

/// Hands out mbufs in order, for each queue its own, round and round.
class Source {
 public:
  /// Takes: sets of mbufs (one of them runs at a time) with their frames; packets a burst; the mean
  ///        size of bursts, 0 for full ones.
  Source(unsigned queues, unsigned burst, double mean_burst);

  /// Fails: kBadInput if a queue would get nothing.
  Status add(const MbufList& mbufs, std::span<const ipjit_packet> frames);

  /// From now on, set `set`.
  void use(size_t set);

  /// The next burst of a queue: not empty, not longer than a burst, not beyond `most`.
  std::span<rte_mbuf* const> next(unsigned queue, uint64_t most) {
    Lane& lane = lanes_[queue];
    const MbufList& list = *lane.list;
    uint64_t size = burst_;
    if (!sizes_.empty()) size = sizes_[lane.turn++ % sizes_.size()];
    size = std::min({size, list.size() - lane.at, most});
    const std::span<rte_mbuf* const> burst(list.data() + lane.at, size);
    lane.at += size;
    if (lane.at == list.size()) lane.at = 0;
    return burst;
  }

  /// The last `count` packets of a burst were not taken: they come again.
  void give_back(unsigned queue, size_t count) {
    Lane& lane = lanes_[queue];
    lane.at = (lane.at == 0 ? lane.list->size() : lane.at) - count;
  }

  /// Packets of one round through the current set.
  uint64_t round(unsigned queue) const { return lanes_[queue].list->size(); }
  unsigned queues() const { return static_cast<unsigned>(lanes_.size()); }

  /// The next round begins at its first packet.
  void rewind();

 private:
  struct Lane {
    const MbufList* list = nullptr;
    size_t at = 0;
    size_t turn = 0;
  };
  unsigned burst_;
  std::vector<uint16_t> sizes_;
  std::vector<std::vector<MbufList>> sets_;  // set, queue
  std::vector<Lane> lanes_;
};

}  // namespace ipjit::pktbench
