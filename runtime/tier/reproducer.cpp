// SPDX-License-Identifier: BSD-2-Clause
// A wrong verdict that did not happen, kept for whoever can mend its cause.
//
// The file is text: what disagreed, the two programs (ir/text.h parses them), the packet and the
// code in hexadecimal.  It is written once for each pair of program and packet (its name is their
// digest), never over another file, and no more than kMaxReproducers: a compiler that is wrong is
// wrong often.  It holds the head of one packet of the traffic, so it is for its owner only.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "ir/text.h"
#include "runtime/tier/replay_check.h"

namespace ipjit::runtime {

namespace {

constexpr const char* kPrefix = "refused-";

std::string hex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i) text += i % 32 ? "" : "\n";
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text + "\n";
}

std::string hex(uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string text_of(const ir::Program& general, const Subject& special, const std::string& backend,
                    const Disagreement& wrong) {
  std::string text = "ipjit tier 2 refused: another result than the interpreter's\n";
  text += "backend " + backend + "\n";
  text += "wanted " + hex(wrong.wanted) + "\ngot " + hex(wrong.got) + "\n";
  text += "packet " + std::to_string(wrong.packet.bytes.size()) + "\n" + hex(wrong.packet.bytes);
  text += "fields";
  for (uint32_t field : wrong.packet.fields) text += " " + hex(field);
  text += "\n\ngeneral program\n" + ir::print(general);
  if (special.program) text += "\nspecialised program\n" + ir::print(*special.program);
  if (special.entry)
    text += "\ncode " + std::to_string(special.code_bytes) + "\n" + hex(special.bytes);
  return text;
}

/// FNV-1a: a name, not a proof.
uint64_t digest_of(std::string_view text) {
  uint64_t digest = 0xcbf29ce484222325;
  for (char c : text) digest = (digest ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return digest;
}

size_t reproducers_in(int dir) {
  size_t count = 0;
  DIR* listing = fdopendir(dup(dir));
  if (!listing) return SIZE_MAX;
  while (const dirent* entry = readdir(listing))
    count += std::strncmp(entry->d_name, kPrefix, std::strlen(kPrefix)) == 0;
  closedir(listing);
  return count;
}

/// mkdir -p, for us alone.
void make_directory(const std::string& path) {
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    mkdir(path.substr(0, at).c_str(), 0700);
  mkdir(path.c_str(), 0700);
}

}  // namespace

std::string reproducer_directory() {
  if (const char* state = secure_getenv("XDG_STATE_HOME"); state && *state == '/')
    return std::string(state) + "/ipjit";
  if (const char* home = secure_getenv("HOME"); home && *home == '/')
    return std::string(home) + "/.local/state/ipjit";
  return {};
}

std::string write_reproducer(const std::string& directory, const ir::Program& general,
                             const Subject& special, const std::string& backend,
                             const Disagreement& disagreement) {
  if (directory.empty()) return {};
  make_directory(directory);
  const int dir = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) return {};
  const std::string text = text_of(general, special, backend, disagreement);
  std::string name = kPrefix + hex(digest_of(text)).substr(2) + ".txt";
  int fd = -1;
  if (reproducers_in(dir) < kMaxReproducers)
    fd = openat(dir, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  close(dir);
  if (fd < 0) return {};
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  std::string path = directory;
  path.append("/").append(name);
  if (written) return path;
  unlink(path.c_str());
  return {};
}

}  // namespace ipjit::runtime
