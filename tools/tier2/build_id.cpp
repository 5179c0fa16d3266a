// SPDX-License-Identifier: BSD-2-Clause
#include "tools/tier2/build_id.h"

#include <link.h>

#include <cstdint>
#include <cstdio>

namespace ipjit::tier2 {

namespace {

size_t padded(size_t size) { return (size + 3) / 4 * 4; }

std::string find_in(const char* at, const char* end) {
  while (at + sizeof(ElfW(Nhdr)) <= end) {
    const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(at);
    const char* body = at + sizeof *note + padded(note->n_namesz);
    if (note->n_type == NT_GNU_BUILD_ID) return std::string(body, note->n_descsz);
    at = body + padded(note->n_descsz);
  }
  return "";
}

int look_into_program(dl_phdr_info* info, size_t, void* found) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const char* notes = reinterpret_cast<const char*>(info->dlpi_addr + segment.p_vaddr);
    *static_cast<std::string*>(found) += find_in(notes, notes + segment.p_memsz);
  }
  return 1;  // the program is the first of all objects, and the only one wanted
}

}  // namespace

std::string build_id() {
  std::string bytes, text;
  dl_iterate_phdr(look_into_program, &bytes);
  for (char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<uint8_t>(byte));
    text += digits;
  }
  return text;
}

}  // namespace ipjit::tier2
