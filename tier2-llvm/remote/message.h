// SPDX-License-Identifier: BSD-2-Clause
// What the two sides of remote tier 2 say to each other: one request, one reply, the connection
// ends.
//
//   frame    = magic:4 protocol:2 kind:2 size:4 zero:4, then `size` bytes of body
//   request  = cpu_ms:4 mib:4 version:text target:text program:long_text
//   code     = flags:4 compile_us:4 code_len:4 bytes:long_text contract
//              marks:4 {offset:4 block:4 source:4}
//   contract = abi:4 isa:4 bases:4 stack_bytes:4 max_len:8 max_th_len:8 fields:8 exits:4 resumes:4
//              actions:4 counters:4 tables:4 {place:4 at:4 size:8}
//   error    = stage:2 code:2 at:8 why:text
//   text     = size:2, then its bytes; long_text = size:4, then its bytes
//
// Little-endian, nothing aligned, nothing optional, nothing behind the last field.  The decoder
// (decode.cpp) is written for hostile bytes: both sides use it on all that they hear.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "ipjit/error.h"
#include "ir/compiler.h"

namespace ipjit::tier2 {

inline constexpr uint32_t kMagic = 0x74'6a'70'69;  ///< "ipjt"
inline constexpr uint16_t kProtocol = 1;
inline constexpr size_t kFrameBytes = 16;

inline constexpr uint32_t kMaxProgramText = 4u << 20;
inline constexpr uint32_t kMaxUnitBytes = 8u << 20;  ///< code, padding, tables
inline constexpr uint32_t kMaxMarks = 1u << 20;
inline constexpr uint16_t kMaxName = 64;
inline constexpr uint16_t kMaxWhy = 2048;
/// The largest body: a request's or a reply's.
inline constexpr uint32_t kMaxBody = kMaxUnitBytes + 12 * kMaxMarks + 4096;

enum class Kind : uint16_t { kRequest = 1, kCode = 2, kError = 3 };

struct CompileRequest {
  uint32_t cpu_ms = 0;
  uint32_t mib = 0;
  std::string version;  ///< of ipjit; the two sides must be of one
  std::string target;
  std::string program;  ///< IR text

  bool operator==(const CompileRequest&) const = default;
};

struct CompiledCode {
  bool cached = false;
  uint32_t compile_us = 0;
  ir::MachineCode code;
};

using CompileReply = std::variant<CompiledCode, Error>;

struct FrameHeader {
  Kind kind = Kind::kRequest;
  uint32_t size = 0;  ///< bytes of the body

  bool operator==(const FrameHeader&) const = default;
};

using Bytes = std::vector<uint8_t>;

/// Frame and body.  Takes: values within the limits above; a text beyond them is cut (`why`) or a
/// broken promise (the others).
Bytes encode(const CompileRequest& request);
Bytes encode(const CompileReply& reply);

/// Fails: kBadInput: another magic, protocol or kind, a body over kMaxBody.
Result<FrameHeader> decode_header(std::span<const uint8_t, kFrameBytes> bytes);

/// The body of a frame.  Whatever decodes encodes back to the same bytes.
/// Fails: kBadInput; `at` is the offset in the body.
Result<CompileRequest> decode_request(std::span<const uint8_t> body);

/// Gives: code whose sizes and counts fit each other: code_len within the bytes, marks ascending
///        within the code, at most IPJIT_MAX_TABLES tables.  What it does is for the verifier to
///        say.
/// Fails: kBadInput; `at` is the offset in the body.
Result<CompileReply> decode_reply(Kind kind, std::span<const uint8_t> body);

/// A whole frame and nothing behind it.
Result<CompileRequest> decode_request_frame(std::span<const uint8_t> frame);
Result<CompileReply> decode_reply_frame(std::span<const uint8_t> frame);

}  // namespace ipjit::tier2
