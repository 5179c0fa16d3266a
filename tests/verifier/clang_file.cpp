// SPDX-License-Identifier: BSD-2-Clause
// Reads "offset: bytes ; disassembly" lines under "== heading" lines.
#include "tests/verifier/clang_file.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/verifier/case_file.h"

namespace ipjit::verifier {

ClangFile read_clang_file(const std::filesystem::path& path) {
  ClangFile out;
  out.name = path.stem();
  std::ifstream in(path);
  const std::string contract = "# contract ";
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(contract, 0) == 0)
      out.contract = parse_contract(line.substr(contract.size()), {}, out.error);
    if (line.rfind("== ", 0) == 0) out.units.push_back({line.substr(3), {}});
    const size_t colon = line.find(": "), semicolon = line.find(" ;");
    if (line[0] == '#' || line[0] == '=' || colon == std::string::npos || out.units.empty())
      continue;
    std::vector<uint8_t>& code = out.units.back().code;
    if (std::stoul(line.substr(0, colon), nullptr, 16) != code.size()) out.error = line;
    std::istringstream bytes(line.substr(colon + 2, semicolon - colon - 2));
    for (std::string byte; bytes >> byte;)
      code.push_back(static_cast<uint8_t>(std::stoul(byte, nullptr, 16)));
  }
  return out;
}

std::vector<std::filesystem::path> clang_files() {
  std::vector<std::filesystem::path> paths;
  const std::filesystem::path folder =
      std::filesystem::path(IPJIT_SOURCE_DIR) / "tests/verifier/clang";
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace ipjit::verifier
