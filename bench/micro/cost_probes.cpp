// SPDX-License-Identifier: BSD-2-Clause
// What one construct of the IR costs in tier 1's code.
//
// A filter's instructions are short and mostly independent, and the processor runs the next packet
// while it waits for this one; so a construct's cost is what the loop over packets takes longer
// with more of it, not the latency that a table of instructions gives.  Packets are random bytes:
// what does not depend on them is guessed right, what does (`mispredict`, `jump` apart) is not.
#include "bench/micro/cost_probes.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>

#include "bench/micro/measure.h"
#include "bench/micro/native.h"
#include "ir/text.h"
#include "ir/validate.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::bench {
namespace {

constexpr size_t kBytes = 64;
constexpr uint32_t kFew = 8;
constexpr uint32_t kMany = 24;

class Packets {
 public:
  explicit Packets(size_t count) : memory_(count * kBytes) {
    std::mt19937_64 random(1);
    for (uint8_t& byte : memory_) byte = static_cast<uint8_t>(random());
    for (size_t i = 0; i < count; ++i) {
      ipjit_packet packet = {};
      packet.data = memory_.data() + i * kBytes;
      packet.caplen = packet.len = kBytes;
      packets_.push_back(packet);
    }
  }

  std::span<const ipjit_packet> all() const { return packets_; }

 private:
  std::vector<uint8_t> memory_;
  std::vector<ipjit_packet> packets_;
};

std::string s(uint64_t n) { return std::to_string(n); }

/// Text of a program with `n` of a construct.
using Make = std::function<std::string(uint32_t n)>;

/// Loads, and `each(i)`, a line or two that make v(200 + i) of the load v(100 + i); all are
/// combined, so that none is dead.
std::string chain(uint32_t n, const std::function<std::string(uint32_t)>& each,
                  const std::string& before = "") {
  std::string text = "filter probe\n" + before + "b0: need 64 else b1\n v300 = load_u8 0\n";
  for (uint32_t i = 0; i < n; ++i) {
    text += " v" + s(100 + i) + " = load_be32 " + s(2 * i) + "\n" + each(i);
    text += " v" + s(301 + i) + " = xor v" + s(300 + i) + ", v" + s(200 + i) + "\n";
  }
  return text + " ret v" + s(300 + n) + "\nb1: ret 0\n";
}

std::string of(const char* op, uint32_t i, const std::string& operand) {
  return " v" + s(200 + i) + " = " + op + " v" + s(100 + i) + ", " + operand + "\n";
}

/// Blocks that each load a byte and test it, and go on to the next block whatever it was.
std::string blocks(uint32_t n, const std::string& relation, bool over) {
  std::string text = "filter probe\nb0: need 64 else b" + s(2 * n + 1) + "\n jump b1\n";
  for (uint32_t i = 0; i < n; ++i) {
    const std::string v = "v" + s(i);
    const std::string here = s(2 * i + 1), next = s(2 * i + 2), after = s(2 * i + 3);
    text += "b" + here + ": " + v + " = load_u8 " + s(i) + "\n br " + v + relation + " -> ";
    text += over ? "b" + after + ", b" + next + "\n" : "b" + s(2 * n + 2) + ", b" + next + "\n";
    text += "b" + next + ": " + (over && i + 1 == n ? "jump b" + after : "jump b" + after) + "\n";
  }
  return text + "b" + s(2 * n + 1) + ": ret 1\nb" + s(2 * n + 2) + ": ret 2\n";
}

std::string table(uint64_t keys, uint64_t step) {
  std::string text = "table0: u32 miss 0 {0";
  for (uint64_t i = 1; i < keys; ++i) text += ", " + s(i * step);
  return text + "}\n";
}

class Measure {
 public:
  Measure(double ghz, size_t repeats) : ghz_(ghz), repeats_(repeats), few_(64), many_(8192) {}

  /// Cycles that each of the construct adds.
  double slope(const Make& make, bool random = false) {
    return (cycles(make(kMany), random) - cycles(make(kFew), random)) / (kMany - kFew);
  }

