// SPDX-License-Identifier: BSD-2-Clause
// Why a filter runs on the tier that it runs on: `ipjit stats --why`.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/stats.h"

namespace ipjit::cli {

/// Sentences: the last decision's reasons, what was expected and measured, what was built, given up
/// and refused.  None says that nothing was tried yet.
std::vector<std::string> why_lines(const runtime::FilterRecord& record);

/// Every number of runtime/tier/numbers.def by its name, `backend`, and `why` as a list.
nlohmann::ordered_json why_json(const runtime::TierRecord& tier);

}  // namespace ipjit::cli
