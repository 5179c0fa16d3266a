// SPDX-License-Identifier: BSD-2-Clause
// Golden cases of the passes: text in, text out.
//
// A case runs one pass and then remove_dead(), which numbers anew and drops what the pass has left.
#include "ir/passes/passes.h"

#include <gtest/gtest.h>

#include "ir/optimize.h"
#include "ir/text.h"
#include "ir/validate.h"

namespace ipjit::ir {
namespace {

struct Golden {
  const char* about;
  const char* before;
  const char* after;
};

using Pass = void (*)(Program&);

void check(const Golden& c, Pass pass) {
  Result<Program> program = parse("filter f\n" + std::string(c.before));
  ASSERT_TRUE(program) << c.about << ": " << to_string(program.error());
  ASSERT_TRUE(validate(*program)) << c.about << ": " << to_string(validate(*program).error());
  pass(*program);
  EXPECT_EQ(print(*program), "filter f\n" + std::string(c.after)) << c.about;
  EXPECT_TRUE(validate(*program)) << c.about << ": " << to_string(validate(*program).error());
}

// --- number_values

const Golden kNumbered[] = {
    {"constants", "b0: v0 = const 6\n v1 = mul v0, 7\n ret v1\n", "b0: ret 42\n"},
    {"a branch on a constant", "b0: v0 = const 6\n br v0 < 7 -> b1, b2\nb1: ret 1\nb2: ret 2\n",
     "b0: ret 1\n"},
    {"a switch on a constant",
     "b0: v0 = const 6\n switch v0 {6 -> b1(v0)} else b2\nb1(v1: u32): ret v1\nb2: ret 2\n",
     "b0: ret 6\n"},
    {"a byte is below 256",
     "b0: need 1 else b2\n v0 = load_u8 0\n br v0 < 256 -> b1, b2\nb1: ret v0\nb2: ret 0\n",
     "b0: need 1 else b1\n    v0 = load_u8 0\n    ret v0\nb1: ret 0\n"},
    {"jge #0 is always true", "b0: v0 = meta mark\n br v0 < 0 -> b1, b2\nb1: ret 1\nb2: ret v0\n",
     "b0: v0 = meta mark\n    ret v0\n"},
    {"masks of masks",
     "b0: v0 = meta mark\n v1 = and v0, 15\n v2 = and v1, 255\n v3 = shl v2, 2\n"
     " br v3 <= 60 -> b1, b2\nb1: ret v3\nb2: ret 0\n",
     "b0: v0 = meta mark\n    v1 = and v0, 15\n    v2 = shl v1, 2\n    ret v2\n"},
    {"identities",
     "b0: v0 = meta mark\n v1 = add v0, 0\n v2 = mul v1, 1\n v3 = xor v2, v2\n v4 = or v2, v3\n"
     " ret v4\n",
     "b0: v0 = meta mark\n    ret v0\n"},
    {"powers of two",
     "b0: v0 = meta mark\n v1 = mul v0, 8\n v2 = div v0, 4\n v3 = mod v0, 16\n"
     " v4 = add v1, v2\n v5 = add v4, v3\n ret v5\n",
     "b0: v0 = meta mark\n    v1 = shl v0, 3\n    v2 = shr v0, 2\n    v3 = and v0, 15\n"
     "    v4 = add v1, v2\n    v5 = add v3, v4\n    ret v5\n"},
    {"tests of constants",
     "b0: v0 = const 6\n v1 = lt v0, 7\n v2 = ne v0, 6\n v3 = or v1, v2\n ret v3\n", "b0: ret 1\n"},
    {"tests that a byte cannot fail",
     "b0: need 1 else b1\n v0 = load_u8 0\n v1 = le v0, 255\n v2 = eq v0, 256\n v3 = any v0, 256\n"
     " v4 = or v1, v2\n v5 = or v4, v3\n ret v5\nb1: ret 0\n",
     "b0: need 1 else b1\n    ret 1\nb1: ret 0\n"},
    {"a test of a test",
     "b0: v0 = meta mark\n v1 = eq v0, 6\n v2 = ne v1, 0\n v3 = eq v2, 1\n v4 = any v3, 3\n ret "
     "v4\n",
     "b0: v0 = meta mark\n    v1 = eq v0, 6\n    ret v1\n"},
    {"a test of 64 bits is no value of 64 bits",
     "b0: need 8 else b1\n v0 = load_be64 0\n v1 = and v0, 1\n v2 = ne v1, 0\n ret v2\nb1: ret 0\n",
     "b0: need 8 else b1\n    v0 = load_be64 0\n    v1 = and v0, 1\n    v2 = ne v1, 0\n    ret v2\n"
     "b1: ret 0\n"},
    {"tests of a value with itself",
     "b0: v0 = meta mark\n v1 = eq v0, v0\n v2 = lt v0, v0\n v3 = le v0, v0\n v4 = ne v0, v0\n"
     " v5 = any v0, v0\n v6 = and v1, v3\n v7 = or v2, v4\n v8 = add v6, v7\n v9 = add v8, v5\n "
     "ret v9\n",
     "b0: v0 = meta mark\n    v1 = any v0, v0\n    v2 = add v1, 1\n    ret v2\n"},
    {"division by zero", "b0: v0 = meta mark\n v1 = div v0, 0\n v2 = mod v0, v1\n ret v2\n",
     "b0: ret 0\n"},
    {"a / a is 0 where a is 0", "b0: v0 = meta mark\n v1 = div v0, v0\n ret v1\n",
     "b0: v0 = meta mark\n    v1 = div v0, v0\n    ret v1\n"},
    {"loads of one place",
     "b0: need 14 else b3\n v0 = load_be16 12\n br v0 == 1 -> b1, b2\n"
     "b1: need 14 else b3\n v1 = load_be16 12\n ret v1\nb2: ret 2\nb3: ret 0\n",
     "b0: need 14 else b3\n    v0 = load_be16 12\n    br v0 == 1 -> b1, b2\nb1: ret v0\n"
     "b2: ret 2\nb3: ret 0\n"},
    {"loads of the same place of two bases differ",
     "b0: need 1 else b1\n need th 1 else b1\n v0 = load_u8 0\n v1 = load_u8 th 0\n v2 = sub v0, "
     "v1\n"
     " ret v2\nb1: ret 0\n",
     "b0: need 1 else b1\n    need th 1 else b1\n    v0 = load_u8 0\n    v1 = load_u8 th 0\n"
     "    v2 = sub v0, v1\n    ret v2\nb1: ret 0\n"},
    {"a load on one of two paths does not count on both",
     "b0: need 2 else b3\n v0 = load_u8 0\n br v0 == 1 -> b1, b2\n"
     "b1: v1 = load_u8 1\n br v1 == 2 -> b2, b3\nb2: v2 = load_u8 1\n ret v2\nb3: ret 0\n",
     "b0: need 2 else b3\n    v0 = load_u8 0\n    br v0 == 1 -> b1, b2\n"
     "b1: v1 = load_u8 1\n    br v1 == 2 -> b2, b3\nb2: v2 = load_u8 1\n    ret v2\nb3: ret 0\n"},
    {"needs on both paths make the third one needless",
     "b0: v0 = meta mark\n br v0 == 1 -> b1, b2\nb1: need 4 else b4\n effect 1\n jump b3\n"
     "b2: need 5 else b4\n effect 2\n jump b3\nb3: need 4 else b5\n v1 = load_be32 0\n ret v1\n"
     "b4: ret 0\nb5: ret 9\n",
     "b0: v0 = meta mark\n    br v0 == 1 -> b1, b2\nb1: need 4 else b4\n    effect 1\n    jump b3\n"
     "b2: need 5 else b4\n    effect 2\n    jump b3\nb3: v1 = load_be32 0\n    ret v1\nb4: ret "
     "0\n"},
    {"a dominated need with the same value",
     "b0: v0 = meta mark\n need v0 + 8 else b1\n v1 = load_u8 v0 + 7\n need v0 + 4 else b2\n"
     " v2 = load_u8 v0 + 3\n v3 = add v1, v2\n ret v3\nb1: ret 1\nb2: ret 2\n",
     "b0: v0 = meta mark\n    need v0 + 8 else b1\n    v1 = load_u8 v0 + 7\n"
     "    v2 = load_u8 v0 + 3\n    v3 = add v1, v2\n    ret v3\nb1: ret 1\n"},
    {"a constant offset",
     "b0: v0 = const 14\n need v0 + 2 else b1\n v1 = load_be16 v0\n ret v1\n"
     "b1: ret 0\n",
     "b0: need 16 else b1\n    v0 = load_be16 14\n    ret v0\nb1: ret 0\n"},
    {"sums of sums, and what is added to an offset value",
     "b0: need 1 else b1\n v0 = load_u8 0\n v1 = add v0, 16\n v2 = add v1, 2\n"
     " need v2 + 4 else b1\n v3 = load_u8 v2 + 3\n v4 = xor v2, v3\n ret v4\nb1: ret 0\n",
     "b0: need 1 else b1\n    v0 = load_u8 0\n    v1 = add v0, 18\n    need v0 + 22 else b1\n"
     "    v2 = load_u8 v0 + 21\n    v3 = xor v1, v2\n    ret v3\nb1: ret 0\n"},
    {"a sum that may wrap is no place",
     "b0: v0 = meta mark\n v1 = add v0, 4\n need v1 + 4 else b1\n v2 = load_u8 v1 + 3\n ret v2\n"
     "b1: ret 0\n",
     "b0: v0 = meta mark\n    v1 = add v0, 4\n    need v1 + 4 else b1\n    v2 = load_u8 v1 + 3\n"
     "    ret v2\nb1: ret 0\n"},
    {"a sum that may wrap is no place, in 64 bits either",
     "b0: need 8 else b1\n v0 = load_be64 0\n v1 = add v0, 4\n need v1 + 4 else b1\n"
     " v2 = load_u8 v1 + 3\n ret v2\nb1: ret 0\n",
     "b0: need 8 else b1\n    v0 = load_be64 0\n    v1 = add v0, 4\n    need v1 + 4 else b1\n"
     "    v2 = load_u8 v1 + 3\n    ret v2\nb1: ret 0\n"},
    {"a constant operand moves to the right",
     "b0: v0 = meta mark\n v1 = const 5\n br v1 < v0 -> b1, b2\nb1: ret 1\nb2: ret 2\n",
     "b0: v0 = meta mark\n    br v0 <= 5 -> b2, b1\nb1: ret 1\nb2: ret 2\n"},
    {"a mask and a comparison with 0 are a test of bits",
     "b0: v0 = meta mark\n v1 = and v0, 6\n br v1 == 0 -> b1, b2\nb1: ret 1\nb2: ret 2\n",
     "b0: v0 = meta mark\n    br v0 & 6 -> b2, b1\nb1: ret 1\nb2: ret 2\n"},
    {"a parameter that is always the same",
     "b0: v0 = meta mark\n br v0 == 0 -> b1, b2\nb1: effect 1\n jump b3(v0)\n"
     "b2: effect 2\n jump b3(v0)\nb3(v1: u32): ret v1\n",
     "b0: v0 = meta mark\n    br v0 == 0 -> b1, b2\nb1: effect 1\n    jump b3\n"
     "b2: effect 2\n    jump b3\nb3: ret v0\n"},
    {"a table's answer for a constant",
     "table0: u32 miss 3 {1 = 5}\nb0: v0 = const 1\n v1 = find table0, v0\n br v0 in table0 -> b1, "
     "b2\n"
     "b1: ret v1\nb2: ret 0\n",
     "b0: ret 5\n"},
};

TEST(Passes, NumberValues) {
  for (const Golden& c : kNumbered) {
    check(c, [](Program& p) {
      Workspace ws;
      number_values(p, ws);
      remove_dead(p, ws);
    });
  }
}

// --- thread_jumps

const Golden kThreaded[] = {
    {"jeq over ja",
     "b0: v0 = meta mark\n br v0 == 1 -> b1, b2\nb1: jump b4\nb2: br v0 == 2 -> b3, b5\n"
     "b3: jump b4\nb4: ret 1\nb5: ret 0\n",
     "b0: v0 = meta mark\n    br v0 == 1 -> b2, b1\nb1: br v0 == 2 -> b2, b3\nb2: ret 1\nb3: ret "
     "0\n"},
    {"the same question twice",
     "b0: v0 = meta mark\n v1 = meta cpu\n br v0 == 8 -> b1, b2\nb1: br v1 == 1 -> b4, b2\n"
     "b2: br v0 == 8 -> b3, b5\nb3: br v1 == 2 -> b4, b5\nb4: ret 1\nb5: ret 0\n",
     "b0: v0 = meta mark\n    v1 = meta cpu\n    br v0 == 8 -> b1, b4\nb1: br v1 == 1 -> b3, b2\n"
     "b2: br v1 == 2 -> b3, b4\nb3: ret 1\nb4: ret 0\n"},
    {"8 is not 6",
     "b0: v0 = meta mark\n br v0 == 8 -> b1, b3\nb1: effect 1\n br v0 == 6 -> b2, b3\n"
     "b2: ret 2\nb3: ret v0\n",
     "b0: v0 = meta mark\n    br v0 == 8 -> b1, b2\nb1: effect 1\n    ret v0\nb2: ret v0\n"},
    {"ranges",
     "b0: v0 = meta mark\n br v0 < 100 -> b1, b2\nb1: br v0 <= 99 -> b3, b4\n"
     "b2: br v0 < 50 -> b4, b5\nb3: effect 1\n ret 1\nb4: effect 2\n ret 2\nb5: effect 3\n ret 3\n",
     "b0: v0 = meta mark\n    br v0 < 100 -> b1, b2\nb1: effect 1\n    ret 1\n"
     "b2: effect 3\n    ret 3\n"},
    {"a question whose answer does not matter",
     "b0: v0 = meta mark\n br v0 == 6 -> b3, b1\nb1: br v0 == 8 -> b2, b3\n"
     "b2: effect 1\n ret 1\nb3: ret 0\n",
     "b0: v0 = meta mark\n    br v0 == 8 -> b1, b2\nb1: effect 1\n    ret 1\nb2: ret 0\n"},
    {"a jump to a question asks it",
     "b0: v0 = meta mark\n br v0 == 6 -> b1, b2\nb1: v1 = meta cpu\n jump b3(v1)\n"
     "b2: v2 = meta queue\n jump b3(v2)\nb3(v3: u32): br v3 < 9 -> b4, b5\n"
     "b4: effect 1\n ret 1\nb5: effect 2\n ret 0\n",
     "b0: v0 = meta mark\n    br v0 == 6 -> b1, b2\nb1: v1 = meta cpu\n    br v1 < 9 -> b3, b4\n"
     "b2: v2 = meta queue\n    br v2 < 9 -> b3, b4\nb3: effect 1\n    ret 1\n"
     "b4: effect 2\n    ret 0\n"},
    {"equal endings are one; both sides alike is no question",
     "b0: v0 = meta mark\n br v0 == 1 -> b1, b2\nb1: ret 7\nb2: ret 7\n", "b0: ret 7\n"},
    {"endings with another number stay",
     "b0: v0 = meta mark\n br v0 == 1 -> b1, b2\nb1: ret 7\nb2: ret 8\n",
     "b0: v0 = meta mark\n    br v0 == 1 -> b1, b2\nb1: ret 7\nb2: ret 8\n"},
    {"a known argument decides",
     "b0: v0 = meta mark\n v1 = const 1\n v2 = const 2\n br v0 == 5 -> b1(v1), b1(v2)\n"
     "b1(v3: u32): br v3 == 1 -> b2, b3\nb2: effect 1\n ret 1\nb3: effect 2\n ret 2\n",
     "b0: v0 = meta mark\n    br v0 == 5 -> b1, b2\nb1: effect 1\n    ret 1\nb2: effect 2\n    ret "
     "2\n"},
    {"not past a block whose parameter is used further on",
     "b0: v0 = meta mark\n v1 = const 1\n br v0 == 5 -> b1(v1), b1(v0)\n"
     "b1(v2: u32): br v2 == 1 -> b2, b3\nb2: ret v2\nb3: ret 0\n",
     "b0: v0 = meta mark\n    v1 = const 1\n    br v0 == 5 -> b1(v1), b1(v0)\n"
     "b1(v2: u32): br v2 == 1 -> b2, b3\nb2: ret v2\nb3: ret 0\n"},
    {"else blocks of needs",
     "b0: need 1 else b1\n v0 = load_u8 0\n ret v0\nb1: jump b2\nb2: ret 0\n",
     "b0: need 1 else b1\n    v0 = load_u8 0\n    ret v0\nb1: ret 0\n"},
    {"not past a block that records",
     "b0: v0 = meta mark\n br v0 == 1 -> b1, b2\nb1: effect 1\n jump b2\n"
     "b2: effect 2\n br v0 == 1 -> b3, b4\nb3: ret 1\nb4: ret 0\n",
     "b0: v0 = meta mark\n    br v0 == 1 -> b1, b2\nb1: effect 1\n    jump b2\n"
     "b2: effect 2\n    br v0 == 1 -> b3, b4\nb3: ret 1\nb4: ret 0\n"},
};

TEST(Passes, ThreadJumps) {
  for (const Golden& c : kThreaded) {
    check(c, [](Program& p) {
      Workspace ws;
      number_values(p, ws);
      thread_jumps(p, ws);
      remove_dead(p, ws);
    });
  }
}

// --- merge_needs

const Golden kMerged[] = {
    {"up, where every way out goes to the same block",
     "b0: need 14 else b2\n v0 = load_be16 12\n br v0 == 0x800 -> b1, b2\n"
     "b1: need 24 else b2\n v1 = load_u8 23\n ret v1\nb2: ret 0\n",
     "b0: need 24 else b2\n    v0 = load_be16 12\n    br v0 == 0x800 -> b1, b2\n"
     "b1: v1 = load_u8 23\n    ret v1\nb2: ret 0\n"},
    {"not where another block can be reached between",
     "b0: need 14 else b3\n v0 = load_be16 12\n br v0 == 0x800 -> b1, b2\n"
     "b1: need 24 else b3\n v1 = load_u8 23\n ret v1\nb2: ret 1\nb3: ret 0\n",
     "b0: need 14 else b3\n    v0 = load_be16 12\n    br v0 == 0x800 -> b1, b2\n"
     "b1: need 24 else b3\n    v1 = load_u8 23\n    ret v1\nb2: ret 1\nb3: ret 0\n"},
    {"both sides need more: the less of them",
     "b0: need 14 else b3\n v0 = load_be16 12\n br v0 == 0x800 -> b1, b2\n"
     "b1: need 24 else b3\n v1 = load_u8 23\n ret v1\n"
     "b2: need 20 else b3\n v2 = load_u8 19\n ret v2\nb3: ret 0\n",
     "b0: need 20 else b3\n    v0 = load_be16 12\n    br v0 == 0x800 -> b1, b2\n"
     "b1: need 24 else b3\n    v1 = load_u8 23\n    ret v1\n"
     "b2: v2 = load_u8 19\n    ret v2\nb3: ret 0\n"},
    {"not over what is recorded",
     "b0: need 14 else b1\n effect 1\n need 24 else b1\n v1 = load_u8 23\n ret v1\nb1: ret 0\n",
     "b0: need 14 else b1\n    effect 1\n    need 24 else b1\n    v0 = load_u8 23\n    ret v0\n"
     "b1: ret 0\n"},
    {"not over a need that fails elsewhere",
     "b0: need 14 else b2\n need th 4 else b1\n need 24 else b2\n v1 = load_u8 23\n ret v1\n"
     "b1: ret 8\nb2: ret 0\n",
     "b0: need 14 else b2\n    need th 4 else b1\n    need 24 else b2\n    v0 = load_u8 23\n"
     "    ret v0\nb1: ret 8\nb2: ret 0\n"},
    {"over a need of the other base that fails alike",
     "b0: need 14 else b1\n need th 4 else b1\n need 24 else b1\n v1 = load_u8 23\n ret v1\nb1: "
     "ret 0\n",
     "b0: need 24 else b1\n    need th 4 else b1\n    v0 = load_u8 23\n    ret v0\nb1: ret 0\n"},
    {"a need with a value needs its constant part",
     "b0: need 1 else b1\n v0 = load_u8 0\n need v0 + 18 else b1\n v1 = load_u8 v0 + 17\n ret v1\n"
     "b1: ret 0\n",
     "b0: need 18 else b1\n    v0 = load_u8 0\n    need v0 + 18 else b1\n    v1 = load_u8 v0 + 17\n"
     "    ret v1\nb1: ret 0\n"},
    {"a need that leads where the jump leads",
     "b0: need 14 else b1\n jump b1\nb1: effect 1\n ret 0\n", "b0: effect 1\n    ret 0\n"},
};

TEST(Passes, MergeNeeds) {
  for (const Golden& c : kMerged)
    check(c, [](Program& p) {
      Workspace ws;
      merge_needs(p, ws);
      remove_dead(p, ws);
    });
}

// --- remove_dead

const Golden kDead[] = {
    {"values, blocks, parameters, tables",
     "table0: u32 miss 0 {1}\ntable1: u32 miss 0 {2}\n"
     "b0: v0 = meta mark\n v1 = add v0, 1\n v2 = mul v1, 2\n br v0 in table1 -> b2(v0, v1), b3\n"
     "b1: effect 1\n jump b3\nb2(v3: u32, v4: u32): ret v3\nb3: ret 0\n",
     "table0: u32 miss 0 {2}\n"
     "b0: v0 = meta mark\n    br v0 in table0 -> b1(v0), b2\nb1(v1: u32): ret v1\nb2: ret 0\n"},
    {"a parameter used only for a dead parameter",
     "b0: v0 = meta mark\n br v0 == 1 -> b1(v0), b1(v0)\nb1(v1: u32): effect 1\n"
     " br v0 == 2 -> b2(v1), b2(v1)\nb2(v2: u32): ret 5\n",
     "b0: v0 = meta mark\n    br v0 == 1 -> b1, b1\nb1: effect 1\n    br v0 == 2 -> b2, b2\nb2: "
     "ret 5\n"},
    {"blocks in a row are one",
     "b0: v0 = meta mark\n jump b2(v0)\nb1: ret 9\nb2(v1: u32): v2 = add v1, 1\n jump b3(v2)\n"
     "b3(v3: u32): effect 2\n ret v3\n",
     "b0: v0 = meta mark\n    v1 = add v0, 1\n    effect 2\n    ret v1\n"},
    {"needs, effects and counters stay",
     "counters 1\nb0: need 4 else b1\n v0 = load_u8 0\n effect 1\n count 0\n ret 1\nb1: ret 0\n",
     "counters 1\nb0: need 4 else b1\n    effect 1\n    count 0\n    ret 1\nb1: ret 0\n"},
};

TEST(Passes, RemoveDead) {
  for (const Golden& c : kDead)
    check(c, [](Program& p) {
      Workspace ws;
      remove_dead(p, ws);
    });
}

}  // namespace
}  // namespace ipjit::ir
