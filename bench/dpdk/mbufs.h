// SPDX-License-Identifier: BSD-2-Clause
// Frames as mbufs, built once and sent again and again; and which of them goes next.
#pragma once

#include <algorithm>
#include <cstring>
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

/// Hands out mbufs, for each queue its own, round and round.
///
/// Where a cable carries mbufs, a few carriers take turns and each packet's bytes are hung into the
/// next one, as a card writes packets into the mbufs of its ring: their headers are in the cache,
/// and only the packets come from afar.  Where a cable copies, the packets' own mbufs are sent.
///
/// With carriers, packets that have been handed out change places with others of the last thousand,
/// so no two rounds are alike.  Otherwise a branch predictor that is large enough (AMD Zen 5: some
/// 30,000 packets) learns the round by heart, guesses nothing wrongly any more, and loses all that
/// when a filter is replaced, which no traffic would have given it.
class Source {
 public:
  /// Takes: carriers (empty: none) that are enough for all that is on the way; packets a burst; the
  ///        mean size of bursts, 0 for full ones.
  Source(unsigned queues, unsigned burst, double mean_burst);
  void carry_in(const MbufList& carriers);

  /// Adds a set of packets; one set runs at a time, the first to begin with.
  /// Fails: kBadInput if a queue would get nothing.
  Status add(const MbufList& mbufs, std::span<const ipjit_packet> frames);

  /// From now on, set `set`, and what its mbufs carry in hash.usr by now.
  void use(size_t set);

  /// The next burst of a queue: not empty, not longer than a burst, not beyond `most`.
  std::span<rte_mbuf* const> next(unsigned queue, uint64_t most) {
    Lane& lane = lanes_[queue];
    uint64_t size = burst_;
    if (!sizes_.empty()) size = sizes_[lane.turn++ % sizes_.size()];
    size = std::min({size, lane.list->size() - lane.at, most});
    std::span<rte_mbuf* const> burst(lane.list->data() + lane.at, size);
    if (!lane.carriers.empty()) burst = loaded(lane, size);
    lane.at += burst.size();
    if (lane.at == lane.list->size()) lane.at = 0;
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
  /// What a carrier is told of a packet: where it is, and the 16 bytes that drivers write in one
  /// store too (type, lengths, hash).
  struct Bytes {
    void* data;
    uint8_t fields[16];
  };
  struct Lane {
    const MbufList* list = nullptr;
    std::vector<Bytes> bytes;  // of `list`, where there are carriers
    size_t at = 0;
    size_t turn = 0;
    MbufList carriers;
    size_t carrier = 0;
    uint32_t random = 1;
  };

  static constexpr size_t kSettled = 1024;  ///< packets behind the last: not given back any more
  static constexpr size_t kApart = 1024;    ///< those that change places, at most

  static uint32_t draw(uint32_t& random) {  // xorshift
    random ^= random << 13;
    random ^= random >> 17;
    return random ^= random << 5;
  }

  static void shuffle_behind(Lane& lane, uint64_t size) {
    if (lane.at < kSettled + kApart) return;
    Bytes* const last = lane.bytes.data() + lane.at - kSettled;
    for (uint64_t i = 0; i < size; ++i)
      std::swap(last[i], *(last + i - draw(lane.random) % kApart));
  }

  static std::span<rte_mbuf* const> loaded(Lane& lane, uint64_t size) {
    if (lane.carrier == lane.carriers.size()) lane.carrier = 0;
    size = std::min<uint64_t>(size, lane.carriers.size() - lane.carrier);
    rte_mbuf** const mbufs = lane.carriers.data() + lane.carrier;
    const Bytes* const bytes = lane.bytes.data() + lane.at;
    for (uint64_t i = 0; i < size; ++i) {
      mbufs[i]->buf_addr = bytes[i].data;
      std::memcpy(mbufs[i]->rx_descriptor_fields1, bytes[i].fields, sizeof bytes[i].fields);
    }
    lane.carrier += size;
    shuffle_behind(lane, size);
    return {mbufs, size};
  }

  unsigned burst_;
  std::vector<uint16_t> sizes_;
  std::vector<std::vector<MbufList>> sets_;  // set, queue
  std::vector<Lane> lanes_;
};

}  // namespace ipjit::pktbench
