// SPDX-License-Identifier: BSD-2-Clause
// Text to bytes through binutils' `as`, which every machine with a compiler has.
//
// Offsets of labels come back as 32-bit words in a section of their own, so that reading the
// object needs two section lookups and no symbol table.
#include "tests/verifier/elf_text.h"

#include <elf.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>

namespace ipjit::verifier {

namespace {

std::vector<uint8_t> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

template <class T>
T at(std::span<const uint8_t> bytes, uint64_t offset) {
  T value{};
  if (offset + sizeof(T) <= bytes.size()) std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::vector<uint8_t> section(std::span<const uint8_t> object, const std::string& name) {
  const auto header = at<Elf64_Ehdr>(object, 0);
  const auto names =
      at<Elf64_Shdr>(object, header.e_shoff + header.e_shstrndx * sizeof(Elf64_Shdr));
  for (uint32_t i = 0; i < header.e_shnum; ++i) {
    const auto s = at<Elf64_Shdr>(object, header.e_shoff + i * sizeof(Elf64_Shdr));
    const uint64_t text = names.sh_offset + s.sh_name;
    if (text + name.size() >= object.size() || s.sh_offset + s.sh_size > object.size()) continue;
    if (std::memcmp(object.data() + text, name.c_str(), name.size() + 1) != 0) continue;
    return {object.begin() + s.sh_offset, object.begin() + s.sh_offset + s.sh_size};
  }
  return {};
}

}  // namespace

Assembled assemble(const std::string& text, const std::vector<std::string>& labels) {
  char stem[] = "/tmp/ipjit-asm-XXXXXX";
  const int fd = mkstemp(stem);
  if (fd < 0) return {.error = "cannot make a temporary file"};
  close(fd);
  const std::string source = stem, object = source + ".o";
  {
    std::ofstream out(source);
    out << ".intel_syntax noprefix\n.text\n.Lstart_of_case:\n"
        << text << "\n.section .labels,\"a\"\n";
    for (const std::string& label : labels) out << ".long " << label << " - .Lstart_of_case\n";
  }
  const std::string command = "as --64 -o " + object + " " + source + " 2>&1";
  std::string messages;
  FILE* as = popen(command.c_str(), "r");
  if (as == nullptr) return {.error = "cannot run as"};
  for (char line[256]; std::fgets(line, sizeof line, as) != nullptr;) messages += line;
  const int status = pclose(as);

  Assembled out;
  if (status != 0) out.error = "as: " + messages;
  const std::vector<uint8_t> bytes = read_file(object);
  out.bytes = section(bytes, ".text");
  const std::vector<uint8_t> offsets = section(bytes, ".labels");
  for (size_t i = 0; i < labels.size(); ++i) out.label[labels[i]] = at<uint32_t>(offsets, 4 * i);
  std::remove(source.c_str());
  std::remove(object.c_str());
  return out;
}

}  // namespace ipjit::verifier
