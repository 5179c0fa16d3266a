// SPDX-License-Identifier: BSD-2-Clause
// A case file: a contract, an expectation and a few lines of assembly.
//
//   # about     two bytes are checked, the load reads one more
//   # contract  stack=16 exits=4 fields=mark,oif tables=unit:32@t,ctx:64@3 isa=bmi1
//   # expect    refuse packet_bounds at bad
//           cmp rsi, 14
//           jb out
//   bad:    movzx eax, word ptr [rdi+13]
//   out:    ret
//
// `# expect accept` is the other expectation; `refuse RULE` alone leaves the place open.  Words of
// the contract: max_len, max_th_len, stack, exits, resumes, actions, counters, isa, fields, th
// (declares that base), nodata (takes the other one away), tables.  A table of the unit is named by
// its label; the first such label ends the code.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "ipjit/abi.h"

namespace ipjit::verifier {

struct Case {
  std::string name;
  std::string about;
  std::string error;  ///< why the file is no case; empty if it is one
  ipjit_contract contract = {};
  std::vector<uint8_t> unit;
  uint32_t code_len = 0;
  bool accept = false;
  std::string rule;       ///< of a refusal
  bool anywhere = false;  ///< the place of the refusal is not said
  uint32_t at = 0;        ///< byte offset of a refusal
};

Case read_case(const std::filesystem::path& path);

/// The cases of tests/verifier/FOLDER, in order of their names.
std::vector<std::filesystem::path> cases_in(const std::string& folder);

/// The contract that the word form says; sets `error` where a word is not known.  `labels` gives
/// the offsets of tables of the unit.
ipjit_contract parse_contract(const std::string& words,
                              const std::map<std::string, uint32_t>& labels, std::string& error);

/// The labels of unit tables in the word form.
std::vector<std::string> table_labels(const std::string& words);

}  // namespace ipjit::verifier
