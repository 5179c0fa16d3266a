// SPDX-License-Identifier: BSD-2-Clause
// The kernel's half of `ipjit stats`:
//
//   IN THE KERNEL, observe: its own code decides                        PROGRAM, SOCKET
//     ENGINE  PACKETS  NATIVE  PASSED SAMPLES  BOTH DIFFER SAVING   CODE RETREATS
//   filter 12, 24 instructions                           tcpdump, packet socket on eth0
//     tier2      1.2M    99 %      12    1204  120.3k      0   31 %   1231        0
//   1,204,553 packets, 0 differences, would save 31 % of filter time
//   left alone: 2, because: an eBPF program, not a classic one
//
// NATIVE is the share of verdicts that were ours, PASSED the packets whose bytes our code could not
// see, BOTH the packets that ran both codes; DIFFER and SAVING are about those.  A filter has no
// name in the kernel, so it goes by its number, which `ipjit compile --from-kernel` takes.
#include "tools/ipjit/kernel/table.h"

#include <fmt/core.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "tools/ipjit/progress.h"
#include "tools/ipjit/stats_table.h"

namespace ipjit::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kNumbers = "  {:<7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>6} {:>6} {:>6} {:>8}\n";

std::string comm_of(const ipjit_dev_filter& filter) {
  return {filter.comm, strnlen(filter.comm, sizeof filter.comm)};
}

std::string percent(double share) { return fmt::format("{:.0f} %", share * 100); }

std::string native_share(const ipjit_dev_filter& filter) {
  if (!filter.packets) return "-";
  // All is not said of what is not all.
  const double share = static_cast<double>(filter.native) / static_cast<double>(filter.packets);
  return percent(filter.native < filter.packets ? std::min(share, 0.99) : 1);
}

std::string mode_words(const ipjit_dev_info& info) {
  if (info.paused) return "paused: the kernel's own code runs";
  switch (static_cast<ipjit_dev_mode>(info.mode)) {
    case IPJIT_DEV_OFF:
      return "off: nothing is taken over";
    case IPJIT_DEV_OBSERVE:
      return info.shadow ? "observe, shadow: its own code decides, every packet is compared"
                         : "observe: the kernel's own code decides";
    case IPJIT_DEV_ON:
      return info.shadow ? "on, shadow: its own code decides, every packet is compared"
                         : "on: our code decides";
  }
  return fmt::format("mode {}", info.mode);
}

std::string two_ends(const std::string& left, const std::string& right, size_t columns) {
  const std::string end = cut(right, columns - 24);
  const size_t room = columns - end.size() - 2;
  return fmt::format("{:<{}}  {}\n", cut(left, room), room, end);
}

void append_filter(std::string& out, const KernelView& view, const ipjit_dev_filter& filter,
                   size_t columns, const InterfaceName& name) {
  std::string title = fmt::format("filter {}, {} instructions", filter.id, filter.insns);
  if (filter.flags & IPJIT_DEV_EVICTED) title += ", evicted";
  if (filter.flags & IPJIT_DEV_WRONG) title += ", code taken away: a wrong verdict";
  const std::string comm = comm_of(filter);
  out += two_ends(title, (comm.empty() ? "" : comm + ", ") + socket_words(filter, name), columns);
  const Comparison compared = comparison_of(filter);
  const std::optional<double> saving = compared.saving();
  out += fmt::format(
      kNumbers, engine_of(filter, view.info), short_count(filter.packets), native_share(filter),
      short_count(filter.passed_on), short_count(filter.sampled), short_count(compared.packets),
      compared.packets ? short_count(compared.differences) : "-", saving ? percent(*saving) : "-",
      short_count(filter.code_bytes), short_count(filter.retreats));
}

