// SPDX-License-Identifier: BSD-2-Clause
// Table probes of every shape and key width: native code, interpreter and lookup::find() agree.
#include <gtest/gtest.h>

#include <random>

#include "ir/validate.h"
#include "lookup/table.h"
#include "tests/tier1/native.h"

namespace ipjit::tier1 {
namespace {

struct Shape {
  const char* name;
  uint32_t key_bits;
  size_t keys;
  bool map;
};
constexpr Shape kShapes[] = {
    {"no_keys", 32, 0, false},      {"bytes", 8, 5, false},         {"byte_map", 8, 5, true},
    {"ports", 16, 20, false},       {"port_map", 16, 20, true},     {"few_hosts", 32, 8, false},
    {"few_hosts_map", 32, 8, true}, {"hosts", 32, 500, false},      {"host_map", 32, 500, true},
    {"few_pairs", 64, 8, false},    {"few_pairs_map", 64, 8, true}, {"pairs", 64, 500, false},
    {"pair_map", 64, 500, true},
};

ir::Table table_of(const Shape& shape) {
  ir::Table table{.key_bits = shape.key_bits, .miss = 5, .entries = {}};
  const uint64_t step = shape.key_bits == 64 ? 0x100000001 * 77 : shape.key_bits == 8 ? 17 : 777;
  for (size_t i = 0; i < shape.keys; ++i)
    table.entries.push_back({(i + 1) * step, shape.map ? static_cast<uint32_t>(100 + i) : 1});
  return table;
}

struct Key {
  const char* load;
  uint32_t bytes;
  bool big_endian;
};
constexpr Key kKeys[] = {{"load_u8", 1, false},  {"load_be16", 2, true},  {"load_be32", 4, true},
                         {"load_be64", 8, true}, {"load_le16", 2, false}, {"load_le32", 4, false},
                         {"load_le64", 8, false}};

/// Packets that hold keys of the table, keys with bits above its width set, and others.
std::vector<std::vector<uint8_t>> packets(const ir::Table& table, const Key& key) {
  std::mt19937_64 random(7);
  std::vector<uint64_t> keys = {0, 1, 0xff, ~0ull};
  for (size_t i = 0; i < table.entries.size() && i < 40; ++i) {
    const uint64_t k = table.entries[random() % table.entries.size()].key;
    keys.insert(keys.end(), {k, k + 1, k | 1ull << 40, k | 0x10000, k | 0x80000000, k | 0x100});
  }
  std::vector<std::vector<uint8_t>> out;
  for (uint64_t k : keys) {
    std::vector<uint8_t> packet(key.bytes);
    for (uint32_t i = 0; i < key.bytes; ++i)
      packet[key.big_endian ? key.bytes - 1 - i : i] = static_cast<uint8_t>(k >> (8 * i));
    out.push_back(packet);
  }
  return out;
}

class Finds : public testing::TestWithParam<std::tuple<Shape, Key>> {
 protected:
  ir::Table table() const { return table_of(std::get<0>(GetParam())); }
  Key key() const { return std::get<1>(GetParam()); }

