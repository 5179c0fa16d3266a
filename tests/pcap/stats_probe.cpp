// SPDX-License-Identifier: BSD-2-Clause
// stats_probe PID SINCE: a line for each filter that a process made since then (ns,
// CLOCK_REALTIME): engine|packets|matched|name|note.
#include <cstdio>
#include <cstdlib>

#include "runtime/stats.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const uint64_t since = std::strtoull(argv[2], nullptr, 10);
  for (const ipjit::runtime::FilterRecord& record :
       ipjit::runtime::read_stats_of(std::atoi(argv[1]))) {
    if (record.started_ns < since) continue;
    std::printf("%s|%llu|%llu|%s|%s\n", record.engine.c_str(),
                static_cast<unsigned long long>(record.packets),
                static_cast<unsigned long long>(record.matched), record.name.c_str(),
                record.note.c_str());
  }
  return 0;
}
