// SPDX-License-Identifier: BSD-2-Clause
// A live filter that holds one unit for ever: the two structures that ipjit/inline.h documents,
// filled by hand.
#pragma once

#include <array>
#include <memory>

#include "bench/micro/native.h"
#include "ipjit/inline.h"

namespace ipjit::bench {

class Live {
 public:
  Live(NativePtr native, bool specialised) : native_(std::move(native)), stripes_(new Stripes) {
    for (ipjit_stripe& stripe : *stripes_) {
      stripe = {};
      stripe.pause_at = UINT64_MAX;  // never the slow way: there is no filter behind it
    }
    program_.direct = native_->entry();
    program_.counters = reinterpret_cast<uint64_t*>(counters_->data());
    program_.specialised = specialised;
    filter_.program = &program_;
    filter_.stripes = stripes_->data();
  }
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;

  const ipjit_filter* filter() const { return &filter_; }
  const Native& native() const { return *native_; }
  ipjit_stripe& own() const {
    return *reinterpret_cast<ipjit_stripe*>(reinterpret_cast<char*>(filter_.stripes) +
                                            ipjit_thread_stripe);
  }

 private:
  static constexpr size_t kStripes = 256;
  using Stripes = std::array<ipjit_stripe, kStripes>;
  struct alignas(64) Line {
    uint64_t count[8] = {};
  };

  NativePtr native_;
  std::unique_ptr<Stripes> stripes_;
  std::unique_ptr<std::array<Line, kStripes>> counters_ =
      std::make_unique<std::array<Line, kStripes>>();
  ipjit_program program_ = {};
  ipjit_filter filter_ = {};
};
using LivePtr = std::shared_ptr<Live>;

/// A thread gets its stripe from the library when it first runs any filter.
inline void own_a_stripe() {
  static const ipjit_insn kAccept = {0x06, 0, 0, 1};
  ipjit_filter* any = ipjit_compile(&kAccept, 1, nullptr, nullptr);
  IPJIT_CHECK(any);
  const uint8_t byte = 0;
  ipjit_filter_run(any, &byte, 1, 1);
  ipjit_filter_free(any);
}

}  // namespace ipjit::bench
