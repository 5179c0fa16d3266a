// SPDX-License-Identifier: BSD-2-Clause
// Program texts: `tcpdump -ddd` for machines, `tcpdump -d` for people.
//
//   4                       (000) ldh      [12]
//   40 0 0 12               (001) jeq      #0x800           jt 2	jf 3
//   21 0 1 2048             (002) ret      #262144
//   6 0 0 262144            (003) ret      #0
//   6 0 0 0
//
// The second form is libpcap's own bpf_image(), which knows no other opcodes than its interpreter.
#include "bpf-frontend/text.h"

#include <pcap/pcap.h>

#include <charconv>
#include <mutex>
#include <optional>

#include "bpf-frontend/check.h"
#include "bpf-frontend/opcodes.h"

namespace ipjit::bpf {
namespace {

constexpr std::string_view kBlanks = " \t\r";

Error syntax(size_t line, std::string why) {
  return Error{Stage::kFrontend, Code::kSyntax, line, std::move(why)};
}

/// The next word of a line, empty at its end; takes it and the blanks before it off the line.
std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

std::optional<uint32_t> number_in(std::string_view word, uint32_t max) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || value > max) return std::nullopt;
  return value;
}

bool blank(std::string_view line) { return line.find_first_not_of(kBlanks) == line.npos; }

Result<Insn> parse_insn(std::string_view line, size_t number) {
  struct {
    const char* name;
    uint32_t max;
    uint32_t value;
  } fields[] = {{"code", 0xffff, 0}, {"jt", 0xff, 0}, {"jf", 0xff, 0}, {"k", 0xffffffff, 0}};
  for (auto& [name, max, value] : fields) {
    const std::string_view word = next_word(line);
    const std::string_view digits = word.substr(word.starts_with('-'));
    if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos)
      return syntax(number, "not four numbers \"code jt jf k\"");
    const std::optional<uint32_t> read = number_in(word, max);
    if (!read)
      return syntax(number, std::string(name) + " is " + std::string(word) +
                                ": not a number from 0 to " + std::to_string(max));
    value = *read;
  }
  if (!blank(line)) return syntax(number, "not four numbers \"code jt jf k\"");
  return Insn{static_cast<uint16_t>(fields[0].value), static_cast<uint8_t>(fields[1].value),
              static_cast<uint8_t>(fields[2].value), fields[3].value};
}

}  // namespace

Result<InsnList> parse_ddd(std::string_view text) {
  InsnList insns;
  std::optional<uint32_t> count;
  size_t number = 0;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    ++number;
    if (blank(line)) continue;
    if (!count) {
      count = number_in(next_word(line), 0xffffffff);
      if (!count || !blank(line)) return syntax(number, "the first line is not a count");
      if (*count > kMaxLibpcapInsns)
        return Error{Stage::kFrontend, Code::kTooLong, number,
                     "a program of " + std::to_string(*count) + " instructions"};
      continue;
    }
    Result<Insn> insn = parse_insn(line, number);
    if (!insn) return insn.error();
    if (insns.size() == *count) return syntax(number, "more lines than the count says");
    insns.push_back(*insn);
  }
  if (!count || *count == 0)
    return Error{Stage::kFrontend, Code::kEmpty, number, "the program has no instruction"};
  if (insns.size() != *count)
    return syntax(number, "the count says " + std::to_string(*count) + ", there are " +
                              std::to_string(insns.size()));
  return insns;
}

std::string print_ddd(std::span<const Insn> insns) {
  std::string text = std::to_string(insns.size()) + "\n";
  for (const Insn& insn : insns)
    text += std::to_string(insn.code) + " " + std::to_string(insn.jt) + " " +
            std::to_string(insn.jf) + " " + std::to_string(insn.k) + "\n";
  return text;
}

std::string print(std::span<const Insn> insns) {
  static std::mutex bpf_image_buffer;
  std::lock_guard lock(bpf_image_buffer);
  std::string text;
  for (size_t pc = 0; pc < insns.size(); ++pc) {
    const Insn& insn = insns[pc];
    if (kind_of(insn.code) != Kind::kUnknown) {
      bpf_insn same{insn.code, insn.jt, insn.jf, insn.k};
      text += bpf_image(&same, static_cast<int>(pc));
    } else {
      char line[80];
      std::snprintf(line, sizeof line, "(%03zu) 0x%04x   %u %u %u", pc, insn.code, insn.jt, insn.jf,
                    insn.k);
      text += line;
    }
    text += "\n";
  }
  return text;
}

}  // namespace ipjit::bpf
