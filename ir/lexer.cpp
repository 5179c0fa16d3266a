// SPDX-License-Identifier: BSD-2-Clause
// Words, numbers and marks of the IR's text form.
//
// The only thing that is not plain: a comment can carry meaning.  `; src 3` is found while skipping
// the comment and handed over with the end of its line, so the parser sees it where it is used.
#include "ir/lexer.h"

#include <charconv>

namespace ipjit::ir {
namespace {

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '?';
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

Token Lexer::next() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == ';') {
      comment();
    } else if (c == '\n' && depth_ == 0) {
      ++at_;
      const Token token{TokenKind::kEndOfLine, "end of line", 0, source_, line_++};
      source_ = kNoSource;
      return token;
    } else if (is_blank(c) || c == '\n') {
      if (c == '\n') ++line_;
      ++at_;
    } else {
      break;
    }
  }
  if (at_ == text_.size()) return {TokenKind::kEnd, "end of text", 0, source_, line_};

  const size_t begin = at_;
  while (at_ < text_.size() && is_word_char(text_[at_])) ++at_;
  if (at_ == begin) return mark();
  if (is_digit(text_[begin])) return number(begin);
  return {TokenKind::kWord, text_.substr(begin, at_ - begin), 0, kNoSource, line_};
}

Token Lexer::number(size_t begin) {
  const std::string_view text = text_.substr(begin, at_ - begin);
  Token token{TokenKind::kNumber, text, 0, kNoSource, line_};
  const bool hex = text.starts_with("0x");
  const char* const end = text.data() + text.size();
  const auto [stop, error] =
      std::from_chars(text.data() + (hex ? 2 : 0), end, token.number, hex ? 16 : 10);
  if (error != std::errc() || stop != end) token.kind = TokenKind::kBad;
  return token;
}

Token Lexer::mark() {
  const std::string_view rest = text_.substr(at_);
  size_t length = 1;
  if (rest.starts_with("->") || rest.starts_with("==") || rest.starts_with("<=")) length = 2;
  Token token{TokenKind::kMark, rest.substr(0, length), 0, kNoSource, line_};
  if (std::string_view("(){},:+=<&-").find(rest[0]) == std::string_view::npos)
    token.kind = TokenKind::kBad;
  if (rest[0] == '(' || rest[0] == '{') ++depth_;
  if ((rest[0] == ')' || rest[0] == '}') && depth_ > 0) --depth_;
  at_ += length;
  return token;
}

void Lexer::comment() {
  std::string_view body = text_.substr(at_ + 1, text_.find('\n', at_) - at_ - 1);
  at_ += 1 + body.size();
  while (!body.empty() && is_blank(body.back())) body.remove_suffix(1);
  while (!body.empty() && is_blank(body.front())) body.remove_prefix(1);
  if (!body.starts_with("src ")) return;
  uint32_t source = 0;
  const char* const end = body.data() + body.size();
  const auto [stop, error] = std::from_chars(body.data() + 4, end, source);
  if (error == std::errc() && stop == end) source_ = source;
}

std::string_view Lexer::rest_of_line() {
  std::string_view body = text_.substr(at_, text_.find('\n', at_) - at_);
  at_ += body.size();
  while (!body.empty() && is_blank(body.back())) body.remove_suffix(1);
  while (!body.empty() && is_blank(body.front())) body.remove_prefix(1);
  return body;
}

}  // namespace ipjit::ir
