// SPDX-License-Identifier: BSD-2-Clause
// Small files of the system, read whole; what cannot be read is not there.
#pragma once

#include <optional>
#include <string>

namespace ipjit::cli {

bool exists(const std::string& path);

/// A file's text; none where it cannot be read.
std::optional<std::string> text_of(const std::string& path);

/// A file's first line without its end; empty where it cannot be read.
std::string first_line(const std::string& path);

}  // namespace ipjit::cli
