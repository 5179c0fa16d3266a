// SPDX-License-Identifier: BSD-2-Clause
#include "tests/cases/ir_case.h"

#include <charconv>
#include <cstdio>
#include <optional>
#include <sstream>

#include "ir/text.h"
#include "ir/validate.h"

namespace ipjit::cases {
namespace {

std::optional<uint64_t> number(std::string_view text, int base = 10) {
  uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

void append_big_endian(std::vector<uint8_t>& out, uint64_t n, uint32_t bytes) {
  for (uint32_t i = bytes; i-- > 0;) out.push_back(static_cast<uint8_t>(n >> (8 * i)));
}

/// "pad(14)": the number in brackets behind `word`.
std::optional<uint64_t> argument(std::string_view token, std::string_view word) {
  if (!token.starts_with(word) || !token.substr(word.size()).starts_with('(') ||
      !token.ends_with(')'))
    return std::nullopt;
  token.remove_prefix(word.size() + 1);
  token.remove_suffix(1);
  return number(token);
}

bool append_address(std::vector<uint8_t>& out, const std::string& token) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  char rest = 0;
  if (std::sscanf(token.c_str(), "%u.%u.%u.%u%c", &a, &b, &c, &d, &rest) != 4) return false;
  if (a > 255 || b > 255 || c > 255 || d > 255) return false;
  for (unsigned byte : {a, b, c, d}) out.push_back(static_cast<uint8_t>(byte));
  return true;
}

bool append_bytes(std::vector<uint8_t>& out, const std::string& token) {
  if (const auto zeros = argument(token, "pad")) {
    out.insert(out.end(), *zeros, 0);
    return true;
  }
  for (uint32_t bytes : {1u, 2u, 4u}) {
    if (const auto n = argument(token, "u" + std::to_string(bytes * 8))) {
      append_big_endian(out, *n, bytes);
      return true;
    }
  }
  if (token.find('.') != std::string::npos) return append_address(out, token);
  if (token.size() % 2 != 0) return false;
  for (size_t i = 0; i < token.size(); i += 2) {
    const auto byte = number(std::string_view(token).substr(i, 2), 16);
    if (!byte) return false;
    out.push_back(static_cast<uint8_t>(*byte));
  }
  return true;
}

bool set_field(ipjit_ctx& ctx, const std::string& token) {
  const size_t equals = token.find('=');
  if (equals == std::string::npos) return false;
  const auto value = number(std::string_view(token).substr(equals + 1));
  const std::string name = token.substr(0, equals);
  if (!value) return false;
#define IPJIT_FIELD(field, meaning)            \
  if (name == #field) {                        \
    ctx.field = static_cast<uint32_t>(*value); \
    return true;                               \
  }
#include "ipjit/fields.def"
#undef IPJIT_FIELD
  return false;
}

std::optional<ipjit_status> status_named(const std::string& word) {
  if (word == "ret" || word == "exit") return IPJIT_DONE;
  if (word == "resume") return IPJIT_RESUME;
  if (word == "pull") return IPJIT_NEED_BYTES;
  return std::nullopt;
}

/// The part of a packet line that a token belongs to; a keyword begins the next one.
enum class Part { kBytes, kTh, kMeta, kGives, kActions, kCounters };

std::optional<Part> part_named(const std::string& word) {
  if (word == "th") return Part::kTh;
  if (word == "meta") return Part::kMeta;
  if (word == "gives") return Part::kGives;
  if (word == "actions") return Part::kActions;
  if (word == "counters") return Part::kCounters;
  return std::nullopt;
}

class PacketLine {
 public:
  PacketLine(uint32_t line, std::string text) : words_(std::move(text)) { out_.line = line; }

  Result<PacketCase> parse() {
    bool has_th = false, has_result = false;
    Part part = Part::kBytes;
    for (std::string token; words_ >> token;) {
      if (const auto next = part_named(token)) {
        part = *next;
        has_th |= part == Part::kTh;
        has_result |= part == Part::kGives;
        continue;
      }
      if (!take(part, token))
        return Error{Stage::kIr, Code::kSyntax, out_.line, "'" + token + "' makes no sense there"};
    }
    if (!has_result)
      return Error{Stage::kIr, Code::kSyntax, out_.line,
                   "a packet line does not say what it gives"};
    if (!has_th) out_.th_at = out_.data.size();
    return std::move(out_);
  }

 private:
  bool take(Part part, const std::string& token) {
    switch (part) {
      case Part::kBytes:
        return append_bytes(out_.data, token);
      case Part::kMeta:
        return set_field(out_.ctx, token);
      case Part::kGives:
        return take_result(token);
      case Part::kTh:
      case Part::kActions:
      case Part::kCounters:
        break;
    }
    const auto n = number(token);
    if (!n) return false;
    if (part == Part::kTh) out_.th_at = *n;
    if (part == Part::kActions) out_.actions.push_back(static_cast<uint16_t>(*n));
    if (part == Part::kCounters) out_.counters.push_back(*n);
    return true;
  }

  bool take_result(const std::string& token) {
    if (const auto status = status_named(token)) {
      out_.result = ipjit_result(*status, 0);
      return true;
    }
    const auto n = number(token);
    if (!n || *n > UINT32_MAX) return false;
    out_.result |= *n;
    return true;
  }

  std::istringstream words_;
  PacketCase out_;
};

}  // namespace

Result<IrCase> parse_ir_case(std::string_view text) {
  IrCase out;
  Result<ir::Program> program = ir::parse(text);
  if (!program) return program.error();
  out.program = std::move(*program);
  if (Status valid = ir::validate(out.program); !valid) return valid.error();
  std::istringstream lines{std::string(text)};
  uint32_t number_of_line = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number_of_line;
    constexpr std::string_view kAbout = "; about", kPacket = "; packet";
    if (line.starts_with(kAbout)) out.about += line.substr(kAbout.size());
    if (!line.starts_with(kPacket)) continue;
    Result<PacketCase> packet = PacketLine(number_of_line, line.substr(kPacket.size())).parse();
    if (!packet) return packet.error();
    packet->counters.resize(out.program.counters);
    out.packets.push_back(std::move(*packet));
  }
  return out;
}

}  // namespace ipjit::cases
