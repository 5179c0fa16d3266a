// SPDX-License-Identifier: BSD-2-Clause
// How far a thread of ours keeps out of what the program does with descriptors and sandboxes.
#pragma once

namespace ipjit::runtime {

/// Takes the calling thread out of the program's descriptors; its own three go nowhere.
/// Gives: 0, or errno where it stays in them.
int keep_to_oneself();

/// Whether the process has entered a seccomp sandbox, or ended but for the asking thread; asked
/// with lseek() and read() only: that thread may be in the sandbox too, and most allow these.
class Confinement {
 public:
  /// Opens what is read later, and takes what is so now for how it should be.
  Confinement();
  ~Confinement();
  Confinement(const Confinement&) = delete;
  Confinement& operator=(const Confinement&) = delete;

  /// False where there is no /proc to ask.
  bool known() const { return process_.first.mode >= 0; }
  enum class Process {
    kAsBefore,
    kConfined,  ///< its first thread otherwise than at first, or it can no longer be asked
    kEnded,     ///< that has called pthread_exit(), and there is none but the calling one
  };
  Process of_process() const;
  /// The calling thread, which made this, is confined otherwise than at first.
  bool of_thread() const { return !thread_.as_first(thread_.now()); }

 private:
  struct State {
    long mode = -1, filters = -1, threads = -1;  ///< -1: not said
    bool zombie = false;
  };
  struct Watched {
    explicit Watched(const char* path);
    State now() const;
    bool as_first(const State& state) const {
      return first.mode >= 0 && state.mode == first.mode && state.filters == first.filters;
    }

    int status;
    State first;
  };

  Watched process_, thread_;
};

}  // namespace ipjit::runtime
