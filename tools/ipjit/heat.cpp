// SPDX-License-Identifier: BSD-2-Clause
// Marks cut the code into pieces of one block each.  Bytes before the first mark are the entry's,
// and run for every packet.
#include "tools/ipjit/heat.h"

#include "ir/special/layout.h"

namespace ipjit::cli {

Heat heat_of(const ir::MachineCode& code, const ir::Program& program, const ir::Profile& profile) {
  const std::vector<uint8_t> hot = ir::hot_blocks(program, profile);
  Heat heat{.hot_bytes = code.marks.empty() ? code.code_len : code.marks[0].offset};
  for (size_t i = 0; i < code.marks.size(); ++i) {
    const uint32_t end = i + 1 < code.marks.size() ? code.marks[i + 1].offset : code.code_len;
    const uint32_t block = code.marks[i].block;
    const bool cold = block < hot.size() && hot[block] == 0;
    (cold ? heat.cold_bytes : heat.hot_bytes) += end - code.marks[i].offset;
  }
  return heat;
}

}  // namespace ipjit::cli
