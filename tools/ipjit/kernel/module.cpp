// SPDX-License-Identifier: BSD-2-Clause
// modprobe loads, because it knows where modules lie and what /etc/modprobe.d and the kernel's
// command line say of them: `options ipjit enabled=0` there holds whatever we ask for.  rmmod takes
// out, because modprobe asks for a file that an upgrade may have replaced.
//
// By hand, load and unload go through ipjit-kernel.service where systemd is at work: the daemon
// holds the device open, so it must end before the module goes, and a service that believes the
// module to be loaded would not load it at the next start.
#include "tools/ipjit/kernel/module.h"

#include <fmt/core.h>
#include <sys/klog.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <thread>
#include <vector>

#include "tools/ipjit/files.h"
#include "tools/ipjit/kernel/facts.h"
#include "tools/ipjit/piped.h"

namespace ipjit::cli {
namespace {

constexpr const char* kService = "ipjit-kernel.service";
constexpr const char* kDaemonService = "ipjitd.service";
constexpr unsigned kRetryMs = 100;

Error refused(std::string why) { return {Stage::kKernel, Code::kRefused, 0, std::move(why)}; }

Error needs_root(const char* what) {
  return {Stage::kKernel, Code::kDenied, 0, fmt::format("{} needs root", what)};
}

/// Another root is its owner's.
bool may_change(const KernelPlaces& places) { return geteuid() == 0 || !places.root.empty(); }

std::string last_line(const std::string& text) {
  std::string last;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) last = line;
  return last;
}

/// The module's last words in the kernel's log, where it says why it does not load.
std::string words_of_module() {
  std::vector<char> log(1 << 16);
  const int got = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, log.data(), static_cast<int>(log.size()));
  if (got <= 0) return "";
  std::string words;
  std::istringstream lines(std::string(log.data(), static_cast<size_t>(got)));
  for (std::string line; std::getline(lines, line);)
    if (const size_t at = line.find("ipjit: "); at != std::string::npos)
      words = line.substr(at + 7);
  return words;
}

bool systemd_has(const KernelPlaces& places, const std::string& unit) {
  if (!places.root.empty() || !exists("/run/systemd/system")) return false;
  for (const char* folder : {"/etc/systemd/system/", "/lib/systemd/system/",
                             "/usr/lib/systemd/system/", "/usr/local/lib/systemd/system/"})
    if (exists(folder + unit)) return true;
  return false;
}

Status systemctl(const std::vector<std::string>& words) {
  Result<PipedRun> run = run_on("systemctl", words, "");
  if (!run) return run.error();
  if (run->status != 0) return refused("systemctl: " + last_line(run->err));
  return ok();
}

Status keep_limits(const KernelPlaces& places) {
  Result<KernelSettings> settings = read_settings(places);
  if (!settings) return settings.error();
  bool any = false;
  for (const LimitName& limit : kLimits) any |= settings->budget.*limit.limit != 0;
  if (!any) return ok();
  Result<std::unique_ptr<kernel::Device>> device = open_kernel(places);
  if (!device) return device.error();
  return (*device)->set_budget(settings->budget);
}

bool locked_down(const KernelPlaces& places) {
  const std::string state = lockdown_of(first_line(places.root + "/sys/kernel/security/lockdown"));
  return !state.empty() && state != "none";
}

Status run_modprobe(const KernelPlaces& places, const Start& start, const std::string& release,
                    const std::string& file) {
  const std::string before = words_of_module();
  Result<PipedRun> run =
      run_on("modprobe", {"ipjit", fmt::format("mode={}", kernel::word_of(start.mode))}, "");
  if (!run) return run.error();
  if (run->status == 0) return ok();
  std::string why = last_line(run->err);
  // EKEYREJECTED of a kernel that enforces signatures, EPERM of one in lockdown.
  if (why.find("Key was rejected") != std::string::npos ||
      why.find("Required key") != std::string::npos ||
      (why.find("not permitted") != std::string::npos && locked_down(places)))
    return refused(fmt::format(
        "{} loads only modules signed with a key that it knows, and {} is {}: `ipjit doctor` says "
        "what to do",
        release, file, is_signed(file) ? "signed with another" : "not signed"));
  if (const std::string own = words_of_module(); !own.empty() && own != before) why = own;
  return refused(why.empty() ? "modprobe failed" : why);
}

}  // namespace

