// SPDX-License-Identifier: BSD-2-Clause
// Small files of the system, read whole; what cannot be read is not there.  And which names are of
// one file.
#pragma once

#include <optional>
#include <string>

namespace ipjit::cli {

bool exists(const std::string& path);

/// A file's text; none where it cannot be read.
std::optional<std::string> text_of(const std::string& path);

/// Whether two descriptors are of one file, device or pipe.
bool same_file(int a, int b);

/// Whether writing to `output` destroys what `input` names: both are one regular file, by whatever
/// names and links; "-" is standard input, or output.  Devices and pipes may be both.
bool overwrites(const std::string& input, const std::string& output);

/// A file's first line without its end; empty where it cannot be read.
std::string first_line(const std::string& path);

}  // namespace ipjit::cli
