// SPDX-License-Identifier: BSD-2-Clause
// A server among strangers: who may talk to it, what it does with nonsense, how it comes and goes.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/tier2_remote/messages.h"
#include "tests/tier2_remote/setting.h"
#include "tier2-llvm/remote/frame_stream.h"
#include "tier2-llvm/remote/version.h"

namespace ipjit::tier2 {

namespace {

class Server : public Setting {
 protected:
  void start() { ASSERT_TRUE(client().compile(program_named("ip"), target())); }

  /// What it answers to these bytes; an error where it closes without a word.
  Result<CompileReply> answer_to(const Bytes& bytes) {
    FrameStream stream(connect_to(place().socket), kMaxBody);
    stream.send(bytes);
    if (Status wrote = stream.write_some(); !wrote) return wrote.error();
    Result<bool> whole = false;
    eventually([&] {
      whole = stream.receive();
      return !whole || *whole;
    });
    if (!whole) return whole.error();
    if (*whole) return decode_reply_frame(stream.take_frame());
    return Error{Stage::kTier2, Code::kUnavailable, 0, "silence"};
  }

  pid_t spawn(std::vector<std::string> words) {
    words.insert(words.begin(), IPJIT_TIER2_FAKE);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t process = 0;
    EXPECT_EQ(posix_spawn(&process, argv[0], nullptr, nullptr, argv.data(), environ), 0);
    return process;
  }

  static int status_of(pid_t process) {
    int status = -1;
    waitpid(process, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
  }

  bool listens() { return bool(connect_to(place().socket)); }
};

std::string why(const Result<CompileReply>& reply) {
  if (!reply) return "no reply: " + reply.error().why;
  const Error* error = std::get_if<Error>(&*reply);
  return error ? to_string(*error) : "code";
}

TEST_F(Server, AnotherVersionIsTold) {
  start();
  CompileRequest request = a_request();
  EXPECT_EQ(why(answer_to(encode(request))), "tier2: 0: kUnavailable: the server is of version " +
                                                 version() + ", the client of 1.2.3");
  request.version = version();
  EXPECT_EQ(why(answer_to(encode(request))), "code");
}

TEST_F(Server, NonsenseIsAnsweredAndForgotten) {
  start();
  Bytes noise(kFrameBytes, 0x5a);
  EXPECT_EQ(why(answer_to(noise)),
            "tier2: 4: kBadInput: a message of the compile server: no magic");
  Bytes huge = encode(a_request());
  huge[11] = 0x7f;
  EXPECT_EQ(why(answer_to(huge)),
            "tier2: 12: kBadInput: a message of the compile server: too large");
  EXPECT_EQ(why(answer_to(encode(CompileReply(an_error())))),
            "tier2: 0: kBadInput: a message of the compile server: a reply where a request was "
            "due");
  CompileRequest request = a_request();
  request.version = version();
  request.program = "filter x\nb0: launch\n";
  EXPECT_NE(why(answer_to(encode(request))).find("ir: 2: kSyntax"), std::string::npos);
  request.program = "filter x\nb0: v0 = load_u8 7\n  ret v0\n";
  EXPECT_NE(why(answer_to(encode(request))).find("kUncheckedLoad"), std::string::npos);
  request = a_request();
  request.version = version();
  request.target = "z80";
  EXPECT_NE(why(answer_to(encode(request))).find("target: 0: kUnknownTarget"), std::string::npos);
  start();
}

TEST_F(Server, ADirectoryThatOthersMayEnterIsNotUsed) {
  const std::string directory = place().directory;
  chmod(directory.c_str(), 0750);
  Result<ir::MachineCode> code = client().compile(program_named("ip"), target());
  ASSERT_FALSE(code);
  EXPECT_EQ(to_string(code.error()), "tier2: 0: kUnavailable: " + directory + " is not ours alone");
  std::filesystem::remove(directory);
  std::filesystem::create_directory_symlink("/tmp", directory);
  EXPECT_FALSE(client().compile(program_named("ip"), target()));
  std::filesystem::remove(directory);
  if (geteuid() != 0) GTEST_SKIP() << "only root can make another user's directory";
  mkdir(directory.c_str(), 0700);
  ASSERT_EQ(chown(directory.c_str(), 65534, 65534), 0);
  code = client().compile(program_named("ip"), target());
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().why, directory + " is not ours alone");
}

TEST_F(Server, AnotherUsersServerIsNotAsked) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be another user";
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  place().socket.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(seteuid(65534), 0);  // what SO_PEERCRED tells is who listened
  const int listening = listen(socket.get(), 4);
  ASSERT_EQ(seteuid(0), 0);
  ASSERT_EQ(listening, 0);
  const Result<ir::MachineCode> code = client().compile(program_named("ip"), target());
  ASSERT_FALSE(code);
  EXPECT_EQ(to_string(code.error()),
            "tier2: 0: kRefused: " + place().socket + " is another user's");
}

TEST_F(Server, AnotherUsersClientIsNotHeard) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be another user";
  start();
  const MeetingPlace open_to_all = place();
  chmod(root_.c_str(), 0755);
  chmod(open_to_all.directory.c_str(), 0755);
  chmod(open_to_all.socket.c_str(), 0777);
  ASSERT_EQ(seteuid(65534), 0);  // what SO_PEERCRED tells is who connected
  FrameStream stream(connect_to(open_to_all.socket), kMaxBody);
  ASSERT_EQ(seteuid(0), 0);
  chmod(open_to_all.directory.c_str(), 0700);
  ASSERT_GE(stream.fd(), 0);
  CompileRequest request = a_request();
  request.version = version();
  stream.send(encode(request));
  (void)stream.write_some();
  Result<bool> heard = false;
  eventually([&] {
    heard = stream.receive();
    return !heard || *heard;
  });
  EXPECT_FALSE(heard);
  start();
}

