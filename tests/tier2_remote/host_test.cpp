// SPDX-License-Identifier: BSD-2-Clause
// The process that asks must not notice: no signal, no child, no descriptor, nothing inherited.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/tier2_remote/setting.h"
#include "tier2-llvm/remote/start.h"

namespace ipjit::tier2 {

namespace {

class Host : public Setting {};

volatile sig_atomic_t g_children_ended = 0;

size_t open_descriptors() {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    (void)entry;
    ++count;
  }
  return count;
}

/// Runs it in a forked child.  Gives: the exit status; `body` gives it.
int in_child(auto body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(Host, GetsNoChildAndNoSignal) {
  struct sigaction count = {}, before;
  count.sa_handler = [](int) { g_children_ended = g_children_ended + 1; };
  sigaction(SIGCHLD, &count, &before);
  g_children_ended = 0;
  RemoteTier2 remote = client();
  ASSERT_TRUE(remote.compile(program_named("ip"), target()));
  ASSERT_TRUE(remote.last().started);
  errno = 0;
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  EXPECT_EQ(errno, ECHILD);
  end(server(), SIGKILL);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  EXPECT_EQ(g_children_ended, 0);
  sigaction(SIGCHLD, &before, nullptr);
}

// A handler of the host's that ran in a child would run in the host's memory under another pid, and
// an allocator's lock that was held in another thread would never be released.
TEST_F(Host, StartsAHundredUnderSignalsAndThreads) {
  static std::atomic<uint32_t> in_host, elsewhere;
  static const pid_t host = getpid();
  struct sigaction handler = {}, before;
  handler.sa_handler = [](int) { ++(syscall(SYS_getpid) == host ? in_host : elsewhere); };
  sigaction(SIGALRM, &handler, &before);
  const itimerval often = {{0, 500}, {0, 500}}, never = {};
  std::atomic<bool> stop = false;
  std::jthread allocating([&stop] {
    while (!stop) {
      const auto words = std::make_unique<std::vector<std::string>>(50, std::string(100, 'x'));
      IPJIT_CHECK(words->size() == 50);
    }
  });
  const size_t descriptors = open_descriptors();
  setitimer(ITIMER_REAL, &often, nullptr);
  uint32_t started = 0;
  for (int i = 0; i < 100; ++i) {
    const Status status = start_server("/bin/false", {}, {}, Patience(20'000, nullptr));
    started += status.error().why.starts_with("/bin/false: it ended without a word");
  }
  setitimer(ITIMER_REAL, &never, nullptr);
  stop = true;
  allocating.join();
  sigaction(SIGALRM, &before, nullptr);
  EXPECT_EQ(started, 100u);
  EXPECT_GT(in_host, 0u);
  EXPECT_EQ(elsewhere, 0u);
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
}

TEST_F(Host, WaitsForAServerNoLongerThanItMay) {
  const Status status = start_server("/bin/sleep", {"30"}, {}, Patience(100, nullptr));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().why, "/bin/sleep did not get ready in time");
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  const Status missing = start_server(root_ + "/none", {}, {}, Patience(1000, nullptr));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().why, root_ + "/none: No such file or directory");
}

TEST_F(Host, KeepsNoDescriptorOver1000Calls) {
  RemoteTier2 remote = client();
  ASSERT_TRUE(remote.compile(program_named("ip"), target()));
  const size_t before = open_descriptors();
  for (int i = 0; i < 1000; ++i) {
    const Result<ir::MachineCode> code =
        remote.compile(program_named(i % 10 ? "ip" : "refuse"), target());
    ASSERT_EQ(bool(code), i % 10 != 0) << i;
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_LE(std::distance(
                std::filesystem::directory_iterator("/proc/" + std::to_string(server()) + "/fd"),
                std::filesystem::directory_iterator()),
            16);
}

TEST_F(Host, GivesTheServerNothingOfItself) {
  const int secret = open("/etc/passwd", O_RDONLY);  // without O_CLOEXEC
  signal(SIGTERM, SIG_IGN);
  sigset_t usr1, before;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &usr1, &before);
  cpu_set_t one, before_all, all;
  sched_getaffinity(0, sizeof before_all, &before_all);
  memset(&all, 0xff, sizeof all);
  sched_setaffinity(0, sizeof all, &all);
  sched_getaffinity(0, sizeof all, &all);  // all that there are for us
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  sched_setaffinity(0, sizeof one, &one);
  const bool compiled = bool(client().compile(program_named("ip"), target()));
  sched_setaffinity(0, sizeof before_all, &before_all);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  signal(SIGTERM, SIG_DFL);
  close(secret);
  ASSERT_TRUE(compiled);

  const pid_t process = server();
  const std::string proc = "/proc/" + std::to_string(process);
  for (const auto& entry : std::filesystem::directory_iterator(proc + "/fd")) {
    std::error_code gone;
    const std::string file = std::filesystem::read_symlink(entry.path(), gone).string();
    const int number = std::stoi(entry.path().filename());
    if (number <= 2) {
      EXPECT_EQ(file, "/dev/null") << number;
    }
    EXPECT_EQ(file.find("passwd"), std::string::npos) << number;
    EXPECT_EQ(file.find("pipe"), std::string::npos) << number;
  }
  EXPECT_EQ(getsid(process), process);
  EXPECT_EQ(std::filesystem::read_symlink(proc + "/cwd"), "/");
  EXPECT_EQ(proc_line(process, "status", "Umask:"), "\t0077");
  EXPECT_EQ(proc_line(process, "status", "NoNewPrivs:"), "\t1");
  EXPECT_EQ(proc_line(process, "status", "CapEff:"), "\t0000000000000000");
  // SIGHUP, SIGINT and SIGTERM are taken from a descriptor, SIGPIPE and SIGXFSZ are ignored.
  EXPECT_EQ(proc_line(process, "status", "SigBlk:"), "\t0000000000004003");
  // What glibc keeps for itself (32, 33) it inherits as this process did.
  const uint64_t ignored = std::stoull(proc_line(process, "status", "SigIgn:"), nullptr, 16);
  EXPECT_EQ(ignored & ~(uint64_t{3} << 31), 0x1001000U);
  cpu_set_t allowed;
  sched_getaffinity(process, sizeof allowed, &allowed);
  EXPECT_EQ(CPU_COUNT(&allowed), CPU_COUNT(&all));
  end(process, SIGTERM);
}

TEST_F(Host, ManyWhoStartAtOnceGetOneServer) {
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      RemoteTier2 remote = client();
      const std::string name = "racer-" + std::to_string(i);
      _exit(remote.compile(program_named(name), target()) ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const pid_t serving = server();
  ASSERT_NE(serving, 0);
  // Those that came second are gone, or about to: a worker is the server's child.
  std::vector<pid_t> servers;
  eventually([&] {
    servers.clear();
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const pid_t process = std::atoi(entry.path().filename().c_str());
      if (process > 0 && proc_line(process, "cmdline", "").find(root_) != std::string::npos &&
          lives(process) && std::atoi(proc_line(process, "status", "PPid:").c_str()) != serving)
        servers.push_back(process);
    }
    return servers.size() == 1;
  });
  EXPECT_EQ(servers, std::vector<pid_t>{serving});
}

TEST_F(Host, ForksBetweenCalls) {
  RemoteTier2 remote = client();
  ASSERT_TRUE(remote.compile(program_named("ip"), target()));
  EXPECT_EQ(in_child([&] { return remote.compile(program_named("child"), target()) ? 7 : 1; }), 7);
  EXPECT_TRUE(remote.compile(program_named("parent"), target()));
  EXPECT_FALSE(remote.last().started);
}

TEST_F(Host, ThatReapsOrphansStartsNone) {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  const Result<ir::MachineCode> code = client().compile(program_named("ip"), target());
  prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
  ASSERT_FALSE(code);
  EXPECT_EQ(to_string(code.error()),
            "tier2: 0: kUnavailable: this process reaps orphans, so the server would be its child");
  EXPECT_EQ(server(), 0);
}

TEST_F(Host, InASandboxMadeSinceAsksNobody) {
  RemoteTier2 remote = client();
  ASSERT_TRUE(remote.compile(program_named("ip"), target()));
  EXPECT_EQ(in_child([&] {
              sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
              const sock_fprog program = {1, allow};
              if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
                  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
                return 2;
              const Result<ir::MachineCode> code = remote.compile(program_named("ip"), target());
              return !code && code.error().why == "this process has entered a sandbox" ? 7 : 1;
            }),
            7);
}

TEST_F(Host, WithRightsOfTwoUsersAsksNobody) {
  if (geteuid() != 0) GTEST_SKIP() << "only root has a second user to be";
  EXPECT_EQ(in_child([&] {
              if (setresuid(0, 65534, 0) != 0) return 2;
              RemoteTier2 remote = client();
              const Result<ir::MachineCode> code = remote.compile(program_named("ip"), target());
              return !code && code.error().why == "this process has more rights than its user" ? 7
                                                                                               : 1;
            }),
            7);
}

TEST_F(Host, ChangesItsUserBetweenCalls) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can";
  RemoteTier2 remote = client();
  ASSERT_TRUE(remote.compile(program_named("ip"), target()));
  chmod(root_.c_str(), 01777);
  EXPECT_EQ(in_child([&] {
              if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
                return 2;
              // The tests' server may lie where nobody else can run it: then there is a reason.
              const Result<ir::MachineCode> code = remote.compile(program_named("ip"), target());
              if (!code) return code.error().code == Code::kUnavailable ? 7 : 1;
              const std::string mine = place().directory;
              if (const pid_t process = server()) kill(process, SIGTERM);
              return remote.last().started && mine.ends_with("-65534") ? 7 : 1;
            }),
            7);
}

}  // namespace

}  // namespace ipjit::tier2
