// SPDX-License-Identifier: BSD-2-Clause
// The packets that a filter is specialised for, and what they tell.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "bpf-frontend/insn.h"
#include "ipjit/error.h"
#include "ir/profile.h"
#include "tools/ipjit/capture.h"
#include "tools/ipjit/filter_source.h"
#include "tools/ipjit/stages.h"

namespace ipjit::cli {

/// Runs packets through the interpreter.
/// Takes: a program whose sites are numbered.
ir::Profile watch(const ir::Program& general, bpf::Dialect dialect,
                  std::span<const ipjit_packet> packets);

/// Runs a capture's packets through the interpreter.
///
/// Takes: a program whose sites are numbered; at most `most` packets, 0: all.
/// Fails: as Capture::read().
Result<ir::Profile> watch(const ir::Program& general, bpf::Dialect dialect, Capture& capture,
                          uint64_t most);

struct OpenTraffic {
  /// For the expression: of the capture, which `watch` keeps open, or the link type that was named.
  /// The snapshot length is the default one: it is in the program, and a profile is one program's.
  bpf::Link link;
  Watch watch;  ///< for StagesRequest; empty where nothing is known.  Once only
};

/// Takes: the link type's name for where there is no capture; the filter's title, for messages.
/// Fails: kBadOption; as Capture::open().
Result<OpenTraffic> open_traffic(const Traffic& traffic, const std::string& dlt,
                                 bpf::Dialect dialect, const std::string& title);

}  // namespace ipjit::cli
