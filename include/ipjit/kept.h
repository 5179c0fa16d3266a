// SPDX-License-Identifier: BSD-2-Clause
// What a thread keeps from one call to its next.
//
// Programs compile filters in exit handlers, in static destructors and in destructors of pthread
// keys.  A `thread_local` with a destructor is destroyed before all of these, so what a thread
// keeps hangs at a key: exit() leaves it alone, and what a destructor of another key brings back
// to life the system's next round destroys.
#pragma once

#include <pthread.h>

#include <memory>
#include <optional>

namespace ipjit {

/// This thread's T as its last call left it; a fresh one, which lasts as long as this, where the
/// caller wants nothing kept or the process has no key left.
/// Thread: one at a time of each T and thread.
template <typename T>
class Kept {
 public:
  explicit Kept(bool keep = true) : at_(keep ? of_thread() : nullptr) {
    if (!at_) at_ = &fresh_.emplace();
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  T& operator*() { return *at_; }
  T* operator->() { return at_; }

 private:
  struct Key {
    pthread_key_t key = 0;
    bool made = pthread_key_create(&key, [](void* kept) { delete static_cast<T*>(kept); }) == 0;
  };

  /// Null where nothing can be kept.
  static T* of_thread() {
    static const Key key;
    if (!key.made) return nullptr;
    if (void* kept = pthread_getspecific(key.key)) return static_cast<T*>(kept);
    auto made = std::make_unique<T>();
    return pthread_setspecific(key.key, made.get()) == 0 ? made.release() : nullptr;
  }

  T* at_;
  std::optional<T> fresh_;
};

}  // namespace ipjit
