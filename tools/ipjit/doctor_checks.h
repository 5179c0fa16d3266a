// SPDX-License-Identifier: BSD-2-Clause
// What `ipjit doctor` looks at.
#pragma once

#include <string>
#include <vector>

namespace ipjit::cli {

enum class Health : uint8_t {
  kOk,
  kNote,     ///< nothing is wrong; something is to be known
  kMissing,  ///< some capability is not there; `mend` says how to get it, if it can be had
  kBroken,   ///< ipjit's main job does not work
};

const char* name_of(Health health);

struct Check {
  std::string name;  ///< "target"
  Health health = Health::kOk;
  std::string detail;     ///< one line
  std::string mend = {};  ///< a command; empty: nothing to do

  bool operator==(const Check&) const = default;
};

// Each looks at one thing and changes nothing; in the order of the report.
Check check_cpu();
Check check_target();
Check check_caches();
Check check_environment();
Check check_libpcap();
Check check_executable_memory();
Check check_pipeline();
Check check_shared_memory();
Check check_preload();
Check check_drop_in();
Check check_apparmor();
Check check_second_tier();
Check check_graphviz();
Check check_dpdk();

/// These and, before the last two, what kernel/checks.h looks at.
std::vector<Check> all_checks();

}  // namespace ipjit::cli
