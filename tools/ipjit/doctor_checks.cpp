// SPDX-License-Identifier: BSD-2-Clause
// One function a thing.  Each tries the thing itself where it can (seals a page, runs a filter)
// instead of concluding from versions, because hardened systems differ from what versions say.
#include "tools/ipjit/doctor_checks.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <pcap/pcap.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "arch-detect/target.h"
#include "runtime/pipeline.h"
#include "tier2-llvm/remote/remote_tier2.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/files.h"
#include "tools/ipjit/kernel/checks.h"
#include "tools/ipjit/loadable.h"
#include "tools/ipjit/piped.h"
#include "tools/ipjit/special_unit.h"
#include "tools/ipjit/stats_table.h"
#include "tools/pcap/switch.h"

namespace ipjit::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string size_words(uint64_t bytes) {
  if (bytes == 0) return "unknown";
  if (bytes % (1024 * 1024) == 0) return fmt::format("{} MiB", bytes / (1024 * 1024));
  return fmt::format("{} KiB", bytes / 1024);
}

}  // namespace

const char* name_of(Health health) {
  switch (health) {
    case Health::kOk:
      return "ok";
    case Health::kNote:
      return "note";
    case Health::kMissing:
      return "missing";
    case Health::kBroken:
      return "broken";
  }
  return "?";
}

Check check_cpu() {
  std::string brand = arch::cpu_brand();
  return {"cpu", Health::kOk,
          fmt::format("{}, {} processors online", brand.empty() ? "unnamed" : brand,
                      sysconf(_SC_NPROCESSORS_ONLN))};
}

Check check_target() {
  Result<const arch::Target*> target = arch::default_target();
  if (!target) return {"target", Health::kBroken, in_words(target.error()), "unset IPJIT_TARGET"};
  std::vector<std::string_view> others;
  for (const arch::Target& each : arch::targets())
    if (arch::supported(each) && each.name != (*target)->name) others.push_back(each.name);
  return {"target", Health::kOk,
          fmt::format("{} ({}); also runs here: {}", (*target)->name, (*target)->description,
                      others.empty() ? "none" : fmt::format("{}", fmt::join(others, ", ")))};
}

Check check_caches() {
  arch::Caches caches = arch::caches();
  return {"caches", caches.l1d ? Health::kOk : Health::kNote,
          fmt::format("L1d {}, L1i {}, L2 {}, L3 {}", size_words(caches.l1d),
                      size_words(caches.l1i), size_words(caches.l2), size_words(caches.l3))};
}

Check check_environment() {
  std::vector<std::string> set;
  for (const char* name : {"IPJIT_TARGET", "IPJIT_ENGINE", "IPJIT_TIER2", "IPJIT_LOG"})
    if (std::getenv(name)) set.push_back(fmt::format("{}={}", name, environment(name)));
  if (set.empty())
    return {"environment", Health::kOk,
            "IPJIT_TARGET, IPJIT_ENGINE, IPJIT_TIER2, IPJIT_LOG are not set"};
  return {"environment", Health::kNote, fmt::format("{}", fmt::join(set, " "))};
}

Check check_libpcap() { return {"libpcap", Health::kOk, pcap_lib_version()}; }

Check check_executable_memory() {
  size_t size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED)
    return {"executable memory", Health::kBroken, fmt::format("mmap: {}", std::strerror(errno))};
  int sealed = mprotect(page, size, PROT_READ | PROT_EXEC);
  int reason = errno;
  munmap(page, size);
  if (sealed == 0)
    return {"executable memory", Health::kOk, "a page can be written, then sealed read+execute"};
  return {
      "executable memory", Health::kBroken,
      fmt::format("mprotect(PROT_EXEC): {}; filters run in the interpreter", std::strerror(reason)),
      "setsebool -P deny_execmem 0   # or, under systemd: MemoryDenyWriteExecute=no"};
}

// `ret #7`, through every stage, is the main job in small.
Check check_pipeline() {
  const bpf::InsnList insns = {{BPF_RET | BPF_K, 0, 0, 7}};
  auto unit = runtime::build(insns, {.engine = Engine::kTier1});
  if (!unit) return {"compile and run", Health::kBroken, in_words(unit.error())};
  const uint8_t packet[1] = {0};
  ipjit_ctx ctx = {};
  ctx.wire_len = 1;
  if ((*unit)->run(packet, ctx) != 7)
    return {"compile and run", Health::kBroken, "a filter that returns 7 did not"};
  return {"compile and run", Health::kOk,
          fmt::format("tier1 compiled, verified, sealed and ran a filter in {:.0f} us",
                      static_cast<double>((*unit)->compile_ns) / 1000)};
}

