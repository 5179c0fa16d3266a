// SPDX-License-Identifier: BSD-2-Clause
// A directory for this test program's statistics instead of /dev/shm, set before its first filter.
#pragma once

#include <string>

namespace ipjit::runtime {

const std::string& stats_root();

}  // namespace ipjit::runtime
