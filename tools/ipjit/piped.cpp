// SPDX-License-Identifier: BSD-2-Clause
// All three streams are files in memory, so that nobody waits for anybody.
#include "tools/ipjit/piped.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

extern char** environ;

namespace ipjit::cli {
namespace {

class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : fd_(memfd_create(name, MFD_CLOEXEC)) {}
  MemoryFile(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

  bool put(const std::string& text) {
    for (size_t done = 0; done < text.size();) {
      const ssize_t put =
          pwrite(fd_, text.data() + done, text.size() - done, static_cast<off_t>(done));
      if (put <= 0) return false;
      done += static_cast<size_t>(put);
    }
    return true;
  }

  std::string all() const {
    std::string text;
    std::array<char, 65536> piece;
    while (true) {
      const ssize_t got = pread(fd_, piece.data(), piece.size(), static_cast<off_t>(text.size()));
      if (got <= 0) return text;
      text.append(piece.data(), static_cast<size_t>(got));
    }
  }

 private:
  int fd_;
};

}  // namespace

Result<PipedRun> run_on(const std::string& program, const std::vector<std::string>& words,
                        const std::string& input) {
  MemoryFile in("in"), out("out"), err("err");
  if (in.fd() < 0 || out.fd() < 0 || err.fd() < 0 || !in.put(input))
    return Error{Stage::kRuntime, Code::kIo, 0, "no memory for what " + program + " reads"};
  std::vector<std::string> all{program};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.fd(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.fd(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.fd(), STDERR_FILENO);
  pid_t child = -1;
  const int failed = posix_spawnp(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0)
    return Error{Stage::kRuntime, Code::kUnavailable, 0,
                 program + " cannot be run: " + std::strerror(failed)};
  int ended = 0;
  while (waitpid(child, &ended, 0) != child)
    if (errno != EINTR) return Error{Stage::kRuntime, Code::kUnavailable, 0, program + " was lost"};
  const int status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
  return PipedRun{.status = status, .out = out.all(), .err = err.all()};
}

}  // namespace ipjit::cli
