// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/kernel/boot.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "runtime/kernel/device.h"
#include "tools/ipjit/files.h"

namespace ipjit::cli {
namespace {

std::string marker_path(const KernelPlaces& places) { return places.state() + "/loaded"; }
std::string held_path(const KernelPlaces& places) { return places.state() + "/held"; }

Status remove_file(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return ok();
  return Error{Stage::kKernel, Code::kIo, 0,
               fmt::format("{} cannot be removed: {}", path, std::strerror(errno))};
}

/// As the kernel reads a bool parameter.
bool is_no(const std::string& value) {
  return value == "0" || value == "n" || value == "N" || value == "off" || value == "no";
}

}  // namespace

std::string print_marker(const Marker& marker) {
  return fmt::format("boot_id={}\nmode={}\n", marker.boot_id, kernel::word_of(marker.mode));
}

Marker parse_marker(const std::string& text) {
  Marker marker = {.mode = IPJIT_DEV_ON};
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("boot_id=")) marker.boot_id = line.substr(8);
    if (line.starts_with("mode="))
      marker.mode = kernel::mode_named(line.substr(5)).value_or(IPJIT_DEV_ON);
  }
  return marker;
}

std::optional<std::string> boot_parameter(const std::string& command_line,
                                          const std::string& name) {
  std::optional<std::string> value;
  std::istringstream words(command_line);
  const std::string prefix = "ipjit." + name + "=";
  for (std::string word; words >> word;)
    if (word.starts_with(prefix)) value = word.substr(prefix.size());
  return value;
}

Start decide_start(const BootFacts& facts) {
  std::optional<std::string> held = facts.held;
  // In mode off nothing is taken over, so what stopped the machine then was not ipjit.
  if (!held && facts.marker && facts.marker->boot_id != facts.boot_id &&
      facts.marker->mode != IPJIT_DEV_OFF)
    held = fmt::format("the machine stopped without a shutdown while ipjit was loaded (mode {})",
                       kernel::word_of(facts.marker->mode));
  // Who types at the boot loader's prompt decides for this boot, and for no other.
  const auto enabled = boot_parameter(facts.command_line, "enabled");
  if (enabled && is_no(*enabled))
    return {.mode = IPJIT_DEV_OFF,
            .why = "ipjit.enabled=" + *enabled + " on the kernel's command line",
            .held = held};
  if (const auto word = boot_parameter(facts.command_line, "mode"))
    if (const auto mode = kernel::mode_named(*word))
      return {.mode = *mode,
              .why = "ipjit.mode=" + *word + " on the kernel's command line",
              .held = held};
  if (held) return {.mode = IPJIT_DEV_OFF, .why = *held, .held = held};
  return {.mode = facts.configured, .why = "as configured"};
}

Result<BootFacts> read_boot_facts(const KernelPlaces& places) {
  Result<KernelSettings> settings = read_settings(places);
  if (!settings) return settings.error();
  BootFacts facts = {.boot_id = first_line(places.root + "/proc/sys/kernel/random/boot_id"),
                     .command_line = first_line(places.root + "/proc/cmdline"),
                     .configured = settings->mode_or_first()};
  if (const auto marker = text_of(marker_path(places))) facts.marker = parse_marker(*marker);
  if (const auto held = text_of(held_path(places))) facts.held = held->substr(0, held->find('\n'));
  return facts;
}

Status note_start(const KernelPlaces& places, const BootFacts& facts, const Start& start) {
  // First the reason: a machine that stops between the two still knows it.
  if (start.held && !facts.held)
    if (Status held = replace_file(held_path(places), *start.held + "\n"); !held) return held;
  return replace_file(marker_path(places),
                      print_marker({.boot_id = facts.boot_id, .mode = start.mode}));
}

Status note_mode(const KernelPlaces& places, ipjit_dev_mode mode) {
  if (const auto text = text_of(marker_path(places))) {
    Marker marker = parse_marker(*text);
    marker.mode = mode;
    if (Status kept = replace_file(marker_path(places), print_marker(marker)); !kept) return kept;
  }
  return remove_file(held_path(places));
}

Status note_end(const KernelPlaces& places) { return remove_file(marker_path(places)); }

}  // namespace ipjit::cli
