// SPDX-License-Identifier: BSD-2-Clause
// The guarded child.
//
// Everything the code may read lies against a page that cannot be touched, and is read-only while
// the code runs: the packet in turn at the end and at the start of its pages, the transport header,
// ctx, tables.  What it may write is surrounded by a pattern that is compared afterwards.
//
//   [no access][ packet...........][no access]      first run
//   [no access][...........packet ][no access]      second run
//
// Secrets show as differences: fields, pointers, registers and stack that the contract hides hold
// rubbish A in one run and rubbish B in the other, and both must give the same result.
#include "tests/verifier/guarded.h"

#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>

struct guarded_call_frame {
  const void* entry;
  const uint8_t* data;
  uint64_t len;
  const ipjit_ctx* ctx;
  void* stack;
  uint64_t rubbish;
  uint64_t rsp_after;
  uint64_t saved[6];
};
extern "C" uint64_t guarded_call(guarded_call_frame* call);

namespace ipjit::verifier {

namespace {

constexpr size_t kPage = 4096;

/// Pages between two that cannot be touched.
class Guarded {
 public:
  explicit Guarded(size_t pages) : size_(pages * kPage) {
    base_ = static_cast<uint8_t*>(
                mmap(nullptr, size_ + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) +
            kPage;
    protect(PROT_READ | PROT_WRITE);
  }
  ~Guarded() { munmap(base_ - kPage, size_ + 2 * kPage); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  void protect(int how) const { mprotect(base_, size_, how); }
  uint8_t* begin() const { return base_; }
  uint8_t* end() const { return base_ + size_; }
  /// The place of `bytes` bytes, against the guard behind or the guard before.
  uint8_t* place(size_t bytes, bool at_end) const { return at_end ? end() - bytes : begin(); }

 private:
  uint8_t* base_;
  size_t size_;
};

struct Outcome {
  uint64_t result = 0;
  ipjit_actions actions = {};
  std::array<uint64_t, IPJIT_MAX_COUNTERS> counters = {};
};

class Child {
 public:
  Child(const GuardedUnit& unit, const char*& what) : unit_(unit), what_(what) {
    const size_t bytes = unit.bytes.size();
    code_ = std::make_unique<Guarded>((bytes + kPage - 1) / kPage);
    // The unit's tables end where its pages end.
    entry_ = code_->place(bytes, true);
    std::memcpy(entry_, unit.bytes.data(), bytes);
    code_->protect(PROT_READ | PROT_EXEC);
  }

  /// One input, run twice.
  bool run(std::mt19937_64& random) {
    fill_inputs(random);
    Outcome a, b;
    if (!run_once(0x5a5a5a5a5a5a5a5a, true, a) || !run_once(0xa5a5a5a5a5a5a5a5, false, b))
      return false;
    const uint32_t nr = unit_.contract.actions;
    if (a.result != b.result) return fail("result depends on what the contract hides");
    if (std::memcmp(a.actions.id, b.actions.id, 2 * nr) != 0 || a.actions.count != b.actions.count)
      return fail("actions depend on what the contract hides");
    if (a.counters != b.counters) return fail("counters depend on what the contract hides");
    return true;
  }

 private:
  bool fail(const char* what) {
    what_ = what;
    return false;
  }

  static void fill(std::mt19937_64& random, uint8_t* to, size_t bytes) {
    // Small values and runs of zeros come up in real packets more than chance would have it.
    const uint64_t style = random();
    for (size_t i = 0; i < bytes; ++i) {
      const uint64_t r = random();
      to[i] = static_cast<uint8_t>(style % 3 == 0   ? r
                                   : style % 3 == 1 ? r & 7
                                   : (r >> 8) % 4   ? 0
                                                    : r);
    }
  }

  void fill_inputs(std::mt19937_64& random) {
    const ipjit_contract& c = unit_.contract;
    packet_.resize(
        std::min<uint64_t>(random() % 4 == 0 ? random() % 8 : random() % 200, c.max_len));
    fill(random, packet_.data(), packet_.size());
    th_.resize(std::min<uint64_t>(random() % 40, c.max_th_len));
    fill(random, th_.data(), th_.size());
    fill(random, reinterpret_cast<uint8_t*>(&fields_), sizeof fields_);
    tables_.clear();
    for (uint32_t i = 0; i < c.nr_tables; ++i) {
      tables_.emplace_back(c.table[i].place == IPJIT_TABLE_IN_CTX ? c.table[i].size : 0);
      fill(random, tables_.back().data(), tables_.back().size());
    }
  }

  void fill_ctx(ipjit_ctx* ctx, uint64_t rubbish, bool at_end) {
    const ipjit_contract& c = unit_.contract;
    std::memset(static_cast<void*>(ctx), static_cast<uint8_t>(rubbish), sizeof *ctx);
    if (c.bases & IPJIT_BASE_TH) {
      ctx->th = th_memory_.place(th_.size(), at_end);
      ctx->th_len = th_.size();
    }
    if (c.actions != 0) ctx->actions = actions();
    if (c.counters != 0) ctx->counters = counters();
    for (uint32_t i = 0; i < IPJIT_FIELD_COUNT; ++i)
      if (c.fields >> i & 1)
        std::memcpy(reinterpret_cast<uint8_t*>(&ctx->wire_len) + 4 * i,
                    reinterpret_cast<uint8_t*>(&fields_.wire_len) + 4 * i, 4);
    table_memory_.clear();
    for (uint32_t i = 0; i < c.nr_tables; ++i) {
      if (c.table[i].place != IPJIT_TABLE_IN_CTX) continue;
      table_memory_.push_back(std::make_unique<Guarded>((tables_[i].size() + kPage - 1) / kPage));
      uint8_t* at = table_memory_.back()->place(tables_[i].size(), at_end);
      std::copy(tables_[i].begin(), tables_[i].end(), at);
      table_memory_.back()->protect(PROT_READ);
      ctx->tables[c.table[i].at] = at;
    }
  }

  ipjit_actions* actions() const {
    return reinterpret_cast<ipjit_actions*>(writable_.begin() + 1024);
  }
  uint64_t* counters() const { return reinterpret_cast<uint64_t*>(writable_.begin() + 2048); }

  bool run_once(uint64_t rubbish, bool at_end, Outcome& out) {
    packet_memory_.protect(PROT_READ | PROT_WRITE);
    th_memory_.protect(PROT_READ | PROT_WRITE);
    ctx_memory_.protect(PROT_READ | PROT_WRITE);
    uint8_t* data = packet_memory_.place(packet_.size(), at_end);
    std::copy(packet_.begin(), packet_.end(), data);
    std::copy(th_.begin(), th_.end(), th_memory_.place(th_.size(), at_end));
    auto* ctx = reinterpret_cast<ipjit_ctx*>(ctx_memory_.place(sizeof(ipjit_ctx), at_end));
    std::memset(writable_.begin(), static_cast<uint8_t>(rubbish), kPage);
    std::memset(counters(), 0, 8 * unit_.contract.counters);
    if (unit_.contract.actions != 0)
      std::memset(static_cast<void*>(actions()), 0, sizeof(ipjit_actions));
    fill_ctx(ctx, rubbish, at_end);
    std::memset(stack_.begin(), static_cast<uint8_t>(rubbish), kPage);
    packet_memory_.protect(PROT_READ);
    th_memory_.protect(PROT_READ);
    ctx_memory_.protect(PROT_READ);

    guarded_call_frame call = {};
    call.entry = entry_;
    call.data = data;
    call.len = packet_.size();
    call.ctx = ctx;
    call.stack = stack_.begin() + kPage / 2;
    call.rubbish = rubbish;
    out.result = guarded_call(&call);
    return check(call, rubbish, out);
  }

  /// All bytes of [from, to) are rubbish still.
  static bool untouched(const uint8_t* from, const uint8_t* to, uint64_t rubbish) {
    for (; from < to; ++from)
      if (*from != static_cast<uint8_t>(rubbish)) return false;
    return true;
  }

  bool check(const guarded_call_frame& call, uint64_t rubbish, Outcome& out) {
    const ipjit_contract& c = unit_.contract;
    const uint8_t* top = static_cast<const uint8_t*>(call.stack);
    if (call.rsp_after != reinterpret_cast<uint64_t>(top)) return fail("rsp is not restored");
    for (uint64_t i = 0; i < 6; ++i)
      if (call.saved[i] != rubbish + 1 + i) return fail("a callee-saved register is not restored");
    if (!untouched(top, stack_.end(), rubbish)) return fail("writes above its frame");
    // The return address lies below top.
    if (!untouched(stack_.begin(), top - 8 - c.stack_bytes - 48, rubbish))
      return fail("writes below its frame");

    const uint8_t* list = reinterpret_cast<const uint8_t*>(actions());
    const uint8_t* block = reinterpret_cast<const uint8_t*>(counters());
    const uint8_t* list_end = c.actions != 0 ? list + sizeof(ipjit_actions) : list;
    if (!untouched(writable_.begin(), list, rubbish) || !untouched(list_end, block, rubbish) ||
        !untouched(block + 8 * c.counters, writable_.end(), rubbish))
      return fail("writes beside its actions and counters");
    if (c.actions != 0) {
      out.actions = *actions();
      for (uint32_t i = c.actions; i < IPJIT_MAX_ACTIONS; ++i)
        if (out.actions.id[i] != 0) return fail("records more actions than declared");
      if (out.actions.count > c.actions) return fail("counts more actions than declared");
    }
    std::copy_n(counters(), c.counters, out.counters.begin());
    return check_result(out.result);
  }

  bool check_result(uint64_t result) {
    const ipjit_contract& c = unit_.contract;
    const uint32_t value = ipjit_result_value(result);
    switch (result >> 32) {
      case IPJIT_DONE:
        return c.exits == 0 || value < c.exits || fail("exit id out of range");
      case IPJIT_NEED_BYTES:
        return true;
      case IPJIT_RESUME:
        return value < c.resumes || fail("resume point out of range");
      default:
        return fail("no such status");
    }
  }

  const GuardedUnit& unit_;
  const char*& what_;
  std::unique_ptr<Guarded> code_;
  uint8_t* entry_;
  Guarded packet_memory_{1}, th_memory_{1}, ctx_memory_{1}, writable_{1}, stack_{1};
  std::vector<std::unique_ptr<Guarded>> table_memory_;
  std::vector<uint8_t> packet_, th_;
  std::vector<std::vector<uint8_t>> tables_;
  ipjit_ctx fields_ = {};
};

/// What the child tells its parent, also when it dies.
struct Progress {
  volatile uint64_t unit;
  volatile bool done;
  char what[96];
};

[[noreturn]] void child_main(std::span<const GuardedUnit> units, size_t from, uint32_t packets,
                             uint64_t seed, Progress* progress) {
  for (size_t i = from; i < units.size(); ++i) {
    progress->unit = i;
    const itimerval limit = {{0, 0}, {1, 0}};  // processor time, so a busy machine is no hang
    setitimer(ITIMER_VIRTUAL, &limit, nullptr);
    const char* what = "";
    Child child(units[i], what);
    std::mt19937_64 random(seed + i);
    for (uint32_t packet = 0; packet < packets; ++packet) {
      if (child.run(random)) continue;
      std::snprintf(progress->what, sizeof progress->what, "%s", what);
      _exit(1);
    }
  }
  progress->done = true;
  _exit(0);
}

}  // namespace

std::vector<Misbehaved> run_guarded(std::span<const GuardedUnit> units, uint32_t packets,
                                    uint64_t seed) {
  std::vector<Misbehaved> found;
  auto* progress = static_cast<Progress*>(
      mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  for (size_t from = 0; from < units.size();) {
    *progress = {};
    progress->unit = from;
    const pid_t pid = fork();
    if (pid < 0) return {{from, "fork failed"}};
    if (pid == 0) {
      for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGVTALRM})
        std::signal(signal, SIG_DFL);
      child_main(units, from, packets, seed, progress);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (progress->done) break;
    std::string what = progress->what;
    if (WIFSIGNALED(status)) what = std::string("dies of ") + strsignal(WTERMSIG(status));
    found.push_back({progress->unit, what});
    from = progress->unit + 1;
  }
  munmap(progress, kPage);
  return found;
}

}  // namespace ipjit::verifier
