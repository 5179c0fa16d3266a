// SPDX-License-Identifier: BSD-2-Clause
// Fuzz target: any text into the profile parser.
//
// What must hold for every input: the parser returns; what it accepts prints, parses back and is
// the same; it can be summed, scaled and compared with itself; and block counts of a program under
// it are numbers from 0 to 1.
#include <cstdint>
#include <string_view>

#include "ir/profile_text.h"
#include "ir/text.h"

namespace {

using namespace ipjit;

constexpr size_t kMaxText = 4096;  // longer inputs only slow the search down

// Its sources are the small numbers that a fuzzer finds.
const ir::Program& program() {
  static const ir::Program parsed = *ir::parse(R"(filter fuzz
b0: need 20 else b5                     ; src 0
    v0 = load_be16 12                   ; src 1
    br v0 == 0x800 -> b1, b2            ; src 2
b1: v1 = load_u8 14                     ; src 3
    switch v1 {6 -> b4, 17 -> b3} else b5 ; src 4
b2: br v0 < 0x600 -> b3, b5
b3: ret 1
b4: ret 2
b5: ret 0
)");
  return parsed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kMaxText) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Result<ir::Profile> profile = ir::parse_profile(text);
  if (!profile) return 0;

  const Result<ir::Profile> again = ir::parse_profile(ir::print(*profile));
  IPJIT_CHECK(bool(again));
  IPJIT_CHECK(*again == *profile);
  IPJIT_CHECK(ir::digest(*again) == ir::digest(*profile));
  for (double count : ir::block_counts(program(), *profile))
    IPJIT_CHECK(count >= 0 && count < 1 + 1e-9);
  IPJIT_CHECK(ir::distance(*profile, *profile) == ir::Drift{});

  ir::merge(*profile, *again);
  ir::scale(*profile, 0.5);
  IPJIT_CHECK(bool(ir::parse_profile(ir::print(*profile))));
  return 0;
}
