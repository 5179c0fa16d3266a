// SPDX-License-Identifier: BSD-2-Clause
#include "tests/cases/bpf_asm.h"

#include <cstdlib>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace ipjit::testing {
namespace {

std::string trimmed(std::string_view text) {
  size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

struct Line {
  std::string word;
  std::vector<std::string> operands;  // separated by commas
};

struct Source {
  std::vector<Line> lines;
  std::map<std::string, size_t> labels;
};

Source split(std::string_view text) {
  Source source;
  std::string all(text);
  for (char& c : all)
    if (c == '\n') c = ';';
  std::istringstream stream(all);
  for (std::string piece; std::getline(stream, piece, ';');) {
    piece = trimmed(piece);
    for (size_t colon; (colon = piece.find(':')) != std::string::npos;) {
      source.labels[trimmed(piece.substr(0, colon))] = source.lines.size();
      piece = trimmed(piece.substr(colon + 1));
    }
    if (piece.empty()) continue;
    Line line;
    size_t space = piece.find(' ');
    line.word = piece.substr(0, space);
    if (space != std::string::npos) {
      std::istringstream rest(piece.substr(space));
      for (std::string operand; std::getline(rest, operand, ',');)
        line.operands.push_back(trimmed(operand));
    }
    source.lines.push_back(std::move(line));
  }
  return source;
}

// Base 0: decimal, 0x or a leading minus, taken modulo 2^32.
std::optional<uint32_t> number(const std::string& text) {
  if (text.empty()) return std::nullopt;
  char* end = nullptr;
  long long value = std::strtoll(text.c_str(), &end, 0);
  if (*end != 0) return std::nullopt;
  return static_cast<uint32_t>(value);
}

// "PREFIX number SUFFIX" without the fixed parts.
std::optional<uint32_t> between(const std::string& text, const std::string& prefix,
                                const std::string& suffix) {
  if (!text.starts_with(prefix) || !text.ends_with(suffix)) return std::nullopt;
  if (text.size() < prefix.size() + suffix.size()) return std::nullopt;
  return number(text.substr(prefix.size(), text.size() - prefix.size() - suffix.size()));
}

bpf::Insn insn(uint32_t code, uint32_t k = 0) { return {static_cast<uint16_t>(code), 0, 0, k}; }

std::optional<bpf::Insn> load(const std::string& word, const std::string& operand) {
  uint32_t size = word.ends_with("h") ? BPF_H : word.ends_with("b") ? BPF_B : BPF_W;
  uint32_t cls = word.starts_with("ldx") ? BPF_LDX : BPF_LD;
  if (operand == "#len" || operand == "#pktlen") return insn(cls | BPF_W | BPF_LEN);
  if (auto k = between(operand, "#", "")) return insn(cls | BPF_IMM, *k);
  if (auto k = between(operand, "M[", "]")) return insn(cls | BPF_MEM, *k);
  if (auto k = between(operand, "4*([", "]&0xf)")) return insn(BPF_LDX | BPF_B | BPF_MSH, *k);
  if (operand == "[x]") return insn(cls | size | BPF_IND, 0);
  if (auto k = between(operand, "[x+", "]")) return insn(cls | size | BPF_IND, *k);
  if (auto k = between(operand, "[", "]")) return insn(cls | size | BPF_ABS, *k);
  return std::nullopt;
}

const std::map<std::string, uint32_t> kAlu = {
    {"add", BPF_ADD}, {"sub", BPF_SUB}, {"mul", BPF_MUL}, {"div", BPF_DIV}, {"mod", BPF_MOD},
    {"and", BPF_AND}, {"or", BPF_OR},   {"xor", BPF_XOR}, {"lsh", BPF_LSH}, {"rsh", BPF_RSH}};
const std::map<std::string, uint32_t> kJump = {
    {"jeq", BPF_JEQ}, {"jgt", BPF_JGT}, {"jge", BPF_JGE}, {"jset", BPF_JSET}};

std::optional<bpf::Insn> plain(const Line& line) {
  const std::string& word = line.word;
  std::string operand = line.operands.empty() ? "" : line.operands[0];
  if (word == "tax") return insn(BPF_MISC | BPF_TAX);
  if (word == "txa") return insn(BPF_MISC | BPF_TXA);
  if (word == "neg") return insn(BPF_ALU | BPF_NEG);
  if (word == "ret" && operand == "a") return insn(BPF_RET | BPF_A);
  if (word == "ret" && operand == "x") return insn(BPF_RET | BPF_X);
  if (word == "ret")
    if (auto k = between(operand, "#", "")) return insn(BPF_RET | BPF_K, *k);
  if (word == "st" || word == "stx")
    if (auto k = between(operand, "M[", "]")) return insn(word == "st" ? BPF_ST : BPF_STX, *k);
  if (auto alu = kAlu.find(word); alu != kAlu.end()) {
    if (operand == "x") return insn(BPF_ALU | alu->second | BPF_X);
    if (auto k = between(operand, "#", "")) return insn(BPF_ALU | alu->second | BPF_K, *k);
  }
  if (word.starts_with("ld")) return load(word, operand);
  if (word == "raw") {
    std::istringstream words(operand);
    uint32_t code = 0, jt = 0, jf = 0, k = 0;
    if (words >> code >> jt >> jf >> k)
      return bpf::Insn{static_cast<uint16_t>(code), static_cast<uint8_t>(jt),
                       static_cast<uint8_t>(jf), k};
  }
  return std::nullopt;
}

// The distance to a label, as a jump at `pc` counts it.
std::optional<int64_t> distance(const Source& source, const std::string& label, size_t pc) {
  auto at = source.labels.find(label);
  if (at == source.labels.end()) return std::nullopt;
  return static_cast<int64_t>(at->second) - static_cast<int64_t>(pc) - 1;
}

std::optional<bpf::Insn> jump(const Source& source, const Line& line, size_t pc) {
  if (line.word == "ja" && line.operands.size() == 1) {
    auto by = distance(source, line.operands[0], pc);
    return by ? std::optional(insn(BPF_JMP | BPF_JA, static_cast<uint32_t>(*by))) : std::nullopt;
  }
  auto kind = kJump.find(line.word);
  if (kind == kJump.end() || line.operands.size() != 3) return std::nullopt;
  auto taken = distance(source, line.operands[1], pc);
  auto other = distance(source, line.operands[2], pc);
  if (!taken || !other || *taken < 0 || *other < 0 || *taken > 255 || *other > 255)
    return std::nullopt;
  bpf::Insn made = insn(BPF_JMP | kind->second | BPF_X);
  if (line.operands[0] != "x") {
    auto k = between(line.operands[0], "#", "");
    if (!k) return std::nullopt;
    made = insn(BPF_JMP | kind->second | BPF_K, *k);
  }
  made.jt = static_cast<uint8_t>(*taken);
  made.jf = static_cast<uint8_t>(*other);
  return made;
}

}  // namespace

Result<bpf::InsnList> assemble(std::string_view text) {
  Source source = split(text);
  bpf::InsnList insns;
  for (size_t pc = 0; pc < source.lines.size(); ++pc) {
    const Line& line = source.lines[pc];
    std::optional<bpf::Insn> made =
        line.word.starts_with("j") ? jump(source, line, pc) : plain(line);
    if (!made)
      return Error{Stage::kFrontend, Code::kSyntax, pc, "cannot assemble '" + line.word + "'"};
    insns.push_back(*made);
  }
  return insns;
}

}  // namespace ipjit::testing
