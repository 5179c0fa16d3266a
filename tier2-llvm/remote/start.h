// SPDX-License-Identifier: BSD-2-Clause
// Starting the server out of somebody else's process.
#pragma once

#include <string>
#include <vector>

#include "ipjit/error.h"
#include "tier2-llvm/remote/patience.h"

namespace ipjit::tier2 {

/// The descriptor on which a server that was started says kReady once it listens, or why it does
/// not; then it closes it.
inline constexpr int kReadyFd = 3;
inline constexpr char kReady[] = "ready";

/// Runs `program` with `arguments` in a session of its own, with no descriptor of ours but kReadyFd
/// and /dev/null.  This process gets no child that anybody could wait for, and no signal.
///
/// Gives: success once the server listens.
/// Fails: kUnavailable: it cannot be run, says why it does not serve, or takes too long; or this
///        process would be its parent (process 1, a child subreaper).
Status start_server(const std::string& program, const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment, const Patience& patience);

}  // namespace ipjit::tier2
