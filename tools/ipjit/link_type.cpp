// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/link_type.h"

#include <fmt/core.h>
#include <pcap/pcap.h>

#include <charconv>

namespace ipjit::cli {

Result<int> link_type_named(const std::string& name) {
  int number = 0;
  const char* end = name.data() + name.size();
  auto [stop, failed] = std::from_chars(name.data(), end, number);
  if (failed == std::errc() && stop == end && number >= 0) return number;
  int dlt = pcap_datalink_name_to_val(name.c_str());
  if (dlt < 0 && name.starts_with("DLT_")) dlt = pcap_datalink_name_to_val(name.c_str() + 4);
  if (dlt >= 0) return dlt;
  return Error{
      Stage::kUsage, Code::kBadOption, 0,
      fmt::format("link type '{}' is unknown: say a name such as EN10MB, or a number", name)};
}

std::string name_of_link_type(int dlt) {
  const char* name = pcap_datalink_val_to_name(dlt);
  return name ? name : std::to_string(dlt);
}

}  // namespace ipjit::cli
