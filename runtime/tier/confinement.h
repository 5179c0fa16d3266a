// SPDX-License-Identifier: BSD-2-Clause
// How far a thread of ours keeps out of what the program does with descriptors and sandboxes.
#pragma once

namespace ipjit::runtime {

/// Takes the calling thread out of the program's descriptors.
/// Gives: 0, or errno.
int keep_to_oneself();

/// Whether the process has entered a seccomp sandbox, asked with lseek() and read() only: the
/// asking thread may be in it, and most sandboxes allow these.
class Confinement {
 public:
  /// Opens what is read later, and takes what is so now for how it should be.
  Confinement();
  ~Confinement();
  Confinement(const Confinement&) = delete;
  Confinement& operator=(const Confinement&) = delete;

  /// False where there is no /proc to ask.
  bool known() const { return process_.first.mode >= 0; }
  /// The process's first thread is confined otherwise than at first, or can no longer be asked.
  bool of_process() const { return process_.changed(); }
  /// The same of the calling thread, which made this.
  bool of_thread() const { return thread_.changed(); }

 private:
  struct State {
    long mode = -1, filters = -1;  ///< -1: not said
    bool operator==(const State&) const = default;
  };
  struct Watched {
    explicit Watched(const char* path);
    bool changed() const { return now() != first || first.mode < 0; }
    State now() const;

    int status;
    State first;
  };

  Watched process_, thread_;
};

}  // namespace ipjit::runtime
