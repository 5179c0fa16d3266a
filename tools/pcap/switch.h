// SPDX-License-Identifier: BSD-2-Clause
// The system-wide switch: `ipjit enable|disable|status`.
//
//   Result<SwitchState> state = enable();
//   if (!state) return state.error();
#pragma once

#include <string>

#include "ipjit/error.h"

namespace ipjit::pcap {

/// Where the dynamic loader keeps its settings.  Another root is for tests and image builders.
struct LoaderPlaces {
  std::string root = "/";
  std::string drop_in_directory;  ///< below root; empty: where `make install` puts the drop-in
};

struct SwitchState {
  bool installed = false;   ///< the drop-in is there
  bool configured = false;  ///< ld.so.conf.d names its directory
  bool effective = false;   ///< the loader's cache gives the drop-in to who asks for libpcap.so.0.8
  std::string drop_in;      ///< its path, below root
  std::string found;        ///< what the cache gives; empty: no libpcap is installed

  /// "enabled", "disabled", or what is half done.
  std::string word() const;
};

/// Thread: any; needs no privilege.
/// Fails: kUnavailable where ldconfig cannot be run.
Result<SwitchState> status(const LoaderPlaces& places = {});

/// Puts the drop-in before libpcap and rebuilds the loader's cache.  Programs that run keep what
/// they have; those started from now on filter with ipjit.
/// Fails: kUnavailable if the drop-in is not installed; kIo without root; then nothing has changed.
Result<SwitchState> enable(const LoaderPlaces& places = {});

/// Takes it out again.  What enable() wrote is gone, and the loader finds what it found before.
/// Fails: kIo without root.
Result<SwitchState> disable(const LoaderPlaces& places = {});

}  // namespace ipjit::pcap
