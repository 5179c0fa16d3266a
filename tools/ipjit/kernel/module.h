// SPDX-License-Identifier: BSD-2-Clause
// Loading the module and taking it out again.
#pragma once

#include <memory>
#include <string>

#include "runtime/kernel/device.h"
#include "tools/ipjit/kernel/boot.h"

namespace ipjit::cli {

/// The device of the running kernel.
/// Fails: as kernel::open_device(); without the module, `why` names the command that gets it.
Result<std::unique_ptr<kernel::Device>> open_kernel(const KernelPlaces& places);

/// What stands between this machine and the module, as one line with a command in it.
std::string no_module_words(const KernelPlaces& places, const std::string& release);

bool module_loaded(const KernelPlaces& places);

/// Whether it was loaded with enabled=0: then it takes nothing over, whatever the mode.
bool module_disabled(const KernelPlaces& places);

/// Loads it in the mode that decide_start() says, with the limits that are kept.
///
/// Gives: how it started.  A module that is loaded already stays as it is.
/// Fails: Stage::kKernel: kUnavailable where there is none for this kernel, kRefused where the
///        kernel refuses it, in its own words; kIo where the marker cannot be written: then it is
///        not loaded.
Result<Start> load_module(const KernelPlaces& places);

/// Takes it out; every filter has the kernel's own code then.
///
/// Takes: how long to wait, in ms, for those who have its device open: at a shutdown they are told
///        to end at the same moment, and a marker that stays means `off` at the next boot.
/// Fails: kRefused where it is in use.
Status unload_module(const KernelPlaces& places, unsigned patience_ms = 0);

/// The same two for a person: through the service where systemd runs it, so that daemon and marker
/// follow.
Result<Start> load_by_hand(const KernelPlaces& places);
Status unload_by_hand(const KernelPlaces& places);

}  // namespace ipjit::cli
