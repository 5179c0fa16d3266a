// SPDX-License-Identifier: BSD-2-Clause
#include <pcap/pcap.h>

#include <cstring>

#include "bench/micro/engines.h"

namespace ipjit::bench {

Result<Runner> libpcap(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  std::vector<bpf_insn> words(compiled.insns.size());
  std::memcpy(words.data(), compiled.insns.data(), words.size() * sizeof words[0]);
  return Runner{"libpcap", [words, packets](size_t count, size_t rounds) mutable {
                  const bpf_program program{static_cast<u_int>(words.size()), words.data()};
                  pcap_pkthdr header = {};
                  uint64_t matches = 0;
                  for (size_t round = 0; round < rounds; ++round)
                    for (const ipjit_packet& packet : packets.first(count)) {
                      header.caplen = packet.caplen;
                      header.len = packet.len;
                      matches += pcap_offline_filter(&program, &header, packet.data) != 0;
                    }
                  return matches;
                }};
}

Result<Runner> libpcap_crowd(std::span<const Compiled> programs,
                             std::span<const ipjit_packet> packets) {
  std::vector<std::vector<bpf_insn>> all;
  for (const Compiled& compiled : programs) {
    all.emplace_back(compiled.insns.size());
    std::memcpy(all.back().data(), compiled.insns.data(), all.back().size() * sizeof(bpf_insn));
  }
  return Runner{"libpcap", [all, packets](size_t count, size_t rounds) mutable {
                  std::vector<bpf_program> heads;
                  for (auto& words : all)
                    heads.push_back({static_cast<u_int>(words.size()), words.data()});
                  pcap_pkthdr header = {};
                  uint64_t matches = 0;
                  for (size_t round = 0; round < rounds; ++round)
                    for (const ipjit_packet& packet : packets.first(count)) {
                      header.caplen = packet.caplen;
                      header.len = packet.len;
                      for (const bpf_program& program : heads)
                        matches += pcap_offline_filter(&program, &header, packet.data) != 0;
                    }
                  return matches;
                }};
}

}  // namespace ipjit::bench
