// SPDX-License-Identifier: BSD-2-Clause
// Swaps under traffic: four threads run one filter without a pause while a fifth replaces its
// program.
//
//   swap_bench [--smoke] [--swaps N] [--json FILE]
//
// The two programs differ in the verdict of every packet (one accepts 1 or 2 bytes, the other 3 or
// 4), so that a mixture would be seen: each verdict must be one of the two that its packet may get.
// Readers count calls by how long they took; a wait for the writer would be a call as long as a
// compile, while other causes (preemption: there are more threads than cores) are seen without
// swaps too, in the run before.  A leak shows in the mappings and the memory of the process: both
// are read before and after.
#include <atomic>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "bench/micro/measure.h"
#include "bench/traffic/traffic.h"
#include "ipjit/ipjit.h"

namespace {

using namespace ipjit;
using namespace ipjit::bench;
using nlohmann::json;

constexpr size_t kReaders = 4;

// ldb [23]; jeq #6: `yes` bytes for TCP, else `no`.
std::vector<ipjit_insn> program(uint32_t yes, uint32_t no) {
  return {{0x30, 0, 0, 23}, {0x15, 0, 1, 6}, {0x06, 0, 0, yes}, {0x06, 0, 0, no}};
}

size_t mappings() {
  std::ifstream maps("/proc/self/maps");
  size_t lines = 0;
  for (std::string line; std::getline(maps, line);) ++lines;
  return lines;
}

size_t resident_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  return 0;
}

struct alignas(64) Reader {
  std::atomic<uint64_t> packets = 0;
  uint64_t wrong = 0;
  uint64_t over_100us = 0;  // calls in blocks of 1,024 packets
  uint64_t cpu = 0;         // ns
};

void read_until(const std::atomic<bool>& stop, const ipjit_filter* filter,
                std::span<const ipjit_packet> packets, Reader& reader) {
  const uint64_t start = cpu_ns();
  while (!stop.load(std::memory_order_relaxed)) {
    const uint64_t begun = cpu_ns();
    for (const ipjit_packet& packet : packets) {
      const uint32_t verdict = ipjit_filter_run(filter, packet.data, packet.caplen, packet.len);
      const bool tcp = packet.caplen > 23 && packet.data[23] == 6;
      reader.wrong += verdict != (tcp ? 1u : 2u) && verdict != (tcp ? 3u : 4u);
    }
    reader.over_100us += cpu_ns() - begun > 100'000;
    reader.packets.fetch_add(packets.size(), std::memory_order_relaxed);
  }
  reader.cpu = cpu_ns() - start;
}

struct Outcome {
  uint64_t swaps = 0, packets = 0, wrong = 0, over_100us = 0;
  double seconds = 0, writer_us = 0, reader_ns = 0;
};

Outcome run(ipjit_filter* filter, std::span<const ipjit_packet> packets, uint64_t swaps) {
  std::atomic<bool> stop = false;
  Reader readers[kReaders];
  std::vector<std::jthread> threads;
  for (Reader& reader : readers)
    threads.emplace_back([&] { read_until(stop, filter, packets, reader); });
  const uint64_t start = wall_ns(), cpu_start = cpu_ns();
  const std::vector<ipjit_insn> one = program(1, 2), two = program(3, 4);
  ipjit_error error;
  for (uint64_t swap = 0; swap < swaps; ++swap) {
    const std::vector<ipjit_insn>& next = swap % 2 ? one : two;
    if (ipjit_filter_replace(filter, next.data(), next.size(), &error) == 0) continue;
    std::fprintf(stderr, "swap_bench: swap %lu: %s\n", static_cast<unsigned long>(swap),
                 error.text);
    std::exit(1);
  }
  Outcome outcome;
  outcome.swaps = swaps;
  outcome.writer_us = static_cast<double>(cpu_ns() - cpu_start) / 1e3 /
                      static_cast<double>(std::max<uint64_t>(swaps, 1));
  if (!swaps) std::this_thread::sleep_for(std::chrono::seconds(1));
  stop = true;
  threads.clear();
  outcome.seconds = static_cast<double>(wall_ns() - start) / 1e9;
  uint64_t cpu = 0;
  for (const Reader& reader : readers) {
    outcome.packets += reader.packets;
    outcome.wrong += reader.wrong;
    outcome.over_100us += reader.over_100us;
    cpu += reader.cpu;
  }
  outcome.reader_ns = static_cast<double>(cpu) / static_cast<double>(outcome.packets);
  return outcome;
}

json report(const char* what, const Outcome& o) {
  std::printf(
      "%-14s %9lu swaps in %6.1f s, %6.2f us of CPU each; %7.1f M packets read, %5.2f ns "
      "each, %lu wrong, %lu blocks over 100 us\n",
      what, static_cast<unsigned long>(o.swaps), o.seconds, o.swaps ? o.writer_us : 0.0,
      static_cast<double>(o.packets) / 1e6, o.reader_ns, static_cast<unsigned long>(o.wrong),
      static_cast<unsigned long>(o.over_100us));
  return {{"swaps", o.swaps},
          {"seconds", o.seconds},
          {"writer_us", o.writer_us},
          {"packets", o.packets},
          {"reader_ns", o.reader_ns},
          {"wrong", o.wrong},
          {"blocks_over_100us", o.over_100us}};
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"--smoke", "--swaps", "--json"});
  const uint64_t swaps = options.number("--swaps", options.flag("--smoke") ? 2000 : 1'000'000);
  const Traffic traffic = generate(1024);
  const std::vector<ipjit_insn> first = program(1, 2);
  ipjit_options filter_options = {};
  filter_options.size = sizeof filter_options;
  filter_options.engine = IPJIT_ENGINE_TIER1;
  ipjit_error error;
  const std::unique_ptr<ipjit_filter, void (*)(ipjit_filter*)> filter(
      ipjit_compile(first.data(), first.size(), &filter_options, &error), ipjit_filter_free);
  if (!filter) {
    std::fprintf(stderr, "swap_bench: %s\n", error.text);
    return 1;
  }

  const Outcome quiet = run(filter.get(), traffic.packets(), 0);
  run(filter.get(), traffic.packets(), swaps / 100);  // allocators and mappings settle
  const size_t maps_before = mappings(), kb_before = resident_kb();
  const Outcome busy = run(filter.get(), traffic.packets(), swaps);
  const size_t maps_after = mappings(), kb_after = resident_kb();

  json result = {{"machine", machine()}, {"readers", kReaders}};
  result["without"] = report("without swaps", quiet);
  result["with"] = report("with swaps", busy);
  std::printf("mappings %zu -> %zu, resident %zu -> %zu KB\n", maps_before, maps_after, kb_before,
              kb_after);
  result["mappings"] = {maps_before, maps_after};
  result["resident_kb"] = {kb_before, kb_after};
  write_json(options.text("--json", ""), result);
  const bool leak = maps_after > maps_before + 64 || kb_after > kb_before + 8192;
  if (leak) std::fprintf(stderr, "swap_bench: memory grew\n");
  return busy.wrong || quiet.wrong || leak ? 1 : 0;
}
