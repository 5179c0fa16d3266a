// SPDX-License-Identifier: BSD-2-Clause
// One screen of `ipjit top` as text.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "tools/ipjit/rates.h"

namespace ipjit::cli {

struct ScreenSize {
  size_t columns = 100;
  size_t rows = 0;  ///< 0: as many as there are
};

/// Takes: rates in the order wanted, changes with the youngest last, the time of the reading, lines
///        about the kernel's filters, which stand between the two.
/// Gives: lines without colour, none wider than the columns (80 at least), at most `rows` of them.
std::string top_screen(std::span<const Rate> rates, const std::deque<Change>& changes,
                       ScreenSize size, SortBy sorted_by, uint64_t now_ns,
                       const std::vector<std::string>& kernel_lines = {});

/// {"at_ns": ..., "filters": [...], "changes": [...]}: changes are those of this reading.
nlohmann::ordered_json top_json(std::span<const Rate> rates, const std::deque<Change>& changes,
                                uint64_t now_ns);

}  // namespace ipjit::cli
