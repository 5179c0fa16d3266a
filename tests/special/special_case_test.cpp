// SPDX-License-Identifier: BSD-2-Clause
// Every file in tests/special/cases/: what the passes say and make, and that the interpreter and
// tier 1 give for each packet, cut to every length, what the general program gives.
#include "tests/special/special_case.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ir/text.h"
#include "ir/validate.h"
#include "tests/tier1/native.h"

namespace ipjit::cases {
namespace {

namespace fs = std::filesystem;
using tier1::Native;
using tier1::Outcome;

std::vector<fs::path> case_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(IPJIT_SOURCE_DIR "/tests/special/cases"))
    if (entry.path().extension() == ".ir") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// Blocks as print() shows them, without source numbers unless asked for.
std::string blocks_of(const ir::Program& program, bool sources) {
  std::istringstream lines(ir::print(program));
  std::string out;
  bool started = false;
  for (std::string line; std::getline(lines, line);) {
    started |= line.starts_with("b0");
    if (!started) continue;
    if (!sources) line = line.substr(0, line.find(';'));
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

class SpecialFile : public ::testing::TestWithParam<fs::path> {
 protected:
  void expect_packet(const PacketCase& packet, const Native& native) {
    for (size_t size = 0; size <= packet.data.size(); ++size) {
      ipjit_ctx ctx = packet.ctx;
      const size_t th_at = std::min(packet.th_at, size);
      const std::span<const uint8_t> bytes = guarded_.hold(std::span(packet.data).first(size));
      ctx.th = bytes.data() + th_at;
      ctx.th_len = size - th_at;
      const Outcome wanted = tier1::outcome_of_interpreter(general_, bytes, ctx);
      if (size == packet.data.size()) {
        EXPECT_EQ(wanted.result, packet.result) << "line " << packet.line;
        EXPECT_EQ(wanted.actions, packet.actions) << "line " << packet.line;
      }
      if (!keeps_facts(ctx, size)) continue;
      expect_outcome(tier1::outcome_of_interpreter(made_.program, bytes, ctx), wanted, packet);
      if (!native.ok()) continue;
      expect_outcome(tier1::outcome_of_native(native, made_.program, bytes, ctx), wanted, packet);
    }
  }

  bool keeps_facts(const ipjit_ctx& ctx, size_t size) const {
    bool keeps = size >= facts_.min_len && size <= facts_.max_len;
    for (const auto& [field, value] : facts_.fields) {
#define IPJIT_FIELD(name, meaning) \
  if (field == IPJIT_FIELD_##name) keeps &= ctx.name == value;
#include "ipjit/fields.def"
#undef IPJIT_FIELD
    }
    return keeps;
  }

  /// The counter of those that left is not part of what the program means.
  void expect_outcome(Outcome got, const Outcome& wanted, const PacketCase& packet) {
    if (made_.counters != 0) got.counters = {};
    EXPECT_EQ(got, wanted) << "line " << packet.line;
  }

  ir::Program general_;
  ir::Facts facts_;
  ir::Specialised made_;
  tier1::GuardedBytes guarded_;
};

TEST_P(SpecialFile, MakesWhatItSays) {
  std::ifstream file(GetParam());
  std::stringstream text;
  text << file.rdbuf();
  const Result<SpecialCase> parsed = parse_special_case(text.str());
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  general_ = parsed->base.program;
  facts_ = parsed->facts;
  made_ = specialise(general_, parsed->profile, parsed->facts, parsed->choices);
  ASSERT_TRUE(validate(made_.program)) << ir::print(made_.program);
  std::string log;
  for (const std::string& line : made_.log) log += line + "\n";
  for (const std::string& said : parsed->says)
    EXPECT_TRUE(std::ranges::any_of(
        made_.log, [&](const std::string& line) { return line.starts_with(said); }))
        << said << "\nis not the beginning of a line of\n"
        << log;
  if (!parsed->becomes.empty()) {
    const bool sources = parsed->becomes.find("; src") != std::string::npos;
    EXPECT_EQ(blocks_of(made_.program, sources), parsed->becomes) << log;
  }
  for (const ir::Table& table : made_.program.tables)
    EXPECT_EQ(std::ranges::count(made_.program.tables, table), 1) << ir::print(made_.program);
  EXPECT_FALSE(parsed->base.packets.empty()) << "a case without packets";
  const Native native(made_.program, arch::detect());
  for (const PacketCase& packet : parsed->base.packets) expect_packet(packet, native);
}

std::string name_of(const ::testing::TestParamInfo<fs::path>& info) {
  return info.param.stem().string();
}

INSTANTIATE_TEST_SUITE_P(Cases, SpecialFile, ::testing::ValuesIn(case_files()), name_of);

}  // namespace
}  // namespace ipjit::cases
