// SPDX-License-Identifier: BSD-2-Clause
// The ten filters that everything is measured with, from "accept all" to 1,000 hosts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ipjit::bench {

struct Filter {
  char id;
  std::string expression;
};

/// "host 172.16.0.1 or host ..." over the first `count` addresses of listed_hosts().
std::string host_list(size_t count);

/// Filters a to j.  h is the one whose expression libpcap needs about a minute to compile.
std::vector<Filter> filters();

/// One of them; `id` is a to j.
Filter filter(char id);

/// Filters for one process to have many of, no two alike: c, f and j in turns, with other ports.
Filter one_of_many(size_t i);

}  // namespace ipjit::bench
