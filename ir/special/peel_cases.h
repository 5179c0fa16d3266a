// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "ir/special/passes.h"

namespace ipjit::ir {

/// A test of the case that most packets take, in front of its switch; part of order_terms().
bool peel_cases(Work& work);

}  // namespace ipjit::ir