Check check_shared_memory() {
  const std::string why = why_no_records();
  if (why.empty())
    return {"statistics", Health::kOk,
            "/dev/shm can be written: `ipjit stats` sees this user's filters"};
  return {"statistics", Health::kMissing,
          fmt::format("{}; filters run, `ipjit stats` does not see them", why),
          "sudo mount -t tmpfs -o mode=1777 tmpfs /dev/shm"};
}

Check check_preload() {
  Result<std::string> library = preload_library();
  if (library) return {"preload library", Health::kOk, *library};
  return {"preload library", Health::kMissing, library.error().why, "sudo make install"};
}

Check check_drop_in() {
  Result<pcap::SwitchState> state = pcap::status();
  if (!state)
    return {"drop-in libpcap", Health::kMissing, state.error().why, "sudo apt install libc-bin"};
  if (!state->installed)
    return {"drop-in libpcap", Health::kMissing,
            "not installed: `ipjit enable` has nothing to put before libpcap", "sudo make install"};
  if (state->configured != state->effective)
    return {"drop-in libpcap", Health::kMissing, state->word(), "sudo ipjit enable"};
  return {"drop-in libpcap", Health::kOk,
          state->effective ? "enabled: every program's libpcap filters through ipjit"
                           : "disabled: `sudo ipjit enable` puts it before libpcap system-wide"};
}

Check check_apparmor() {
  if (first_line("/sys/module/apparmor/parameters/enabled") != "Y")
    return {"apparmor", Health::kOk, "not active"};
  if (exists("/etc/apparmor.d/abstractions/base.d/ipjit"))
    return {"apparmor", Health::kOk, "active; profiles have ipjit's fragment"};
  return {"apparmor", Health::kMissing,
          "active, without ipjit's fragment: confined programs (tcpdump) keep libpcap's engine",
          "sudo make install && sudo systemctl reload apparmor"};
}

// `ret #7` again, through the compile server.
Check check_second_tier() {
  const bpf::InsnList insns = {{BPF_RET | BPF_K, 0, 0, 7}};
  const char* mend = "sudo apt install llvm-19-dev && sudo make install";
  if (!runtime::tier2_allowed())
    return {"tier2", Health::kNote, "switched off by IPJIT_TIER2: filters stay on tier1",
            "unset IPJIT_TIER2"};
  Result<std::string> program = tier2::tier2_program();
  if (!program) return {"tier2", Health::kMissing, program.error().why, mend};
  Result<SpecialUnit> unit = build_tier2(insns, bpf::Dialect::kLibpcap, {});
  if (!unit) return {"tier2", Health::kMissing, in_words(unit.error()), *program + " --foreground"};
  return {"tier2", Health::kOk,
          fmt::format("{} compiled a filter in {:.0f} us, server and verifier included", *program,
                      static_cast<double>(unit->special->compile_ns) / 1000)};
}

Check check_graphviz() {
  Result<PipedRun> drawn = run_on("dot", {"-V"}, "");
  if (drawn && drawn->status == 0)
    return {"graphviz", Health::kOk, "here; `ipjit graph` draws with it"};
  return {"graphviz", Health::kMissing, "not here; `ipjit graph` prints text only",
          "sudo apt install graphviz"};
}

Check check_dpdk() {
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/local/lib"})
    if (exists(std::string(folder) + "/librte_bpf.so"))
      return {"dpdk", Health::kOk, "here; benchmarks compare with it"};
  return {"dpdk", Health::kMissing, "not here; only benchmarks compare with it",
          "sudo apt install libdpdk-dev"};
}

std::vector<Check> all_checks() {
  std::vector<Check> checks = {
      check_cpu(),         check_target(),        check_caches(),
      check_environment(), check_libpcap(),       check_executable_memory(),
      check_pipeline(),    check_shared_memory(), check_preload(),
      check_drop_in(),     check_apparmor(),      check_second_tier()};
  for (Check& check : kernel_checks(read_kernel_facts(kernel_places())))
    checks.push_back(std::move(check));
  checks.push_back(check_graphviz());
  checks.push_back(check_dpdk());
  return checks;
}

}  // namespace ipjit::cli
