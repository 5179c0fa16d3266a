// SPDX-License-Identifier: BSD-2-Clause
// Long disjunctions of hosts, nets and ports, compiled without libpcap's cubic optimiser.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bpf-frontend/insn.h"

namespace ipjit::bpf {

inline constexpr size_t kMinHostTerms = 16;  ///< below, libpcap needs a few milliseconds at most

enum class TermClass : uint8_t { kV4, kV6, kPort };

/// Terms that differ in their constant only: "src host %", "net %/24", "tcp port %".
struct HostShape {
  TermClass term_class = TermClass::kV4;
  std::string qualifiers;    ///< "src host", "net", "tcp dst port"; empty: a bare address
  uint32_t prefix_bits = 0;  ///< of a net; 0: a host or port

  bool operator==(const HostShape&) const = default;
};

/// An IPv4 address or a port in the first word, or the four words of an IPv6 address.
using HostValue = std::array<uint32_t, 4>;

struct HostGroup {
  HostShape shape;
  std::vector<HostValue> values;  ///< no value twice
};

/// Groups in the order in which libpcap's optimised program tests them.
using HostList = std::vector<HostGroup>;

/// Takes: an expression in libpcap's syntax.
/// Gives: nothing unless it is a disjunction of at least kMinHostTerms terms with numeric
/// constants.
std::optional<HostList> parse_host_list(const std::string& expression);

/// libpcap's optimised program for a short expression; empty if it refuses.
using SmallCompiler = std::function<InsnList(const std::string& expression)>;

/// Compiles representatives of each group and repeats their code for the others.
///
/// Gives: nothing if libpcap's code for the representatives does not have the shape that this can
///        extend.
std::optional<InsnList> expand_host_list(const HostList& list, const SmallCompiler& compile);

}  // namespace ipjit::bpf
