// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/filter_source.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "bpf-frontend/text.h"
#include "tools/ipjit/files.h"
#include "tools/ipjit/kernel/module.h"

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

Status keep_inputs(const FilterSource& source, const Traffic& traffic, const char* option,
                   const std::string& output) {
  const std::pair<const char*, const std::string&> inputs[] = {
      {"-r", traffic.capture}, {"--profile", traffic.profile}, {"-f", source.file}};
  for (const auto& [input_option, input] : inputs)
    if (overwrites(input, output))
      return Error{Stage::kUsage, Code::kBadOption, 0,
                   fmt::format("{} and {} name the same file", input_option, option)};
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
  Result<bpf::InsnList> insns = bpf::parse_ddd(*text);
  if (insns) return insns;
  Error error = insns.error();
  error.why = source.file + ": " + error.why;
  return error;
}

}  // namespace ipjit::cli
