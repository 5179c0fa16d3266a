// SPDX-License-Identifier: BSD-2-Clause
// What a filter means: blocks of typed SSA values, acyclic.
//
//   filter tcpdump ip
//   b0: need 14 else b2
//       v0 = load_be16 12                  ; src 0
//       br v0 == 0x800 -> b1, b2           ; src 1
//   b1: ret 262144                         ; src 2
//   b2: ret 0                              ; src 3
//
// Plain data: a pass reads and rewrites the vectors.  Invariants, checked by validate():
//   - an edge goes to a block with a larger id, so block order is a topological order, and one
//     forward walk sees every predecessor first;
//   - a value is defined once and its definition dominates its uses; where paths join, block
//     parameters carry values (`b3(v7: u32)`, `jump b3(v2)`);
//   - `need` may stand anywhere in a block; what the block defines before it is visible in the
//     else block, which has no parameters;
//   - a load is covered by needs on every path to it.
//
// Blocks index one instruction pool, edges one argument pool: no allocation per block, because a
// 5,759-instruction filter must pass through all of this in less than a millisecond.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ipjit/abi.h"

namespace ipjit::ir {

enum class ValueId : uint32_t {};
enum class BlockId : uint32_t {};
inline constexpr ValueId kNoValue{0xffffffff};
inline constexpr BlockId kNoBlock{0xffffffff};
inline constexpr uint32_t kNoSource = 0xffffffff;

constexpr uint32_t index(ValueId id) { return static_cast<uint32_t>(id); }
constexpr uint32_t index(BlockId id) { return static_cast<uint32_t>(id); }

enum class Type : uint8_t { kNone, kU32, kU64 };

enum class Op : uint8_t {
#define IPJIT_OP(name, word, result, operands, meaning) name,
#include "ir/ops.def"
#undef IPJIT_OP
};

enum class Rel : uint8_t {
#define IPJIT_REL(name, word, meaning) name,
#include "ir/ops.def"
#undef IPJIT_REL
};

enum class TermKind : uint8_t {
#define IPJIT_TERM(name, word, meaning) name,
#include "ir/ops.def"
#undef IPJIT_TERM
};

/// Where a load's or need's place is counted from.
enum class Base : uint8_t {
  kData,       ///< data, len (cBPF: link header; netfilter: network header)
  kTransport,  ///< ctx->th, ctx->th_len
};

struct Insn {
  Op op = Op::kConst;
  Type type = Type::kNone;  ///< of the result
  Base base = Base::kData;  ///< kPlace ops
  ValueId result = kNoValue;
  ValueId a = kNoValue;         ///< first operand; kPlace: offset value (u32 or u64) or kNoValue
  ValueId b = kNoValue;         ///< second operand; kNoValue: imm is it
  uint64_t imm = 0;             ///< constant, place, field, id
  uint32_t table = 0;           ///< kFind
  BlockId fail = kNoBlock;      ///< kNeed: the else block
  uint32_t source = kNoSource;  ///< index of the source instruction or rule

  bool operator==(const Insn&) const = default;
};

/// A way to a block, with the values of its parameters: `edge_args[args, args + arg_count)`.
struct Edge {
  BlockId to = kNoBlock;
  uint32_t args = 0;
  uint32_t arg_count = 0;

  bool operator==(const Edge&) const = default;
};

struct Case {
  uint64_t value = 0;
  Edge edge = {};

  bool operator==(const Case&) const = default;
};

struct Term {
  TermKind kind = TermKind::kRet;
  Rel rel = Rel::kEq;
  ValueId a = kNoValue;  ///< kBranch, kSwitch: tested value; kRet, kPull: result unless kNoValue
  ValueId b = kNoValue;  ///< kBranch: second operand; kNoValue: imm is it
  uint64_t imm = 0;
  uint32_t table = 0;  ///< kBranch with kIn
  Edge taken = {};     ///< kJump, kBranch
  Edge other = {};     ///< kBranch, kSwitch
  uint32_t cases = 0;  ///< kSwitch: Program::cases[cases, cases + case_count)
  uint32_t case_count = 0;
  uint32_t source = kNoSource;

  bool operator==(const Term&) const = default;
};

struct Block {
  uint32_t first = 0;  ///< Program::insns[first, first + count)
  uint32_t count = 0;
  uint32_t params = 0;  ///< Program::params[params, params + param_count)
  uint32_t param_count = 0;
  Term term = {};

  bool operator==(const Block&) const = default;
};

/// A read-only map from keys to 32-bit values; a set maps its keys to 1 and misses to 0.
struct Table {
  struct Entry {
    uint64_t key = 0;
    uint32_t value = 1;

    bool operator==(const Entry&) const = default;
  };

  uint32_t key_bits =
      32;  ///< 8, 16, 32 or 64; the key's value is taken modulo nothing: a wider key misses
  uint32_t miss = 0;
  std::vector<Entry> entries;  ///< by ascending key, no key twice, no value equal to miss

  bool operator==(const Table&) const = default;
};

struct Program {
  std::string name = "bpf";
  std::vector<Block> blocks;  ///< block 0 is entered first
  std::vector<Insn> insns;
  std::vector<Type> values;  ///< type of each ValueId
  std::vector<ValueId> params;
  std::vector<ValueId> edge_args;
  std::vector<Case> cases;
  std::vector<Table> tables;
  uint32_t exits = 0;     ///< `exit` ids are smaller; 0: none
  uint32_t resumes = 0;   ///< `resume` ids are smaller
  uint32_t counters = 0;  ///< `count` ids are smaller; <= IPJIT_MAX_COUNTERS

  bool operator==(const Program&) const = default;

  std::span<const Insn> insns_of(const Block& block) const {
    return {insns.data() + block.first, block.count};
  }
  std::span<const ValueId> params_of(const Block& block) const {
    return {params.data() + block.params, block.param_count};
  }
  std::span<const ValueId> args_of(const Edge& edge) const {
    return {edge_args.data() + edge.args, edge.arg_count};
  }
  std::span<const Case> cases_of(const Term& term) const {
    return {cases.data() + term.cases, term.case_count};
  }
  ValueId add_value(Type type) {
    values.push_back(type);
    return ValueId{static_cast<uint32_t>(values.size() - 1)};
  }
};

/// How an op takes its operands; the third column of ops.def.
enum class Operands : uint8_t { kNothing, kImm, kUnary, kBinary, kPlace, kTable, kField };

const char* word_of(Op op);
const char* word_of(Rel rel);
const char* word_of(TermKind kind);
const char* word_of(ipjit_field field);
Operands operands_of(Op op);

/// A relation as a value, 0 or 1: its operands have a type of their own.
bool is_test(Op op);

/// Bytes that a load reads; 0 for other ops.
uint32_t load_size(Op op);

/// True for load_be16, load_be32, load_be64.
bool is_big_endian_load(Op op);

/// The highest number of `effect`s on any path; the contract's `actions`.
uint32_t max_actions(const Program& program);

/// The ctx fields that the program reads; the contract's `fields`.
uint64_t fields_read(const Program& program);

}  // namespace ipjit::ir
