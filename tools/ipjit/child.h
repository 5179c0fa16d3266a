// SPDX-License-Identifier: BSD-2-Clause
// Runs a command as if it had been run without us.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "ipjit/error.h"

namespace ipjit::cli {

/// Replaces this process; returns only the reason why it could not.
Error become(const std::string& path, const std::vector<std::string>& words);

/// Runs a child, passes signals that are sent to us on to it, and waits.
///
/// Takes: `when_done`, called with the child's pid before this returns.
/// Gives: the child's exit status.  Where a signal killed the child, the same signal kills this
///        process after `when_done`, so that our parent sees what it would have seen.
/// Fails: where the child cannot be started.
/// Thread: the process must have one thread.
Result<int> run_as_child(const std::string& path, const std::vector<std::string>& words,
                         const std::function<void(pid_t)>& when_done);

}  // namespace ipjit::cli
