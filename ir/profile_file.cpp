// SPDX-License-Identifier: BSD-2-Clause
// Profiles as files, and whether one is of a program.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <unistd.h>

#include "ir/profile_text.h"

namespace ipjit::ir {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Error io_error(const std::string& what, const std::string& path) {
  return Error{Stage::kIr, Code::kIo, 0, what + " " + path + ": " + std::strerror(errno)};
}

bool write_all(const std::string& text, const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return false;
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return std::fclose(file) == 0 && written;  // closing writes what is buffered
}

}  // namespace

Status check_profile(const Profile& profile, const Program& program) {
  if (profile.program == digest(program)) return ok();
  return Error{Stage::kIr, Code::kBadInput, 0, "the profile is of another program"};
}

Status save_profile(const Profile& profile, const std::string& path) {
  const std::string fresh = path + "." + std::to_string(getpid());
  if (write_all(print(profile), fresh) && std::rename(fresh.c_str(), path.c_str()) == 0)
    return ok();
  const Error error = io_error("cannot write", path);
  std::remove(fresh.c_str());
  return error;
}

Result<Profile> load_profile(const std::string& path) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "re"));
  if (file == nullptr) return io_error("cannot open", path);
  std::string text;
  char piece[4096];
  for (size_t got = 1; got != 0 && text.size() <= kMaxProfileText;) {
    got = std::fread(piece, 1, sizeof piece, file.get());
    text.append(piece, got);
  }
  if (std::ferror(file.get()) != 0) return io_error("cannot read", path);
  return parse_profile(text);
}

}  // namespace ipjit::ir
