// SPDX-License-Identifier: BSD-2-Clause
// The options of filter_source.h; what they say is loaded in filter_source.cpp, without CLI11.
#include <CLI/CLI.hpp>

#include "tools/ipjit/filter_source.h"
#include "tools/whole_number.h"

namespace ipjit::cli {

void add_source_options(CLI::App& sub, FilterSource& source) {
  sub.add_option("EXPR", source.words, "pcap expression, as for tcpdump; none matches all packets");
  sub.add_option("-f,--file", source.file,
                 "file of `tcpdump -ddd` text in place of EXPR; -: stdin");
  sub.add_option("--dialect", source.dialect, "meaning of the bytecode: libpcap or linux")
      ->check(CLI::IsMember({"libpcap", "linux"}))
      ->capture_default_str();
  sub.add_flag("-O,--no-optimize-bpf", source.keep_bytecode,
               "leave out libpcap's own optimiser, as tcpdump -O does");
}

void add_traffic_options(CLI::App& sub, Traffic& traffic) {
  CLI::Option* capture = sub.add_option("-r,--read", traffic.capture,
                                        "pcap or pcapng file whose packets say what is hot");
  sub.add_option("--profile", traffic.profile, "file of `ipjit profile`, in place of a capture")
      ->excludes(capture);
  sub.add_option("-c", traffic.packets, "look at this many packets of the capture only")
      ->transform(whole_number(1, UINT64_MAX))
      ->needs(capture);
}

}  // namespace ipjit::cli
