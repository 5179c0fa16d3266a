// SPDX-License-Identifier: BSD-2-Clause
// The thread that builds specialised code: at most one in a process, only where a processor idles.
#pragma once

#include <string>

namespace ipjit::runtime {

/// Makes what the handlers of fork() need, before any can run.
void prepare_builder();

/// Sees to it that the thread is there, asleep until a filter is hot; where it cannot be, the
/// filters' statistics say why.  The first call also notes the environment and how the process is
/// confined.
/// Thread: any, where a filter that may be specialised has been made or replaced.  Makes system
/// calls and allocates, so never where packets run.
void ask_for_builder();

/// Off: no thread is started any more, and one that is there ends.  For tests and `tier 2 off`.
void allow_builder(bool allowed);

/// A filter is hot or was a short while ago; not while the thread sleeps.
bool builder_runs();

void restart_builder_in_child();  ///< fork.cpp, under runtime_lock()

}  // namespace ipjit::runtime
