// SPDX-License-Identifier: BSD-2-Clause
// What a subcommand compiles, and for which packets: the options that say it, and how it is loaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpf-frontend/expression.h"
#include "bpf-frontend/insn.h"
#include "ipjit/error.h"

namespace CLI {
class App;
}

namespace ipjit::cli {

/// An expression, a file of `tcpdump -ddd` text, or what a socket's filter is in the kernel.
struct FilterSource {
  std::vector<std::string> words;         ///< of the expression; joined by spaces, as tcpdump does
  std::string file;                       ///< "-": standard input
  std::optional<uint64_t> kernel_filter;  ///< of a socket in the kernel, by its number in `stats`
  std::string dialect = "libpcap";
  bool keep_bytecode = false;  ///< libpcap's own optimiser is left out

  std::string expression() const;

  /// For people: the expression, or the file's name.
  std::string title() const;
};

void add_source_options(CLI::App& sub, FilterSource& source);

/// Packets that a filter is specialised for: of a capture, or a profile that was made of one.
struct Traffic {
  std::string capture = {};  ///< "-": standard input
  std::string profile = {};  ///< file of `ipjit profile`; "-": standard input
  uint64_t packets = 0;      ///< of the capture, at most; 0: all

  bool known() const { return !capture.empty() || !profile.empty(); }
};

void add_traffic_options(CLI::App& sub, Traffic& traffic);

/// Refuses to write over what is read: who does so by mistake has no second copy.
/// Takes: the option that names `output`; an empty path is standard output.
/// Fails: kUsage.
Status keep_inputs(const FilterSource& source, const Traffic& traffic, const char* option,
                   const std::string& output);

/// Takes: the capture's link; its `optimize` is the source's to say.
/// Fails: kUsage where both or neither are given; as bpf::compile_expression(), bpf::parse_ddd();
///        kIo where the file cannot be read; as kernel::Device::program().
Result<bpf::InsnList> load(const FilterSource& source, bpf::Link link);

/// A whole file as bytes; "-" is standard input.
/// Fails: Stage::kRuntime, kIo.
Result<std::string> read_file(const std::string& path);

/// Writes a whole file; an empty path is standard output, whose failures main() sees.
/// Fails: Stage::kRuntime, kIo.
Status write_file(const std::string& path, const std::string& bytes);

}  // namespace ipjit::cli
