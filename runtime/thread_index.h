// SPDX-License-Identifier: BSD-2-Clause
// A small number for each thread that runs filters: which stripe is its own.
#pragma once

#include <cstdint>

namespace ipjit::runtime {

inline constexpr uint32_t kMaxStripes = 256;

/// Stripes of each filter on this machine: twice the processors, 16 to 256.  The first belongs to
/// nobody: threads that have no stripe meet its pause_at, which is 0, and take the slow way.
uint32_t stripe_count();

/// This thread's index, 1 to stripe_count() - 1; 0 where all belong to living threads, or the
/// system has no membarrier.  Sets ipjit_thread_stripe.
/// Signal-safe: neither allocates nor locks.
uint32_t thread_index();

/// After fork(), in the child: the other threads are gone.
void keep_only_this_thread_index();

/// True if the system has membarrier: only then may threads count without atomic adds.
bool have_membarrier();

}  // namespace ipjit::runtime
