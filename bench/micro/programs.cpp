// SPDX-License-Identifier: BSD-2-Clause
#include "bench/micro/programs.h"

#include <pcap/pcap.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/micro/measure.h"

namespace ipjit::bench {

Compiled compile_with_libpcap(const Filter& filter) {
  pcap_t* handle = pcap_open_dead(DLT_EN10MB, 262144);
  bpf_program program;
  const uint64_t start = cpu_ns();
  if (pcap_compile(handle, &program, filter.expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    std::fprintf(stderr, "bench: filter %c: %s\n", filter.id, pcap_geterr(handle));
    std::exit(1);
  }
  const double seconds = static_cast<double>(cpu_ns() - start) / 1e9;
  static_assert(sizeof(bpf_insn) == sizeof(bpf::Insn));
  bpf::InsnList insns(program.bf_len);
  std::memcpy(insns.data(), program.bf_insns, program.bf_len * sizeof(bpf_insn));
  pcap_freecode(&program);
  pcap_close(handle);
  return {filter, insns, seconds};
}

Compiled compile_hosts1000(const std::string& path) {
  const Filter hosts = filter('h');
  if (std::ifstream kept(path); kept) {
    const nlohmann::json document = nlohmann::json::parse(kept, nullptr, false);
    if (!document.is_discarded() && document.value("expression", "") == hosts.expression) {
      Compiled compiled{hosts, {}, document["pcap_compile_s"]};
      for (const auto& insn : document["insns"])
        compiled.insns.push_back({insn[0], insn[1], insn[2], insn[3]});
      return compiled;
    }
  }
  std::fprintf(stderr, "bench: libpcap compiles 1,000 hosts, which takes it about a minute ...\n");
  Compiled compiled = compile_with_libpcap(hosts);
  nlohmann::json insns = nlohmann::json::array();
  for (const bpf::Insn& insn : compiled.insns)
    insns.push_back({insn.code, insn.jt, insn.jf, insn.k});
  if (!path.empty())
    write_json(path, {{"expression", hosts.expression},
                      {"pcap_compile_s", compiled.pcap_compile_s},
                      {"insns", insns}});
  return compiled;
}

}  // namespace ipjit::bench
