// SPDX-License-Identifier: BSD-2-Clause
#include "tests/corpus/corpus.h"

#include <pcap/pcap.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace ipjit::testing {
namespace fs = std::filesystem;

std::optional<std::string> corpus_folder() {
  std::string folder = std::string(IPJIT_SOURCE_DIR) + "/../shared/corpus";
  if (!fs::is_directory(folder)) return std::nullopt;
  return folder;
}

nlohmann::json corpus_json(const std::string& name) {
  std::string path = *corpus_folder() + "/" + name;
  gzFile file = gzopen(path.c_str(), "rb");  // reads plain files as they are
  if (!file) throw std::runtime_error("cannot open " + path);
  std::string text;
  char chunk[1 << 16];
  for (int got; (got = gzread(file, chunk, sizeof chunk)) > 0;)
    text.append(chunk, static_cast<size_t>(got));
  gzclose(file);
  return nlohmann::json::parse(text);
}

Capture read_capture(const std::string& path) {
  Capture capture;
  char why[PCAP_ERRBUF_SIZE];
  pcap_t* handle = pcap_open_offline(path.c_str(), why);
  if (!handle) return capture;
  capture.dlt = pcap_datalink(handle);
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  while (pcap_next_ex(handle, &header, &data) == 1)
    capture.packets.push_back({{data, data + header->caplen}, header->len});
  pcap_close(handle);
  return capture;
}

std::vector<std::string> captures_in(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(*corpus_folder() + "/" + folder))
    if (entry.path().extension().string().starts_with(".pcap")) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

bpf::InsnList insns_of(const nlohmann::json& program) {
  bpf::InsnList insns;
  for (const auto& insn : program)
    insns.push_back({insn[0].get<uint16_t>(), insn[1].get<uint8_t>(), insn[2].get<uint8_t>(),
                     insn[3].get<uint32_t>()});
  return insns;
}

std::vector<std::string> corpus_expressions() {
  std::vector<std::string> expressions;
  std::ifstream list(*corpus_folder() + "/expressions/expressions.txt");
  for (std::string line; std::getline(list, line);)
    if (!line.empty() && line[0] != '#') expressions.push_back(line);
  return expressions;
}

std::vector<Packet> ethernet_packets() {
  std::vector<Packet> packets;
  for (const char* folder : {"captures", "traffic"}) {
    for (const std::string& path : captures_in(folder)) {
      Capture capture = read_capture(path);
      if (capture.dlt != DLT_EN10MB) continue;
      const size_t step = capture.packets.size() > 100 ? 4 : 1;
      for (size_t i = 0; i < capture.packets.size(); i += step)
        packets.push_back(std::move(capture.packets[i]));
    }
  }
  return packets;
}

}  // namespace ipjit::testing
