// SPDX-License-Identifier: BSD-2-Clause
#include <pcap/pcap.h>

#include <cstring>

#include "bench/micro/engines.h"

namespace ipjit::bench {

namespace {

std::vector<bpf_insn> words_of(const Compiled& compiled) {
  std::vector<bpf_insn> words(compiled.insns.size());
  std::memcpy(words.data(), compiled.insns.data(), words.size() * sizeof words[0]);
  return words;
}

}  // namespace

Result<Runner> libpcap(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return Runner{"libpcap",
                [words = words_of(compiled), packets](size_t count, size_t rounds) mutable {
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
  for (const Compiled& compiled : programs) all.push_back(words_of(compiled));
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
