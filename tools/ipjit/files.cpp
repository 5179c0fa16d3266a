// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/files.h"

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

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace ipjit::cli
