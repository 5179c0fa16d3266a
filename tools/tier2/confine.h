// SPDX-License-Identifier: BSD-2-Clause
// Whatever process started the server, it becomes an ordinary one, with as few rights as it needs.
#pragma once

#include "ipjit/error.h"

namespace ipjit::tier2 {

/// Signals as in a fresh process (but no SIGPIPE and no SIGXFSZ), any processor, umask 077, / as
/// directory, no core files, few descriptors, no new privileges, no capabilities, and every
/// descriptor from `first` on closed.
/// Fails: kUnavailable: it was started with the rights of another user.
Status confine(int first);

/// Blocks the signals that end a server.
/// Gives: a descriptor that can be read once one of them came.
Result<int> stop_signals();

}  // namespace ipjit::tier2
