// SPDX-License-Identifier: BSD-2-Clause
// How often a processor would guess a branch wrong; the idea is in predictor.h.
#include "ir/predictor.h"

#include <algorithm>

namespace ipjit::ir {
namespace {

constexpr uint32_t kNear = 8;  // branches of all that the third kind sees; the fourth sees kFar
constexpr uint32_t kFar = 16;
constexpr float kKept = 0.97F;  // a score forgets half of itself in 23 runs
constexpr uint8_t kUndecided = 4;
constexpr uint32_t kSure = 0x01000000;   // one step of a way's confidence
constexpr uint32_t kSurest = 3 * kSure;  // at most so many
constexpr uint32_t kWayMask = kSure - 1;

uint64_t mix(uint64_t n) {
  n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
  n = (n ^ n >> 27) * 0x94d049bb133111eb;
  return n ^ n >> 31;
}

uint64_t low_bits(uint64_t n, uint32_t count) { return n & ((uint64_t{1} << count) - 1); }

uint32_t table_size(uint32_t sites) {
  uint32_t size = 4096;
  while (size < 65536 && size < sites * 64) size *= 2;
  return size;
}

}  // namespace

Predictor::Predictor(uint32_t sites) : sites_(sites), mask_(table_size(sites) - 1) {
  for (uint32_t kind = 0; kind < kKinds; ++kind) {
    counters_[kind].resize(mask_ + 1, kUndecided);
    ways_[kind].resize(mask_ + 1);
  }
}

void Predictor::packet(bool follows) {
  blind_ = !follows;
  if (follows) return;
  ++gap_;
  all_ = 0;
  all_length_ = 0;
}

Predictor::Slots Predictor::slots_of(uint32_t site) {
  Site& here = sites_[site];
  if (here.gap != gap_) here.own = here.own_length = 0;
  here.gap = gap_;
  const auto slot = [&](uint64_t bits, uint32_t length) {
    return static_cast<uint32_t>(mix(mix(site + 1) + (bits << 8 | length))) & mask_;
  };
  const uint32_t near = std::min(all_length_, kNear);
  const uint32_t far = std::min(all_length_, kFar);
  return {slot(0, 0), slot(here.own, here.own_length), slot(low_bits(all_, near), near),
          slot(low_bits(all_, far), far)};
}

void Predictor::branch(uint32_t site, bool taken) {
  Site& here = sites_[site];
  const Slots slots = slots_of(site);
  std::array<bool, kKinds> right;
  for (uint32_t kind = 0; kind < kKinds; ++kind) {
    uint8_t& counter = counters_[kind][slots[kind]];
    right[kind] = (counter >= kUndecided) == taken;
    if (taken && counter < 7) ++counter;
    if (!taken && counter > 0) --counter;
  }
  count(here, right);
  remember(here, taken ? 1 : 0);
}

void Predictor::switched(uint32_t site, uint32_t way) {
  Site& here = sites_[site];
  const Slots slots = slots_of(site);
  std::array<bool, kKinds> right;
  for (uint32_t kind = 0; kind < kKinds; ++kind) {
    uint32_t& guess = ways_[kind][slots[kind]];
    right[kind] = (guess & kWayMask) == (way & kWayMask);
    if (right[kind]) {
      if (guess < kSurest) guess += kSure;
    } else {
      guess = guess >= kSure ? guess - kSure : way & kWayMask;
    }
  }
  count(here, right);
  remember(here, static_cast<uint32_t>(low_bits(mix(way), 1)));
}

void Predictor::count(Site& site, const std::array<bool, kKinds>& right) {
  const size_t best = std::max_element(site.score.begin(), site.score.end()) - site.score.begin();
  ++(blind_ ? site.blind_runs : site.runs);
  if (!right[best]) ++(blind_ ? site.blind_misses : site.misses);
  for (uint32_t kind = 0; kind < kKinds; ++kind)
    site.score[kind] = site.score[kind] * kKept + (right[kind] ? 1 : 0);
}

void Predictor::remember(Site& site, uint32_t outcome) {
  site.own = static_cast<uint32_t>(low_bits(site.own << 1 | outcome, kOwn));
  site.own_length = std::min(site.own_length + 1, kOwn);
  all_ = all_ << 1 | outcome;
  all_length_ = std::min(all_length_ + 1, kFar);
}

double Predictor::rate(uint32_t site) const {
  const Site& here = sites_[site];
  const uint64_t enough = std::max<uint64_t>(32, here.blind_runs / 4);
  const bool seeing = here.runs >= enough;
  const uint64_t runs = here.runs + (seeing ? 0 : here.blind_runs);
  const uint64_t misses = here.misses + (seeing ? 0 : here.blind_misses);
  return runs == 0 ? 0 : static_cast<double>(misses) / static_cast<double>(runs);
}

void Predictor::forget_counts() {
  for (Site& site : sites_) site.runs = site.misses = site.blind_runs = site.blind_misses = 0;
}

}  // namespace ipjit::ir