void append_why(std::string& out, const KernelView& view, const ipjit_dev_filter& filter,
                size_t columns) {
  auto why = view.daemon.why.find(filter.id);
  if (why == view.daemon.why.end() || why->second.empty()) {
    out += view.daemon.running ? "    - the daemon has said nothing of it\n"
                               : "    - ipjitd does not run: nobody offers code\n";
    return;
  }
  for (const std::string& line : why->second) append_folded(out, line, columns);
}

Json filter_json(const ipjit_dev_filter& filter, const KernelView& view,
                 const InterfaceName& name) {
  const Comparison compared = comparison_of(filter);
  const std::optional<double> saving = compared.saving();
  auto why = view.daemon.why.find(filter.id);
  return {{"id", filter.id},
          {"program", comm_of(filter)},
          {"socket", socket_words(filter, name)},
          {"engine", engine_of(filter, view.info)},
          {"tier", filter.tier},
          {"version", filter.version},
          {"insns", filter.insns},
          {"family", filter.family},
          {"type", filter.type},
          {"protocol", filter.protocol},
          {"ifindex", filter.ifindex},
          {"uid", filter.uid},
          {"netns", filter.netns},
          {"hardened", (filter.flags & IPJIT_DEV_HARDENED) != 0},
          {"locked", (filter.flags & IPJIT_DEV_LOCKED) != 0},
          {"evicted", (filter.flags & IPJIT_DEV_EVICTED) != 0},
          {"wrong", (filter.flags & IPJIT_DEV_WRONG) != 0},
          {"packets", filter.packets},
          {"native", filter.native},
          {"passed_on", filter.passed_on},
          {"samples", filter.sampled},
          {"compared", filter.compared},
          {"differences", filter.differences},
          {"kernel_cycles", filter.kernel_cycles},
          {"native_cycles", filter.native_cycles},
          {"saving", saving ? Json(*saving) : Json(nullptr)},
          {"retreats", filter.retreats},
          {"code_bytes", filter.code_bytes},
          {"table_bytes", filter.table_bytes},
          {"age_ns", filter.age_ns},
          {"first_native",
           filter.first_native == IPJIT_DEV_NEVER ? Json(nullptr) : Json(filter.first_native)},
          {"why", why == view.daemon.why.end() ? std::vector<std::string>{} : why->second}};
}

Json comparison_json(const Comparison& compared, bool ours) {
  const std::optional<double> saving = compared.saving();
  return {{"packets", compared.packets},
          {"differences", compared.differences},
          {"saving", saving ? Json(*saving) : Json(nullptr)},
          {"words", comparison_words(compared, ours)}};
}

}  // namespace

std::string interface_name(uint32_t ifindex) {
  std::array<char, IF_NAMESIZE> name = {};
  return if_indextoname(ifindex, name.data()) ? name.data() : "";
}

std::string socket_words(const ipjit_dev_filter& filter, const InterfaceName& name) {
  std::string words;
  const bool ipv6 = filter.family == AF_INET6;
  if (filter.family == AF_PACKET)
    words = "packet socket";
  else if (filter.family != AF_INET && !ipv6)
    words = fmt::format("socket of family {}", filter.family);
  else if (filter.type == SOCK_STREAM)
    words = ipv6 ? "tcp6 socket" : "tcp socket";
  else if (filter.type == SOCK_DGRAM)
    words = ipv6 ? "udp6 socket" : "udp socket";
  else
    words = fmt::format("{} socket, protocol {}", ipv6 ? "raw6" : "raw", filter.protocol);
  if (!filter.ifindex) return words;
  const std::string device = name(filter.ifindex);
  return words + " on " + (device.empty() ? fmt::format("interface {}", filter.ifindex) : device);
}

std::string engine_of(const ipjit_dev_filter& filter, const ipjit_dev_info& info) {
  if (info.paused || !filter.tier || !filter.version) return "kernel";
  return fmt::format("tier{}", filter.tier);
}

bool ours_decides(const ipjit_dev_info& info) {
  return info.mode == IPJIT_DEV_ON && !info.shadow && !info.paused;
}

