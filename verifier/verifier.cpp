// SPDX-License-Identifier: BSD-2-Clause
// The C++ front of the checker: a workspace, a call, the report as an Error.
#include "verifier/verifier.h"

#include <algorithm>
#include <memory>
#include <string>

#include "ipjit/kept.h"
#include "verifier/verify.h"

namespace ipjit::verifier {

namespace {

/// Code that fits in here is checked without an allocation.
constexpr size_t kKeptBytes = 1 << 20;

std::string why(const ipjit_report& report) {
  std::string text =
      std::string(ipjit_rule_name(report.rule)) + ": " + ipjit_rule_meaning(report.rule);
  if (report.insn[0] != 0) text += std::string("; at ") + report.insn;
  if (report.state[0] != 0) text += std::string("; ") + report.state;
  return text;
}

}  // namespace

Result<Proof> verify(std::span<const uint8_t> unit, uint32_t code_len,
                     const ipjit_contract& contract) {
  if (code_len > unit.size())
    return Error{Stage::kVerifier, Code::kBadInput, 0,
                 "code_len " + std::to_string(code_len) + " is larger than the unit's " +
                     std::to_string(unit.size()) + " bytes"};
  // One checker a thread keeps its memory: fresh pages for each check would cost more than most
  // checks do.
  const size_t size = ipjit_verify_workspace(code_len);
  Kept<std::unique_ptr<uint8_t[]>> workspace(size <= kKeptBytes);
  if (!*workspace)
    *workspace = std::make_unique_for_overwrite<uint8_t[]>(std::max(size, kKeptBytes));

  ipjit_report report;
  const int status =
      ipjit_verify(&contract, unit.data(), code_len, unit.size(), workspace->get(), size, &report);
  if (status == 0) return Proof(unit, report.insns, report.stack_bytes);
  return error_of(report);
}

Error error_of(const ipjit_report& report) {
  if (report.rule == IPJIT_RULE_none)
    return Error{Stage::kVerifier, Code::kBadInput, 0, "the contract is nonsense"};
  return Error{Stage::kVerifier, Code::kRefused, report.offset, why(report)};
}

}  // namespace ipjit::verifier
