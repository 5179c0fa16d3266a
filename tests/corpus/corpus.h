// SPDX-License-Identifier: BSD-2-Clause
// Reads the external corpus beside the project: programs, expressions, captures, expected results.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bpf-frontend/insn.h"

namespace ipjit::testing {

struct Packet {
  std::vector<uint8_t> data;
  uint32_t wire_len = 0;
};

struct Capture {
  int dlt = 0;
  std::vector<Packet> packets;
};

/// The corpus folder, or nothing where the project stands alone.
std::optional<std::string> corpus_folder();

/// Parses FOLDER/name, plain or gzip'd JSON.
nlohmann::json corpus_json(const std::string& name);

/// Reads a capture of any kind that libpcap reads; stops where the file is damaged.
Capture read_capture(const std::string& path);

/// Every capture below FOLDER/folder, by name.
std::vector<std::string> captures_in(const std::string& folder);

bpf::InsnList insns_of(const nlohmann::json& program);

/// The lines of expressions/expressions.txt that are expressions.
std::vector<std::string> corpus_expressions();

/// Ethernet packets of all captures; of the long ones every fourth, for neighbours are alike.
std::vector<Packet> ethernet_packets();

}  // namespace ipjit::testing

/// Skips the test with a plain message where there is no corpus.
#define IPJIT_NEEDS_CORPUS()              \
  if (!::ipjit::testing::corpus_folder()) \
  GTEST_SKIP() << "no corpus beside the project (../shared/corpus): nothing read"
