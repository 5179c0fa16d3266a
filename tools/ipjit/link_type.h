// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

#include "ipjit/error.h"

namespace ipjit::cli {

/// The number of a link type.
///
/// Takes: libpcap's name with or without "DLT_", in any case ("EN10MB"), or a number.
/// Fails: kBadOption.
Result<int> link_type_named(const std::string& name);

/// libpcap's name, or the number where it has none.
std::string name_of_link_type(int dlt);

}  // namespace ipjit::cli
