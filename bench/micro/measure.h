// SPDX-License-Identifier: BSD-2-Clause
// Time, medians, and machine facts for the benchmarks.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ipjit::bench {

/// CPU time of the calling thread, ns: what others do on this machine does not count.
uint64_t cpu_ns();

/// Time on the wall, ns.
uint64_t wall_ns();

struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
  std::vector<double> values = {};  ///< ascending; what bench/compare draws its samples from
};

/// Takes: at least one value.
Spread spread_of(std::vector<double> values);

/// "12.3 [11.9-14.0]", three digits each.
std::string to_string(const Spread& spread);
nlohmann::json to_json(const Spread& spread);

/// CPU model, cores, kernel, compiler, libpcap and DPDK versions.
nlohmann::json machine();

/// `--key value` and `--flag` arguments; exits with 2 on one that is not in `known`.
class Options {
 public:
  Options(int argc, char** argv, std::vector<std::string> known);
  std::string text(const std::string& key, const std::string& fallback) const;
  uint64_t number(const std::string& key, uint64_t fallback) const;
  bool flag(const std::string& key) const;

 private:
  std::vector<std::pair<std::string, std::string>> given_;
};

/// Writes a JSON document; an empty path writes nothing.  Exits with 1 if it cannot.
void write_json(const std::string& path, const nlohmann::json& document);

}  // namespace ipjit::bench
