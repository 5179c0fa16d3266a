// SPDX-License-Identifier: BSD-2-Clause
// A program as Graphviz text: its control flow, and where its packets go.
//
//   ipjit graph "tcp port 80" -r traffic.pcap --svg > filter.svg
//
// Every block is a box with its instructions.  With a profile, edges carry their packets per
// hundred and a width to match, blocks on the most frequent ways are red to yellow, blocks that
// (almost) no packet enters are grey.  In a specialised program the general part, which only what
// left by a guard reaches, is a box of its own, and the log of what was done stands below.
#pragma once

#include <span>
#include <string>

#include "ir/profile.h"
#include "ir/program.h"

namespace ipjit::ir {

/// Takes: a valid program; `profile` null: nothing is known; `log` of specialise(), or empty.
/// Gives: one digraph, ending in a newline; the same text for the same arguments.
std::string dot_of(const Program& program, const Profile* profile = nullptr,
                   std::span<const std::string> log = {});

}  // namespace ipjit::ir
