// SPDX-License-Identifier: BSD-2-Clause
// A small number for each thread that runs filters.
#pragma once

#include <cstdint>

namespace ipjit::runtime {

inline constexpr uint32_t kMaxThreadIndices = 256;
inline constexpr uint32_t kNoThreadIndex = 0xffffffff;      ///< not asked yet
inline constexpr uint32_t kSharedThreadIndex = 0xfffffffe;  ///< asked when all were taken

/// This thread's index or one of the two above.  The initial-exec model makes reading it one load;
/// __thread, because thread_local would call an initialiser through the PLT.
extern __thread uint32_t this_thread_index __attribute__((tls_model("initial-exec")));

/// How many indices this machine's filters have stripes for: twice the processors, 16 to 256.
uint32_t thread_index_count();

/// Gives this thread an index; kSharedThreadIndex where all belong to living threads.
/// Signal-safe: neither allocates nor locks.
uint32_t claim_thread_index();

/// After fork(), in the child: the other threads are gone.
void keep_only_this_thread_index();

}  // namespace ipjit::runtime
