// SPDX-License-Identifier: BSD-2-Clause
// Words, numbers and marks of the IR's text form.
#pragma once

#include <cstdint>
#include <string_view>

#include "ir/program.h"

namespace ipjit::ir {

enum class TokenKind : uint8_t { kWord, kNumber, kMark, kEndOfLine, kEnd, kBad };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;
  uint64_t number = 0;          ///< kNumber
  uint32_t source = kNoSource;  ///< kEndOfLine, kEnd: what `; src N` said
  uint32_t line = 1;

  bool is(std::string_view what) const { return kind != TokenKind::kEndOfLine && text == what; }
};

/// Gives one token after the other; inside () and {} the ends of lines are no tokens.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Token next();

  /// The rest of the line, trimmed, comment mark or not; the end of the line is not taken.
  std::string_view rest_of_line();

 private:
  Token number(size_t begin);
  Token mark();
  void comment();

  std::string_view text_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  uint32_t depth_ = 0;
  uint32_t source_ = kNoSource;
};

}  // namespace ipjit::ir
