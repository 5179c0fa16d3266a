// SPDX-License-Identifier: BSD-2-Clause
// Reads the sample area of /dev/ipjit: one ring for each CPU, written by packets that do not wait.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ipjit/error.h"
#include "kernel-glue/uapi/ipjit.h"

namespace ipjit::kernel {

struct SampleCount {
  uint64_t read = 0;
  uint64_t lost = 0;  ///< overwritten before they were read, or while

  bool operator==(const SampleCount&) const = default;
};

class SampleReader {
 public:
  /// Takes: Device::sample_area(), which outlives the reader.
  /// Fails: kBadInput (stage kKernel): its head contradicts itself or the area's size.
  static Result<SampleReader> over(std::span<const uint8_t> area);

  /// Gives every whole sample since the last call to `sample`, CPU by CPU, oldest first; at most
  /// `most` of each CPU, newest preferred.  `ordinal` counts a CPU's samples.
  /// Thread: one at a time; writers are not held up.
  SampleCount drain(const std::function<void(const ipjit_dev_sample& sample, uint32_t cpu,
                                             uint64_t ordinal)>& sample,
                    uint64_t most = UINT64_MAX);

  uint32_t cpus() const { return rings_.cpus; }

 private:
  SampleReader(std::span<const uint8_t> area, const ipjit_dev_rings& rings)
      : area_(area), rings_(rings), next_(rings.cpus), fresh_(rings.cpus, true) {}

  uint64_t begun(uint32_t cpu) const;
  const uint8_t* record(uint32_t cpu, uint64_t ordinal) const;

  std::span<const uint8_t> area_;
  ipjit_dev_rings rings_;
  std::vector<uint64_t> next_;  ///< by CPU: ordinal of the next sample
  std::vector<bool> fresh_;     ///< by CPU: nothing was read yet, so nothing was lost
};

}  // namespace ipjit::kernel
