// SPDX-License-Identifier: BSD-2-Clause
// The one lock of all writers: publishing, retiring, statistics, the preload library's tables.
//
// Held for microseconds and never while compiling.  One for all, because fork() must hold it: with
// a lock for each filter a child could inherit one that a thread of its parent held.
#pragma once

#include <mutex>

namespace ipjit::runtime {

/// Also sees to it that fork() takes the lock, from the first call on.
std::mutex& runtime_lock();

/// Grows by one in each forked child: what was noted about threads before it is void.
unsigned fork_generation();

}  // namespace ipjit::runtime
