// SPDX-License-Identifier: BSD-2-Clause
#include "bench/dpdk/mbufs.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

namespace ipjit::pktbench {
namespace {

constexpr unsigned kCache = 256;      // mbufs that an lcore keeps of a pool that is large enough
constexpr size_t kBurstSizes = 4096;  // drawn once: a draw for each burst would be measured too

// The key that cards come with (Microsoft's, in every driver's documentation).
constexpr uint8_t kRssKey[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

uint32_t word_at(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
}

void give_back(rte_mempool_memhdr* memory, void* bytes) {
  munmap(memory->addr, *static_cast<size_t*>(bytes));
  delete static_cast<size_t*>(bytes);
}

unsigned cache_of(unsigned mbufs) { return mbufs >= 4 * kCache ? kCache : 0; }

// What rte_pktmbuf_pool_create() does, in memory that the kernel may back with huge pages though
// none are reserved.  EAL's own memory without reserved ones is a memory file, which it mostly may
// not; then half of what forwarding costs is address translation.
rte_mempool* pool_on_transparent_pages(const std::string& name, unsigned count, uint16_t room) {
  constexpr size_t kHugePage = size_t{2} << 20;
  rte_mempool* pool =
      rte_mempool_create_empty(name.c_str(), count, sizeof(rte_mbuf) + room, cache_of(count),
                               sizeof(rte_pktmbuf_pool_private), SOCKET_ID_ANY, 0);
  if (!pool) return nullptr;
  rte_mempool_objsz sizes;
  const size_t object = rte_mempool_calc_obj_size(sizeof(rte_mbuf) + room, 0, &sizes);
  // One page more than needed: the mapping need not begin where a huge page does.
  const size_t bytes = RTE_ALIGN_CEIL(object * count, kHugePage) + 2 * kHugePage;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    rte_mempool_free(pool);
    rte_errno = ENOMEM;
    return nullptr;
  }
  madvise(memory, bytes, MADV_HUGEPAGE);  // a refusal costs speed, not correctness
  rte_pktmbuf_pool_init(pool, nullptr);
  if (rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr) != 0 ||
      rte_mempool_populate_virt(pool, static_cast<char*>(memory), bytes, kHugePage, give_back,
                                new size_t(bytes)) < static_cast<int>(count)) {
    rte_mempool_free(pool);
    return nullptr;
  }
  rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
  return pool;
}

Error no_memory(const std::string& what) {
  return Error{Stage::kRuntime, Code::kNoMemory, 0, what + ": " + rte_strerror(rte_errno)};
}

}  // namespace

Result<Pool> make_pool(size_t mbufs, uint32_t longest) {
  static unsigned made = 0;
  const std::string name = "ipjit_frames_" + std::to_string(made++);
  const auto room = static_cast<uint16_t>(RTE_PKTMBUF_HEADROOM + RTE_ALIGN_CEIL(longest, 64u));
  const auto count = static_cast<unsigned>(mbufs);
  Pool pool(rte_eal_has_hugepages() ? rte_pktmbuf_pool_create(name.c_str(), count, cache_of(count),
                                                              0, room, SOCKET_ID_ANY)
                                    : pool_on_transparent_pages(name, count, room));
  if (!pool)
    return no_memory("a pool of " + std::to_string(mbufs) + " mbufs with " + std::to_string(room) +
                     " bytes of room each");
  return pool;
}

Result<MbufList> mbufs_of(std::span<const ipjit_packet> frames, rte_mempool* pool) {
  MbufList mbufs(frames.size());
  if (rte_pktmbuf_alloc_bulk(pool, mbufs.data(), static_cast<unsigned>(mbufs.size())) != 0)
    return no_memory("mbufs");
  // A pool hands out its objects in a line; a card's descriptors do not stay in one.  Neighbours in
  // traffic that are neighbours in memory would flatter the prefetchers.
  std::shuffle(mbufs.begin(), mbufs.end(), std::minstd_rand(1));
  for (size_t i = 0; i < frames.size(); ++i) {
    char* data = rte_pktmbuf_append(mbufs[i], static_cast<uint16_t>(frames[i].caplen));
    IPJIT_CHECK(data);
    std::memcpy(data, frames[i].data, frames[i].caplen);
    mbufs[i]->hash.usr = static_cast<uint32_t>(i);
  }
  return mbufs;
}

