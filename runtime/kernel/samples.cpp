// SPDX-License-Identifier: BSD-2-Clause
// A record is written while it is read: it is copied first and believed afterwards, if its sequence
// was that of a whole sample before and behind the copy.
//
//   sequence  2n + 1 while sample n is written, 2n + 2 once it is whole
//   smaller   its writer has claimed it and not begun: it comes with the next call
//   larger    a lap: the ring was faster than its reader, and the sample is lost
#include "runtime/kernel/samples.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

namespace ipjit::kernel {

namespace {

constexpr size_t kPage = 4096;
constexpr uint32_t kMaxCpus = 8192;

uint64_t load(const uint8_t* at) {
  return __atomic_load_n(reinterpret_cast<const uint64_t*>(at), __ATOMIC_ACQUIRE);
}

Error contradiction(const std::string& why) {
  return Error{Stage::kKernel, Code::kBadInput, 0, "the sample area: " + why};
}

}  // namespace

Result<SampleReader> SampleReader::over(std::span<const uint8_t> area) {
  ipjit_dev_rings rings;
  if (area.size() < kPage || reinterpret_cast<uintptr_t>(area.data()) % alignof(uint64_t))
    return contradiction(std::to_string(area.size()) + " bytes hold no head");
  std::memcpy(&rings, area.data(), sizeof rings);
  if (rings.record_bytes != sizeof(ipjit_dev_sample))
    return contradiction("records of " + std::to_string(rings.record_bytes) + " bytes");
  if (rings.cpus == 0 || rings.cpus > kMaxCpus || !std::has_single_bit(rings.records))
    return contradiction(std::to_string(rings.cpus) + " rings of " + std::to_string(rings.records));
  if (rings.ring_bytes % kPage ||
      rings.ring_bytes < kPage + uint64_t{rings.records} * rings.record_bytes ||
      area.size() < kPage + uint64_t{rings.cpus} * rings.ring_bytes)
    return contradiction("rings of " + std::to_string(rings.ring_bytes) + " bytes in " +
                         std::to_string(area.size()));
  return SampleReader(area, rings);
}

uint64_t SampleReader::begun(uint32_t cpu) const {
  return load(area_.data() + kPage + uint64_t{cpu} * rings_.ring_bytes);
}

const uint8_t* SampleReader::record(uint32_t cpu, uint64_t ordinal) const {
  return area_.data() + kPage + uint64_t{cpu} * rings_.ring_bytes + kPage +
         ordinal % rings_.records * rings_.record_bytes;
}

SampleCount SampleReader::drain(
    const std::function<void(const ipjit_dev_sample&, uint32_t, uint64_t)>& sample, uint64_t most) {
  SampleCount count;
  const uint64_t reach = std::min<uint64_t>(most, rings_.records);
  ipjit_dev_sample copy;
  for (uint32_t cpu = 0; cpu < rings_.cpus; ++cpu) {
    const uint64_t end = begun(cpu);
    uint64_t& next = next_[cpu];
    if (next > end) next = end;
    if (end - next > reach) {
      if (!fresh_[cpu]) count.lost += end - next - reach;
      next = end - reach;
    }
    fresh_[cpu] = false;
    for (; next < end; ++next) {
      const uint8_t* at = record(cpu, next);
      const uint64_t before = load(at);
      if (before < 2 * next + 2) break;
      std::memcpy(&copy, at, sizeof copy);
      std::atomic_thread_fence(std::memory_order_acquire);
      if (before != 2 * next + 2 || load(at) != before) {
        ++count.lost;
        continue;
      }
      copy.head_len = std::min({copy.head_len, copy.len, uint32_t{IPJIT_DEV_HEAD}});
      ++count.read;
      sample(copy, cpu, next);
    }
  }
  return count;
}

}  // namespace ipjit::kernel
