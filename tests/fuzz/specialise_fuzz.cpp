// SPDX-License-Identifier: BSD-2-Clause
// Fuzz target: a program and a profile, both as text, into the specialiser.
//
// The input is an IR program, a line `---`, and a profile (without it: none).  What must hold for
// every input: where the program is valid, what is made of it is valid, with all passes and with
// each alone, and gives the same result and actions on packets of several lengths.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "ir/optimize.h"
#include "ir/profile_text.h"
#include "ir/special/specialise.h"
#include "ir/text.h"
#include "ir/validate.h"
#include "tests/fuzz/outcome.h"

namespace {

using namespace ipjit;

constexpr size_t kMaxText = 4096;  // longer inputs only slow the search down
constexpr std::string_view kBetween = "\n---\n";

void check(const ir::Program& general, const ir::Profile& profile, const ir::Choices& choices) {
  const ir::Specialised made = ir::specialise(general, profile, {}, choices);
  IPJIT_CHECK(bool(ir::validate(made.program)));
  std::array<uint8_t, 64> packet;
  for (size_t i = 0; i < packet.size(); ++i) packet[i] = static_cast<uint8_t>(i * 37);
  for (size_t len : {size_t{0}, size_t{14}, size_t{33}, packet.size()}) {
    const std::span<const uint8_t> bytes(packet.data(), len);
    fuzz::Outcome special = fuzz::run(made.program, bytes);
    if (made.counters != 0) special.counters[0] = 0;  // packets that left: no part of the meaning
    IPJIT_CHECK(fuzz::run(general, bytes) == special);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kMaxText) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t between = std::min(text.find(kBetween), text.size());
  Result<ir::Program> program = ir::parse(text.substr(0, between));
  if (!program || !ir::validate(*program)) return 0;
  ir::optimize(*program);

  ir::Profile profile;
  if (between != text.size()) {
    const Result<ir::Profile> parsed = ir::parse_profile(text.substr(between + kBetween.size()));
    if (!parsed) return 0;
    profile = *parsed;
  }
  check(*program, profile, {});
  constexpr bool ir::Choices::*kPasses[] = {&ir::Choices::fold_facts,  &ir::Choices::order_terms,
                                            &ir::Choices::set_shapes,  &ir::Choices::guards,
                                            &ir::Choices::hoist_needs, &ir::Choices::if_convert,
                                            &ir::Choices::wide_loads,  &ir::Choices::layout};
  ir::Choices none;
  for (const auto pass : kPasses) none.*pass = false;
  for (const auto pass : kPasses) {
    ir::Choices alone = none;
    alone.*pass = true;
    check(*program, profile, alone);
  }
  return 0;
}