TEST_F(Server, WhatAKilledOneLeftIsReplaced) {
  start();
  end(server(), SIGKILL);
  EXPECT_TRUE(std::filesystem::exists(place().socket));
  EXPECT_EQ(server(), 0);
  RemoteTier2 remote = client();
  EXPECT_TRUE(remote.compile(program_named("ip"), target()));
  EXPECT_TRUE(remote.last().started);
}

/// So long after the last question, and no sooner; how much later, nobody promises.  Where this
/// process comes too late to ask at all, the server has the right to end, and one with more
/// patience is asked.
TEST_F(Server, EndsWhenIdle) {
  using std::chrono::steady_clock;
  RemoteOptions running = options();
  running.start = false;
  bool asked_twice = false;
  for (int seconds = 1; !asked_twice && !HasFailure(); seconds *= 2) {
    const std::chrono::milliseconds idle(1000 * seconds);
    auto begun = steady_clock::now();  // its idle time, at the earliest
    const pid_t process =
        spawn({"--foreground", "--idle=" + std::to_string(seconds), "--root", root_});
    const auto answers = [&] {
      const auto asked = steady_clock::now();
      const bool answered = bool(RemoteTier2(running).compile(program_named("ip"), target()));
      EXPECT_TRUE(answered || steady_clock::now() - begun >= idle) << "it has ended too soon";
      if (answered) begun = asked;
      return answered;
    };
    EXPECT_TRUE(eventually([&] { return listens() || !lives(process); }));
    if (answers()) {
      std::this_thread::sleep_for(idle * 3 / 5);
      asked_twice = answers();  // the second begins again
    }
    EXPECT_EQ(status_of(process), 0);
    EXPECT_GE(steady_clock::now() - begun, idle);
    EXPECT_FALSE(std::filesystem::exists(place().socket));
    ASSERT_LT(seconds, 100) << "no question was answered in time";
  }
}

TEST_F(Server, EndsOnSigtermAndTakesItsWorkersAndItsNameAlong) {
  const pid_t process = spawn({"--foreground", "--root", root_});
  ASSERT_TRUE(eventually([this] { return listens(); }));
  std::jthread asker([this] {
    RemoteOptions patient = options();
    patient.start = false;
    EXPECT_FALSE(RemoteTier2(patient).compile(program_named("hold"), target()));
  });
  EXPECT_TRUE(holds());
  kill(process, SIGTERM);
  EXPECT_EQ(status_of(process), 0);
  EXPECT_FALSE(std::filesystem::exists(place().socket));
}

TEST_F(Server, AfterItsDirectoryWasClearedAwayANewOneServes) {
  const pid_t old = spawn({"--foreground", "--idle=1", "--root", root_});
  EXPECT_TRUE(eventually([&] { return listens() || !lives(old); }));
  std::filesystem::remove_all(place().directory);
  start();
  EXPECT_NE(server(), old);
  EXPECT_EQ(status_of(old), 0);
  EXPECT_TRUE(listens()) << "the old one took the new one's name along";
}

TEST_F(Server, OnlyOneServes) {
  start();
  EXPECT_EQ(status_of(spawn({"--foreground", "--root", root_})), 1);
  EXPECT_EQ(status_of(spawn({"--root", root_})), 0);
  EXPECT_EQ(status_of(spawn({"--idle"})), 2);
  EXPECT_EQ(status_of(spawn({"--idle=soon"})), 2);
  EXPECT_EQ(status_of(spawn({"--foreground", "--started"})), 2);
}

}  // namespace

}  // namespace ipjit::tier2
