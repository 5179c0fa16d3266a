// SPDX-License-Identifier: BSD-2-Clause
// Fuzz target: any bytes as a contract and code.
//
// What must hold for every input: the checker returns, touches nothing but code and workspace (both
// have their exact size on the heap, for the address sanitizer), says the same when asked again,
// and Zydis reads each instruction of accepted code as it does.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "ipjit/abi.h"
#include "ipjit/error.h"
#include "tests/verifier/zydis_agrees.h"
#include "verifier/core/decode.h"
#include "verifier/verify.h"

namespace {

// One byte a knob, so that most inputs make a contract that is not nonsense.
constexpr size_t kKnobs = 12;

ipjit_contract contract_of(const uint8_t* knob, uint32_t code_len, size_t unit_len) {
  ipjit_contract c = {};
  c.abi = IPJIT_ABI_VERSION;
  c.isa = knob[0] & 31;
  c.bases = knob[1] & 3;
  c.stack_bytes = knob[2];
  c.max_len = knob[3] < 128 ? 65535 : 0xffffffff;
  c.max_th_len = 65535;
  c.fields = knob[4] < 128 ? 0 : (uint64_t{1} << IPJIT_FIELD_COUNT) - 1;
  c.exits = knob[5];
  c.resumes = knob[6];
  c.actions = knob[7] % 66;
  c.counters = knob[8] % 66;
  c.nr_tables = knob[9] % 3;
  c.table[0] = {IPJIT_TABLE_IN_CTX, knob[10] % 17u, uint64_t{1} << (knob[11] % 16)};
  c.table[1] = {IPJIT_TABLE_IN_UNIT, code_len, unit_len - code_len};
  return c;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < kKnobs + 1 || size > 65536) return 0;
  const std::vector<uint8_t> unit(data + kKnobs, data + size);
  const auto code_len = static_cast<uint32_t>(unit.size() - (data[0] >> 5) % unit.size());
  // Now and then the contract is the input itself, whatever that says.
  ipjit_contract contract = contract_of(data, code_len, unit.size());
  if (data[1] >= 0xf0)
    std::memcpy(static_cast<void*>(&contract), data, std::min(size, sizeof contract));

  std::vector<uint8_t> workspace(ipjit_verify_workspace(code_len));
  ipjit_report first, second;
  const int status = ipjit_verify(&contract, unit.data(), code_len, unit.size(), workspace.data(),
                                  workspace.size(), &first);
  IPJIT_CHECK((status == 0) == (first.accepted == 1));
  std::fill(workspace.begin(), workspace.end(), 0xa5);
  IPJIT_CHECK(ipjit_verify(&contract, unit.data(), code_len, unit.size(), workspace.data(),
                           workspace.size(), &second) == status);
  IPJIT_CHECK(first.rule == second.rule && first.offset == second.offset);
  if (status != 0) return 0;
  for (uint32_t at = 0; at < code_len;) {
    insn one;
    IPJIT_CHECK(ipjit_decode(&one, unit.data(), code_len, at, contract.isa) == IPJIT_RULE_none);
    const auto rest = std::span(unit).subspan(at, code_len - at);
    insn moved = one;  // Zydis is told that the code starts here
    moved.at = 0;
    moved.target = one.target - at;
    IPJIT_CHECK(ipjit::verifier::zydis_difference(moved, rest).empty());
    at += one.len;
  }
  return 0;
}
