// SPDX-License-Identifier: BSD-2-Clause
// Text of strangers on its way to a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ipjit {

/// Bytes of the first character of `text`; 0 where that is a control character (those of one byte,
/// or U+0080 to U+009F, which begin commands too) or no UTF-8.
inline size_t printable_bytes(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(i < text.size() ? text[i] : 0); };
  const uint8_t first = at(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f;
  const size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  uint32_t code = first & (0x3f >> more);
  for (size_t i = 1; i <= more; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (at(i) & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0xa0, 0x800, 0x10000};  // less is written in fewer bytes
  return first >= 0xc0 && first < 0xf8 && code >= kLeast[more] ? 1 + more : 0;
}

/// The text with '?' for each byte that is nothing to show and not in `kept`.
inline std::string printable(std::string_view text, std::string_view kept = "") {
  std::string result(text);
  for (size_t at = 0; at < result.size();) {
    const size_t bytes = printable_bytes(text.substr(at));
    if (bytes == 0 && kept.find(result[at]) == kept.npos) result[at] = '?';
    at += bytes ? bytes : 1;
  }
  return result;
}

}  // namespace ipjit
