// SPDX-License-Identifier: BSD-2-Clause
// Packet sockets with a filter each, and what each of them got of a packet.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ipjit::replay {

struct Program {
  std::string name;
  std::vector<sock_filter> insns;
};

/// One filter's answer: it took `bytes` of the packet on its way out or in.
struct Taken {
  size_t tap;
  bool outgoing;
  uint32_t bytes;

  auto operator<=>(const Taken&) const = default;
};

/// Compiles the expressions of a file, one a line, as a live capture on `interface` would: with
/// the tests for VLAN tags that the kernel keeps beside the packet.
/// Ends the program if one does not compile.
std::vector<Program> compiled(const std::string& file, const std::string& interface);

/// Programs that no expression gives: each ancillary field, offsets from the network and the link
/// header, A and X at their limits.  They answer with what they read, so a wrong value shows.
std::vector<Program> handwritten();

/// Thread: one.
class Taps {
 public:
  /// One socket for each program, on all interfaces; what the kernel refuses (a jump backwards) is
  /// named and left out.
  explicit Taps(const std::vector<Program>& programs);
  size_t size() const { return fds_.size(); }
  ~Taps();
  Taps(const Taps&) = delete;
  Taps& operator=(const Taps&) = delete;

  /// Waits until a packet that was just sent has passed all taps, out and in.
  /// Gives: who took how much, sorted; false if it did not arrive within a second.
  bool take(std::vector<Taken>& taken);

 private:
  int witness_;  ///< opened first, so served last: what it has, all others have had
  int epoll_;
  std::map<size_t, int> fds_;  ///< by number of the program
};

}  // namespace ipjit::replay