bool module_loaded(const KernelPlaces& places) { return exists(places.root + "/sys/module/ipjit"); }

bool module_disabled(const KernelPlaces& places) {
  return first_line(places.root + "/sys/module/ipjit/parameters/enabled") == "N";
}

std::string no_module_words(const KernelPlaces& places, const std::string& release) {
  if (!module_file(places, release).empty())
    return "the module is not loaded: sudo ipjit kernel load";
  if (exists(fmt::format("{}/usr/src/ipjit-{}", places.root, IPJIT_VERSION)))
    return fmt::format("the module is not built for {}: `ipjit doctor` says how", release);
  return "the module is not installed: sudo apt install ipjit-dkms";
}

Result<std::unique_ptr<kernel::Device>> open_kernel(const KernelPlaces& places) {
  if (!module_loaded(places) && !exists(places.root + IPJIT_DEV_PATH))
    return Error{Stage::kKernel, Code::kUnavailable, 0, no_module_words(places, kernel_release())};
  return kernel::open_device(places.root + IPJIT_DEV_PATH);
}

Result<Start> load_module(const KernelPlaces& places) {
  Result<BootFacts> facts = read_boot_facts(places);
  if (!facts) return facts.error();
  const Start start = decide_start(*facts);
  if (module_loaded(places)) return start;
  const std::string release = kernel_release();
  const std::string file = module_file(places, release);
  if (file.empty())
    return Error{Stage::kKernel, Code::kUnavailable, 0, no_module_words(places, release)};
  if (!may_change(places)) return needs_root("loading the module");
  // Before the module is there, and on the disk: the machine may stop at its first instruction.
  if (Status noted = note_start(places, *facts, start); !noted) return noted.error();
  if (Status loaded = run_modprobe(places, start, release, file); !loaded) {
    if (Status ended = note_end(places); !ended) return ended.error();
    return loaded.error();
  }
  if (Status kept = keep_limits(places); !kept) return kept.error();
  return start;
}

Status unload_module(const KernelPlaces& places, unsigned patience_ms) {
  if (!module_loaded(places)) return note_end(places);
  if (!may_change(places)) return needs_root("unloading the module");
  for (unsigned waited_ms = 0;; waited_ms += kRetryMs) {
    Result<PipedRun> run = run_on("rmmod", {"ipjit"}, "");
    if (!run) return run.error();
    if (run->status == 0) return note_end(places);
    const std::string why = last_line(run->err);
    if (why.find("in use") == std::string::npos) return refused(why);
    if (waited_ms >= patience_ms)
      return refused(
          "the module is in use: who has /dev/ipjit open must close it "
          "(sudo systemctl stop ipjitd)");
    std::this_thread::sleep_for(std::chrono::milliseconds(kRetryMs));
  }
}

Result<Start> load_by_hand(const KernelPlaces& places) {
  Result<BootFacts> facts = read_boot_facts(places);
  if (!facts) return facts.error();
  const Start start = decide_start(*facts);
  if (module_loaded(places)) return start;
  if (geteuid() == 0 && systemd_has(places, kService) &&
      !module_file(places, kernel_release()).empty()) {
    // Restart: the service may believe in a module that somebody has taken out behind its back.
    if (Status done = systemctl({"restart", kService}); done && module_loaded(places)) return start;
    // What went wrong is better said by trying than by "see journalctl".
  }
  return load_module(places);
}

Status unload_by_hand(const KernelPlaces& places) {
  if (geteuid() == 0) {
    std::vector<std::string> words = {"stop"};
    for (const char* unit : {kDaemonService, kService})
      if (systemd_has(places, unit)) words.emplace_back(unit);
    if (words.size() > 1)
      if (Status stopped = systemctl(words); !stopped) return stopped;
  }
  return unload_module(places);
}

}  // namespace ipjit::cli