  /// `body` after the load of v0, with table0 the table.
  void expect_for(const std::string& body) const {
    ir::Program program = program_of("filter f\ntable0: u" + std::to_string(table().key_bits) +
                                     " miss 5 {}\nb0: need " + std::to_string(key().bytes) +
                                     " else b1\n    v0 = " + key().load + " 0\n" + body);
    program.tables[0] = table();
    ASSERT_TRUE(ir::validate(program));
    expect_agreement(program, packets(table(), key()));
  }
};

TEST_P(Finds, InABranch) {
  expect_for("    br v0 in table0 -> b2, b3\nb1: ret 1\nb2: ret 2\nb3: ret 3\n");
}

TEST_P(Finds, InABranchWithArguments) {
  expect_for(
      "    v1 = load_u8 0\n    v2 = add v1, 1\n    br v0 in table0 -> b2(v1), b2(v2)\n"
      "b1: ret 1\nb2(v3: u32): ret v3\n");
}

TEST_P(Finds, AsAValue) { expect_for("    v1 = find table0, v0\n    ret v1\nb1: ret 1\n"); }

TEST_P(Finds, WhereTheKeyIsUsedAgain) {
  const char* narrow = key().bytes == 8 ? "    v2 = trunc v0\n" : "    v2 = add v0, 0\n";
  expect_for(std::string("    v1 = find table0, v0\n") + narrow +
             "    v3 = xor v1, v2\n    ret v3\nb1: ret 1\n");
}

TEST_P(Finds, WhereTheKeyIsComparedToo) {
  expect_for(
      "    br v0 == 77 -> b2, b4\nb1: ret 1\nb2: ret 2\nb3: ret 3\n"
      "b4: br v0 in table0 -> b5, b6\nb5: ret 5\nb6: ret 6\n");
}

TEST_P(Finds, WithAComputedKey) {
  expect_for(
      "    v1 = xor v0, 1\n    v2 = xor v1, 1\n    br v2 in table0 -> b2, b3\n"
      "b1: ret 1\nb2: v3 = find table0, v2\n    ret v3\nb3: ret 3\n");
}

TEST_P(Finds, WithTheKeyOnTheStack) {
  std::string body;
  for (int i = 10; i < 30; ++i) body += "    v" + std::to_string(i) + " = meta mark\n";
  body += "    v1 = find table0, v0\n";
  std::string sum = "v1";
  for (int round = 0; round < 2; ++round)
    for (int i = 10; i < 30; ++i) {
      const std::string next = "v" + std::to_string(i + 30 * (round + 1));
      body += "    " + next + " = sub " + sum + ", v" + std::to_string(i) + "\n";
      sum = next;
    }
  expect_for(body + "    br v0 in table0 -> b2, b3\nb1: ret 1\nb2: ret " + sum +
             "\nb3: v100 = add " + sum + ", 1\n    ret v100\n");
}

INSTANTIATE_TEST_SUITE_P(Find, Finds,
                         testing::Combine(testing::ValuesIn(kShapes), testing::ValuesIn(kKeys)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "_" +
                                  std::get<1>(info.param).load;
                         });

TEST(Find, ConstantKeys) {
  const std::string head = "filter f\ntable0: u32 miss 9 {3, 4 = 7}\nb0: ";
  expect_agreement(program_of(head + "v0 = const 4\n    v1 = find table0, v0\n    ret v1\n"),
                   std::vector<std::vector<uint8_t>>{{}});
  for (const char* key : {"3", "5"})
    expect_agreement(program_of(head + "v0 = const " + key +
                                "\n    br v0 in table0 -> b1, b2\nb1: ret 1\nb2: ret 2\n"),
                     std::vector<std::vector<uint8_t>>{{}});
}

TEST(Find, TablesLieBehindTheCode) {
  const ir::Program program = program_of(
      "filter f\ntable0: u16 miss 0 {80, 443}\ntable1: u32 miss 0 {1, 2, 3}\n"
      "b0: need 6 else b2\n    v0 = load_be16 0\n    v1 = load_be32 2\n"
      "    br v0 in table0 -> b1, b2\nb1: br v1 in table1 -> b3, b2\nb2: ret 0\nb3: ret 1\n");
  const Native native(program, arch::targets()[0]);
  ASSERT_TRUE(native.ok());
  const ipjit_contract& contract = native.code().contract;
  ASSERT_EQ(contract.nr_tables, 2u);
  for (uint32_t t = 0; t < 2; ++t) {
    EXPECT_EQ(contract.table[t].place, uint32_t{IPJIT_TABLE_IN_UNIT});
    EXPECT_EQ(contract.table[t].at % 64, 0u);
    EXPECT_GE(contract.table[t].at, native.code().code_len);
    EXPECT_LE(contract.table[t].at + contract.table[t].size, native.code().bytes.size());
  }
  EXPECT_EQ(contract.table[0].size, 8192u);
}

}  // namespace
}  // namespace ipjit::tier1
