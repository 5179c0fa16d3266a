// SPDX-License-Identifier: BSD-2-Clause
// What `ipjit compile` prints.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ipjit/error.h"
#include "tools/ipjit/filter_source.h"

namespace ipjit::cli {

struct CompileOptions {
  FilterSource source;
  Traffic traffic;
  std::string emit = "asm";  ///< bpf, ir, tables, llvm, asm or bytes
  std::string engine = "tier1";
  std::string target;
  std::string dlt = "EN10MB";
  uint32_t snaplen = 262144;
  bool optimize = true;
  std::vector<std::string> without;  ///< passes of the specialiser

  /// Tier 2 compiles what the specialiser made; tier 1 does where traffic is given.
  bool special() const { return engine == "tier2" || traffic.known(); }
};

struct Output {
  std::string text = {};
  std::string raw = {};  ///< what -o writes; empty: the text
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
};

/// Fails: kUsage where options do not go together; as the stage that refuses.
Result<Output> compile_output(const CompileOptions& options);

}  // namespace ipjit::cli
