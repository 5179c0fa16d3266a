// SPDX-License-Identifier: BSD-2-Clause
// The contract between compiler and verifier, as JSON: the fields of struct ipjit_contract by name.
#pragma once

#include <nlohmann/json.hpp>

#include "ipjit/abi.h"
#include "ipjit/error.h"

namespace ipjit::cli {

/// {"abi":1,"isa":0,...,"table":[{"place":0,"at":128,"size":64}]}
nlohmann::ordered_json contract_to_json(const ipjit_contract& contract);

/// Takes: what contract_to_json() gives; fields left out are 0, `abi` IPJIT_ABI_VERSION, and
///        `nr_tables` the length of `table`.
/// Fails: Stage::kUsage, kBadInput: `why` names the field.
Result<ipjit_contract> contract_from_json(const nlohmann::ordered_json& json);

}  // namespace ipjit::cli
