// SPDX-License-Identifier: BSD-2-Clause
// What the filters of packet sockets cost in the kernel, in instructions per packet.
//
//   filter_cost [--rounds N] [--frames N] [--out FILE] [--filters IDS] [--then COMMAND]
//              PHASE[~]=COMMAND...
//
// Opens a socket for each filter of bench/filters.h (all but h, which the kernel refuses) and keeps
// them open while it goes through the phases: each runs its COMMAND, then measures every filter
// over the same generated frames, linear and with all but the Ethernet header in a page (what a
// driver that splits headers hands up).  A phase that ends in "~" waits until COMMAND succeeds and
// keeps the filters busy meanwhile, which is how code that is made for traffic comes to be.  --then
// is run after the last, while the sockets are open still.
//
//   filter_cost kernel=true 'tier1=load-and-wait' 'tier2~=ipjit-is-at-2'
//
// JSON goes to standard output or FILE.  The counting itself is /dev/ipjit_bench's; under
// QEMU's -icount shift=0 its cycles are instructions.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/filters.h"
#include "bench/traffic/traffic.h"
#include "kernel-glue/bench/ipjit_bench.h"

namespace {

using ipjit::bench::Filter;
using nlohmann::json;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "filter_cost: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

constexpr int kTries = 100;     ///< of a phase that waits; then the result is without it
constexpr unsigned kBusy = 16;  ///< rounds of each filter between two tries: samples have a ring

struct Socket {
  Filter filter;
  int fd;
  size_t insns;
};

struct Options {
  unsigned rounds = 8;
  size_t frames = 1000;
  std::string out, ids = "abcdefgij", then;
  struct Phase {
    std::string name, command;
    bool waits;
  };
  std::vector<Phase> phases;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
    if (word == "--rounds") {
      options.rounds = static_cast<unsigned>(std::stoul(value()));
    } else if (word == "--frames") {
      options.frames = std::stoul(value());
    } else if (word == "--out") {
      options.out = value();
    } else if (word == "--filters") {
      options.ids = value();
    } else if (word == "--then") {
      options.then = value();
    } else if (const size_t at = word.find('='); at != std::string::npos && at > 0) {
      const bool waits = word[at - 1] == '~';
      options.phases.push_back({word.substr(0, at - waits), word.substr(at + 1), waits});
    } else {
      std::fprintf(stderr, "filter_cost: '%s' is no option and no PHASE=COMMAND\n", word.c_str());
      std::exit(2);
    }
  }
  if (options.phases.empty()) options.phases.push_back({"now", "true", false});
  return options;
}

Socket open_socket(const Filter& filter) {
  pcap_t* const pcap = pcap_open_dead(DLT_EN10MB, 262144);
  bpf_program program;
  if (pcap_compile(pcap, &program, filter.expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    die(std::string("filter ") + filter.id + ": " + pcap_geterr(pcap));
  }
  // Protocol 0: no packet arrives; the filter is there to be measured.
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  const sock_fprog attached{static_cast<unsigned short>(program.bf_len),
                            reinterpret_cast<sock_filter*>(program.bf_insns)};
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof(attached)) != 0) {
    die(std::string("filter ") + filter.id);
  }
  const Socket opened{filter, fd, program.bf_len};
  pcap_freecode(&program);
  pcap_close(pcap);
  return opened;
}

/// Runs every packet `rounds` times.  head: bytes in the linear part, 0 for all.
json measure(int device, int fd, const ipjit::bench::Traffic& traffic, unsigned rounds,
             unsigned head) {
  std::vector<ipjit_bench_packet> packets;
  for (const ipjit_packet& packet : traffic.packets()) {
    packets.push_back({reinterpret_cast<uint64_t>(packet.data), packet.caplen, 0, 0});
  }
  ipjit_bench_run run{reinterpret_cast<uint64_t>(packets.data()),
                      static_cast<uint32_t>(packets.size()), rounds, head, fd};
  if (ioctl(device, IPJIT_BENCH_IOC_RUN, &run) != 0) die("measuring");
  std::vector<double> each;
  double sum = 0;
  size_t accepted = 0;
  for (const ipjit_bench_packet& packet : packets) {
    each.push_back(static_cast<double>(packet.cycles) / rounds);
    sum += each.back();
    accepted += packet.verdict != 0;
  }
  std::sort(each.begin(), each.end());
  return {{"mean", sum / static_cast<double>(each.size())},
          {"min", each.front()},
          {"median", each[each.size() / 2]},
          {"max", each.back()},
          {"accepted", accepted}};
}

json measure_all(int device, const std::vector<Socket>& sockets,
                 const ipjit::bench::Traffic& traffic, unsigned rounds) {
  json rows = json::object();
  for (const Socket& socket : sockets) {
    json& row = rows[std::string(1, socket.filter.id)];
    row["linear"] = measure(device, socket.fd, traffic, rounds, 0);
    row["split"] = measure(device, socket.fd, traffic, rounds, ETH_HLEN);
  }
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const int device = open(IPJIT_BENCH_PATH, O_RDWR | O_CLOEXEC);
  if (device < 0) die(IPJIT_BENCH_PATH);
  const ipjit::bench::Traffic traffic = ipjit::bench::generate(options.frames);
  std::vector<Socket> sockets;
  for (const char id : options.ids) sockets.push_back(open_socket(ipjit::bench::filter(id)));

  json result{{"rounds", options.rounds}, {"frames", options.frames}};
  for (const Socket& socket : sockets) {
    result["insns"][std::string(1, socket.filter.id)] = socket.insns;
  }
  for (const auto& [name, command, waits] : options.phases) {
    bool ready = std::system(command.c_str()) == 0;
    for (int tries = 0; waits && !ready && tries < kTries; ++tries) {
      for (const Socket& socket : sockets) measure(device, socket.fd, traffic, kBusy, 0);
      ready = std::system(command.c_str()) == 0;
    }
    if (!ready) {
      std::fprintf(stderr, "filter_cost: phase %s: '%s' failed\n", name.c_str(), command.c_str());
      if (!waits) return 1;
      continue;
    }
    result["phases"][name] = measure_all(device, sockets, traffic, options.rounds);
  }
  if (!options.then.empty() && std::system(options.then.c_str()) != 0) {
    std::fprintf(stderr, "filter_cost: '%s' failed\n", options.then.c_str());
    return 1;
  }
  const std::string text = result.dump(1) + "\n";
  if (options.out.empty()) {
    std::fputs(text.c_str(), stdout);
  } else {
    std::ofstream(options.out) << text;
  }
  return 0;
}
