// SPDX-License-Identifier: BSD-2-Clause
// Costs of the parts, and how they grow: Google Benchmark's command line, and after its table one
// of slopes and exponents.
//
//   micro_bench [--smoke] [--scaling FILE] [--benchmark_filter=^rules/ ...]
//
// Names are family/what/size.  Over the sizes of one "family/what" a line says what one more costs
// (slope, from the smallest size to the largest) and how the time grows: the exponent of the power
// law that fits best, by least squares on logarithms; 0 is flat, 1 is linear.  The second exponent
// is of the larger half of the sizes alone, where constant costs hide less.  Where a benchmark
// counts packets (`packet`), its time is that of one.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "bench/micro/families.h"
#include "bench/micro/measure.h"

namespace ipjit::bench {

const Traffic& micro_traffic() {
  static const Traffic traffic = generate(20'000);
  return traffic;
}

namespace {

using nlohmann::json;
using Curve = std::map<double, std::vector<double>>;  ///< by size: ns, a value a repetition

double exponent(const std::vector<std::pair<double, double>>& points) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const auto& [size, ns] : points) {
    const double lx = std::log(size), ly = std::log(ns);
    n += 1, x += lx, y += ly, xx += lx * lx, xy += lx * ly;
  }
  return (n * xy - x * y) / (n * xx - x * x);
}

/// Google Benchmark's own table, and the times by family and size for ours.
class Reporter : public benchmark::ConsoleReporter {
 public:
  Reporter() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      failed_ |= run.error_occurred && run.error_message.find("without") == std::string::npos;
      if (run.error_occurred || run.run_type != Run::RT_Iteration) continue;
      const std::string& name = run.run_name.function_name;
      const size_t slash = name.rfind('/');
      char* end = nullptr;
      const double size = std::strtod(name.c_str() + slash + 1, &end);
      const auto packet = run.counters.find("packet");
      // A manual time is not the thread's, but what the benchmark said itself.
      const bool manual = run.run_name.time_type == "manual_time";
      const double ns = packet != run.counters.end() ? packet->second.value * 1e9
                        : manual                     ? run.GetAdjustedRealTime()
                                                     : run.GetAdjustedCPUTime();
      if (*end || slash == name.find('/'))
        single_[name].push_back(ns);
      else
        curves_[name.substr(0, slash)][size].push_back(ns);
    }
  }

  /// What has no size.
  json single() const {
    json rows = json::array();
    for (const auto& [name, times] : single_)
      rows.push_back({{"name", name}, {"ns", to_json(spread_of(times))}});
    return rows;
  }

  json scaling() const {
    json rows = json::array();
    std::printf("\n%-34s %10s %12s %12s %14s %9s %9s\n", "what grows", "sizes", "first, ns",
                "last, ns", "one more, ns", "exponent", "upper");
    for (const auto& [name, curve] : curves_) {
      std::vector<std::pair<double, double>> points;
      json values = json::array();
      for (const auto& [size, times] : curve) {
        const Spread spread = spread_of(times);
        points.emplace_back(size, spread.median);
        values.push_back({{"size", size}, {"ns", to_json(spread)}});
      }
      if (points.size() < 3) continue;
      const auto [first, first_ns] = points.front();
      const auto [last, last_ns] = points.back();
      const double slope = (last_ns - first_ns) / (last - first);
      const double whole = exponent(points);
      const double upper =
          exponent({points.begin() + static_cast<long>(points.size() - 1) / 2, points.end()});
      std::printf("%-34s %4.0f-%-6.0f %11.1f %12.1f %14.3f %9.2f %9.2f\n", name.c_str(), first,
                  last, first_ns, last_ns, slope, whole, upper);
      rows.push_back({{"name", name},
                      {"slope_ns", slope},
                      {"exponent", whole},
                      {"upper_exponent", upper},
                      {"points", values}});
    }
    return rows;
  }

  bool failed() const { return failed_; }

 private:
  std::map<std::string, Curve> curves_;
  std::map<std::string, std::vector<double>> single_;
  bool failed_ = false;
};

}  // namespace
}  // namespace ipjit::bench

int main(int argc, char** argv) {
  using namespace ipjit::bench;
  std::vector<std::string> words;
  std::string scaling;
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--smoke")
      words.insert(words.end(), {"--benchmark_min_time=0.00001", "--benchmark_repetitions=1"});
    else if (word == "--scaling" && i + 1 < argc)
      scaling = argv[++i];
    else
      words.push_back(word);
  }
  std::vector<char*> rest;
  for (std::string& word : words) rest.push_back(word.data());
  int count = static_cast<int>(rest.size());
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 2;
  register_compile();
  register_packets();
  register_rules();
  register_crowds();
  register_lookup();
  register_runtime();
  Reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  write_json(
      scaling,
      {{"machine", machine()}, {"scaling", reporter.scaling()}, {"single", reporter.single()}});
  benchmark::Shutdown();
  if (reporter.failed()) std::fprintf(stderr, "micro_bench: a benchmark reported an error\n");
  return reporter.failed() ? 1 : 0;
}
