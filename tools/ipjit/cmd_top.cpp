// SPDX-License-Identifier: BSD-2-Clause
// `ipjit top`: what filters do now, again and again.
#include <fmt/core.h>

#include <charconv>
#include <chrono>
#include <memory>
#include <optional>

#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/kernel/module.h"
#include "tools/ipjit/kernel/rates.h"
#include "tools/ipjit/say.h"
#include "tools/ipjit/stats_table.h"
#include "tools/ipjit/terminal.h"
#include "tools/ipjit/top_screen.h"
#include "tools/whole_number.h"

namespace ipjit::cli {
namespace {

constexpr const char* kHelp =
    R"(Shows the filters that run, their packets a second, what they cost, and below, what has changed:
filters that came or went, and tiers that changed with the reason.  Root sees all users'.

Keys: p packets a second, c CPU, n ns a packet, s saved, i pid; space reads now; q ends.
Without a terminal, or on a dumb one, it prints one reading after another, as --batch does.

Examples:
  ipjit top
  ipjit top --delay 0.2 --sort cpu
  ipjit top --once
  ipjit top --batch --count 10 --json > ten-seconds.jsonl)";

// Seconds.  CLI::Range takes "nan", which is on neither side of a limit.
CLI::Validator delay() {
  return {[](std::string& word) {
            double seconds = 0;
            const char* end = word.data() + word.size();
            auto [stop, failed] = std::from_chars(word.data(), end, seconds);
            const bool number = failed == std::errc() && stop == end;
            return number && seconds >= 0.05 && seconds <= 3600
                       ? std::string()
                       : fmt::format("'{}' is not a number from 0.05 to 3600", word);
          },
          "SECONDS"};
}

struct Options {
  double delay = 1;
  uint64_t count = 0;  ///< readings shown; 0: until q
  std::string sort = "rate";
  bool once = false;
  bool batch = false;
  bool json = false;
};

SortBy sort_named(const std::string& name) {
  if (name == "cpu") return SortBy::kCpu;
  if (name == "ns") return SortBy::kNs;
  if (name == "saved") return SortBy::kSaved;
  return name == "pid" ? SortBy::kPid : SortBy::kRate;
}

std::optional<SortBy> sort_of_key(char key) {
  switch (key) {
    case 'p':
      return SortBy::kRate;
    case 'c':
      return SortBy::kCpu;
    case 'n':
      return SortBy::kNs;
    case 's':
      return SortBy::kSaved;
    case 'i':
      return SortBy::kPid;
    default:
      return std::nullopt;
  }
}

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

/// One reading, and what is shown of it.  The kernel's filters are there where its device may be
/// opened, and come and go with the module.
struct Reading {
  Rates history = {};
  std::vector<Rate> rates = {};
  KernelRates kernel_history = {};
  std::vector<KernelRate> kernel_rates = {};
  uint64_t at_ns = 0;

  void read() {
    at_ns = now_ns();
    rates = history.next(runtime::read_all_stats(), at_ns);
    kernel_rates.clear();
    Result<std::unique_ptr<kernel::Device>> device = open_kernel(kernel_places());
    if (!device) return;
    if (Result<KernelView> view = read_view(**device))
      kernel_rates = kernel_history.next(*view, at_ns);
  }

  std::string screen(ScreenSize size, SortBy by) const {
    return top_screen(
        rates, history.changes(), size, by, at_ns,
        kernel_rate_lines(kernel_rates, std::max<size_t>(size.columns, 80), interface_name));
  }

  nlohmann::ordered_json json() const {
    nlohmann::ordered_json all = top_json(rates, history.changes(), at_ns);
    all["kernel"] = kernel_rates_json(kernel_rates, interface_name);
    return all;
  }
};

int run_batch(const Options& options) {
  Reading reading;
  reading.read();  // a rate needs two
  const SortBy by = sort_named(options.sort);
  for (uint64_t shown = 0; !options.count || shown < options.count; ++shown) {
    sleep_ms(static_cast<int>(options.delay * 1000));
    if (end_asked()) break;
    reading.read();
    sort_rates(reading.rates, by);
    if (options.json)
      say(stdout, "{}\n",
          reading.json().dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    else
      say(stdout, "{}{}", shown ? "\n" : "",
          reading.screen({.columns = columns_of(STDOUT_FILENO)}, by));
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) break;  // main() says so
  }
  return kSuccess;
}

int run_screen(const Options& options) {
  Terminal terminal;
  Reading reading;
  SortBy by = sort_named(options.sort);
  for (uint64_t shown = 0; !options.count || shown < options.count; ++shown) {
    reading.read();
    uint64_t left_ms = static_cast<uint64_t>(options.delay * 1000);
    const uint64_t until_ns = reading.at_ns + left_ms * 1'000'000;
    while (!end_asked()) {
      sort_rates(reading.rates, by);
      terminal.show(reading.screen(terminal.size(), by));
      const char key = terminal.key(static_cast<int>(left_ms));
      if (key == 'q') return kSuccess;
      by = sort_of_key(key).value_or(by);
      const uint64_t now = now_ns();
      if (key == ' ' || now + 1'000'000 >= until_ns) break;
      left_ms = (until_ns - now) / 1'000'000;
    }
    if (end_asked()) break;
  }
  return kSuccess;
}

int run(Options options) {
  if (options.once) options.count = 1;
  watch_signals();
  if (options.once || options.batch || options.json || !Terminal::here()) return run_batch(options);
  return run_screen(options);
}

}  // namespace

void add_top(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("top", "Show what filters do now, again and again");
  sub->footer(kHelp);
  auto options = std::make_shared<Options>();
  sub->add_option("-d,--delay", options->delay, "seconds between two readings")
      ->check(delay())
      ->capture_default_str();
  sub->add_option("--sort", options->sort, "rate, cpu, ns, saved or pid")
      ->check(CLI::IsMember({"rate", "cpu", "ns", "saved", "pid"}))
      ->capture_default_str();
  CLI::Option* count = sub->add_option("-n,--count", options->count, "end after so many readings")
                           ->transform(whole_number(1, UINT64_MAX));
  sub->add_flag("--once", options->once, "print one reading, over one delay")->excludes(count);
  sub->add_flag("--batch", options->batch, "print instead of drawing, also on a terminal");
  sub->add_flag("--json", options->json, "print an object a line for each reading");
  sub->callback([options, &status] { status = run(*options); });
}

}  // namespace ipjit::cli
