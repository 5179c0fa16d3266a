// SPDX-License-Identifier: BSD-2-Clause
// Words for whoever called the command.
#pragma once

#include <fmt/core.h>

#include <cstdio>
#include <string>
#include <utility>

namespace ipjit::cli {

/// Formats and writes; never throws for a stream that cannot be written, as fmt's own print does.
/// The stream's error flag keeps what went wrong: main() looks at that of stdout at the end, and an
/// exit status is not about stderr.
template <typename... Values>
void say(std::FILE* stream, fmt::format_string<Values...> format, Values&&... values) {
  const std::string text = fmt::format(format, std::forward<Values>(values)...);
  std::fwrite(text.data(), 1, text.size(), stream);
}

}  // namespace ipjit::cli
