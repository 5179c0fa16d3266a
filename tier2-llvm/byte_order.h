// SPDX-License-Identifier: BSD-2-Clause
// Values that nobody needs as numbers stay as the packet has them.
#pragma once

#include "ir/program.h"

namespace ipjit::tier2 {

/// Turns big-endian loads into little-endian ones where every user compares with constants, and
/// swaps the constants: in tests, switches, masks and tables.  The program's results stay the same.
/// Cost: linear, times the number of tables that share keys.
void keep_packet_order(ir::Program& program);

}  // namespace ipjit::tier2