unsigned rss_queue(const ipjit_packet& frame, unsigned queues) {
  const uint8_t* p = frame.data;
  uint32_t words[9];
  uint32_t count = 0;
  if (frame.caplen >= 38 && p[12] == 0x08 && p[13] == 0) {
    words[count++] = word_at(p + 26);
    words[count++] = word_at(p + 30);
    const bool has_ports =
        p[14] == 0x45 && (p[23] == 6 || p[23] == 17) && (p[20] & 0x3f) == 0 && p[21] == 0;
    if (has_ports) words[count++] = word_at(p + 34);
  } else if (frame.caplen >= 58 && p[12] == 0x86 && p[13] == 0xdd) {
    for (uint32_t at = 22; at < 54; at += 4) words[count++] = word_at(p + at);
    if (p[20] == 6 || p[20] == 17) words[count++] = word_at(p + 54);
  }
  return rte_softrss(words, count, kRssKey) % queues;
}

Source::Source(unsigned queues, unsigned burst, double mean_burst) : burst_(burst), lanes_(queues) {
  if (mean_burst <= 0) return;
  std::minstd_rand random(2);
  std::geometric_distribution<int> beyond_one(1 / std::max(1.0, mean_burst));
  for (size_t i = 0; i < kBurstSizes; ++i)
    sizes_.push_back(static_cast<uint16_t>(
        std::min<unsigned>(burst, 1 + static_cast<unsigned>(beyond_one(random)))));
}

Status Source::add(const MbufList& mbufs, std::span<const ipjit_packet> frames) {
  std::vector<MbufList> queues(lanes_.size());
  for (size_t i = 0; i < mbufs.size(); ++i)
    queues[lanes_.size() == 1 ? 0 : rss_queue(frames[i], static_cast<unsigned>(lanes_.size()))]
        .push_back(mbufs[i]);
  for (size_t queue = 0; queue < queues.size(); ++queue)
    if (queues[queue].empty())
      return Error{Stage::kUsage, Code::kBadInput, queue,
                   "queue " + std::to_string(queue) + " of " + std::to_string(queues.size()) +
                       " gets no packet of this traffic: fewer lcores, or more flows"};
  sets_.push_back(std::move(queues));
  if (sets_.size() == 1) use(0);
  return ok();
}

void Source::carry_in(const MbufList& carriers) {
  const size_t each = carriers.size() / lanes_.size();
  for (size_t queue = 0; queue < lanes_.size(); ++queue) {
    const auto begin = carriers.begin() + static_cast<ptrdiff_t>(queue * each);
    lanes_[queue].carriers.assign(begin, begin + static_cast<ptrdiff_t>(each));
    for (rte_mbuf* carrier : lanes_[queue].carriers) carrier->data_off = 0;
  }
}

void Source::use(size_t set) {
  for (size_t queue = 0; queue < lanes_.size(); ++queue) {
    Lane& lane = lanes_[queue];
    lane.list = &sets_[set][queue];
    lane.bytes.clear();
    if (lane.carriers.empty()) continue;
    for (const rte_mbuf* mbuf : *lane.list) {
      Bytes& bytes = lane.bytes.emplace_back(Bytes{rte_pktmbuf_mtod(mbuf, void*), {}});
      std::memcpy(bytes.fields, mbuf->rx_descriptor_fields1, sizeof bytes.fields);
    }
  }
  rewind();
}

void Source::rewind() {
  for (Lane& lane : lanes_) lane.at = 0;
}

}  // namespace ipjit::pktbench
