// SPDX-License-Identifier: BSD-2-Clause
// The files of tests/verifier/clang/: what clang made of a filter, and of its mutants.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ipjit/abi.h"

namespace ipjit::verifier {

struct ClangUnit {
  std::string heading;  ///< "accept", or "mutant: ..."
  std::vector<uint8_t> code;
};

struct ClangFile {
  std::string name;  ///< "tcp_port_80-O2"
  std::string error;
  ipjit_contract contract = {};
  std::vector<ClangUnit> units;
};

ClangFile read_clang_file(const std::filesystem::path& path);

std::vector<std::filesystem::path> clang_files();

}  // namespace ipjit::verifier
