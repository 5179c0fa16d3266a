// SPDX-License-Identifier: BSD-2-Clause
// What it takes to have a filter compiled by the compile server, from the call to its return.
//
//   tier2_compile [--smoke] [--hosts1000 FILE] [--program FILE] [--json FILE]
//   tier2_compile --soak N [--program FILE]
//
//   cold     no server runs: start it, wait until LLVM is there, compile
//   warm     it runs and has compiled before, but never this program
//   cached   it has compiled this very program
//
// Programs: filter c (small), g (100 hosts), h (1,000 hosts), and chains of 361 to 2,000 tests of
// different words that no set can hold.  Wall time: it is the server that works.  Server, socket
// and cache are this program's own, in a directory that it removes.
//
// --soak: so many compiles in a row, never the same program twice, and ten times on the way what
// memory the server and its workers hold.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "bench/micro/measure.h"
#include "bench/micro/programs.h"
#include "bpf-frontend/translate.h"
#include "ir/optimize.h"
#include "ir/text.h"
#include "tier2-llvm/remote/fd.h"
#include "tier2-llvm/remote/meeting_place.h"
#include "tier2-llvm/remote/remote_tier2.h"
#include "verifier/verifier.h"

namespace {

using namespace ipjit;
using namespace ipjit::bench;
using nlohmann::json;

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "tier2_compile: %s\n", why.c_str());
  std::exit(1);
}

template <class T>
T need(Result<T> result, const char* what) {
  if (!result) stop(std::string(what) + ": " + to_string(result.error()));
  return std::move(*result);
}

/// A place for server and cache that is gone afterwards.
class OwnServer {
 public:
  OwnServer() {
    char directory[] = "/dev/shm/tier2-compile-XXXXXX";
    if (!mkdtemp(directory)) stop("no directory in /dev/shm");
    root_ = directory;
    setenv("XDG_CACHE_HOME", (root_ + "/cache").c_str(), 1);
  }
  ~OwnServer() {
    end();
    std::filesystem::remove_all(root_);
  }
  OwnServer(const OwnServer&) = delete;
  OwnServer& operator=(const OwnServer&) = delete;

  const std::string& root() const { return root_; }

  /// Ends the server, if there is one, and waits until it is gone.
  void end() const {
    const pid_t process = pid();
    if (process <= 0) return;
    kill(process, SIGTERM);
    while (kill(process, 0) == 0) usleep(1000);
  }

  /// 0: none runs.
  pid_t pid() const {
    const std::string path = need(tier2::meeting_place(root_), "meeting place").socket;
    const tier2::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ucred peer = {};
    socklen_t size = sizeof peer;
    if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
      return 0;
    return peer.pid;
  }

 private:
  std::string root_;
};

struct Subject {
  std::string name;
  size_t insns = 0;  ///< of classic BPF; 0: it was never that
  ir::Program program;
};

Subject from_bpf(const std::string& name, const Compiled& compiled) {
  Subject subject = {name, compiled.insns.size(), {}};
  subject.program = need(bpf::translate(compiled.insns, bpf::Dialect::kLibpcap), "translate");
  ir::optimize(subject.program);
  return subject;
}

// Neighbours test different words, so no two of them make a set.
Subject chain(size_t tests) {
  std::string text = "filter chain\nb0: need 128 else b" + std::to_string(tests + 1) + "\n";
  for (size_t i = 0; i < tests; ++i) {
    const std::string value = "v" + std::to_string(i);
    if (i) text += "b" + std::to_string(i) + ":\n";
    text += "    " + value + " = load_be32 " + std::to_string(i * 7 % 124) + "\n    br " + value +
            " == " + std::to_string(0x9e3779b9u * (i + 1) % 0xffffffffu) + " -> b" +
            std::to_string(tests) + ", b" + std::to_string(i + 1 == tests ? tests + 1 : i + 1) +
            "\n";
  }
  text += "b" + std::to_string(tests) + ": ret 262144\nb" + std::to_string(tests + 1) + ": ret 0\n";
  return {std::to_string(tests) + " tests", 0, need(ir::parse(text), "chain")};
}

