// SPDX-License-Identifier: BSD-2-Clause
// One line of `ipjit eval`: a program and the packets to run it on.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "bpf-frontend/insn.h"
#include "ipjit/abi.h"
#include "ipjit/error.h"

namespace ipjit::cli {

/// Keeps the order of keys: people read these lines.
using Json = nlohmann::ordered_json;

struct EvalPacket {
  std::vector<uint8_t> bytes;
  ipjit_ctx ctx = {};  ///< wire_len, and the fields that `meta` gives; the others are 0
};

struct EvalCase {
  bpf::Dialect dialect = bpf::Dialect::kLibpcap;
  bpf::InsnList insns;
  std::vector<EvalPacket> packets = {};
};

/// Reads a case.
///
/// Takes: an object with `insns` ([code, jt, jf, k] each) or `expr` (with `dlt`, `snaplen`,
///        `netmask`, `optimize`), `dialect`, and `packets` with `hex`, `wirelen` (else the number
///        of bytes in `hex`) and `meta` (words of ipjit/fields.def).
/// Fails: Stage::kUsage, kBadInput for a line of another shape, `why` names the key; as
///        bpf::compile_expression().
Result<EvalCase> read_case(const Json& line);

}  // namespace ipjit::cli
