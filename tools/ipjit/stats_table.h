// SPDX-License-Identifier: BSD-2-Clause
// What `ipjit stats` and `ipjit exec --report` show.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "runtime/stats.h"

namespace ipjit::cli {

/// Two lines a filter: what it is and whose, then its numbers; a third for a refusal or a note, and
/// with `why` the reasons for its tier.
///
/// Takes: records, live ones first; `columns` of the terminal, at least 80; the time for ages, ns
///        of CLOCK_REALTIME.
std::string stats_table(std::span<const runtime::FilterRecord> records, size_t columns,
                        uint64_t now_ns, bool why = false);

/// Why this user's filters leave no record: /dev/shm cannot be written.  Empty: they do.
std::string why_no_records();

nlohmann::ordered_json stats_json(std::span<const runtime::FilterRecord> records);

/// Columns of the terminal that `fd` is; 100 where it is none.
size_t columns_of(int fd);

/// What fits on so many columns, without control characters: names are other users' words.
std::string cut(const std::string& text, size_t columns);

/// Adds a sentence, folded at spaces and not cut: the reason is what was asked for.
void append_folded(std::string& out, const std::string& text, size_t columns);

/// 950, 12.3k, 1.23M: at most six characters.
std::string short_count(uint64_t number);

/// "1.2 s", "35 ms", "-3 us"; "-" for none.
std::string short_seconds(double seconds);

}  // namespace ipjit::cli
