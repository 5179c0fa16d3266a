// SPDX-License-Identifier: BSD-2-Clause
// In which mode the module starts: trust before speed.
//
// A marker on disk says that the module is loaded; unloading removes it, which a clean shutdown
// does.  Who finds a marker of an earlier boot knows that the machine stopped while ipjit was at
// work, whoever's fault it was: the module starts in `off`, and stays there at every load until
// somebody says a mode.
#pragma once

#include <optional>
#include <string>

#include "tools/ipjit/kernel/settings.h"

namespace ipjit::cli {

/// That the module was loaded: /var/lib/ipjit/loaded.
struct Marker {
  std::string boot_id = {};  ///< of /proc/sys/kernel/random/boot_id then
  ipjit_dev_mode mode = IPJIT_DEV_OFF;

  bool operator==(const Marker&) const = default;
};

std::string print_marker(const Marker& marker);

/// A marker that is not whole counts as one of another boot in which ipjit was on.
Marker parse_marker(const std::string& text);

/// What the decision rests on.
struct BootFacts {
  std::string boot_id = {};
  std::string command_line = {};  ///< the kernel's
  ipjit_dev_mode configured = IPJIT_DEV_OBSERVE;
  std::optional<Marker> marker = {};     ///< that was there before this load
  std::optional<std::string> held = {};  ///< why it stays off, from an earlier load
};

struct Start {
  ipjit_dev_mode mode = IPJIT_DEV_OFF;
  std::string why = {};  ///< one sentence
  std::optional<std::string> held =
      {};  ///< why later loads start in off until somebody says a mode

  bool operator==(const Start&) const = default;
};

Start decide_start(const BootFacts& facts);

/// Value of `ipjit.NAME=` on the kernel's command line, the last one; none: not there.
std::optional<std::string> boot_parameter(const std::string& command_line, const std::string& name);

/// Reads what is there.
/// Fails: as read_settings().
Result<BootFacts> read_boot_facts(const KernelPlaces& places);

/// Before the module is loaded: the marker, and why it is held where it is.
/// Fails: Stage::kKernel, kIo.
Status note_start(const KernelPlaces& places, const BootFacts& facts, const Start& start);

/// Somebody has said a mode: nothing is held any more, and the marker names the mode of now.
Status note_mode(const KernelPlaces& places, ipjit_dev_mode mode);

/// The module was unloaded, or could not be loaded.
Status note_end(const KernelPlaces& places);

}  // namespace ipjit::cli
