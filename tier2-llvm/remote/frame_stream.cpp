// SPDX-License-Identifier: BSD-2-Clause
// A buffer grows with what has arrived, never with what a header promises: a peer that says 11 MiB
// and sends nothing costs nothing.
#include "tier2-llvm/remote/frame_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ipjit::tier2 {

namespace {

constexpr size_t kPiece = 64 << 10;

Error gone(const char* why) { return {Stage::kTier2, Code::kUnavailable, 0, why}; }

bool try_again(int reason) { return reason == EAGAIN || reason == EINTR; }

}  // namespace

short FrameStream::events() const {
  return static_cast<short>((in_.size() < wanted() ? POLLIN : 0) | (sent() ? 0 : POLLOUT));
}

Result<bool> FrameStream::receive() {
  for (;;) {
    if (in_.size() >= kFrameBytes) {
      if (in_.size() == wanted()) return true;
    }
    const size_t had = in_.size();
    const size_t missing = (had < kFrameBytes ? kFrameBytes : wanted()) - had;
    in_.resize(had + std::min(missing, kPiece));
    const ssize_t got = recv(fd(), in_.data() + had, in_.size() - had, MSG_DONTWAIT);
    const int reason = errno;
    in_.resize(had + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got == 0) return gone("the other side closed the connection");
    if (got < 0) {
      if (!try_again(reason)) return gone(strerrordesc_np(reason));
      return false;
    }
    if (had < kFrameBytes && in_.size() == kFrameBytes) {
      Result<FrameHeader> header =
          decode_header(std::span<const uint8_t, kFrameBytes>(in_.data(), kFrameBytes));
      if (!header) return header.error();
      if (header->size > most_)
        return Error{Stage::kTier2, Code::kBadInput, 8,
                     "a message of " + std::to_string(header->size) + " bytes, " +
                         std::to_string(most_) + " are the most"};
      size_ = header->size;
    }
  }
}

Bytes FrameStream::take_frame() {
  size_ = 0;
  return std::exchange(in_, {});
}

void FrameStream::send(Bytes frame) {
  IPJIT_CHECK(sent());
  out_ = std::move(frame);
  written_ = 0;
}

Status FrameStream::write_some() {
  while (!sent()) {
    const ssize_t put =
        ::send(fd(), out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && try_again(errno)) return ok();
    if (put < 0) return gone(strerrordesc_np(errno));
    written_ += static_cast<size_t>(put);
  }
  return ok();
}

}  // namespace ipjit::tier2
