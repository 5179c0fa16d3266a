// SPDX-License-Identifier: BSD-2-Clause
// Reads case files: comment lines say contract and expectation, the rest goes to the assembler.
#include "tests/verifier/case_file.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/verifier/elf_text.h"

namespace ipjit::verifier {

namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

/// "unit:32@t" -> {"unit", "32", "t"}
std::vector<std::string> table_parts(const std::string& word) {
  const size_t colon = word.find(':'), at = word.find('@');
  if (colon == std::string::npos || at == std::string::npos || at < colon) return {};
  return {word.substr(0, colon), word.substr(colon + 1, at - colon - 1), word.substr(at + 1)};
}

int field_named(const std::string& name) {
  static constexpr const char* kNames[] = {
#define IPJIT_FIELD(name, meaning) #name,
#include "ipjit/fields.def"
#undef IPJIT_FIELD
  };
  for (int i = 0; i < IPJIT_FIELD_COUNT; ++i)
    if (name == kNames[i]) return i;
  return -1;
}

uint32_t isa_named(const std::string& name) {
  if (name == "movbe") return IPJIT_ISA_MOVBE;
  if (name == "bmi1") return IPJIT_ISA_BMI1;
  if (name == "bmi2") return IPJIT_ISA_BMI2;
  if (name == "popcnt") return IPJIT_ISA_POPCNT;
  if (name == "lzcnt") return IPJIT_ISA_LZCNT;
  return 0;
}

bool set_tables(const std::string& value, const std::map<std::string, uint32_t>& labels,
                ipjit_contract& contract) {
  for (const std::string& word : split(value, ',')) {
    const std::vector<std::string> parts = table_parts(word);
    if (parts.size() != 3 || contract.nr_tables == IPJIT_MAX_TABLES) return false;
    ipjit_table_ref& table = contract.table[contract.nr_tables++];
    table.size = std::stoull(parts[1], nullptr, 0);
    if (parts[0] == "ctx") {
      table.place = IPJIT_TABLE_IN_CTX;
      table.at = static_cast<uint32_t>(std::stoul(parts[2], nullptr, 0));
    } else {
      const auto label = labels.find(parts[2]);
      if (parts[0] != "unit" || label == labels.end()) return false;
      table.place = IPJIT_TABLE_IN_UNIT;
      table.at = label->second;
    }
  }
  return true;
}

bool set_word(const std::string& key, const std::string& value,
              const std::map<std::string, uint32_t>& labels, ipjit_contract& contract) {
  if (key == "th") {
    contract.bases |= IPJIT_BASE_TH;
  } else if (key == "nodata") {
    contract.bases &= ~static_cast<uint32_t>(IPJIT_BASE_DATA);
  } else if (key == "fields") {
    for (const std::string& name : split(value, ',')) {
      if (field_named(name) < 0) return false;
      contract.fields |= uint64_t{1} << field_named(name);
    }
  } else if (key == "isa") {
    for (const std::string& name : split(value, ',')) {
      if (isa_named(name) == 0) return false;
      contract.isa |= isa_named(name);
    }
  } else if (key == "tables") {
    return set_tables(value, labels, contract);
  } else {
    const uint64_t number = std::stoull(value.empty() ? "0" : value, nullptr, 0);
    if (key == "max_len")
      contract.max_len = number;
    else if (key == "max_th_len")
      contract.max_th_len = number;
    else if (key == "stack")
      contract.stack_bytes = static_cast<uint32_t>(number);
    else if (key == "exits")
      contract.exits = static_cast<uint32_t>(number);
    else if (key == "resumes")
      contract.resumes = static_cast<uint32_t>(number);
    else if (key == "actions")
      contract.actions = static_cast<uint32_t>(number);
    else if (key == "counters")
      contract.counters = static_cast<uint32_t>(number);
    else
      return false;
  }
  return true;
}

bool starts_with(const std::string& line, const std::string& head, std::string& rest) {
  if (line.rfind(head, 0) != 0) return false;
  rest = line.substr(std::min(line.size(), line.find_first_not_of(' ', head.size())));
  return true;
}

}  // namespace

std::vector<std::string> table_labels(const std::string& words) {
  std::vector<std::string> labels;
  for (const std::string& word : split(words, ' ')) {
    if (word.rfind("tables=", 0) != 0) continue;
    for (const std::string& table : split(word.substr(7), ',')) {
      const std::vector<std::string> parts = table_parts(table);
      if (parts.size() == 3 && parts[0] == "unit") labels.push_back(parts[2]);
    }
  }
  return labels;
}

ipjit_contract parse_contract(const std::string& words,
                              const std::map<std::string, uint32_t>& labels, std::string& error) {
  ipjit_contract contract = {};
  contract.abi = IPJIT_ABI_VERSION;
  contract.bases = IPJIT_BASE_DATA;
  contract.max_len = contract.max_th_len = 0xffffffff;
  for (const std::string& word : split(words, ' ')) {
    const size_t equal = word.find('=');
    const std::string value = equal == std::string::npos ? "" : word.substr(equal + 1);
    if (!set_word(word.substr(0, equal), value, labels, contract)) error = "contract: " + word;
  }
  return contract;
}

Case read_case(const std::filesystem::path& path) {
  Case out;
  out.name = path.stem();
  std::ifstream in(path);
  std::string text, contract, expect;
  for (std::string line, rest; std::getline(in, line);) {
    if (starts_with(line, "# about ", rest))
      out.about = rest;
    else if (starts_with(line, "# contract ", rest))
      contract = rest;
    else if (starts_with(line, "# expect ", rest))
      expect = rest;
    text += line + "\n";
  }
  const std::vector<std::string> words = split(expect, ' ');
  out.accept = words.size() == 1 && words[0] == "accept";
  const bool refuse = !words.empty() && words[0] == "refuse" &&
                      (words.size() == 2 || (words.size() == 4 && words[2] == "at"));
  if (out.about.empty() || (!out.accept && !refuse)) {
    out.error = "no `# about` or no `# expect`";
    return out;
  }
  std::vector<std::string> labels = table_labels(contract);
  out.anywhere = words.size() == 2;
  if (refuse && !out.anywhere) labels.push_back(words[3]);
  Assembled code = assemble(text, labels);
  out.error = code.error;
  if (!out.error.empty()) return out;
  if (refuse) {
    out.rule = words[1];
    if (!out.anywhere) out.at = code.label[words[3]];
  }
  out.code_len = static_cast<uint32_t>(code.bytes.size());
  for (const std::string& label : table_labels(contract))
    out.code_len = std::min(out.code_len, code.label[label]);
  out.contract = parse_contract(contract, code.label, out.error);
  out.unit = std::move(code.bytes);
  return out;
}

std::vector<std::filesystem::path> cases_in(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  const std::filesystem::path root = IPJIT_SOURCE_DIR;
  for (const auto& entry : std::filesystem::directory_iterator(root / "tests/verifier" / folder))
    if (entry.path().extension() == ".s") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace ipjit::verifier
