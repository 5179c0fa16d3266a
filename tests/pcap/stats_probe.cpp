// SPDX-License-Identifier: BSD-2-Clause
// stats_probe PID: a line for each filter that a process had: engine|packets|matched|name|note.
#include <cstdio>
#include <cstdlib>

#include "runtime/stats.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (const ipjit::runtime::FilterRecord& record :
       ipjit::runtime::read_stats_of(std::atoi(argv[1]))) {
    std::printf("%s|%llu|%llu|%s|%s\n", record.engine.c_str(),
                static_cast<unsigned long long>(record.packets),
                static_cast<unsigned long long>(record.matched), record.name.c_str(),
                record.note.c_str());
  }
  return 0;
}
