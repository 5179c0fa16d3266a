// SPDX-License-Identifier: BSD-2-Clause
// The engines that can run a filter, slowest and surest first.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ipjit {

enum class Engine : uint8_t {
  kLibpcap,  ///< pcap_offline_filter, the reference
  kInterp,   ///< the IR interpreter; a plain cBPF interpreter where a program has no IR
  kTier1,    ///< asmjit
  kTier2,    ///< LLVM
};

inline const char* name_of(Engine engine) {
  switch (engine) {
    case Engine::kLibpcap:
      return "libpcap";
    case Engine::kInterp:
      return "interp";
    case Engine::kTier1:
      return "tier1";
    case Engine::kTier2:
      return "tier2";
  }
  return "?";
}

inline std::optional<Engine> engine_named(std::string_view name) {
  for (Engine engine : {Engine::kLibpcap, Engine::kInterp, Engine::kTier1, Engine::kTier2})
    if (name == name_of(engine)) return engine;
  return std::nullopt;
}

}  // namespace ipjit
