// SPDX-License-Identifier: BSD-2-Clause
// A compiler may run away, eat all memory or crash; so it does that here, alone.
//
//   processor time   an ITIMER_PROF for each request, whose SIGPROF kills
//   memory           RLIMIT_AS: what is mapped now + the request's share; operator new then exits
//   anything else    the signal that it dies of
//
// One worker serves many requests, because a fork for each would find cold page tables (measured:
// docs/tier2.md).  It leaves after kMostRequests, or once it has grown by kMostGrowth; the server
// makes a new one.  A state that one request has damaged can harm the next only by a crash or by
// wrong code, and code is verified and replayed by whoever asked.
#include "tools/tier2/worker.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "ir/text.h"
#include "ir/validate.h"
#include "tier2-llvm/remote/patience.h"

namespace ipjit::tier2 {

namespace {

constexpr int kNoMemoryExit = 71;
constexpr int kLeavingExit = 72;
constexpr uint32_t kMostRequests = 500;
constexpr uint64_t kMostGrowth = uint64_t{256} << 20;

// Reads a field, takes a branch, looks into a table: what every filter makes a compiler touch.
constexpr char kWarmUp[] =
    "filter warm-up\n"
    "table0: u32 miss 0 { 1, 2, 0xc0000201 }\n"
    "b0: need 34 else b3\n"
    "    v0 = load_be16 12\n"
    "    br v0 == 0x800 -> b1, b3\n"
    "b1: v1 = load_be32 26\n"
    "    br v1 in table0 -> b2, b3\n"
    "b2: ret 1\n"
    "b3: ret 0\n";

uint64_t mapped_bytes() {
  unsigned long pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (!file || std::fscanf(file, "%lu", &pages) != 1) pages = 0;
  if (file) std::fclose(file);
  return uint64_t{pages} * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

void limit_processor_ms(uint32_t ms) {
  const itimerval timer = {{0, 0}, {ms / 1000, static_cast<suseconds_t>(ms % 1000) * 1000}};
  setitimer(ITIMER_PROF, &timer, nullptr);
}

void limit_mapped(uint64_t bytes) {
  rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = std::min<rlim_t>(bytes, limit.rlim_max);
  setrlimit(RLIMIT_AS, &limit);
}

/// A budget that ends with its scope.
struct Budget {
  explicit Budget(const CompileRequest& request) {
    limit_mapped(mapped_bytes() + (uint64_t{std::min(request.mib, kMostMib)} << 20));
    limit_processor_ms(std::clamp(request.cpu_ms, 1u, kMostCpuMs));
  }
  ~Budget() {
    limit_processor_ms(0);
    limit_mapped(RLIM_INFINITY);
  }
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;
};

Result<ir::MachineCode> compile_text(ir::Compiler& compiler, const CompileRequest& request) {
  Result<const arch::Target*> target = arch::target_named(request.target);
  if (!target) return target.error();
  Result<ir::Program> program = ir::parse(request.program);
  if (!program) return program.error();
  if (Status valid = ir::validate(*program); !valid) return valid.error();
  return compiler.compile(*program, **target);
}

CompileReply answer_to(ir::Compiler& compiler, const Bytes& frame) {
  Result<CompileRequest> request = decode_request_frame(frame);
  if (!request) return request.error();
  const uint64_t begin_us = now_us();
  const Budget budget(*request);
  Result<ir::MachineCode> code = compile_text(compiler, *request);
  if (!code) return code.error();
  if (code->bytes.size() > kMaxUnitBytes || code->marks.size() > kMaxMarks)
    return Error{Stage::kTier2, Code::kTooLong, 0,
                 "a unit of " + std::to_string(code->bytes.size()) + " bytes"};
  return CompiledCode{.cached = false,
                      .compile_us = static_cast<uint32_t>(now_us() - begin_us),
                      .code = std::move(*code)};
}

void warm_up(ir::Compiler& compiler) {
  (void)compile_text(
      compiler, {.version = "", .target = std::string(arch::detect().name), .program = kWarmUp});
}

bool pump(FrameStream& stream, auto finished) {
  for (;;) {
    pollfd one = {stream.fd(), stream.events(), 0};
    if (poll(&one, 1, -1) < 0 && errno != EINTR) return false;
    const Result<bool> done = finished();
    if (!done) return false;
    if (*done) return true;
  }
}

/// Alone with its stream: what the server holds open is none of a worker's business.
void forget_the_server(int socket) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  syscall(SYS_close_range, 3, static_cast<unsigned>(socket) - 1, 0);
  syscall(SYS_close_range, static_cast<unsigned>(socket) + 1, ~0u, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::set_new_handler([] { _exit(kNoMemoryExit); });
}

[[noreturn]] void work(Fd socket, const CompilerSource& compilers) {
  forget_the_server(socket.get());
  const std::unique_ptr<ir::Compiler> compiler = compilers.make();
  warm_up(*compiler);
  const uint64_t mapped_at_first = mapped_bytes();
  FrameStream stream(std::move(socket), kMaxBody);
  for (uint32_t request = 0; request < kMostRequests; ++request) {
    if (!pump(stream, [&] { return stream.receive(); })) break;
    stream.send(encode(answer_to(*compiler, stream.take_frame())));
    if (!pump(stream, [&]() -> Result<bool> {
          if (Status wrote = stream.write_some(); !wrote) return wrote.error();
          return stream.sent();
        }))
      break;
    if (mapped_bytes() > mapped_at_first + kMostGrowth) break;
  }
  _exit(kLeavingExit);
}

}  // namespace

Result<Worker> fork_worker(const CompilerSource& compilers) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return Error{Stage::kTier2, Code::kUnavailable, 0,
                 std::string("socketpair: ") + strerrordesc_np(errno)};
  Fd ours(ends[0]), its(ends[1]);
  const pid_t pid = fork();
  if (pid < 0)
    return Error{Stage::kTier2, Code::kUnavailable, 0,
                 std::string("fork: ") + strerrordesc_np(errno)};
  if (pid == 0) work(std::move(its), compilers);
  return Worker{pid, FrameStream(std::move(ours), kMaxBody)};
}

Death reap(const Worker& worker, const CompileRequest& request) {
  kill(worker.pid, SIGKILL);  // if it is ending already, its reason stays
  int status = 0;
  while (waitpid(worker.pid, &status, 0) < 0 && errno == EINTR) {
  }
  const int exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (exit_status == kLeavingExit) return {"the compiler had left", true};
  if (exit_status == kNoMemoryExit)
    return {"the compiler needs more than " + std::to_string(request.mib) +
            " MiB for this program"};
  if (exit_status >= 0)
    return {"the compiler ended in the middle, with status " + std::to_string(exit_status)};
  if (WTERMSIG(status) == SIGPROF)
    return {"the compiler needs more than " + std::to_string(request.cpu_ms) +
            " ms of processor time for this program"};
  return {std::string("the compiler died of this program: ") + sigdescr_np(WTERMSIG(status))};
}

}  // namespace ipjit::tier2
