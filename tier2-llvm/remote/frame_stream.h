// SPDX-License-Identifier: BSD-2-Clause
// Frames over a non-blocking socket, piece by piece, for whoever waits in poll(2).
#pragma once

#include <optional>

#include "tier2-llvm/remote/fd.h"
#include "tier2-llvm/remote/message.h"

namespace ipjit::tier2 {

class FrameStream {
 public:
  /// Takes: a non-blocking stream socket; frames of at most `most` bytes are read from it.
  FrameStream(Fd socket, uint32_t most) : socket_(std::move(socket)), most_(most) {}

  int fd() const { return socket_.get(); }

  /// What to wait for: POLLIN until a frame is there, POLLOUT while something is to be written.
  short events() const;

  /// Reads what is there.
  /// Gives: true once frame() is whole.
  /// Fails: kUnavailable: the other side is gone; kBadInput: what it says is no frame.
  Result<bool> receive();

  /// The frame that receive() completed; the next one may follow.
  Bytes take_frame();
  bool heard_nothing() const { return in_.empty(); }

  void send(Bytes frame);
  /// Fails: kUnavailable: the other side is gone.
  Status write_some();
  bool sent() const { return written_ == out_.size(); }

 private:
  size_t wanted() const { return kFrameBytes + size_; }

  Fd socket_;
  uint32_t most_;
  Bytes in_;
  uint32_t size_ = 0;  ///< of the body, once the header is there
  Bytes out_;
  size_t written_ = 0;
};

}  // namespace ipjit::tier2
