// SPDX-License-Identifier: BSD-2-Clause
// What `ipjit doctor` says of the kernel.
#pragma once

#include <vector>

#include "tools/ipjit/doctor_checks.h"
#include "tools/ipjit/kernel/facts.h"

namespace ipjit::cli {

// Each looks at one thing; in the order of the report.
Check check_kernel_module(const KernelFacts& facts);
Check check_kernel_build(const KernelFacts& facts);
Check check_kernel_signing(const KernelFacts& facts);
Check check_kernel_taint(const KernelFacts& facts);
Check check_kernel_jit(const KernelFacts& facts);
Check check_kernel_device(const KernelFacts& facts);
Check check_kernel_daemon(const KernelFacts& facts);
Check check_kernel_mode(const KernelFacts& facts);

std::vector<Check> kernel_checks(const KernelFacts& facts);

}  // namespace ipjit::cli
