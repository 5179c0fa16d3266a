// SPDX-License-Identifier: BSD-2-Clause
// What goes out comes in; what was cut, stretched or bent is refused, and nothing is read beyond
// it.
#include "tier2-llvm/remote/message.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "tests/tier2_remote/messages.h"

namespace ipjit::tier2 {

namespace {

/// At the very end of an allocation, so that the address sanitizer sees a read beyond it.
Result<CompileReply> decode_exactly(const Bytes& bytes, size_t size) {
  const std::unique_ptr<uint8_t[]> copy(new uint8_t[size]);
  std::copy_n(bytes.begin(), size, copy.get());
  return decode_reply_frame({copy.get(), size});
}

TEST(Message, RequestComesBack) {
  const Result<CompileRequest> request = decode_request_frame(encode(a_request()));
  ASSERT_TRUE(request) << to_string(request.error());
  EXPECT_EQ(*request, a_request());
}

TEST(Message, CodeComesBack) {
  const Bytes frame = encode(CompileReply(some_code()));
  const Result<CompileReply> reply = decode_reply_frame(frame);
  ASSERT_TRUE(reply) << to_string(reply.error());
  const CompiledCode& code = std::get<CompiledCode>(*reply);
  EXPECT_TRUE(code.cached);
  EXPECT_EQ(code.compile_us, 1234u);
  EXPECT_EQ(code.code.bytes, some_code().code.bytes);
  EXPECT_EQ(code.code.code_len, 40u);
  EXPECT_EQ(code.code.marks, some_code().code.marks);
  EXPECT_EQ(code.code.contract.table[1].at, 96u);
  EXPECT_EQ(encode(*reply), frame);
}

TEST(Message, ErrorComesBackPrintable) {
  Error error = an_error();
  const Result<CompileReply> same = decode_reply_frame(encode(CompileReply(error)));
  ASSERT_TRUE(same);
  EXPECT_EQ(std::get<Error>(*same), error);
  error.why = "two\nlines\x1b[2J\xc2\x9b;1m" + std::string(kMaxWhy, 'x');
  const Result<CompileReply> tamed = decode_reply_frame(encode(CompileReply(error)));
  ASSERT_TRUE(tamed);
  EXPECT_EQ(std::get<Error>(*tamed).why.substr(0, 18), "two?lines?[2J??;1m");
  EXPECT_EQ(std::get<Error>(*tamed).why.size(), kMaxWhy);
}

TEST(Message, EveryCutIsRefused) {
  for (const Bytes& frame : {encode(CompileReply(some_code())), encode(CompileReply(an_error()))}) {
    for (size_t size = 0; size < frame.size(); ++size) {
      Bytes cut = frame;
      EXPECT_FALSE(decode_exactly(cut, size)) << size << " bytes of the frame";
      // The same with a header that says so.
      if (size < kFrameBytes) continue;
      for (int i = 0; i < 4; ++i) cut[8 + i] = static_cast<uint8_t>((size - kFrameBytes) >> 8 * i);
      EXPECT_FALSE(decode_exactly(cut, size)) << size << " bytes of the frame, and says so";
    }
    Bytes longer = frame;
    longer.push_back(0);
    EXPECT_FALSE(decode_exactly(longer, longer.size()));
  }
}

TEST(Message, WhatDecodesEncodesToTheSameBytes) {
  std::mt19937 random(1);
  const Bytes frame = encode(CompileReply(some_code()));
  uint32_t decoded = 0, refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    Bytes bent = frame;
    for (uint32_t changes = random() % 3 + 1; changes; --changes)
      bent[random() % bent.size()] = static_cast<uint8_t>(random());
    const Result<CompileReply> reply = decode_exactly(bent, bent.size());
    if (reply) {
      ++decoded;
      EXPECT_EQ(encode(*reply), bent);
    } else {
      ++refused;
      EXPECT_EQ(reply.error().code, Code::kBadInput);
    }
  }
  EXPECT_GT(decoded, 1000u);
  EXPECT_GT(refused, 1000u);
}

TEST(Message, NoCountIsBelievedBeforeItsBytesAreThere) {
  // Body of `code`: flags, compile_us, code_len, then the size of the unit.
  Bytes frame = encode(CompileReply(some_code()));
  for (int i = 0; i < 4; ++i) frame[kFrameBytes + 12 + i] = 0x7f;
  const Result<CompileReply> reply = decode_reply_frame(frame);
  ASSERT_FALSE(reply);
  EXPECT_EQ(to_string(reply.error()),
            "tier2: 16: kBadInput: a message of the compile server: the unit is 2139062143 bytes "
            "long");
}

TEST(Message, HeadersOfOthersAreRefused) {
  const Bytes good = encode(a_request());
  for (size_t at : {0, 3, 4, 6, 12}) {
    Bytes frame = good;
    frame[at] ^= 0x40;
    EXPECT_FALSE(decode_request_frame(frame)) << at;
  }
  EXPECT_FALSE(decode_reply_frame(good));
  EXPECT_FALSE(decode_request_frame(encode(CompileReply(an_error()))));
}

}  // namespace

}  // namespace ipjit::tier2
