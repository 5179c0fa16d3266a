// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjitd/backlog.h"

namespace ipjit::daemon {

void Backlog::add(uint64_t id, uint32_t uid, uint64_t packets) {
  remove(id);
  const Place place = {~packets, id};
  users_[uid].insert(place);
  places_[id] = {uid, place};
}

void Backlog::remove(uint64_t id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return;
  const auto user = users_.find(found->second.first);
  user->second.erase(found->second.second);
  if (user->second.empty()) users_.erase(user);
  places_.erase(found);
}

std::optional<uint64_t> Backlog::next() {
  if (users_.empty()) return std::nullopt;
  auto user = users_.upper_bound(last_);
  if (user == users_.end()) user = users_.begin();
  last_ = user->first;
  const uint64_t id = user->second.begin()->second;
  remove(id);
  return id;
}

}  // namespace ipjit::daemon
