// SPDX-License-Identifier: BSD-2-Clause
// What the module says, for scripts: one fact in one word, and no policy of its own.
//
//   kernel_state                      every filter on a line of name=value words
//   kernel_state sum NAME             one of those numbers, over all filters
//   kernel_state info NAME            a number of struct ipjit_dev_info
//   kernel_state wait TIER N SECONDS  until N filters run code of that tier or above
//   kernel_state mode off|observe|on, shadow on|off, pause, resume, sweep
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "runtime/kernel/device.h"

namespace {

using namespace ipjit;

std::map<std::string, uint64_t> numbers(const ipjit_dev_filter& f) {
  return {{"id", f.id},
          {"version", f.version},
          {"general", f.general},
          {"tier", f.tier},
          {"insns", f.insns},
          {"family", f.family},
          {"type", f.type},
          {"uid", f.uid},
          {"flags", f.flags},
          {"netns", f.netns},
          {"code_bytes", f.code_bytes},
          {"table_bytes", f.table_bytes},
          {"packets", f.packets},
          {"native", f.native},
          {"passed_on", f.passed_on},
          {"sampled", f.sampled},
          {"compared", f.compared},
          {"differences", f.differences},
          {"retreats", f.retreats},
          {"first_native", f.first_native}};
}

std::map<std::string, uint64_t> numbers(const ipjit_dev_info& i) {
  return {{"mode", i.mode},
          {"shadow", i.shadow},
          {"paused", i.paused},
          {"filters", i.filters},
          {"code_used", i.code_used},
          {"code_size", i.code_size},
          {"table_used", i.table_used},
          {"verify_cycles", i.verify_cycles},
          {"verify_bytes", i.verify_bytes},
          {"installs", i.installs},
          {"refusals", i.refusals},
          {"events_lost", i.events_lost},
          {"sample_shift", i.sample_shift},
          {"needs", i.needs}};
}

[[noreturn]] void fail(const Error& error) {
  std::fprintf(stderr, "kernel_state: %s\n", to_string(error).c_str());
  std::exit(1);
}

template <typename T>
T value(Result<T> result) {
  if (!result) fail(result.error());
  return std::move(*result);
}

int done(const Status& status) {
  if (!status) fail(status.error());
  return 0;
}

int print(kernel::Device& device) {
  for (const ipjit_dev_filter& filter : value(device.list())) {
    std::string line;
    for (const auto& [name, number] : numbers(filter)) {
      line += (line.empty() ? "" : " ") + name + "=" + std::to_string(number);
    }
    std::printf("%s comm=%.16s\n", line.c_str(), filter.comm);
  }
  return 0;
}

int sum(kernel::Device& device, const std::string& name) {
  uint64_t total = 0;
  for (const ipjit_dev_filter& filter : value(device.list())) total += numbers(filter).at(name);
  std::printf("%llu\n", static_cast<unsigned long long>(total));
  return 0;
}

int wait(kernel::Device& device, uint32_t tier, size_t wanted, double seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (;;) {
    const std::vector<ipjit_dev_filter> filters = value(device.list());
    size_t there = 0;
    for (const ipjit_dev_filter& filter : filters) there += filter.tier >= tier;
    if (there >= wanted) return 0;
    if (std::chrono::steady_clock::now() >= end) {
      std::fprintf(stderr, "kernel_state: %zu of %zu filters are at tier %u, not %zu\n", there,
                   filters.size(), tier, wanted);
      return 1;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

int run(kernel::Device& device, const std::vector<std::string>& words) {
  const std::string verb = words.empty() ? "" : words[0];
  const std::string word = words.size() > 1 ? words[1] : "";
  if (words.empty()) return print(device);
  if (verb == "sum") return sum(device, word);
  if (verb == "info") {
    std::printf("%llu\n", static_cast<unsigned long long>(numbers(value(device.info())).at(word)));
    return 0;
  }
  if (verb == "wait" && words.size() == 4) {
    return wait(device, static_cast<uint32_t>(std::stoul(word)), std::stoul(words[2]),
                std::stod(words[3]));
  }
  if (verb == "mode" && kernel::mode_named(word)) {
    return done(device.set_mode(*kernel::mode_named(word)));
  }
  if (verb == "shadow") return done(device.set_shadow(word == "on"));
  if (verb == "pause" || verb == "resume") return done(device.pause(verb == "pause"));
  if (verb == "sweep") return done(device.sweep());
  std::fprintf(stderr, "kernel_state: what is '%s'?\n", verb.c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const auto device = value(ipjit::kernel::open_device());
  return run(*device, std::vector<std::string>(argv + 1, argv + argc));
}
