// SPDX-License-Identifier: BSD-2-Clause
// LD_PRELOAD is ignored, silently or nearly so, by programs that gain privileges and by programs
// without a dynamic linker.  A person who asks for `ipjit exec` is told before the program runs.
//
// Privileges are gained relative to the caller: a set-user-ID file of one's own user gains none,
// and neither do file capabilities for root.
#include "tools/ipjit/loadable.h"

#include <elf.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

namespace ipjit::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxInterpreters = 4;  // a script's interpreter may be a script; Linux's own limit

Error unreachable(const std::string& path, const std::string& what, const std::string& hint) {
  return {Stage::kRuntime, Code::kUnavailable, 0,
          fmt::format("{} {}, so LD_PRELOAD does not reach it: {}", path, what, hint)};
}

bool is_executable_file(const std::string& path) {
  struct stat about;
  return stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
         access(path.c_str(), X_OK) == 0;
}

Status gains_nothing(const std::string& path) {
  struct stat about;
  if (stat(path.c_str(), &about) != 0) return ok();  // execvp() will say why
  constexpr const char* kHint = "`ipjit enable` does; or run ipjit itself with the privileges";
  if ((about.st_mode & S_ISUID) && about.st_uid != getuid())
    return unreachable(path, "is set-user-ID", kHint);
  // Without group execution the bit means mandatory locking, and not set-group-ID.
  if ((about.st_mode & S_ISGID) && (about.st_mode & S_IXGRP) && about.st_gid != getgid())
    return unreachable(path, "is set-group-ID", kHint);
  if (getuid() != 0 && getxattr(path.c_str(), "security.capability", nullptr, 0) > 0)
    return unreachable(path, "has file capabilities", kHint);
  return ok();
}

// The whole program headers lie in the first page of everything that a linker makes.
Status is_dynamic(const std::string& path, const std::vector<char>& head) {
  Elf64_Ehdr header;
  if (head.size() < sizeof header) return ok();
  std::memcpy(&header, head.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return ok();
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64)
    return unreachable(path, "is no x86-64 program", "nothing of ipjit does");
  for (size_t i = 0; i < header.e_phnum; ++i) {
    size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
    if (header.e_phentsize != sizeof(Elf64_Phdr) || at > head.size() - sizeof(Elf64_Phdr))
      return ok();
    Elf64_Phdr segment;
    std::memcpy(&segment, head.data() + at, sizeof segment);
    if (segment.p_type == PT_INTERP) return ok();
  }
  return unreachable(path, "is statically linked",
                     "`ipjit enable` does not either, as it holds its own libpcap");
}

std::vector<char> head_of(const std::string& path) {
  std::vector<char> head(4096);
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return head;
}

/// "#!/bin/sh -e" gives "/bin/sh"; "" where the file is no script.
std::string interpreter_of(const std::vector<char>& head) {
  std::string text(head.begin(), head.end());
  if (!text.starts_with("#!")) return "";
  size_t start = text.find_first_not_of(" \t", 2);
  if (start == std::string::npos) return "";
  return text.substr(start, text.find_first_of(" \t\n", start) - start);
}

}  // namespace

Result<std::string> command_path(const std::string& command) {
  auto failed = [&](const char* why) {
    return Error{Stage::kRuntime, Code::kIo, 0, fmt::format("{} cannot be run: {}", command, why)};
  };
  if (command.find('/') != std::string::npos) {
    if (is_executable_file(command)) return command;
    return failed(access(command.c_str(), F_OK) == 0 ? "not an executable file"
                                                     : std::strerror(errno));
  }
  const char* path = std::getenv("PATH");
  std::string folders = path ? path : "/bin:/usr/bin";
  for (size_t start = 0; start <= folders.size();) {
    size_t end = std::min(folders.find(':', start), folders.size());
    std::string folder = folders.substr(start, end - start);
    std::string candidate = (folder.empty() ? "." : folder) + "/" + command;
    if (is_executable_file(candidate)) return candidate;
    start = end + 1;
  }
  return failed("not found in PATH");
}

Status preload_reaches(const std::string& path) {
  std::string file = path;
  for (int i = 0; i < kMaxInterpreters; ++i) {
    std::vector<char> head = head_of(file);
    std::string interpreter = interpreter_of(head);
    if (interpreter.empty()) {
      // Linux ignores these bits on scripts, so only the program at the end matters.
      if (Status gains = gains_nothing(file); !gains) return gains.error();
      return is_dynamic(file, head);
    }
    file = interpreter;
  }
  return ok();  // execvp() will say that there are too many
}

Result<std::string> preload_library() {
  std::error_code failed;
  fs::path folder = fs::read_symlink("/proc/self/exe", failed).parent_path();
  std::string looked;
  for (const char* place : {IPJIT_PRELOAD_FROM_BIN, "../pcap/libipjit-pcap.so"}) {
    fs::path candidate = (folder / place).lexically_normal();
    if (fs::exists(candidate, failed)) return candidate.string();
    looked += (looked.empty() ? "" : ", ") + candidate.string();
  }
  return Error{Stage::kRuntime, Code::kUnavailable, 0,
               "libipjit-pcap.so is not installed; looked for " + looked};
}

}  // namespace ipjit::cli
