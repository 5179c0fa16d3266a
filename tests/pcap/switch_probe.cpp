// SPDX-License-Identifier: BSD-2-Clause
// switch_probe enable|disable|status DIRECTORY: the switch, with the drop-in in DIRECTORY.
#include <cstdio>
#include <string>

#include "tools/pcap/switch.h"

int main(int argc, char** argv) {
  using namespace ipjit;
  if (argc != 3) return 2;
  std::string verb = argv[1];
  pcap::LoaderPlaces places{.root = "/", .drop_in_directory = argv[2]};
  Result<pcap::SwitchState> state = verb == "enable"    ? pcap::enable(places)
                                    : verb == "disable" ? pcap::disable(places)
                                                        : pcap::status(places);
  if (!state) {
    std::printf("%s\n", to_string(state.error()).c_str());
    return 1;
  }
  std::printf("%s\n%s\n", state->word().c_str(), state->found.c_str());
  return 0;
}
