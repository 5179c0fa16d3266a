// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/filter_source.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "bpf-frontend/text.h"
#include "tools/ipjit/kernel/module.h"
#include "tools/ipjit/positive.h"

namespace ipjit::cli {

std::string FilterSource::expression() const {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string FilterSource::title() const {
  if (kernel_filter) return fmt::format("kernel filter {}", *kernel_filter);
  return file.empty() ? expression() : file;
}

void add_source_options(CLI::App& sub, FilterSource& source) {
  sub.add_option("EXPR", source.words, "pcap expression, as for tcpdump; none matches all packets");
  sub.add_option("-f,--file", source.file,
                 "file of `tcpdump -ddd` text in place of EXPR; -: stdin");
  sub.add_option("--dialect", source.dialect, "meaning of the bytecode: libpcap or linux")
      ->check(CLI::IsMember({"libpcap", "linux"}))
      ->capture_default_str();
  sub.add_flag("-O,--no-optimize-bpf", source.keep_bytecode,
               "leave out libpcap's own optimiser, as tcpdump -O does");
}

void add_traffic_options(CLI::App& sub, Traffic& traffic) {
  CLI::Option* capture = sub.add_option("-r,--read", traffic.capture,
                                        "pcap or pcapng file whose packets say what is hot");
  sub.add_option("--profile", traffic.profile, "file of `ipjit profile`, in place of a capture")
      ->excludes(capture);
  sub.add_option("-c", traffic.packets, "look at this many packets of the capture only")
      ->check(positive())
      ->needs(capture);
}

Result<std::string> read_file(const std::string& path) {
  auto failed = [&] {
    return Error{Stage::kRuntime, Code::kIo, 0,
                 fmt::format("{} cannot be read: {}", path, std::strerror(errno))};
  };
  auto close = [](std::FILE* file) {
    if (file != stdin) std::fclose(file);
  };
  std::unique_ptr<std::FILE, decltype(close)> file(
      path == "-" ? stdin : std::fopen(path.c_str(), "rb"), close);
  if (!file) return failed();
  std::string bytes;
  char piece[65536];
  while (size_t size = std::fread(piece, 1, sizeof piece, file.get())) bytes.append(piece, size);
  if (std::ferror(file.get())) return failed();
  return bytes;
}

Status write_file(const std::string& path, const std::string& bytes) {
  if (path.empty()) {
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    return ok();
  }
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  if (!file || std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() ||
      std::fflush(file.get()) != 0)
    return Error{Stage::kRuntime, Code::kIo, 0,
                 fmt::format("{} cannot be written: {}", path, std::strerror(errno))};
  return ok();
}

Result<bpf::InsnList> load(const FilterSource& source, bpf::Link link) {
  if (source.kernel_filter) {
    if (!source.words.empty() || !source.file.empty())
      return Error{Stage::kUsage, Code::kBadOption, 0,
                   "--from-kernel stands in place of EXPR and -f"};
    Result<std::unique_ptr<kernel::Device>> device = open_kernel(kernel_places());
    if (!device) return device.error();
    return (*device)->program(*source.kernel_filter);
  }
  if (source.file.empty()) {
    link.optimize = !source.keep_bytecode;
    return bpf::compile_expression(source.expression(), link);
  }
  if (!source.words.empty())
    return Error{Stage::kUsage, Code::kBadOption, 0, "EXPR and -f exclude each other"};
  Result<std::string> text = read_file(source.file);
  if (!text) return text.error();
  return bpf::parse_ddd(*text);
}

}  // namespace ipjit::cli
