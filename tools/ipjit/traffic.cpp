// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/traffic.h"

#include <unistd.h>

#include <memory>

#include "ir/profile_text.h"
#include "ir/replay.h"
#include "tools/ipjit/link_type.h"
#include "tools/ipjit/progress.h"

namespace ipjit::cli {
namespace {

Result<ir::Profile> of_file(const std::string& path, const ir::Program& general) {
  Result<std::string> text = read_file(path);
  if (!text) return text.error();
  Result<ir::Profile> profile = ir::parse_profile(*text);
  if (!profile) return profile.error();
  if (Status checked = ir::check_profile(*profile, general); !checked) return checked.error();
  return profile;
}

}  // namespace

Result<ir::Profile> watch(const ir::Program& general, bpf::Dialect dialect, Capture& capture,
                          uint64_t most) {
  ir::Replayer replayer(general);
  ipjit_ctx ctx = {};
  if (dialect == bpf::Dialect::kLibpcap) ctx.vlan_present = bpf::kNoVlanData;
  Progress progress(isatty(STDERR_FILENO) != 0);
  PacketBatch batch;
  uint64_t seen = 0, matched = 0;
  for (;;) {
    if (Status read = capture.read(batch); !read) return read.error();
    if (batch.packets.empty()) return replayer.take();
    for (const ipjit_packet& packet : batch.packets) {
      ctx.wire_len = packet.len;
      const ir::Sample sample{
          .head = {packet.data, packet.caplen}, .cap_len = packet.caplen, .follows = seen != 0};
      matched += replayer.packet(sample, ctx) != 0;
      if (++seen == most) return replayer.take();
    }
    progress.show(capture.fraction(), seen, matched);
  }
}

Result<OpenTraffic> open_traffic(const Traffic& traffic, const std::string& dlt,
                                 bpf::Dialect dialect) {
  OpenTraffic open;
  if (!traffic.capture.empty()) {
    Result<Capture> opened = Capture::open(traffic.capture);
    if (!opened) return opened.error();
    auto capture = std::make_shared<Capture>(std::move(*opened));
    open.dlt = capture->link().dlt;
    open.watch = [capture, dialect, most = traffic.packets](const ir::Program& general) {
      return watch(general, dialect, *capture, most);
    };
    return open;
  }
  Result<int> named = link_type_named(dlt);
  if (!named) return named.error();
  open.dlt = *named;
  if (!traffic.profile.empty())
    open.watch = [path = traffic.profile](const ir::Program& general) {
      return of_file(path, general);
    };
  return open;
}

}  // namespace ipjit::cli
