// SPDX-License-Identifier: BSD-2-Clause
// What is in which cache before a pass over packets is timed.
//
// Left to chance, it depends on who ran before: a slow engine takes so long over the packets that
// other users of a shared cache push them out behind it, and the engine that comes next pays
// memory's latency for them, which is up to 14 ns a packet here.
#pragma once

#include <span>

#include "ipjit/ipjit.h"

namespace ipjit::bench {

/// Reads the headers until they are in the cache that the cores share: where a network card or the
/// kernel's copy leaves a packet.
void leave_in_shared_cache(std::span<const ipjit_packet> packets);

/// Flushes the headers from every cache.
void push_out_to_memory(std::span<const ipjit_packet> packets);

/// Fills the processor's cache of branch targets with others.
void forget_branch_targets();

}  // namespace ipjit::bench
