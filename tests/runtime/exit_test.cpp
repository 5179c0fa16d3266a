// SPDX-License-Identifier: BSD-2-Clause
// Filters are made and replaced when a thread's or the process's own objects are destroyed already.
#include <gtest/gtest.h>
#include <pthread.h>

#include <cstdlib>
#include <thread>

#include "tests/runtime/child.h"
#include "tests/runtime/programs.h"

namespace ipjit::runtime {
namespace {

bool compiles() {
  static const auto packet = ip_packet();
  auto filter = make_filter(always(1), {.engine = Engine::kTier1});
  for (int i = 0; i < 20; ++i)
    if (!filter->replace(only_ip()) ||
        filter->run(packet.data(), packet.size(), packet.size()) != 65535)
      return false;
  return true;
}

bool compiled = false;

struct AtExit {
  ~AtExit() {
    if (armed) _exit(compiled && compiles() ? 7 : 1);
  }
  bool armed = false;
} at_exit;

TEST(Exit, HandlersAndStaticDestructorsCompile) {
  for (const bool before : {true, false}) {
    const int status = in_child([&] {
      at_exit.armed = true;
      std::atexit([] { compiled = compiles(); });
      if (before) compiles();
      std::exit(2);
      return 3;
    });
    EXPECT_TRUE(exited(status, 7)) << status;
  }
}

TEST(Exit, DestructorsOfAThreadsKeysCompile) {
  pthread_key_t key;
  ASSERT_EQ(pthread_key_create(&key, [](void*) { compiled = compiles(); }), 0);
  for (const bool before : {true, false}) {
    compiled = false;
    std::thread([&] {
      if (before) compiles();
      pthread_setspecific(key, &compiled);
    }).join();
    EXPECT_TRUE(compiled);
  }
  pthread_key_delete(key);
}

}  // namespace
}  // namespace ipjit::runtime
