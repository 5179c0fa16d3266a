// SPDX-License-Identifier: BSD-2-Clause
#include "tests/special/special_case.h"

#include <sstream>

#include "ir/profile_text.h"

namespace ipjit::cases {
namespace {

bool choose(ir::Choices& choices, const std::string& pass) {
  constexpr std::pair<const char*, bool ir::Choices::*> kPasses[] = {
      {"fold_facts", &ir::Choices::fold_facts},   {"order_terms", &ir::Choices::order_terms},
      {"set_shapes", &ir::Choices::set_shapes},   {"guards", &ir::Choices::guards},
      {"hoist_needs", &ir::Choices::hoist_needs}, {"if_convert", &ir::Choices::if_convert},
      {"wide_loads", &ir::Choices::wide_loads},   {"layout", &ir::Choices::layout}};
  for (const auto& [name, chosen] : kPasses)
    if (pass == name) return choices.*chosen = true;
  return false;
}

ir::Choices no_choices() { return {false, false, false, false, false, false, false, false}; }

bool read_fact(ir::Facts& facts, std::istringstream& words) {
  std::string name;
  uint64_t value = 0;
  if (!(words >> name >> value)) return false;
  if (name == "min_len") facts.min_len = value;
  if (name == "max_len") facts.max_len = value;
#define IPJIT_FIELD(field, meaning) \
  if (name == #field) facts.fields.emplace_back(IPJIT_FIELD_##field, static_cast<uint32_t>(value));
#include "ipjit/fields.def"
#undef IPJIT_FIELD
  return facts.min_len != 0 || facts.max_len != UINT32_MAX || !facts.fields.empty();
}

class Reader {
 public:
  Result<SpecialCase> read(std::string_view text) {
    Result<IrCase> base = parse_ir_case(text);
    if (!base) return base.error();
    out_.base = std::move(*base);
    std::istringstream lines{std::string(text)};
    uint32_t number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      std::istringstream words(line);
      std::string semicolon, word;
      if (!(words >> semicolon >> word) || semicolon != ";") continue;
      if (!take(word, words, line))
        return Error{Stage::kIr, Code::kSyntax, number, "'" + line + "' makes no sense"};
    }
    Result<ir::Profile> profile = ir::parse_profile(profile_);
    if (!profile) return profile.error();
    out_.profile = std::move(*profile);
    return std::move(out_);
  }

 private:
  static std::string rest(const std::string& line, const std::string& word) {
    const size_t at = line.find_first_not_of(' ', line.find(word) + word.size());
    return at == std::string::npos ? "" : line.substr(at);
  }

  bool take(const std::string& word, std::istringstream& words, const std::string& line) {
    if (word == "passes") {
      out_.choices = no_choices();
      for (std::string pass; words >> pass;)
        if (!choose(out_.choices, pass)) return false;
    }
    if (word == "fact") return read_fact(out_.facts, words);
    if (word == "profile") profile_ += rest(line, word) + "\n";
    if (word == "says") out_.says.push_back(rest(line, word));
    // The first column is kept: blocks begin there, what is in them does not.
    if (word == "becomes") out_.becomes += line.substr(std::string("; becomes ").size()) + "\n";
    return true;
  }

  SpecialCase out_;
  std::string profile_ = "profile 1 of 0\n";
};

}  // namespace

Result<SpecialCase> parse_special_case(std::string_view text) { return Reader().read(text); }

}  // namespace ipjit::cases
