// SPDX-License-Identifier: BSD-2-Clause
// Remembers which expression a program came from.
//
// pcap_setfilter() gets instructions, a person looking at `ipjit stats` wants the expression.  The
// two meet here by the program's address and a checksum of it: the memory may have been freed and
// used again without a word (pcap_freecode() is the documented way, free() works too).
//
// Long lists of hosts take libpcap's optimiser cubic time (a minute for 1,000), so they go another
// way, which gives a program with the same verdicts.  Who prints a program through bpf_dump(), as
// `tcpdump -d` does, still gets what libpcap makes of the expression, in libpcap's time.
#include "tools/pcap/expressions.h"

#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <unordered_map>

#include "bpf-frontend/check.h"
#include "bpf-frontend/expression.h"
#include "runtime/lock.h"
#include "tools/pcap/notice.h"
#include "tools/pcap/real.h"

namespace ipjit::pcap {
namespace {

constexpr size_t kMostRemembered = 1024;
constexpr size_t kShortestLongList = 100;  // characters; shorter ones libpcap compiles in no time

struct Origin {
  std::string expression;
  size_t count;
  uint64_t checksum;
  std::optional<bpf::Link> linear;  // what libpcap needs to know to compile it its own way
};

/// Under runtime_lock(), which a forked child has free.
std::unordered_map<const bpf_insn*, Origin>& origins() {
  // Never destroyed: programs compile filters in their own exit handlers.
  static auto* map = new std::unordered_map<const bpf_insn*, Origin>;
  return *map;
}

uint64_t checksum_of(std::span<const bpf_insn> insns) {
  uint64_t sum = 0xcbf29ce484222325;
  for (const bpf_insn& insn : insns) {
    uint64_t word =
        uint64_t{insn.code} << 48 | uint64_t{insn.jt} << 40 | uint64_t{insn.jf} << 32 | insn.k;
    sum = (sum ^ word) * 0x100000001b3;
  }
  return sum;
}

void remember(const bpf_program& program, const char* expression,
              const std::optional<bpf::Link>& linear) {
  std::lock_guard lock(runtime::runtime_lock());
  if (origins().size() >= kMostRemembered) origins().clear();
  std::span<const bpf_insn> insns(program.bf_insns, program.bf_len);
  origins()[program.bf_insns] = {expression ? expression : "", insns.size(), checksum_of(insns),
                                 linear};
}

/// The origin of a program that is still what it was.
std::optional<Origin> origin_of(std::span<const bpf_insn> insns) {
  std::lock_guard lock(runtime::runtime_lock());
  auto found = origins().find(insns.data());
  if (found == origins().end() || found->second.count != insns.size() ||
      found->second.checksum != checksum_of(insns))
    return std::nullopt;
  return found->second;
}

const bpf::PcapApi& real_compiler() {
  static const bpf::PcapApi api{.open_dead = real().pcap_open_dead,
                                .compile = real().pcap_compile,
                                .freecode = real().pcap_freecode,
                                .close = real().pcap_close,
                                .geterr = real().pcap_geterr};
  return api;
}

bool is_long_list(pcap_t* pcap, const char* expression, const bpf::Link& link) {
  bool activated = link.dlt >= 0 && real().pcap_snapshot(pcap) > 0;
  return activated && expression && link.optimize && !standing_aside() &&
         std::strlen(expression) >= kShortestLongList;
}

/// A list whose program could just fit into the kernel as libpcap compiles it, and not as we do.
bool may_fit_only_libpcaps(pcap_t* pcap, size_t count) {
  return !real().pcap_file(pcap) && count > bpf::kMaxLinuxInsns &&
         count < bpf::kMaxLinuxInsns * 11 / 10;
}

bool compile_linearly(pcap_t* pcap, bpf_program* program, const char* expression,
                      const bpf::Link& link) {
  std::optional<bpf::InsnList> insns = bpf::compile_host_list(expression, link, real_compiler());
  if (!insns || may_fit_only_libpcaps(pcap, insns->size())) return false;
  // pcap_freecode() will free() it.
  void* memory = std::malloc(insns->size() * sizeof(bpf_insn));
  if (!memory) return false;
  std::memcpy(memory, insns->data(), insns->size() * sizeof(bpf_insn));
  program->bf_insns = static_cast<bpf_insn*>(memory);
  program->bf_len = static_cast<u_int>(insns->size());
  return true;
}

}  // namespace

int compile_expression(pcap_t* pcap, bpf_program* program, const char* expression, int optimize,
                       bpf_u_int32 netmask) {
  bpf::Link link{.dlt = real().pcap_datalink(pcap),
                 .snaplen = static_cast<uint32_t>(real().pcap_snapshot(pcap)),
                 .netmask = netmask,
                 .optimize = optimize != 0,
                 .savefile = real().pcap_file(pcap) ? pcap : nullptr};
  if (is_long_list(pcap, expression, link) && compile_linearly(pcap, program, expression, link)) {
    remember(*program, expression, link);
    return 0;
  }
  int result = real().pcap_compile(pcap, program, expression, optimize, netmask);
  if (result == 0) remember(*program, expression, std::nullopt);
  return result;
}

std::string expression_of(const bpf_insn* insns, size_t count) {
  std::optional<Origin> origin = origin_of({insns, count});
  return origin && !origin->expression.empty() ? origin->expression : "bpf";
}

void dump_program(const bpf_program* program, int option) {
  std::optional<Origin> origin = origin_of({program->bf_insns, program->bf_len});
  if (!origin || !origin->linear) return real().bpf_dump(program, option);
  const bpf::Link& link = *origin->linear;
  pcap_t* dead =
      link.savefile ? nullptr : real().pcap_open_dead(link.dlt, static_cast<int>(link.snaplen));
  pcap_t* pcap = link.savefile ? link.savefile : dead;
  bpf_program libpcaps{};
  bool compiled = pcap && real().pcap_compile(pcap, &libpcaps, origin->expression.c_str(), 1,
                                              link.netmask) == 0;
  real().bpf_dump(compiled ? &libpcaps : program, option);
  if (compiled) real().pcap_freecode(&libpcaps);
  if (dead) real().pcap_close(dead);
}

void forget_program(const bpf_insn* insns) {
  std::lock_guard lock(runtime::runtime_lock());
  origins().erase(insns);
}

void forget_savefile(const pcap_t* pcap) {
  std::lock_guard lock(runtime::runtime_lock());
  for (auto& [insns, origin] : origins())
    if (origin.linear && origin.linear->savefile == pcap) origin.linear.reset();
}

}  // namespace ipjit::pcap
