// SPDX-License-Identifier: BSD-2-Clause
// The process that compiles: one request after another, each within its budget or dead.
#pragma once

#include <sys/types.h>

#include <string>

#include "ipjit/error.h"
#include "tier2-llvm/remote/frame_stream.h"
#include "tools/tier2/compiler_source.h"

namespace ipjit::tier2 {

inline constexpr uint32_t kMostCpuMs = 60'000;
inline constexpr uint32_t kMostMib = 4096;

struct Worker {
  pid_t pid = -1;
  FrameStream stream;  ///< request frames to it, reply frames from it
};

/// Forks a worker.  It warms its compiler up at once, and ends when its stream is closed or this
/// process dies.
Result<Worker> fork_worker(const CompilerSource& compilers);

struct Death {
  std::string why;    ///< "the compiler ..."
  bool left = false;  ///< it had worked for long enough and went by itself, between two requests
};

/// Ends a worker that closed its stream or has to stop.
Death reap(const Worker& worker, const CompileRequest& request);

}  // namespace ipjit::tier2