std::string comparison_words(const Comparison& comparison, bool ours) {
  if (!comparison.packets) return "";
  std::string words =
      fmt::format("{} packet{}, {} difference{}", grouped(comparison.packets),
                  comparison.packets == 1 ? "" : "s", grouped(comparison.differences),
                  comparison.differences == 1 ? "" : "s");
  const std::optional<double> saving = comparison.saving();
  if (!saving) return words;
  const long points = std::lround(std::fabs(*saving) * 100);
  if (*saving < 0)
    return fmt::format("{}, {} {} % more filter time", words, ours ? "takes" : "would take",
                       points);
  return fmt::format("{}, {} {} % of filter time", words, ours ? "saves" : "would save", points);
}

std::string left_lines(const ipjit_dev_info& info, size_t columns) {
  std::string out;
  for (int i = 0; i < IPJIT_DEV_LEFT_COUNT; ++i)
    if (info.left[i])
      out += cut(fmt::format("left alone: {}, because: {}", grouped(info.left[i]),
                             kernel::sentence_of(static_cast<ipjit_dev_left>(i))),
                 columns) +
             "\n";
  return out;
}

std::string kernel_table(const KernelView& view, size_t columns, const InterfaceName& name,
                         bool why) {
  columns = std::clamp<size_t>(columns, 80, 120);
  std::string out = two_ends("IN THE KERNEL, " + mode_words(view.info), "PROGRAM, SOCKET", columns);
  if (!view.filters.empty())
    out += fmt::format(kNumbers, "ENGINE", "PACKETS", "NATIVE", "PASSED", "SAMPLES", "BOTH",
                       "DIFFER", "SAVING", "CODE", "RETREATS");
  for (const ipjit_dev_filter& filter : view.filters) {
    append_filter(out, view, filter, columns, name);
    if (why) append_why(out, view, filter, columns);
  }
  if (view.filters.empty()) out += "no socket has a filter that is taken over\n";
  const std::string compared =
      comparison_words(comparison_of(view.filters), ours_decides(view.info));
  if (!compared.empty()) out += cut(compared, columns) + "\n";
  out += left_lines(view.info, columns);
  if (!view.daemon.running)
    out += "ipjitd does not run: filters keep the code that they have, new ones get none\n";
  return out;
}

Json kernel_json(const KernelView& view, const InterfaceName& name) {
  const ipjit_dev_info& info = view.info;
  Json filters = Json::array();
  for (const ipjit_dev_filter& filter : view.filters)
    filters.push_back(filter_json(filter, view, name));
  Json left = Json::object();
  for (int i = 0; i < IPJIT_DEV_LEFT_COUNT; ++i)
    left[kernel::word_of(static_cast<ipjit_dev_left>(i))] = info.left[i];
  return {
      {"mode", kernel::word_of(static_cast<ipjit_dev_mode>(info.mode))},
      {"shadow", info.shadow != 0},
      {"paused", info.paused != 0},
      {"sample_shift", info.sample_shift},
      {"compared", comparison_json(comparison_of(view.filters), ours_decides(info))},
      {"code_used", info.code_used},
      {"code_size", info.code_size},
      {"table_used", info.table_used},
      {"verify_cycles", info.verify_cycles},
      {"verify_bytes", info.verify_bytes},
      {"installs", info.installs},
      {"refusals", info.refusals},
      {"events_lost", info.events_lost},
      {"left", std::move(left)},
      {"daemon",
       {{"running", view.daemon.running},
        {"pid", view.daemon.pid},
        {"waiting", view.daemon.waiting},
        {"tier2_cpu_ms", view.daemon.cpu_ms},
        {"no_tier2", view.daemon.no_tier2.empty() ? Json(nullptr) : Json(view.daemon.no_tier2)}}},
      {"filters", std::move(filters)}};
}

}  // namespace ipjit::cli
