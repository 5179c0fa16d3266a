// SPDX-License-Identifier: BSD-2-Clause
// A packet whose last byte is the last byte of a page; the next page cannot be read.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <span>

#include "ipjit/error.h"

namespace ipjit::testing {

class GuardedPacket {
 public:
  explicit GuardedPacket(size_t max_bytes = 1 << 18) {
    page_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    room_ = (max_bytes + page_ - 1) / page_ * page_;
    void* base =
        mmap(nullptr, room_ + page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    IPJIT_CHECK(base != MAP_FAILED);
    base_ = static_cast<uint8_t*>(base);
    IPJIT_CHECK(mprotect(base_ + room_, page_, PROT_NONE) == 0);
  }
  GuardedPacket(const GuardedPacket&) = delete;
  GuardedPacket& operator=(const GuardedPacket&) = delete;
  ~GuardedPacket() { munmap(base_, room_ + page_); }

  /// The same bytes, up against the guard page; valid until the next call.
  std::span<const uint8_t> place(std::span<const uint8_t> packet) {
    IPJIT_CHECK(packet.size() <= room_);
    uint8_t* at = base_ + room_ - packet.size();
    if (!packet.empty()) std::memcpy(at, packet.data(), packet.size());
    return {at, packet.size()};
  }

 private:
  size_t page_ = 0;
  size_t room_ = 0;
  uint8_t* base_ = nullptr;
};

}  // namespace ipjit::testing
