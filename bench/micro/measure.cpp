// SPDX-License-Identifier: BSD-2-Clause
#include "bench/micro/measure.h"

#include <pcap/pcap.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "ipjit/error.h"

namespace ipjit::bench {
namespace {

uint64_t clock_ns(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

std::string three_digits(double value) {
  char text[32];
  const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string cpu_model() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  std::string line, name = "unknown", family, model;
  while (std::getline(cpuinfo, line)) {
    const auto value = line.substr(std::min(line.size(), line.find(':') + 2));
    if (line.starts_with("model name")) name = value;
    if (line.starts_with("cpu family")) family = value;
    if (line.starts_with("model\t")) model = value;
    if (line.empty()) break;
  }
  return name + " (family " + family + ", model " + model + ")";
}

}  // namespace

uint64_t cpu_ns() { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }
uint64_t wall_ns() { return clock_ns(CLOCK_MONOTONIC); }

Spread spread_of(std::vector<double> values) {
  IPJIT_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back(), values};
}

std::string to_string(const Spread& spread) {
  return three_digits(spread.median) + " [" + three_digits(spread.min) + "-" +
         three_digits(spread.max) + "]";
}

nlohmann::json to_json(const Spread& spread) {
  return {{"median", spread.median},
          {"min", spread.min},
          {"max", spread.max},
          {"values", spread.values}};
}

nlohmann::json machine() {
  utsname system;
  uname(&system);
  return {{"cpu", cpu_model()},
          {"cores", sysconf(_SC_NPROCESSORS_ONLN)},
          {"kernel", system.release},
          {"compiler", "g++ " __VERSION__},
          {"libpcap", pcap_lib_version()}};
}

Options::Options(int argc, char** argv, std::vector<std::string> known) {
  for (int i = 1; i < argc; ++i) {
    const std::string key = argv[i];
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      std::fprintf(stderr, "%s: '%s' is not an option:", argv[0], argv[i]);
      for (const std::string& name : known) std::fprintf(stderr, " %s", name.c_str());
      std::fputc('\n', stderr);
      std::exit(2);
    }
    const bool has_value = i + 1 < argc && std::string_view(argv[i + 1]).substr(0, 2) != "--";
    given_.emplace_back(key, has_value ? argv[++i] : "");
  }
}

std::string Options::text(const std::string& key, const std::string& fallback) const {
  for (const auto& [name, value] : given_)
    if (name == key) return value;
  return fallback;
}

uint64_t Options::number(const std::string& key, uint64_t fallback) const {
  const std::string value = text(key, "");
  return value.empty() ? fallback : std::strtoull(value.c_str(), nullptr, 10);
}

bool Options::flag(const std::string& key) const {
  return std::any_of(given_.begin(), given_.end(), [&](const auto& g) { return g.first == key; });
}

void write_json(const std::string& path, const nlohmann::json& document) {
  if (path.empty()) return;
  std::ofstream file(path);
  file << document.dump(1) << '\n';
  if (!file.flush()) {
    std::fprintf(stderr, "bench: cannot write %s\n", path.c_str());
    std::exit(1);
  }
}

}  // namespace ipjit::bench
