// SPDX-License-Identifier: BSD-2-Clause
// Tier 2's rows: the specialised program through tier 1 and through LLVM, called as a user calls it
// and bare.
//
// A filter of the library would have to sample and decide first; here its two structures, which
// ipjit/inline.h documents, are filled by hand with the code that tier 2 makes, so that the row
// measures the very call path that a user's program inlines.
#include <algorithm>
#include <array>

#include "bench/micro/engines.h"
#include "bench/micro/units.h"
#include "ipjit/inline.h"
#include "runtime/burst.h"

namespace ipjit::bench {
namespace {

constexpr size_t kStripes = 256;

// A live filter that holds one unit for ever.
class Live {
 public:
  explicit Live(NativePtr native) : native_(std::move(native)), stripes_(new Stripes) {
    for (ipjit_stripe& stripe : *stripes_) {
      stripe = {};
      stripe.pause_at = UINT64_MAX;  // never the slow way: there is no filter behind it
    }
    program_.direct = native_->entry();
    program_.counters = reinterpret_cast<uint64_t*>(counters_->data());
    filter_.program = &program_;
    filter_.stripes = stripes_->data();
  }
  const ipjit_filter* filter() const { return &filter_; }
  const Native& native() const { return *native_; }
  ipjit_stripe& own() const {
    return *reinterpret_cast<ipjit_stripe*>(reinterpret_cast<char*>(filter_.stripes) +
                                            ipjit_thread_stripe);
  }

 private:
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

// A thread gets its stripe from the library when it first runs any filter.
void own_a_stripe() {
  static const ipjit_insn kAccept = {0x06, 0, 0, 1};
  ipjit_filter* any = ipjit_compile(&kAccept, 1, nullptr, nullptr);
  IPJIT_CHECK(any);
  const uint8_t byte = 0;
  ipjit_filter_run(any, &byte, 1, 1);
  ipjit_filter_free(any);
}

uint64_t single(const Live& live, std::span<const ipjit_packet> packets) {
  uint64_t matches = 0;
  for (const ipjit_packet& packet : packets)
    matches += ipjit_filter_run(live.filter(), packet.data, packet.caplen, packet.len) != 0;
  return matches;
}

// As FilterSlot::run_burst() does it: one entry and one leave for each burst.
uint64_t in_bursts(const Live& live, std::span<const ipjit_packet> packets) {
  ipjit_stripe& own = live.own();
  uint64_t matches = 0;
  uint32_t verdicts[32];
  ipjit_ctx ctx;
  ctx.counters = ipjit_own_counters(live.filter()->program);
  for (size_t at = 0; at < packets.size(); at += 32) {
    const std::span<const ipjit_packet> some =
        packets.subspan(at, std::min<size_t>(32, packets.size() - at));
    ipjit_own_add(&own.entered, some.size());
    const uint64_t matched = runtime::run_lanes(live.filter()->program->direct, live.native().reach,
                                                ctx, some, verdicts);
    ipjit_own_add(&own.left, some.size());
    ipjit_own_add(&own.matched, matched);
    for (size_t i = 0; i < some.size(); ++i) matches += verdicts[i] != 0;
  }
  return matches;
}

Result<Runner> bodies(const char* name, const Compiled& compiled,
                      std::span<const ipjit_packet> packets, bool with_llvm) {
  const Result<Pair> pair = specialised_pair(compiled, packets, with_llvm);
  if (!pair) return pair.error();
  const Runner hot = body_runner(name, pair->hot, packets);
  const Runner stream = body_runner(name, pair->stream, packets);
  return Runner{name, [hot, stream](size_t count, size_t rounds) {
                  return (count <= kHotPackets ? hot : stream).run(count, rounds);
                }};
}

template <class Loop>
Result<Runner> lives(const char* name, const Compiled& compiled,
                     std::span<const ipjit_packet> packets, bool with_llvm, Loop loop) {
  const Result<Pair> pair = specialised_pair(compiled, packets, with_llvm);
  if (!pair) return pair.error();
  own_a_stripe();
  const auto hot = std::make_shared<Live>(pair->hot), stream = std::make_shared<Live>(pair->stream);
  return Runner{name, [hot, stream, packets, loop](size_t count, size_t rounds) {
                  uint64_t matches = 0;
                  for (size_t round = 0; round < rounds; ++round)
                    matches += loop(count <= kHotPackets ? *hot : *stream, packets.first(count));
                  return matches;
                }};
}

}  // namespace

Result<Runner> ipjit_specialised_body(const Compiled& compiled,
                                      std::span<const ipjit_packet> packets) {
  return bodies("ipjit tier1 specialised body", compiled, packets, false);
}

Result<Runner> ipjit_specialised(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return lives("ipjit tier1 specialised", compiled, packets, false, single);
}

Result<Runner> ipjit_tier2(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return lives("ipjit tier2", compiled, packets, true, single);
}

Result<Runner> ipjit_tier2_burst(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return lives("ipjit tier2 burst 32", compiled, packets, true, in_bursts);
}

Result<Runner> ipjit_tier2_body(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return bodies("ipjit tier2 body", compiled, packets, true);
}

}  // namespace ipjit::bench
