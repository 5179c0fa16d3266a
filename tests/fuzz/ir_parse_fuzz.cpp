// SPDX-License-Identifier: BSD-2-Clause
// Fuzz target: any text into the IR parser.
//
// What must hold for every input: the parser returns (no crash, no runaway); a program that
// validate() accepts prints, parses back and prints the same; the interpreter runs it; and
// optimising it changes no result, action or counter.
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "ir/optimize.h"
#include "ir/text.h"
#include "ir/validate.h"
#include "tests/fuzz/outcome.h"

namespace {

using namespace ipjit;

constexpr size_t kMaxText = 4096;  // longer inputs only slow the search down

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kMaxText) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<ir::Program> program = ir::parse(text);
  if (!program || !ir::validate(*program)) return 0;

  const std::string printed = ir::print(*program);
  const Result<ir::Program> again = ir::parse(printed);
  IPJIT_CHECK(bool(again));
  IPJIT_CHECK(ir::print(*again) == printed);

  ir::Program fast = *program;
  ir::optimize(fast);
  IPJIT_CHECK(bool(ir::validate(fast)));
  std::array<uint8_t, 64> packet;
  for (size_t i = 0; i < packet.size(); ++i) packet[i] = static_cast<uint8_t>(i * 37);
  for (size_t len : {size_t{0}, size_t{14}, size_t{33}, packet.size()}) {
    const std::span<const uint8_t> bytes(packet.data(), len);
    IPJIT_CHECK(fuzz::run(*program, bytes) == fuzz::run(fast, bytes));
  }
  return 0;
}
