// SPDX-License-Identifier: BSD-2-Clause
// One message of each kind, with something in every field.
#pragma once

#include "tier2-llvm/remote/message.h"

namespace ipjit::tier2 {

inline CompileRequest a_request() {
  return {.cpu_ms = 2000,
          .mib = 512,
          .version = "1.2.3",
          .target = "x86-64-v3",
          .program = "filter one\nb0: ret 1\n"};
}

inline CompiledCode some_code() {
  CompiledCode compiled;
  compiled.cached = true;
  compiled.compile_us = 1234;
  compiled.code.bytes.assign(128, 0xcc);
  compiled.code.code_len = 40;
  ipjit_contract& contract = compiled.code.contract;
  contract = {.abi = IPJIT_ABI_VERSION,
              .isa = 3,
              .bases = 1,
              .stack_bytes = 16,
              .max_len = 0xffff'ffff,
              .max_th_len = 77,
              .fields = 5,
              .exits = 2,
              .resumes = 3,
              .actions = 4,
              .counters = 6,
              .nr_tables = 2,
              .pad = 0,
              .table = {}};
  contract.table[0] = {.place = 0, .at = 64, .size = 32};
  contract.table[1] = {.place = 0, .at = 96, .size = 32};
  compiled.code.marks = {{0, 0, ir::kNoSource}, {4, 0, 1}, {4, 1, 2}, {40, 2, 9}};
  return compiled;
}

inline Error an_error() { return {Stage::kTier2, Code::kRefused, 7, "no code for 3 values of 5"}; }

}  // namespace ipjit::tier2
