// SPDX-License-Identifier: BSD-2-Clause
// Runs tests/cases/bpf/*.case: one classic program and its packets, on every engine and target.
//
//   -- about   X becomes the IPv4 header length in bytes
//   -- bpf     ldxb 4*([14]&0xf); txa; ret a
//   -- packet  pad(14) 46      gives 24
//   -- packet  pad(14)         gives 0        ; byte 14 is missing: cBPF returns 0
//
// Also: `-- dialect libpcap|linux|both` (both unless said), `-- expr TEXT` in place of bpf,
// `-- refuses CODE at N` in place of packets.  A packet is hex bytes, pad(N) zeros, and before them
// wire(N) and meta(field=value).  Every packet is also run at each shorter length, where the
// engines must agree with each other.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "bpf-frontend/expression.h"
#include "tests/cases/bpf_asm.h"
#include "tests/engines/engines.h"

namespace ipjit::testing {
namespace {

namespace fs = std::filesystem;

struct PacketLine {
  std::vector<uint8_t> bytes;
  ipjit_ctx ctx = {};
  uint32_t gives = 0;
};

struct CaseFile {
  std::string bpf, expr, refuses;
  std::vector<bpf::Dialect> dialects = {bpf::Dialect::kLibpcap, bpf::Dialect::kLinux};
  std::vector<PacketLine> packets;
};

bool set_field(ipjit_ctx& ctx, const std::string& name, uint32_t value) {
#define IPJIT_FIELD(field, meaning) \
  if (name == #field) {             \
    ctx.field = value;              \
    return true;                    \
  }
#include "ipjit/fields.def"
#undef IPJIT_FIELD
  return false;
}

// "wire(60) pad(14) 46 gives 24"
PacketLine parse_packet(const std::string& text) {
  PacketLine packet;
  bool wire = false;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    unsigned long number = 0;
    char name[32] = {};
    if (word == "gives") {
      words >> word;
      packet.gives = static_cast<uint32_t>(std::stoul(word, nullptr, 0));
    } else if (std::sscanf(word.c_str(), "pad(%lu)", &number) == 1) {
      packet.bytes.insert(packet.bytes.end(), number, 0);
    } else if (std::sscanf(word.c_str(), "wire(%lu)", &number) == 1) {
      packet.ctx.wire_len = static_cast<uint32_t>(number);
      wire = true;
    } else if (std::sscanf(word.c_str(), "meta(%31[a-z_0-9]=%li)", name,
                           reinterpret_cast<long*>(&number)) == 2) {
      EXPECT_TRUE(set_field(packet.ctx, name, static_cast<uint32_t>(number))) << word;
    } else {
      auto bytes = bytes_of_hex(word);
      EXPECT_TRUE(bytes) << "not hex: " << word;
      if (bytes) packet.bytes.insert(packet.bytes.end(), bytes->begin(), bytes->end());
    }
  }
  if (!wire) packet.ctx.wire_len = static_cast<uint32_t>(packet.bytes.size());
  return packet;
}

CaseFile parse_case(const fs::path& path) {
  CaseFile file;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) {
    if (line.empty()) continue;
    std::istringstream words(line);
    std::string dashes, key, rest;
    words >> dashes >> key;
    std::getline(words, rest);
    if (key != "bpf") rest = rest.substr(0, rest.find(';'));
    rest.erase(0, rest.find_first_not_of(' '));
    if (key == "bpf") file.bpf += rest + "\n";
    if (key == "expr") file.expr = rest;
    if (key == "refuses") file.refuses = rest;
    if (key == "packet") file.packets.push_back(parse_packet(rest));
    if (key == "dialect" && !rest.starts_with("both"))
      file.dialects = {*bpf::dialect_named(rest.substr(0, rest.find(' ')))};
    EXPECT_TRUE(key == "bpf" || key == "expr" || key == "refuses" || key == "packet" ||
                key == "dialect" || key == "about")
        << path << ": " << line;
  }
  return file;
}

void run_packets(CaseFile& file, bpf::Dialect dialect, Engines& engines) {
  for (PacketLine packet : file.packets) {
    if (dialect == bpf::Dialect::kLibpcap) packet.ctx.vlan_present = bpf::kNoVlanData;
    auto verdict = engines.run(packet.bytes, packet.ctx);
    ASSERT_TRUE(verdict) << verdict.error().why;
    EXPECT_EQ(*verdict, packet.gives) << hex_of_bytes(packet.bytes);
    for (size_t length = 0; length < packet.bytes.size(); ++length) {
      auto cut = engines.run(std::span(packet.bytes).first(length), packet.ctx);
      ASSERT_TRUE(cut) << cut.error().why;
    }
  }
}

class BpfCase : public ::testing::TestWithParam<fs::path> {};

TEST_P(BpfCase, RunsAlikeOnEveryEngine) {
  CaseFile file = parse_case(GetParam());
  ASSERT_TRUE(!file.packets.empty() || !file.refuses.empty()) << "the case says nothing";
  auto insns = file.expr.empty() ? assemble(file.bpf) : bpf::compile_expression(file.expr, {});
  ASSERT_TRUE(insns) << to_string(insns.error());
  for (bpf::Dialect dialect : file.dialects) {
    SCOPED_TRACE(name_of(dialect));
    auto engines = Engines::make(*insns, dialect, Breadth::kAllTargets);
    if (!file.refuses.empty()) {
      ASSERT_FALSE(engines) << "not refused";
      EXPECT_THAT(file.refuses, ::testing::StartsWith(std::string(name_of(engines.error().code)) +
                                                      " at " + std::to_string(engines.error().at)));
      continue;
    }
    ASSERT_TRUE(engines) << to_string(engines.error());
    run_packets(file, dialect, *engines);
  }
}

std::vector<fs::path> case_files() {
  std::vector<fs::path> files;
  for (const auto& entry :
       fs::directory_iterator(std::string(IPJIT_SOURCE_DIR) + "/tests/cases/bpf"))
    if (entry.path().extension() == ".case") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, BpfCase, ::testing::ValuesIn(case_files()), [](const auto& info) {
  std::string name = info.param.stem();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !isalnum(c); }, '_');
  return name;
});

}  // namespace
}  // namespace ipjit::testing
