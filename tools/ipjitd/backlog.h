// SPDX-License-Identifier: BSD-2-Clause
// Who is served next, when many wait: users in turns, of each its busiest filter, of equals the
// eldest.
//
// A user who attaches a thousand filters delays another's single one by a single compile.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace ipjit::daemon {

class Backlog {
 public:
  /// Takes: packets that the filter has seen.  One that waits already is moved to its new place.
  /// Cost:  logarithmic.
  void add(uint64_t id, uint32_t uid, uint64_t packets);
  void remove(uint64_t id);
  bool contains(uint64_t id) const { return places_.contains(id); }

  /// Takes out the next one; nothing where nobody waits.
  std::optional<uint64_t> next();

  size_t size() const { return places_.size(); }
  bool empty() const { return places_.empty(); }

 private:
  using Place = std::pair<uint64_t, uint64_t>;  ///< ~packets, id: in the order of service

  std::map<uint32_t, std::set<Place>> users_;
  std::unordered_map<uint64_t, std::pair<uint32_t, Place>> places_;
  uint32_t last_ = UINT32_MAX;  ///< user who was served
};

}  // namespace ipjit::daemon
