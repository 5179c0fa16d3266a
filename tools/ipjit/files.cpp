// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace ipjit::cli {
namespace {

bool same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool describe(const std::string& path, int dash, struct stat& about) {
  return (path == "-" ? fstat(dash, &about) : stat(path.c_str(), &about)) == 0;
}

}  // namespace

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

bool same_file(int a, int b) {
  struct stat about_a, about_b;
  return fstat(a, &about_a) == 0 && fstat(b, &about_b) == 0 && same(about_a, about_b);
}

bool overwrites(const std::string& input, const std::string& output) {
  struct stat read, written;
  return describe(input, STDIN_FILENO, read) && describe(output, STDOUT_FILENO, written) &&
         same(read, written) && S_ISREG(read.st_mode);
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace ipjit::cli
