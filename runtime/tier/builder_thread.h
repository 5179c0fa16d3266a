// SPDX-License-Identifier: BSD-2-Clause
// The thread that builds specialised code: at most one in a process, only where a processor idles.
#pragma once

#include <string>

namespace ipjit::runtime {

/// Notes the environment and how the process is confined, before anybody asks.  The first call
/// decides; it is made where the environment may be read.
void prepare_builder();

/// Says that a filter is worth a look.  Starts the thread if it does not run and this is a place
/// where that is safe: not in a signal handler, as far as one can tell.
/// Signal-safe.  Cost: two loads where the thread runs.
void ask_for_builder();

/// The same from where no signal handler can be: the calls of the API but ipjit_filter_run().
void ask_for_builder_outside_handlers();

/// Off: no thread is started any more, and one that runs ends.  For tests and `tier 2 off`.
void allow_builder(bool allowed);

bool builder_runs();

/// Why no thread runs although one was asked for; empty: none was, or it runs.
std::string builder_refused();

void restart_builder_in_child();  ///< fork.cpp

}  // namespace ipjit::runtime