  double cycles(const std::string& text, bool random = false) {
    const Packets& packets = random ? many_ : few_;
    Result<ir::Program> program = ir::parse(text);
    if (!program) fail(program.error(), text);
    if (Status valid = ir::validate(*program); !valid) fail(valid.error(), text);
    tier1::Tier1 tier1;
    Result<NativePtr> native = make_native(*program, tier1);
    if (!native) fail(native.error(), text);
    const Runner runner = body_runner("probe", *native, packets.all());
    const size_t count = packets.all().size();
    const size_t rounds = 131'072 / count;
    runner.run(count, 2);
    std::vector<double> times;
    for (size_t i = 0; i < repeats_; ++i) {
      const uint64_t start = cpu_ns();
      const uint64_t matches = runner.run(count, rounds);
      const uint64_t took = cpu_ns() - start;
      asm volatile("" : : "r"(matches));
      times.push_back(static_cast<double>(took) / static_cast<double>(count * rounds));
    }
    return spread_of(times).min * ghz_;
  }

 private:
  [[noreturn]] static void fail(const Error& error, const std::string& text) {
    std::fprintf(stderr, "%s\n%s", to_string(error).c_str(), text.c_str());
    std::exit(1);
  }

  double ghz_;
  size_t repeats_;
  Packets few_, many_;
};

}  // namespace

double measured_ghz() {
  std::vector<double> rates;
  for (int i = 0; i < 9; ++i) {
    constexpr uint64_t kSteps = 500'000;
    uint64_t x = 3;
    const uint64_t start = cpu_ns();
    for (uint64_t step = 0; step < kSteps; step += 4)
      asm volatile("imul %0, %0; imul %0, %0; imul %0, %0; imul %0, %0" : "+r"(x));
    rates.push_back(3.0 * kSteps / static_cast<double>(cpu_ns() - start));
  }
  return spread_of(rates).max;
}

std::vector<Probe> cost_probes(double ghz, size_t repeats) {
  Measure m(ghz, repeats);
  const ir::CostTable& model = ir::kCosts;
  const double call = m.cycles("filter probe\nb0: ret 1\n");
  // A load, an operation and the xor that joins it.
  const double simple = m.slope([](uint32_t n) {
    return chain(n, [](uint32_t i) { return of("add", i, "77"); });
  }) / 3;
  const auto instead_of_add = [&](const char* op, const char* operand, const char* before = "") {
    return m.slope([&](uint32_t n) {
      return chain(
          n, [&](uint32_t i) { return of(op, i, operand); }, before);
    }) - 2 * simple;
  };
  const auto probe = [&](const std::string& tables) {
    return m.slope(
               [&](uint32_t n) {
                 return chain(
                     n,
                     [](uint32_t i) {
                       return " v" + s(200 + i) + " = find table0, v" + s(100 + i) + "\n";
                     },
                     tables);
               },
               true) -
           2 * simple;
  };
  const double small_probe = probe(table(100, 0x1234567));
  const double branch = m.slope([](uint32_t n) { return blocks(n, " == 300", false); }) - simple;
  const double taken = m.slope([](uint32_t n) { return blocks(n, " < 256", true); }) - simple;
  const double random = m.slope([](uint32_t n) { return blocks(n, " < 128", true); }, true);
  const double need = m.slope([](uint32_t n) {
    std::string text = "filter probe\nb0: need 1 else b1\n";
    for (uint32_t i = 0; i < n; ++i) text += " need " + s(2 + i) + " else b1\n";
    return text + " ret 1\nb1: ret 0\n";
  });
  const double count = m.slope([](uint32_t n) {
    std::string text = "filter probe\ncounters 64\nb0: need 1 else b1\n";
    for (uint32_t i = 0; i < n; ++i) text += " count " + s(i) + "\n";
    return text + " ret 1\nb1: ret 0\n";
  });
  return {{"ghz", ghz, model.ghz},
          {"call", call, model.call},
          {"simple", simple, model.simple},
          {"test", instead_of_add("lt", "77"), model.test},
          {"multiply", instead_of_add("mul", "77"), model.multiply},
          {"divide", instead_of_add("div", "v300"), model.divide},
          {"need", need, model.need},
          {"branch", branch, model.branch},
          {"jump", taken - branch, model.jump},
          {"probe", small_probe, model.probe},
          {"probe_miss", probe(table(20'000, 0x31234)) - small_probe, model.probe_miss},
          {"count", count, model.count},
          {"mispredict", 2 * (random - simple - (branch + taken) / 2), model.mispredict}};
}

}  // namespace ipjit::bench
