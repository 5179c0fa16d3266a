// SPDX-License-Identifier: BSD-2-Clause
// Puts frames on an interface so that they reach a packet socket's filter in the forms that real
// drivers and real networks give them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipjit::replay {

using Frame = std::vector<uint8_t>;

enum class Form : uint8_t {
  kPlain,  ///< as captured, in one piece
  kShort,  ///< cut behind its Ethernet header, at a place that depends on its number
  kVlan,   ///< with a tag for VLAN 100, which the receiving side takes off into the skb
  kSplit,  ///< its first 14 to 63 bytes in the linear part, the rest in pages
  kJumbo,  ///< padded to 9,000 bytes, of which 64 to 127 lie in the linear part
};
inline constexpr Form kForms[] = {Form::kPlain, Form::kShort, Form::kVlan, Form::kSplit,
                                  Form::kJumbo};

std::string_view name_of(Form form);

class Sender {
 public:
  /// Opens the sockets on `interface`; ends the program with the reason where that fails.
  explicit Sender(const std::string& interface);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// Sends one frame; `number` varies where it is cut or split.
  /// Gives: false for what cannot be sent in this form (too short, too long).
  bool send(Form form, std::span<const uint8_t> frame, size_t number);

 private:
  bool send_split(std::span<const uint8_t> frame, size_t linear);
  bool send_large(std::span<const uint8_t> frame, size_t linear);

  int plain_;  ///< sends bytes as they are
  int large_;  ///< sends with a virtio header, which says how much is linear
  int ring_;   ///< sends pages of memory shared with the kernel
  uint8_t* ring_memory_ = nullptr;
};

[[noreturn]] void die(const std::string& what);

}  // namespace ipjit::replay
