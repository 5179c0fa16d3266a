// SPDX-License-Identifier: BSD-2-Clause
// pcap_offline_filter() and bpf_filter(): native code for programs that belong to the caller.
//
// The caller may change its program between two packets, free it, or build another one at the same
// address, and tells nobody.  So the address only finds a candidate: before native code runs, the
// program in memory is compared with the copy that was compiled, 16 bytes an instruction pair at a
// time and front to back.  The comparison reads about as much as a vectorised memcmp(), a fraction
// of what interpreting costs, and it never reads beyond a program that differs.
//
//   cache slot                          caller's memory
//   at 0x5581… ──────────────────────▶  28 00 00 00 0c 00 00 00 | 15 00 …
//   copy 28 00 00 00 0c 00 00 00 | 15   equal to the end: run the engine
//   engine ▶ native code                not equal: learn it anew, libpcap runs
//
// How long a program is, nobody says (bpf_filter() has no length, and pcap_offline_filter() never
// looked at it): its reach is followed from the first instruction, jumps only going forward.
//
// A comparison costs with the program's length, interpreting with the path that the packet takes:
// in a list of 1,000 hosts an ARP packet is through after three instructions.  Every 256 packets
// one is therefore timed both ways, and the cheaper way is used until the next time.
//
// Each thread has its own cache, so there is no lock and nothing to retire.  A signal handler that
// interrupts its thread in here finds `busy` and leaves the packet to libpcap.
#include "tools/pcap/offline.h"

#include <emmintrin.h>
#include <pthread.h>
#include <x86intrin.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "tools/pcap/engine.h"
#include "tools/pcap/expressions.h"
#include "tools/pcap/notice.h"
#include "tools/pcap/real.h"

namespace ipjit::pcap {
namespace {

constexpr size_t kSlots = 16;
constexpr size_t kLongest = 1 << 16;  // instructions; longer ones stay with libpcap
constexpr uint32_t kWarm = 32;        // packets before a program is worth compiling
constexpr uint32_t kPatience = 1024;  // misses before an occupied slot changes its program
constexpr uint32_t kPacketsPerTiming = 256;

struct Known {
  const bpf_insn* at = nullptr;
  std::vector<bpf_insn> copy;
  std::unique_ptr<Engine> engine;
  uint32_t calls = 0;
  uint32_t misses = 0;
  uint64_t cycles_ours = 0;  // moving averages
  uint64_t cycles_libpcap = 0;
};

struct Cache {
  std::array<Known, kSlots> slots;
  bool busy = false;
};

__thread Cache* this_cache __attribute__((tls_model("initial-exec"))) = nullptr;
pthread_key_t cache_key;

void free_cache(void* cache) {
  this_cache = nullptr;
  delete static_cast<Cache*>(cache);
}

Cache& cache_of_thread() {
  static const int made = pthread_key_create(&cache_key, free_cache);
  if (!this_cache) {
    this_cache = new Cache;
    if (made == 0) pthread_setspecific(cache_key, this_cache);
  }
  return *this_cache;
}

/// Instructions that can be reached from the first one; none if the program goes backwards or far.
std::optional<size_t> length_of(const bpf_insn* insns) {
  size_t last = 0;
  for (size_t at = 0; at <= last; ++at) {
    const bpf_insn& insn = insns[at];
    size_t next = at + 1;
    if (BPF_CLASS(insn.code) == BPF_RET) continue;
    if (BPF_CLASS(insn.code) == BPF_JMP) {
      next += BPF_OP(insn.code) == BPF_JA ? insn.k : std::max(insn.jt, insn.jf);
    }
    last = std::max(last, next);
    if (last >= kLongest) return std::nullopt;
  }
  return last + 1;
}

/// Front to back, so that nothing behind the first difference is read.
bool same_program(const bpf_insn* insns, const std::vector<bpf_insn>& copy) {
  static_assert(sizeof(bpf_insn) == 8);
  const size_t pairs = copy.size() / 2;
  for (size_t pair = 0; pair < pairs; ++pair) {
    __m128i now = _mm_loadu_si128(reinterpret_cast<const __m128i*>(insns) + pair);
    __m128i then = _mm_loadu_si128(reinterpret_cast<const __m128i*>(copy.data()) + pair);
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(now, then)) != 0xffff) return false;
  }
  if (copy.size() % 2 == 0) return true;
  const bpf_insn& now = insns[copy.size() - 1];
  const bpf_insn& then = copy.back();
  return now.code == then.code && now.jt == then.jt && now.jf == then.jf && now.k == then.k;
}

void learn(Known& known, const bpf_insn* insns) {
  known = Known{};
  known.at = insns;
  if (std::optional<size_t> length = length_of(insns)) known.copy.assign(insns, insns + *length);
}

void compile(Known& known) {
  if (known.copy.size() < 2) return;
  auto engine = Engine::compile(known.copy, expression_of(known.at, known.copy.size()), {});
  if (engine)
    known.engine = std::move(*engine);
  else
    say_refusal(to_string(engine.error()));
}

void average(uint64_t& mean, uint64_t value) { mean = mean == 0 ? value : (mean * 7 + value) / 8; }

uint32_t timed_both_ways(Known& known, const bpf_insn* insns, const u_char* data, uint32_t wire_len,
                         uint32_t cap_len) {
  uint64_t start = __rdtsc();
  bool same = same_program(insns, known.copy);
  if (same) known.engine->run(data, cap_len, wire_len);
  uint64_t between = __rdtsc();
  uint32_t verdict = real().bpf_filter(insns, data, wire_len, cap_len);
  if (!same) {
    learn(known, insns);
    return verdict;
  }
  average(known.cycles_ours, between - start);
  average(known.cycles_libpcap, __rdtsc() - between);
  return verdict;
}

uint32_t run_known(Known& known, const bpf_insn* insns, const u_char* data, uint32_t wire_len,
                   uint32_t cap_len) {
  ++known.calls;
  if (!known.engine) {
    if (known.calls == kWarm && same_program(insns, known.copy)) compile(known);
    return real().bpf_filter(insns, data, wire_len, cap_len);
  }
  if (known.calls % kPacketsPerTiming == 0)
    return timed_both_ways(known, insns, data, wire_len, cap_len);
  if (known.cycles_ours > known.cycles_libpcap)
    return real().bpf_filter(insns, data, wire_len, cap_len);
  if (same_program(insns, known.copy)) return known.engine->run(data, cap_len, wire_len);
  learn(known, insns);
  return real().bpf_filter(insns, data, wire_len, cap_len);
}

}  // namespace

uint32_t run_program_at(const bpf_insn* insns, const u_char* data, uint32_t wire_len,
                        uint32_t cap_len) {
  Cache& cache = cache_of_thread();
  if (cache.busy) return real().bpf_filter(insns, data, wire_len, cap_len);
  cache.busy = true;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  auto bits = reinterpret_cast<uintptr_t>(insns);
  Known& known = cache.slots[(bits >> 4 ^ bits >> 10) % kSlots];
  uint32_t verdict;
  if (known.at == insns) {
    verdict = run_known(known, insns, data, wire_len, cap_len);
  } else {
    if (!known.at || ++known.misses >= kPatience) learn(known, insns);
    verdict = real().bpf_filter(insns, data, wire_len, cap_len);
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);
  cache.busy = false;
  return verdict;
}

}  // namespace ipjit::pcap
