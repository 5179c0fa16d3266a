// SPDX-License-Identifier: BSD-2-Clause
#include "tests/tier2_remote/setting.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "ir/text.h"

namespace ipjit::tier2 {

void Setting::SetUp() {
  char root[] = "/tmp/ipjit-tier2-XXXXXX";
  ASSERT_NE(mkdtemp(root), nullptr);
  root_ = root;
  const std::string cache = root_ + "/cache";
  ASSERT_EQ(mkdir(cache.c_str(), 0700), 0);
  setenv("XDG_CACHE_HOME", cache.c_str(), 1);
}

void Setting::TearDown() {
  release();
  if (const pid_t process = server()) end(process, SIGTERM);
  std::filesystem::remove_all(root_);
}

RemoteOptions Setting::options() const {
  RemoteOptions options;
  options.root = root_;
  options.program = IPJIT_TIER2_FAKE;
  options.wait_ms = 60'000;  // no test but those that say another waits for that
  return options;
}

MeetingPlace Setting::place() const {
  Result<MeetingPlace> place = meeting_place(root_);
  return place ? *place : MeetingPlace();
}

pid_t Setting::server() const {
  const Fd socket = connect_to(place().socket);
  ucred peer = {};
  socklen_t size = sizeof peer;
  if (socket) getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return peer.pid;
}

void Setting::end(pid_t process, int signal) {
  kill(process, signal);
  EXPECT_TRUE(eventually([&] { return !lives(process); }))
      << "process " << process << " survives signal " << signal;
}

bool Setting::holds() const {
  return eventually([this] { return access((root_ + "/cache/held").c_str(), F_OK) == 0; });
}

void Setting::release() const { std::ofstream(root_ + "/cache/released").flush(); }

ir::Program program_named(const std::string& name) {
  Result<ir::Program> program = ir::parse("filter " + name +
                                          "\n"
                                          "b0: need 14 else b2\n"
                                          "    v0 = load_be16 12 ; src 0\n"
                                          "    br v0 == 0x800 -> b1, b2 ; src 1\n"
                                          "b1: ret 262144\n"
                                          "b2: ret 0\n");
  IPJIT_CHECK(bool(program));
  return *program;
}

const arch::Target& target() { return arch::detect(); }

Fd connect_to(const std::string& path) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    socket.reset();
  return socket;
}

std::string proc_line(pid_t process, const std::string& file, const std::string& key) {
  std::ifstream lines("/proc/" + std::to_string(process) + "/" + file);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key)) return line.substr(key.size());
  return "";
}

bool lives(pid_t process) {
  const std::string state = proc_line(process, "status", "State:");
  return !state.empty() && state.find('Z') == std::string::npos;
}

}  // namespace ipjit::tier2
