// SPDX-License-Identifier: BSD-2-Clause
#include <pcap/pcap.h>

#include <cstring>

#include "bench/dpdk/filter_engines.h"

namespace ipjit::pktbench {
namespace {

std::vector<bpf_insn> words_of(Insns insns) {
  std::vector<bpf_insn> words(insns.size());
  std::memcpy(words.data(), insns.data(), insns.size_bytes());
  return words;
}

class Libpcap : public Engine {
 public:
  explicit Libpcap(Insns insns) : words_(words_of(insns)) {}
  void run(rte_mbuf* const* mbufs, unsigned count, uint32_t* verdicts) override {
    for (unsigned i = 0; i < count; ++i)
      verdicts[i] = bpf_filter(words_.data(), rte_pktmbuf_mtod(mbufs[i], const u_char*),
                               rte_pktmbuf_pkt_len(mbufs[i]), rte_pktmbuf_data_len(mbufs[i]));
  }

 private:
  std::vector<bpf_insn> words_;
};

}  // namespace

Candidate libpcap(Insns insns) {
  return {"libpcap", std::shared_ptr<Engine>(std::make_shared<Libpcap>(insns))};
}

std::vector<uint32_t> expected_verdicts(Insns insns, std::span<const ipjit_packet> packets) {
  const std::vector<bpf_insn> words = words_of(insns);
  std::vector<uint32_t> verdicts;
  verdicts.reserve(packets.size());
  for (const ipjit_packet& packet : packets)
    verdicts.push_back(bpf_filter(words.data(), packet.data, packet.len, packet.caplen));
  return verdicts;
}

}  // namespace ipjit::pktbench
