// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/files.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace ipjit::cli {

bool exists(const std::string& path) {
  std::error_code failed;
  return std::filesystem::exists(path, failed);
}

std::optional<std::string> text_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool overwrites(const std::string& input, const std::string& output) {
  struct stat read, written;
  return stat(input.c_str(), &read) == 0 && stat(output.c_str(), &written) == 0 &&
         read.st_dev == written.st_dev && read.st_ino == written.st_ino && S_ISREG(read.st_mode);
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace ipjit::cli
