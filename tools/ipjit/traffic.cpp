// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/traffic.h"

#include <fmt/core.h>
#include <unistd.h>

#include <memory>

#include "ir/profile_text.h"
#include "ir/replay.h"
#include "tools/ipjit/link_type.h"
#include "tools/ipjit/progress.h"

namespace ipjit::cli {
namespace {

Result<ir::Profile> of_file(const std::string& path, const std::string& title,
                            const ir::Program& general) {
  Result<std::string> text = read_file(path);
  if (!text) return text.error();
  Result<ir::Profile> profile = ir::parse_file(*text);
  auto of_this_file = [&](Error error, const std::string& hint) {
    error.why = path + ": " + error.why + hint;
    return error;
  };
  if (!profile) return of_this_file(profile.error(), "");
  if (Status checked = ir::check_profile(*profile, general); !checked)
    return of_this_file(
        checked.error(),
        fmt::format(
            " than '{}': expression, link type, --snaplen and -O must be those of `ipjit profile`",
            title));
  return profile;
}

class Watcher {
 public:
  Watcher(const ir::Program& general, bpf::Dialect dialect) : replayer_(general) {
    if (dialect == bpf::Dialect::kLibpcap) ctx_.vlan_present = bpf::kNoVlanData;
  }

  void see(const ipjit_packet& packet) {
    ctx_.wire_len = packet.len;
    const ir::Sample sample{
        .head = {packet.data, packet.caplen}, .cap_len = packet.caplen, .follows = seen_ != 0};
    matched_ += replayer_.packet(sample, ctx_) != 0;
    ++seen_;
  }
  ir::Profile take() { return replayer_.take(); }
  uint64_t seen() const { return seen_; }
  uint64_t matched() const { return matched_; }

 private:
  ir::Replayer replayer_;
  ipjit_ctx ctx_ = {};
  uint64_t seen_ = 0;
  uint64_t matched_ = 0;
};

}  // namespace

ir::Profile watch(const ir::Program& general, bpf::Dialect dialect,
                  std::span<const ipjit_packet> packets) {
  Watcher watcher(general, dialect);
  for (const ipjit_packet& packet : packets) watcher.see(packet);
  return watcher.take();
}

Result<ir::Profile> watch(const ir::Program& general, bpf::Dialect dialect, Capture& capture,
                          uint64_t most) {
  Watcher watcher(general, dialect);
  Progress progress(isatty(STDERR_FILENO) != 0);
  PacketBatch batch;
  for (;;) {
    if (Status read = capture.read(batch); !read) return read.error();
    if (batch.packets.empty()) return watcher.take();
    for (const ipjit_packet& packet : batch.packets) {
      watcher.see(packet);
      if (watcher.seen() == most) return watcher.take();
    }
    progress.show(capture.fraction(), watcher.seen(), watcher.matched());
  }
}

Result<OpenTraffic> open_traffic(const Traffic& traffic, const std::string& dlt,
                                 bpf::Dialect dialect, const std::string& title) {
  OpenTraffic open;
  if (!traffic.capture.empty()) {
    Result<Capture> opened = Capture::open(traffic.capture);
    if (!opened) return opened.error();
    auto capture = std::make_shared<Capture>(std::move(*opened));
    open.link = capture->link();
    open.link.snaplen = bpf::Link{}.snaplen;
    open.watch = [capture, dialect, most = traffic.packets](const ir::Program& general) {
      return watch(general, dialect, *capture, most);
    };
    return open;
  }
  Result<int> named = link_type_named(dlt);
  if (!named) return named.error();
  open.link.dlt = *named;
  if (!traffic.profile.empty())
    open.watch = [path = traffic.profile, title](const ir::Program& general) {
      return of_file(path, title, general);
    };
  return open;
}

}  // namespace ipjit::cli
