// SPDX-License-Identifier: BSD-2-Clause
// Writes listings:
//
//   b0:
//     ; (000) ldh      [12]
//     0000  48 83 fe 0e              cmp rsi, 0x0E
//     0004  72 1a                    jb 0x0000000000000020
//
// Zydis decodes; the verifier's own decoder is not used, so that a listing shows what the CPU will
// do even where the verifier errs.
#include "tools/ipjit/listing.h"

#include <Zydis/Zydis.h>
#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>

#include "bpf-frontend/text.h"

namespace ipjit::cli {
namespace {

constexpr size_t kBytesShown = 8;  // of one instruction on one line; the rest on the next

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

std::string hex_column(std::span<const uint8_t> bytes) {
  return fmt::format("{:02x}", fmt::join(bytes, " "));
}

void append_insn(std::string& out, const ListingLine& line, std::span<const uint8_t> code) {
  std::span<const uint8_t> bytes = code.subspan(line.offset, line.size);
  std::span<const uint8_t> head = bytes.first(std::min(bytes.size(), kBytesShown));
  out += fmt::format("  {:04x}  {:<{}}  {}\n", line.offset, hex_column(head), kBytesShown * 3 - 1,
                     line.text);
  if (bytes.size() > kBytesShown)
    out += fmt::format("  {:04x}  {}\n", line.offset + kBytesShown,
                       hex_column(bytes.subspan(kBytesShown)));
}

/// How many int3 begin here: the rest of a `ret` slot, which fills five bytes.
size_t padding_at(const std::vector<ListingLine>& lines, size_t first) {
  size_t count = 0;
  while (first + count < lines.size() && lines[first + count].text == "int3") ++count;
  return count;
}

void append_mark(std::string& out, const ir::SourceMark& mark, const ir::SourceMark* before,
                 const std::vector<std::string>& source) {
  bool new_block = !before || before->block != mark.block;
  if (new_block) out += fmt::format("b{}:\n", mark.block);
  if (mark.source < source.size() && (new_block || before->source != mark.source))
    out += fmt::format("  ; {}\n", source[mark.source]);
}

void append_tables(std::string& out, const ipjit_contract& contract) {
  for (uint32_t i = 0; i < contract.nr_tables; ++i)
    out += fmt::format("table{}: {} bytes at {}{:#x}{}\n", i, contract.table[i].size,
                       contract.table[i].place == IPJIT_TABLE_IN_UNIT ? "" : "ctx->tables[",
                       contract.table[i].at,
                       contract.table[i].place == IPJIT_TABLE_IN_UNIT ? "" : "]");
}

}  // namespace

std::vector<ListingLine> disassemble(std::span<const uint8_t> code) {
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  ZydisFormatter formatter;
  ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
  ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, 4);
  ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
  ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED);
  ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED);
  std::vector<ListingLine> lines;
  for (uint32_t offset = 0; offset < code.size();) {
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    char text[256];
    ListingLine line{.offset = offset, .size = 1, .text = "(bad)"};
    if (ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code.data() + offset, code.size() - offset,
                                            &insn, operands)) &&
        ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &insn, operands,
                                                     insn.operand_count_visible, text, sizeof text,
                                                     offset, ZYAN_NULL)))
      line = {.offset = offset, .size = insn.length, .text = text};
    offset += line.size;
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string listing(const ir::MachineCode& code, std::span<const bpf::Insn> source) {
  std::vector<std::string> source_lines = lines_of(bpf::print(source));
  std::span<const uint8_t> bytes(code.bytes.data(), code.code_len);
  std::string out;
  auto mark = code.marks.begin();
  const ir::SourceMark* shown = nullptr;
  std::vector<ListingLine> lines = disassemble(bytes);
  for (size_t i = 0; i < lines.size(); ++i) {
    ListingLine& line = lines[i];
    // Several marks may stand at one place where an instruction was merged away: all are named.
    for (; mark != code.marks.end() && mark->offset <= line.offset; ++mark) {
      append_mark(out, *mark, shown, source_lines);
      shown = &*mark;
    }
    if (size_t padding = padding_at(lines, i); padding > 1) {
      line = {
          .offset = line.offset, .size = static_cast<uint32_t>(padding), .text = "int3, padding"};
      i += padding - 1;
    }
    append_insn(out, line, bytes);
  }
  append_tables(out, code.contract);
  return out;
}

}  // namespace ipjit::cli
