// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/complaint.h"

#include <fmt/core.h>

#include <cstdio>

#include "tools/ipjit/say.h"

namespace ipjit::cli {
namespace {

// `at` counts different things in different stages; a place that means nothing is not shown.
std::string place(const Error& error) {
  if (error.code == Code::kSyntax && error.stage != Stage::kExpression)
    return fmt::format("line {}, ", error.at);
  if (error.code == Code::kUnavailable || error.code == Code::kIo ||
      error.code == Code::kBadInput || error.code == Code::kEmpty)
    return "";
  switch (error.stage) {
    case Stage::kFrontend:
      if (error.code == Code::kTooLong) return "";  // the whole program is
      return fmt::format("instruction {}, ", error.at);
    case Stage::kVerifier:
      return fmt::format("byte 0x{:x}, ", error.at);
    case Stage::kIr:
    case Stage::kTier1:
    case Stage::kTier2:
      return fmt::format("block {}, ", error.at);
    case Stage::kUsage:
    case Stage::kCapture:
    case Stage::kExpression:
    case Stage::kLookup:
    case Stage::kTarget:
    case Stage::kRuntime:
    case Stage::kKernel:
      return "";
  }
  return "";
}

}  // namespace

std::string in_words(const Error& error) {
  if (error.stage == Stage::kUsage) return fmt::format("usage: {}", error.why);
  return fmt::format("{}: {} ({}{})", name_of(error.stage), error.why, place(error),
                     name_of(error.code));
}

int complain(const Error& error) {
  say(stderr, "ipjit: {}\n", in_words(error));
  return error.stage == Stage::kUsage ? kUsage : kFailure;
}

int complain_usage(const std::string& why) {
  return complain({Stage::kUsage, Code::kBadOption, 0, why});
}

}  // namespace ipjit::cli
