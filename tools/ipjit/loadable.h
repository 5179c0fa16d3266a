// SPDX-License-Identifier: BSD-2-Clause
// Which commands LD_PRELOAD reaches.
#pragma once

#include <string>

#include "ipjit/error.h"

namespace ipjit::cli {

/// The file that execvp() would run.
/// Fails: Stage::kRuntime, kIo: not found, or not executable.
Result<std::string> command_path(const std::string& command);

/// Decides whether the dynamic linker will take LD_PRELOAD into this program.
///
/// Takes: a path from command_path(); for a script its interpreter is looked at.
/// Fails: Stage::kRuntime, kUnavailable: set-user-ID or set-group-ID, file capabilities, static, or
///        not for this machine; `why` says what reaches it.
/// From:  ld.so(8), "secure-execution mode"; Linux security/commoncap.c.
Status preload_reaches(const std::string& path);

/// libipjit-pcap.so, beside this command's build tree or installed tree.
/// Fails: Stage::kRuntime, kUnavailable, naming where it was looked for.
Result<std::string> preload_library();

}  // namespace ipjit::cli
