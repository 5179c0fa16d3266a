// SPDX-License-Identifier: BSD-2-Clause
// A window's slowest packet is left out of its time: one that met an interrupt took as long as a
// thousand others.  The distance to the next window is the last rate's, but at most eight times the
// last distance and at least an eighth: a rate that was measured over a pause says nothing.
#include "runtime/tier/watch.h"

#include <algorithm>

namespace ipjit::runtime {

void Watch::restart() {
  for (Word* word : {&next_at_, &to_go_, &window_at_, &check_at_, &check_period_, &program_,
                     &changed_, &checked_left_, &checked_failures_, &ticks_, &largest_, &taken_,
                     &windows_, &period_, &last_ns_, &last_left_})
    set(*word, 0);
}

Watch::Visit Watch::visit(uint64_t left, const void* program, bool special, bool counts) {
  if (get(window_at_) == 0) set(window_at_, std::max(left, kFirstWindow));
  const auto seen = reinterpret_cast<uintptr_t>(program);
  if (get(program_) != seen) {
    set(program_, seen);
    set(changed_, 1);
    set(check_period_, kFirstCheck);
    set(check_at_, left);  // where its counting begins
    set(checked_left_, UINT64_MAX);
    set(to_go_, 0);                                       // a window is of one program
    if (special && get(windows_) != 0) set(windows_, 1);  // the next ones come densely
  }
  Visit visit;
  if (left >= get(check_at_)) {
    visit.check = counts;
    set(check_at_, left + kMaxCheck);
  }
  if (get(to_go_) == 0 && left >= get(window_at_)) {
    set(to_go_, kWindow);
    set(ticks_, 0);
    set(largest_, 0);
    set(taken_, 0);
  }
  visit.sample = get(to_go_) != 0;
  set_next(left);
  return visit;
}

void Watch::set_next(uint64_t left) {
  set(next_at_, get(to_go_) != 0 ? left + 1 : std::min(get(window_at_), get(check_at_)));
}

Watch::Check Watch::check(uint64_t left, uint64_t failures) {
  Check check;
  const uint64_t since = get(checked_left_);
  if (since != UINT64_MAX && since < left && failures >= get(checked_failures_)) {
    check.packets = left - since;
    check.failures = failures - get(checked_failures_);
    // As often as windows: a slow thread waits for no 65,536 packets.
    const uint64_t longest = std::clamp(get(period_), kMinPeriod, kMaxCheck);
    set(check_period_, std::min(get(check_period_) * 2, longest));
  }
  set(checked_left_, left);
  set(checked_failures_, failures);
  set(check_at_, left + std::max<uint64_t>(get(check_period_), 1));
  set_next(left);
  return check;
}

void Watch::add(uint64_t ticks) {
  const uint64_t largest = get(largest_);
  set(ticks_, get(ticks_) + std::min(ticks, largest));
  set(largest_, std::max(ticks, largest));
  set(taken_, get(taken_) + 1);
}

Watch::Window Watch::end_window(uint64_t left, uint64_t now_ns) {
  Window window{.over = true, .packets = get(taken_), .ticks = get(ticks_)};
  window.of_one_program = get(changed_) == 0;
  window.now_ns = now_ns;
  set(changed_, 0);
  window.packets -= window.packets != 0;  // the largest
  const uint64_t windows = get(windows_);
  uint64_t period = kFirstWindow;
  if (windows != 0 && now_ns > get(last_ns_) && left > get(last_left_)) {
    window.packets_per_second = static_cast<double>(left - get(last_left_)) * 1e9 /
                                static_cast<double>(now_ns - get(last_ns_));
    const uint64_t every_ns = windows < kFreshWindows ? kFreshNs : kSteadyNs;
    const double wanted = window.packets_per_second * static_cast<double>(every_ns) / 1e9;
    const uint64_t last = std::max(get(period_), kMinPeriod);
    period =
        std::clamp(static_cast<uint64_t>(std::min(wanted, double{kMaxPeriod})), last / 8, last * 8);
  }
  period = std::clamp(period, kMinPeriod, kMaxPeriod);
  set(windows_, windows + 1);
  set(period_, period);
  set(last_ns_, now_ns);
  set(last_left_, left);
  set(window_at_, left + period);
  set_next(left);
  return window;
}

}  // namespace ipjit::runtime