json measure(const OwnServer& server, tier2::RemoteTier2& remote, const Subject& subject,
             size_t rounds) {
  const arch::Target& target = *need(arch::default_target(), "target");
  std::vector<double> cold, warm, inside, cached;
  ir::Program program = subject.program;
  ir::MachineCode code;
  size_t serial = 0;
  // Another name is another program to the cache, and the same to the compiler.
  const auto compile_new = [&] {
    program.name = subject.name + " " + std::to_string(++serial);
    code = need(remote.compile(program, target), subject.name.c_str());
    if (remote.last().cached) stop("a new program came from the cache");
    return static_cast<double>(remote.last().round_trip_us) / 1e3;
  };
  for (size_t round = 0; round < std::min<size_t>(rounds, 5); ++round) {
    server.end();
    cold.push_back(compile_new());
    if (!remote.last().started) stop("a server was there already");
  }
  for (size_t round = 0; round < rounds; ++round) {
    warm.push_back(compile_new());
    inside.push_back(static_cast<double>(remote.last().compile_us) / 1e3);
    code = need(remote.compile(program, target), "again");
    if (!remote.last().cached) stop("the cache has forgotten what was just compiled");
    cached.push_back(static_cast<double>(remote.last().round_trip_us) / 1e3);
  }
  need(verifier::verify(code.bytes, code.code_len, code.contract), "verify");
  const size_t text = ir::print(program).size();
  std::printf("%-14s %6zu %6zu %8zu %8u  %-20s  %-20s %8.2f  %s\n", subject.name.c_str(),
              subject.insns, program.blocks.size(), text, code.code_len,
              to_string(spread_of(cold)).c_str(), to_string(spread_of(warm)).c_str(),
              spread_of(inside).median, to_string(spread_of(cached)).c_str());
  return {{"name", subject.name},
          {"insns", subject.insns},
          {"blocks", program.blocks.size()},
          {"text_bytes", text},
          {"code_bytes", code.code_len},
          {"cold_ms", to_json(spread_of(cold))},
          {"warm_ms", to_json(spread_of(warm))},
          {"compiler_ms", to_json(spread_of(inside))},
          {"cached_ms", to_json(spread_of(cached))}};
}

/// KiB that are the process's own; 0 where it has ended meanwhile.
size_t own_kib(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return std::strtoul(line.c_str() + 8, nullptr, 10);
  return 0;
}

void soak(const OwnServer& server, tier2::RemoteTier2& remote, size_t compiles) {
  const arch::Target& target = *need(arch::default_target(), "target");
  Subject subjects[] = {from_bpf("c", compile_with_libpcap(filter('c'))),
                        from_bpf("g", compile_with_libpcap(filter('g'))), chain(40)};
  std::set<pid_t> seen;
  std::printf("%8s %12s %20s %8s\n", "compiles", "server, KiB", "largest worker, KiB", "workers");
  size_t largest = 0;
  for (size_t i = 1; i <= compiles; ++i) {
    ir::Program& program = subjects[i % std::size(subjects)].program;
    program.name = std::to_string(i);
    const ir::MachineCode code = need(remote.compile(program, target), "compile");
    if (remote.last().cached) stop("a new program came from the cache");
    need(verifier::verify(code.bytes, code.code_len, code.contract), "verify");
    const std::string process = std::to_string(server.pid());
    std::ifstream children("/proc/" + process + "/task/" + process + "/children");
    for (pid_t worker; children >> worker;) {
      seen.insert(worker);
      largest = std::max(largest, own_kib(worker));
    }
    if (i % std::max<size_t>(compiles / 10, 1) != 0) continue;
    std::printf("%8zu %12zu %20zu %8zu\n", i, own_kib(server.pid()), largest, seen.size());
    std::fflush(stdout);
    largest = 0;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"--smoke", "--hosts1000", "--program", "--json", "--soak"});
  const bool smoke = options.flag("--smoke");
  const OwnServer server;
  tier2::RemoteOptions remote_options;
  remote_options.root = server.root();
  remote_options.program = options.text("--program", "");
  remote_options.cpu_ms = 20'000;
  remote_options.wait_ms = 60'000;
  tier2::RemoteTier2 remote(remote_options);
  if (const size_t compiles = options.number("--soak", 0)) {
    soak(server, remote, compiles);
    return 0;
  }

  std::vector<Subject> subjects = {from_bpf("c", compile_with_libpcap(filter('c'))),
                                   from_bpf("g, 100 hosts", compile_with_libpcap(filter('g')))};
  if (!smoke)
    subjects.push_back(
        from_bpf("h, 1000 hosts", compile_hosts1000(options.text("--hosts1000", ""))));
  for (size_t tests : {size_t{361}, size_t{1000}, size_t{2000}})
    if (!smoke || tests == 361) subjects.push_back(chain(tests));

  std::printf(
      "ms from the call to its return, median [min-max]\n%-14s %6s %6s %8s %8s  %-20s  "
      "%-20s %8s  %s\n",
      "program", "insns", "blocks", "text", "code", "cold", "warm", "compiler", "cached");
  json rows = json::array();
  for (const Subject& subject : subjects)
    rows.push_back(measure(server, remote, subject, smoke ? 2 : 30));
  write_json(options.text("--json", ""), {{"machine", machine()}, {"tier2_compile", rows}});
  return 0;
}
